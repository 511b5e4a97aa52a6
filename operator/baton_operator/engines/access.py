"""
Where an engine is and who we are to it: asked anew for each request, so that a rotated secret counts at once.

An Engine names its engine by ``spec.url`` (`UrlAccess`), or by ``spec.kubernetes`` (`kube_access`).
"""

import ssl
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from baton_operator.engines.credentials import Credential, Redactor, SecretSource
from baton_operator.engines.errors import PermanentError

#: What OpenSSL says where the answer to its first bytes is no TLS; since 3.2 it may take it for a bad record of TLS.
_NO_TLS = ("WRONG_VERSION_NUMBER", "PACKET_LENGTH_TOO_LONG", "RECORD_LAYER_FAILURE")


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM texts: an authority to trust instead of the system's, and a client certificate with its key."""

    authority: str | None = None
    certificate: str | None = None
    key: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Destination:
    """
    Where one request goes, and as whom.

    Attributes:
        base: Scheme, host, port and perhaps a path, without a slash at the end.
        headers: The credential.
        tls: What to trust and to show.
    """

    base: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tls: TlsFiles = TlsFiles()


class Access(Protocol):
    """
    Says for each request where it goes and as whom.

    Attributes:
        redactor: Knows every secret that was read so far.
    """

    redactor: Redactor

    async def destination(self) -> Destination:
        """
        Read address and credential as they are now.

        Raises:
            SecretNotFoundError: What the Engine names is not there.
            PermanentError: What it names cannot be used.
            RetryableError: It cannot be read now.
        """

    def refused(self) -> None:
        """Take in that the credential was refused (401): the next destination has another one, if there is one."""


class UrlAccess:
    """
    What ``spec.url``, ``spec.auth`` and ``spec.tls`` say.

    Args:
        url: The engine's base address.
        namespace: Where its Secrets live.
        spec: The Engine's spec.
        secrets: Where secrets are read.

    Attributes:
        base: The address without a slash at its end.
    """

    def __init__(self, url: str, *, namespace: str, spec: Mapping[str, Any], secrets: SecretSource) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username or parts.query:
            raise PermanentError("spec.url needs scheme http or https, a host, and no user or query")
        self.redactor = Redactor()
        self.base = url.rstrip("/")
        self._spec, self._namespace, self._secrets = spec, namespace, secrets
        self._credential = Credential(secrets, namespace, spec.get("auth"), self.redactor)

    async def destination(self) -> Destination:
        """Read the credential and the certificates."""
        return Destination(self.base, await self._credential.headers(), await self._tls_files())

    def refused(self) -> None:
        """Take in that the credential was refused."""
        self._credential.refused()

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
        raise PermanentError(f"spec.tls or the kubeconfig holds no usable PEM: {error}") from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def plain_server(error: str, field: str) -> str:
    """
    Say what to change where an https address leads to a server that speaks no TLS.

    Args:
        error: What the library says.
        field: Where the address stands.

    Returns:
        Empty where the error is another one.
    """
    if not any(word in error for word in _NO_TLS):
        return ""
    return f"the server does not speak TLS: if it speaks plain http, write http:// in {field}"
