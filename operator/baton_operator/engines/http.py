"""
The one place that speaks HTTP to engines.

``httpx2`` where it is installed, else ``httpx``: same API. One client an engine; redirects are never followed, the
environment's proxies and certificates never used, TLS always verified. What the library leaves open is closed here:
a **total** deadline (its timeouts are per read), a limit in bytes while reading, no decompression, addresses checked
and connected to as checked, and proof of whether a request's first byte ever left (`Exchange.sent`).
"""

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import ModuleType
from typing import Any, Literal, Self
from urllib.parse import urlencode, urlsplit

import msgspec

from baton_operator.engines.access import Access, Destination, TlsFiles, UrlAccess, plain_server, tls_context
from baton_operator.engines.addresses import AddressGuard
from baton_operator.engines.answers import Answer
from baton_operator.engines.base import REQUEST_DEADLINE, NotSent, Outcome, SendCheck, Unknown
from baton_operator.engines.credentials import SecretSource
from baton_operator.engines.errors import (
    AnswerTooLongError,
    EngineError,
    PermanentError,
    ProtocolDriftError,
    RetryableError,
    SecretNotFoundError,
)
from baton_operator.engines.streams import Stream, end_connection, headers_of, refuse_compressed

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
        media: What kind of JSON `body` is.
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
    media: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    deadline: float = REQUEST_DEADLINE
    limit: int = BODY_LIMIT
    may_cut: bool = False
    write: bool = False
    before_send: SendCheck | None = None


class _LeaseLapsedError(Exception):
    """`before_send` said no; leaves the library through its trace hook, before any byte."""


@dataclass(slots=True)
class _Watch:
    """
    Sees through the library's trace extension whether sending of the headers began, and may still forbid it.

    Attributes:
        before_send: Asked directly before.
        sent: Whether it began.
        code: How the request ended, for the metrics: a status or a word.
    """

    before_send: SendCheck | None
    sent: bool = False
    code: str = "cancelled"

    async def __call__(self, event: str, _info: Mapping[str, Any]) -> None:
        if not event.endswith("send_request_headers.started"):
            return
        if self.before_send is not None and not self.before_send():
            raise _LeaseLapsedError
        self.sent = True


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

    Attributes:
        base: The address; empty where only the access knows it.
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
        access = UrlAccess(url, namespace=namespace, spec=spec, secrets=secrets)
        self._prepare(access, guard, observer, library)
        self.base = access.base

    @classmethod
    def through(
        cls, access: Access, *, guard: AddressGuard, observer: Observer | None = None, library: ModuleType | None = None
    ) -> Self:
        """Make a client for an engine that is named otherwise than by ``spec.url``."""
        client = cls.__new__(cls)
        client._prepare(access, guard, observer, library)  # noqa: SLF001 - its own class
        client.base = ""
        return client

    def _prepare(
        self, access: Access, guard: AddressGuard, observer: Observer | None, library: ModuleType | None
    ) -> None:
        self.redactor = access.redactor
        self._access, self._guard, self._observer = access, guard, observer
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
        with self._observed(call, watch):
            async with asyncio.timeout(call.deadline):
                response = await self._authorized(call, watch)
                try:
                    answer = await self._finish(response, call)
                finally:
                    await response.aclose()
            watch.code = str(answer.status)
        return answer

    @asynccontextmanager
    async def stream(self, call: Call) -> AsyncIterator[Stream]:
        """
        Send one request and lend its answer while it comes; the call's deadline ends with the answer's headers.

        Raises:
            TransportError: It did not begin, fell silent, or broke off.
            ProtocolDriftError: It is compressed, or a line has more bytes than may be.
            AddressRefusedError, SecretNotFoundError, PermanentError: Nothing was sent, and only people can help.
        """
        watch = _Watch(call.before_send)
        response = None
        try:
            with self._observed(call, watch):
                async with asyncio.timeout(call.deadline):
                    response = await self._authorized(call, watch)
                watch.code = str(response.status_code)
            with self._translated(call, watch):
                refuse_compressed(response)
                yield Stream(response.status_code, headers_of(response), response.stream)
        finally:
            if response is not None:
                await response.aclose()

    def clean(self, text: str, limit: int = 1000) -> str:
        """Return *text* for people: one line, without this engine's secrets, at most *limit* characters."""
        return self.redactor.clean(text, limit)

    async def close(self) -> None:
        """End all connections."""
        clients, self._client, self._retired = [*self._retired, self._client], None, []
        for client in clients:
            if client is not None:
                await client.aclose()

    @contextmanager
    def _observed(self, call: Call, watch: _Watch) -> Iterator[None]:
        """Tell of the request, however it ends."""
        begun = time.perf_counter()
        try:
            with self._translated(call, watch):
                yield
        finally:
            if self._observer is not None:
                self._observer(call.operation, watch.code, time.perf_counter() - begun)

    @contextmanager
    def _translated(self, call: Call, watch: _Watch) -> Iterator[None]:
        """Make errors of this room from the library's."""
        try:
            yield
        except TimeoutError as error:
            watch.code = "timeout"
            raise TransportError(f"no answer within {call.deadline:g} s", sent=watch.sent) from error
        except _LeaseLapsedError:
            watch.code = "lapsed"
            raise TransportError("the lease does not cover a request any more", sent=False, lapsed=True) from None
        except (self._library.HTTPError, self._library.InvalidURL) as error:
            watch.code = "transport"
            reason = plain_server(str(error), "spec.url" if self.base else "the kubeconfig's server")
            reason = reason or self.redactor.clean(f"{type(error).__name__}: {error}", 500)
            raise TransportError(f"the engine could not be reached: {reason}", sent=watch.sent) from None
        except ProtocolDriftError:
            watch.code = "drift"
            raise
        except (RetryableError, PermanentError):
            watch.code = "unsent"
            raise

    async def _authorized(self, call: Call, watch: _Watch) -> Any:
        """Send with the credential of this moment; after a 401 with the next one, if there is a next one."""
        destination = await self._access.destination()
        response = await self._reach(call, destination, watch)
        if response.status_code != HTTPStatus.UNAUTHORIZED:
            return response
        try:
            self._access.refused()
            renewed = await self._access.destination()
        except BaseException:
            await response.aclose()
            raise
        if renewed.headers == destination.headers:
            return response
        await response.aclose()
        watch.sent = False  # a 401 was not executed
        return await self._reach(call, renewed, watch)

    async def _reach(self, call: Call, destination: Destination, watch: _Watch) -> Any:
        """Try the permitted addresses in turn, as long as no byte has left; return the open response."""
        client = self._current_client(destination)
        parts = urlsplit(destination.base)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        addresses = await self._guard.resolve(host, port)
        for last, address in enumerate(addresses, start=1 - len(addresses)):
            try:
                return await self._open(client, call, address, destination, watch)
            except (self._library.ConnectError, self._library.ConnectTimeout):
                if watch.sent or last == 0:
                    self._guard.forget(host, port)
                    raise
        raise AssertionError("a guard returns at least one address")

    async def _open(self, client: Any, call: Call, address: str, destination: Destination, watch: _Watch) -> Any:
        """Send the request to *address*, under the engine's own name."""
        url = self._library.URL(destination.base + call.path, params=dict(call.params) or None)
        content, kind = _content(call)
        parts = urlsplit(destination.base)
        request = client.build_request(
            call.method,
            url.copy_with(host=address),
            content=content,
            headers={**call.headers, "Host": parts.netloc, "Content-Type": kind, **destination.headers},
            extensions={"trace": watch, "sni_hostname": parts.hostname},
        )
        return await client.send(request, stream=True, follow_redirects=False)

    async def _finish(self, response: Any, call: Call) -> Answer:
        """Read the answer within its limit."""
        body, cut = await self._read(response, call)
        if call.write and response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
            await end_connection(response)
        return Answer(response.status_code, headers_of(response), body, cut=cut)

    async def _read(self, response: Any, call: Call) -> tuple[bytes, bool]:
        """Read the body as sent, up to the limit; what is compressed although we asked for none is not unpacked."""
        refuse_compressed(response)
        parts: list[bytes] = []
        size = 0
        async for part in response.stream:
            size += len(part)
            if size > call.limit:
                if call.may_cut:
                    return b"".join([*parts, part])[: call.limit], True
                raise AnswerTooLongError(f"the answer has more than {call.limit} bytes")
            parts.append(part)
        return b"".join(parts), False

    def _current_client(self, destination: Destination) -> Any:
        """Return the client for the certificates of this moment; a rotated one gets a client of its own."""
        if self._client is None or destination.tls != self._tls:
            made = self._make_client(destination)
            if self._client is not None:
                self._retired.append(self._client)
            self._client, self._tls = made, destination.tls
        return self._client

    def _make_client(self, destination: Destination) -> Any:
        return self._library.AsyncClient(
            verify=tls_context(destination.tls) if destination.base.startswith("https:") else False,
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


def _content(call: Call) -> tuple[bytes | None, str]:
    """Return the body of *call* and its type."""
    if call.form is not None:
        return urlencode(call.form).encode(), "application/x-www-form-urlencoded"
    return (None if call.body is None else msgspec.json.encode(call.body)), call.media
