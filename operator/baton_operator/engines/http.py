"""
The one place that speaks HTTP to engines.

``httpx2`` where it is installed, else ``httpx``: same API. One client an engine; redirects are never followed, the
environment's proxies and certificates never used, TLS always verified. What the library leaves open is closed here:
a **total** deadline (its timeouts are per read), a limit in bytes while reading, no decompression, addresses checked
and connected to as checked, and proof of whether a request's first byte ever left (`Exchange.sent`).
"""

import asyncio
import importlib
import ssl
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import ModuleType
from typing import Any, Literal
from urllib.parse import urlencode, urlsplit

import msgspec

from baton_operator.engines.addresses import AddressGuard
from baton_operator.engines.answers import Answer
from baton_operator.engines.base import NotSent, Outcome, SendCheck, Unknown
from baton_operator.engines.credentials import Credential, Redactor, SecretSource
from baton_operator.engines.errors import (
    EngineError,
    PermanentError,
    ProtocolDriftError,
    RetryableError,
    SecretNotFoundError,
)

#: Called after every request with its operation, its code (a status or a word) and its seconds.
Observer = Callable[[str, str, float], None]
Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

#: Seconds an idle connection is kept. The library's 5 s equals uvicorn's and races it: one request in forty failed.
KEEPALIVE = 2.0
#: Bytes of a body that are read at most: a page of 500 workflows is 150 KB.
BODY_LIMIT = 8 * 1024 * 1024
#: Seconds within which a connection must stand, so that a second address still gets its chance.
CONNECT_TIMEOUT = 5.0
#: Connections an engine gets from one process; what exceeds them waits, and counts against its deadline.
CONNECTIONS = 100


class TransportError(RetryableError):
    """
    No whole answer came.

    Attributes:
        sent: Whether the request's first byte may have left. False is proof that it did not.
        lapsed: Whether nothing was sent because ``before_send`` said no: nobody's fault.
    """

    def __init__(self, message: str, *, sent: bool, lapsed: bool = False, http_status: int | None = None) -> None:
        super().__init__(message, http_status=http_status)
        self.sent = sent
        self.lapsed = lapsed


@dataclass(frozen=True, slots=True)
class Call:
    """
    One request.

    Attributes:
        operation: What it is for, as the metrics call it: ``submit``, ``observe`` ….
        method: GET never has a body.
        path: Below the engine's base address, beginning with a slash, each segment encoded once.
        params: The query.
        body: Sent as JSON.
        form: Sent as a form in its place.
        headers: Beside those of every request; the credential's win.
        deadline: Seconds for everything: name, connection, TLS, sending, the whole answer.
        limit: Bytes of the answer's body that are accepted.
        may_cut: Cut a longer body instead of refusing it (logs).
        write: It may change something: a connection that answered 5xx is not used again.
        before_send: Asked directly before the first byte leaves.
    """

    operation: str
    method: Method
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    body: object | None = None
    form: Mapping[str, str] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    deadline: float = 10.0
    limit: int = BODY_LIMIT
    may_cut: bool = False
    write: bool = False
    before_send: SendCheck | None = None


class _LeaseLapsedError(Exception):
    """`before_send` said no; leaves the library through its trace hook, before any byte."""


@dataclass(slots=True)
class _Watch:
    """Sees through the library's trace extension whether sending of the headers began, and may still forbid it."""

    before_send: SendCheck | None
    sent: bool = False

    async def __call__(self, event: str, _info: Mapping[str, Any]) -> None:
        if not event.endswith("send_request_headers.started"):
            return
        if self.before_send is not None and not self.before_send():
            raise _LeaseLapsedError
        self.sent = True


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM texts: an authority to trust instead of the system's, and a client certificate with its key."""

    authority: str | None = None
    certificate: str | None = None
    key: str | None = None


class HttpClient:
    """
    One engine's HTTP client.

    Args:
        url: The engine's base address.
        namespace: Where its Secrets live.
        spec: The Engine's spec; ``auth`` and ``tls`` are read from it.
        secrets: Where secrets are read, at each request.
        guard: Which addresses may be connected to.
        observer: Told of each request.
        library: ``httpx2`` or ``httpx``; by default whichever is installed, in this order.
    """

    def __init__(
        self,
        url: str,
        *,
        namespace: str,
        spec: Mapping[str, Any],
        secrets: SecretSource,
        guard: AddressGuard,
        observer: Observer | None = None,
        library: ModuleType | None = None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise PermanentError("spec.url needs scheme http or https, a host, and no user or query")
        self.redactor = Redactor()
        self.base = url.rstrip("/")
        self._host = parts.hostname
        self._authority = parts.netloc
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._spec, self._namespace, self._secrets = spec, namespace, secrets
        self._credential = Credential(secrets, namespace, spec.get("auth"), self.redactor)
        self._guard, self._observer = guard, observer
        self._library: Any = library or http_library()
        self._client: Any = None
        self._tls: TlsFiles | None = None
        self._retired: list[Any] = []

    async def call(self, call: Call) -> Answer:
        """
        Send one request and read its answer, whatever its status. A 401 is tried once more if the secret has changed.

        Raises:
            TransportError: No whole answer; it says whether anything was sent.
            ProtocolDriftError: The answer was too long or compressed; the request was sent.
            AddressRefusedError, SecretNotFoundError, PermanentError: Nothing was sent, and only people can help.
        """
        watch = _Watch(call.before_send)
        begun = time.perf_counter()
        code = "cancelled"
        try:
            async with asyncio.timeout(call.deadline):
                answer = await self._authorized(call, watch)
            code = str(answer.status)
        except TimeoutError as error:
            code = "timeout"
            raise TransportError(f"no answer within {call.deadline:g} s", sent=watch.sent) from error
        except _LeaseLapsedError:
            code = "lapsed"
            raise TransportError("the lease does not cover a request any more", sent=False, lapsed=True) from None
        except (self._library.HTTPError, self._library.InvalidURL) as error:
            code = "transport"
            reason = self.redactor.clean(f"{type(error).__name__}: {error}", 500)
            raise TransportError(f"the engine could not be reached: {reason}", sent=watch.sent) from None
        except ProtocolDriftError:
            code = "drift"
            raise
        except (RetryableError, PermanentError):
            code = "unsent"
            raise
        finally:
            if self._observer is not None:
                self._observer(call.operation, code, time.perf_counter() - begun)
        return answer

    def clean(self, text: str, limit: int = 1000) -> str:
        """Return *text* for people: one line, without this engine's secrets, at most *limit* characters."""
        return self.redactor.clean(text, limit)

    async def close(self) -> None:
        """End all connections."""
        clients, self._client, self._retired = [*self._retired, self._client], None, []
        for client in clients:
            if client is not None:
                await client.aclose()

    async def _authorized(self, call: Call, watch: _Watch) -> Answer:
        """Send with the credential of this moment; after a 401 with the next one, if there is a next one."""
        headers = await self._credential.headers()
        answer = await self._reach(call, headers, watch)
        if answer.status == HTTPStatus.UNAUTHORIZED:
            renewed = await self._credential.headers()
            if renewed != headers:
                watch.sent = False  # a 401 was not executed
                return await self._reach(call, renewed, watch)
        return answer

    async def _reach(self, call: Call, headers: Mapping[str, str], watch: _Watch) -> Answer:
        """Try the permitted addresses in turn, as long as no byte has left."""
        client = await self._current_client()
        addresses = await self._guard.resolve(self._host, self._port)
        for last, address in enumerate(addresses, start=1 - len(addresses)):
            try:
                return await self._exchange(client, call, address, headers, watch)
            except (self._library.ConnectError, self._library.ConnectTimeout):
                if watch.sent or last == 0:
                    self._guard.forget(self._host, self._port)
                    raise
        raise AssertionError("a guard returns at least one address")

    async def _exchange(
        self, client: Any, call: Call, address: str, headers: Mapping[str, str], watch: _Watch
    ) -> Answer:
        """Send the request to *address*, under the engine's own name, and read the answer within its limit."""
        url = self._library.URL(self.base + call.path, params=dict(call.params) or None)
        content, kind = _content(call)
        request = client.build_request(
            call.method,
            url.copy_with(host=address),
            content=content,
            headers={**call.headers, "Host": self._authority, "Content-Type": kind, **headers},
            extensions={"trace": watch, "sni_hostname": self._host},
        )
        response = await client.send(request, stream=True, follow_redirects=False)
        try:
            body, cut = await self._read(response, call)
            if call.write and response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
                await _end_connection(response)
        finally:
            await response.aclose()
        return Answer(response.status_code, {k.lower(): v for k, v in response.headers.items()}, body, cut=cut)

    async def _read(self, response: Any, call: Call) -> tuple[bytes, bool]:
        """Read the body as sent, up to the limit; what is compressed although we asked for none is not unpacked."""
        encoding = response.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"", "identity"}:
            raise ProtocolDriftError(f"the answer is compressed ({encoding[:20]}), which was not asked for")
        parts: list[bytes] = []
        size = 0
        async for part in response.stream:
            size += len(part)
            if size > call.limit:
                if call.may_cut:
                    return b"".join([*parts, part])[: call.limit], True
                raise ProtocolDriftError(f"the answer has more than {call.limit} bytes")
            parts.append(part)
        return b"".join(parts), False

    async def _current_client(self) -> Any:
        """Return the client for the certificates of this moment; a rotated one gets a client of its own."""
        files = await self._tls_files()
        if self._client is None or files != self._tls:
            if self._client is not None:
                self._retired.append(self._client)
            self._client, self._tls = self._make_client(files), files
        return self._client

    def _make_client(self, files: TlsFiles) -> Any:
        return self._library.AsyncClient(
            verify=tls_context(files) if self.base.startswith("https:") else False,
            trust_env=False,
            follow_redirects=False,
            timeout=self._library.Timeout(None, connect=CONNECT_TIMEOUT),
            limits=self._library.Limits(
                max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEEPALIVE
            ),
            headers={"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "baton"},
            # No cookie is kept: a session would go on being taken for a credential that was rotated.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        )

    async def _tls_files(self) -> TlsFiles:
        tls = self._spec.get("tls")
        return TlsFiles(*await self._read_authority(tls), *await self._read_certificate(tls)) if tls else TlsFiles()

    async def _read_authority(self, tls: Mapping[str, Any]) -> Sequence[str | None]:
        reference = tls.get("caRef")
        if not reference:
            return (None,)
        key = reference.get("key", "ca.crt")
        return (await self._secrets.read(self._namespace, "ConfigMap", reference["configMap"], key),)

    async def _read_certificate(self, tls: Mapping[str, Any]) -> Sequence[str | None]:
        reference = tls.get("clientSecretRef")
        if not reference:
            return (None, None)
        name = reference["name"]
        certificate = await self._secrets.read(self._namespace, "Secret", name, "tls.crt")
        key = await self._secrets.read(self._namespace, "Secret", name, "tls.key")
        self.redactor.remember(key)
        return (certificate, key)


def unanswered(error: EngineError) -> Outcome:
    """Say what it means for a submit that `HttpClient.call` raised *error*: only what is proven is `NotSent`."""
    match error:
        case TransportError(sent=False):
            return NotSent(str(error), counts=not error.lapsed)
        case TransportError() | ProtocolDriftError():
            return Unknown(str(error), http_status=error.http_status)
        case SecretNotFoundError():
            return NotSent(str(error), auth=True)
        case _:
            return NotSent(str(error), retry_after=getattr(error, "retry_after", None))


def http_library(name: str | None = None) -> ModuleType:
    """Return the named library, or the faster of those that are installed."""
    if name is not None:
        return importlib.import_module(name)
    try:
        return importlib.import_module("httpx2")
    except ModuleNotFoundError:
        return importlib.import_module("httpx")


def tls_context(files: TlsFiles) -> ssl.SSLContext:
    """
    Make a context that always verifies the engine's certificate and name.

    Raises:
        PermanentError: A text is no PEM, or the key does not fit the certificate.
    """
    try:
        context = ssl.create_default_context(cadata=files.authority)
        if files.certificate is not None and files.key is not None:
            # The standard library loads chains from files only; this one is ours alone and gone at once.
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as chain:
                chain.write(f"{files.key.strip()}\n{files.certificate.strip()}\n")
                chain.flush()
                context.load_cert_chain(chain.name)
    except (ssl.SSLError, ValueError) as error:
        raise PermanentError(f"spec.tls names a certificate or key that is not usable PEM: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _content(call: Call) -> tuple[bytes | None, str]:
    """Return the body of *call* and its type."""
    if call.form is not None:
        return urlencode(call.form).encode(), "application/x-www-form-urlencoded"
    return (None if call.body is None else msgspec.json.encode(call.body)), "application/json"


async def _end_connection(response: Any) -> None:
    """End the connection below *response*, so that the pool finds it dead: what it carries next may be lost too."""
    stream = response.extensions.get("network_stream")
    if stream is not None:
        await stream.aclose()
