"""
Secrets: read at the moment of sending, put into headers only, and taken out of every text that leaves the room.

Nothing here keeps a secret longer than a request, except the redactor, which must know what to take out.
"""

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Literal, Protocol, runtime_checkable
from urllib.parse import quote

from baton_operator.engines.errors import PermanentError

SecretKind = Literal["Secret", "ConfigMap", "ServiceAccount"]

REMOVED = "[redacted]"

#: Secrets remembered for redaction: enough for several rotations of a credential of two parts.
_REMEMBERED = 32
#: A shorter text is not looked for: it would be found everywhere.
_SHORTEST = 4

_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic|token)\s+[A-Za-z0-9._~+/=-]{8,}")
_USER_INFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/@\s\"']+@")
_VISIBLE = re.compile(r"[!-~]+")


class SecretSource(Protocol):
    """Where secrets come from; in the operator: the Kubernetes API."""

    async def read(self, namespace: str, kind: SecretKind, name: str, key: str) -> str:
        """
        Read one value, as it is now.

        Args:
            namespace: The Engine's own namespace, never another.
            kind: ``Secret`` and ``ConfigMap`` are read; of a ``ServiceAccount`` a short-lived token is asked for.
            name: The object's name.
            key: The key inside it; for a ServiceAccount the token's audience, empty for the API server itself.

        Raises:
            SecretNotFoundError: The object or the key is not there, or may not be read by us.
            RetryableError: The Kubernetes API did not answer.
        """


@runtime_checkable
class TokenKeeper(Protocol):
    """A source that keeps tokens of ServiceAccounts for a while, as each costs the Kubernetes API a request."""

    def refused(self, namespace: str, name: str, audience: str) -> None:
        """Take in that the token of a ServiceAccount was refused: the next one read is another."""


class Redactor:
    """Takes known secrets, and what looks like a credential, out of texts for people."""

    def __init__(self) -> None:
        self._secrets: dict[str, None] = {}

    def remember(self, *secrets: str) -> None:
        """Know *secrets* from now on, also in the forms in which engines echo them (JSON, URL, base64)."""
        for secret in secrets:
            if len(secret) < _SHORTEST:
                continue
            encoded = base64.b64encode(secret.encode()).decode()
            for form in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""), encoded):
                self._secrets.pop(form, None)
                self._secrets[form] = None
        while len(self._secrets) > _REMEMBERED * 4:
            del self._secrets[next(iter(self._secrets))]

    def clean(self, text: str, limit: int = 1000) -> str:
        """Return *text* on one line, without secrets and control characters, at most *limit* characters long."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, REMOVED)
        text = _AUTHORIZATION.sub(rf"\1 {REMOVED}", text)
        text = _USER_INFO.sub(rf"\1{REMOVED}@", text)
        text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
        return text if len(text) <= limit else text[: limit - 1] + "…"


class Credential:
    """
    What an Engine's ``auth`` names, as a header.

    Args:
        source: Where secrets are read.
        namespace: The Engine's namespace.
        auth: The spec's ``auth``: one of ``bearer``, ``basic`` and ``serviceAccount``, or empty for none.
        redactor: Learns every value that is read.
    """

    def __init__(
        self, source: SecretSource, namespace: str, auth: Mapping[str, Any] | None, redactor: Redactor
    ) -> None:
        self._source = source
        self._namespace = namespace
        self._auth = auth or {}
        self._redactor = redactor

    async def headers(self) -> dict[str, str]:
        """
        Read the credential and return the headers that prove it; empty without one.

        Raises:
            SecretNotFoundError: What ``auth`` names is not there.
            PermanentError: ``auth`` names nothing that is known, or the value fits into no header.
        """
        match self._auth:
            case {"bearer": {"secretRef": reference}}:
                token = await self._read("Secret", reference["name"], reference.get("key", "token"))
                return {"Authorization": f"Bearer {self._visible(token, reference['name'])}"}
            case {"serviceAccount": account}:
                token = await self._read("ServiceAccount", account["name"], account.get("audience", ""))
                return {"Authorization": f"Bearer {self._visible(token, account['name'])}"}
            case {"basic": {"secretRef": reference}}:
                user = await self._read("Secret", reference["name"], "username")
                password = await self._read("Secret", reference["name"], "password")
                pair = base64.b64encode(f"{user}:{password}".encode()).decode()
                self._redactor.remember(pair, password)
                return {"Authorization": f"Basic {pair}"}
            case _ if not self._auth:
                return {}
            case _:
                raise PermanentError("spec.auth needs exactly one of basic, bearer and serviceAccount")

    def refused(self) -> None:
        """Take in that an engine has refused the credential: what is read next is not one that somebody kept."""
        if isinstance(self._source, TokenKeeper) and (account := self._auth.get("serviceAccount")):
            self._source.refused(self._namespace, account["name"], account.get("audience", ""))

    async def _read(self, kind: SecretKind, name: str, key: str) -> str:
        """Read one value and let the redactor know it; a line end after it is an editor's, not the secret's."""
        value = (await self._source.read(self._namespace, kind, name, key)).strip()
        if key != "username":
            self._redactor.remember(value)
        return value

    @staticmethod
    def _visible(token: str, name: str) -> str:
        if not _VISIBLE.fullmatch(token):
            raise PermanentError(f"the token of {name} is empty or has characters that no HTTP header can carry")
        return token
