"""Where the API server is and who we are: one value, from which every client (and kopf) makes its sessions."""

import asyncio
import base64
import importlib.util
import os
import ssl
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import aiohttp
import yaml

from baton_operator.kube.errors import NoConnectionError

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
#: Seconds after which a token file is read again: the kubelet renews it long before it ends.
TOKEN_AGE = 60.0
#: Connections that one session keeps open at most.
CONNECTIONS = 64


class Credential(Protocol):
    """Gives the bearer token that is valid now."""

    async def token(self, *, renewed: bool = False) -> str | None:
        """Give the token; None where the certificate alone says who we are. *renewed* after it was refused."""


@dataclass(frozen=True, slots=True)
class FixedToken:
    """A token that does not change, or none."""

    value: str | None = field(default=None, repr=False)

    async def token(self, *, renewed: bool = False) -> str | None:  # noqa: ARG002 - there is no other
        """Give it."""
        return self.value


class FileToken:
    """A token in a file that somebody else renews, read again every `TOKEN_AGE` seconds and after a refusal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._value: str | None = None
        self._read_at = 0.0

    async def token(self, *, renewed: bool = False) -> str | None:
        """Give what the file holds, or held a minute ago."""
        now = time.monotonic()
        if self._value is None or renewed or now - self._read_at > TOKEN_AGE:
            self._value = self._path.read_text(encoding="utf-8").strip()
            self._read_at = now
        return self._value


class PluginToken:
    """A token of a kubeconfig's ``exec`` or ``auth-provider`` plug-in, run by the package `kubernetes`."""

    def __init__(self, path: Path, context: str | None) -> None:
        self._path = path
        self._context = context
        self._configuration: Any = None
        self._lock = asyncio.Lock()

    async def token(self, *, renewed: bool = False) -> str | None:
        """Give the plug-in's token; the plug-in runs in a thread, and again when its token has run out."""
        async with self._lock:
            return await asyncio.to_thread(self._ask, renewed)

    def _ask(self, renewed: bool) -> str | None:
        if self._configuration is None or renewed:
            from kubernetes import client, config  # noqa: PLC0415 - 30 MB that only plug-ins need

            self._configuration = client.Configuration()
            config.load_kube_config(str(self._path), self._context, self._configuration)  # type: ignore[no-untyped-call]
        bearer: str | None = self._configuration.get_api_key_with_prefix("BearerToken", "authorization")
        return bearer.removeprefix("Bearer ") if bearer else None


@dataclass(frozen=True, slots=True)
class Connection:
    """
    One API server and one identity.

    Attributes:
        server: Its address, without a slash at the end.
        credential: Whose bearer token goes with each request.
        authority: PEM text of the authority that signed its certificate; None for the system's own.
        certificate: PEM text of our certificate and key, where a certificate says who we are.
        verify: Whether its certificate is verified; only a kubeconfig's ``insecure-skip-tls-verify`` turns it off.
        namespace: Where namespaced requests go by default.
        proxy: The proxy that a kubeconfig names.
    """

    server: str
    credential: Credential = FixedToken()
    authority: str | None = field(default=None, repr=False)
    certificate: str | None = field(default=None, repr=False)
    verify: bool = True
    namespace: str = "default"
    proxy: str | None = None

    @classmethod
    def discover(cls, environ: Mapping[str, str]) -> "Connection":
        """
        Find the API server: ``KUBECONFIG``, else the Pod's ServiceAccount, else ``~/.kube/config``.

        Raises:
            NoConnectionError: There is none of them, or it cannot be read.
        """
        if environ.get("KUBECONFIG"):
            return cls.from_kubeconfig(Path(environ["KUBECONFIG"].split(os.pathsep)[0]))
        if environ.get("KUBERNETES_SERVICE_HOST"):
            return cls.in_cluster(environ)
        usual = Path(environ.get("HOME", "~")).expanduser() / ".kube" / "config"
        if usual.exists():
            return cls.from_kubeconfig(usual)
        raise NoConnectionError("no API server: set KUBECONFIG, or run in a Pod with a ServiceAccount")

    @classmethod
    def in_cluster(cls, environ: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> "Connection":
        """
        Read what the kubelet gives to a Pod; ``KUBERNETES_SERVICE_HOST`` and ``_PORT`` count, also for kopf (K6).

        Raises:
            NoConnectionError: The token is not mounted.
        """
        host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "443")
        authority, namespace = folder / "ca.crt", folder / "namespace"
        if not (folder / "token").exists():
            raise NoConnectionError(f"no token in {folder}: set automountServiceAccountToken: true")
        return cls(
            server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
            credential=FileToken(folder / "token"),
            authority=authority.read_text(encoding="utf-8") if authority.exists() else None,
            namespace=namespace.read_text(encoding="utf-8").strip() if namespace.exists() else "default",
        )

    @classmethod
    def from_kubeconfig(cls, path: Path, context: str | None = None) -> "Connection":
        """
        Read one context of a kubeconfig, the current one by default.

        Raises:
            NoConnectionError: The file, the context, or what it names cannot be read.
        """
        try:
            document = yaml.safe_load(path.read_text(encoding="utf-8"))
            chosen = _named(document["contexts"], context or document["current-context"], "context")
            cluster = _named(document["clusters"], chosen["cluster"], "cluster")
            user = _named(document.get("users") or [], chosen["user"], "user") if chosen.get("user") else {}
            return cls(
                server=cluster["server"].rstrip("/"),
                credential=_credential(path, context, user),
                authority=_pem(path, cluster, "certificate-authority"),
                certificate=_client_certificate(path, user),
                verify=not cluster.get("insecure-skip-tls-verify", False),
                namespace=chosen.get("namespace") or "default",
                proxy=cluster.get("proxy-url"),
            )
        except (OSError, yaml.YAMLError, LookupError, TypeError, ValueError) as error:
            raise NoConnectionError(f"{path} cannot be read as a kubeconfig: {error}") from error

    def session(self, *middlewares: aiohttp.ClientMiddlewareType) -> aiohttp.ClientSession:
        """Open a session that sends the token with each request, and once more with a renewed one after a 401."""
        connector = aiohttp.TCPConnector(ssl=self._tls(), limit=CONNECTIONS)
        return aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": "baton-operator"},
            middlewares=(*middlewares, self._authorize),
            proxy=self.proxy,
            trust_env=False,
        )

    async def _authorize(
        self, request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
    ) -> aiohttp.ClientResponse:
        first = await self.credential.token()
        if first is None:
            return await handler(request)
        request.headers["Authorization"] = f"Bearer {first}"
        response = await handler(request)
        if response.status != 401:  # noqa: PLR2004 - the one status that a new token can help
            return response
        renewed = await self.credential.token(renewed=True)
        if renewed == first:
            return response
        response.release()
        request.headers["Authorization"] = f"Bearer {renewed}"
        return await handler(request)

    def _tls(self) -> ssl.SSLContext:
        tls = ssl.create_default_context(cadata=self.authority)
        if not self.verify:
            tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
        if self.certificate:
            with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:  # the library reads files only
                file.write(self.certificate)
                file.flush()
                tls.load_cert_chain(file.name)
        return tls


def _named(entries: Sequence[Mapping[str, Any]], name: str, kind: str) -> Mapping[str, Any]:
    for entry in entries:
        if entry["name"] == name:
            value: Mapping[str, Any] = entry[kind]
            return value
    raise LookupError(f"no {kind} {name!r}")


def _credential(path: Path, context: str | None, user: Mapping[str, Any]) -> Credential:
    if user.get("exec") or user.get("auth-provider"):
        if importlib.util.find_spec("kubernetes") is None:
            raise NoConnectionError(f"{path} names a credential plug-in, which needs: pip install 'baton[kubeconfig]'")
        return PluginToken(path, context)
    if user.get("token"):
        return FixedToken(user["token"])
    if user.get("tokenFile"):
        return FileToken(path.parent / user["tokenFile"])
    return FixedToken()


def _client_certificate(path: Path, user: Mapping[str, Any]) -> str | None:
    parts = [_pem(path, user, "client-certificate"), _pem(path, user, "client-key")]
    return "\n".join(filter(None, parts)) or None


def _pem(path: Path, entry: Mapping[str, Any], key: str) -> str | None:
    """Read what a kubeconfig holds as data, or names as a file relative to itself."""
    if entry.get(f"{key}-data"):
        return base64.b64decode(str(entry[f"{key}-data"])).decode()
    if entry.get(key):
        return (path.parent / str(entry[key])).read_text(encoding="utf-8")
    return None
