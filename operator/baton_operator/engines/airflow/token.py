"""
The JSON Web Token that Airflow wants, from the user and password that an Engine names.

It lives in memory only and is never written anywhere. User and password are read at each request: a pair that has
changed gets a token of its own at once, one that has not is asked for a new token only when Airflow refuses the old
one (401, or 403 "Invalid JWT token"). However many requests need one, one asks.
"""

import asyncio
import hashlib
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from baton_operator.engines.answers import Answer, decode, read_error
from baton_operator.engines.credentials import SecretSource
from baton_operator.engines.errors import (
    AuthExpiredError,
    EngineError,
    PermanentError,
    ProtocolDriftError,
    RetryableError,
    TargetNotFoundError,
)
from baton_operator.engines.http import Call, HttpClient

PATH = "/auth/token"
#: Seconds for which a pair that was refused is not tried again: accounts are locked for less.
REFUSAL_COUNTS = 5.0

_REFUSED = b"Invalid JWT token"
_VISIBLE = re.compile(r"[!-~]+")


class _Token(msgspec.Struct, frozen=True):
    """The answer to a login."""

    access_token: str


class AirflowToken:
    """
    Keeps one token.

    Args:
        http: The engine's client, without a credential.
        secrets: Where user and password are read.
        namespace: The Engine's namespace.
        auth: The spec's ``auth.basic``.
    """

    def __init__(self, http: HttpClient, secrets: SecretSource, namespace: str, auth: Mapping[str, Any]) -> None:
        self._http, self._secrets, self._namespace = http, secrets, namespace
        self._name = str(auth["secretRef"]["name"])
        self._one_asks = asyncio.Lock()
        self._token: str | None = None
        self._pair = b""
        self._refused = b""
        self._refused_until = 0.0

    async def get(self, *, deadline: float, refused: str | None = None) -> str:
        """
        Return the token for the user and password of this moment.

        Args:
            deadline: Seconds that a login may take.
            refused: A token that Airflow did not take: only another one will do.

        Raises:
            AuthExpiredError: Airflow refuses the user or the password.
            SecretNotFoundError: The Secret or a key of it is not there.
            RetryableError: No token could be had now; nothing else was sent.
            PermanentError: There is no login at ``spec.url``.
        """
        user = (await self._secrets.read(self._namespace, "Secret", self._name, "username")).strip()
        password = (await self._secrets.read(self._namespace, "Secret", self._name, "password")).strip()
        self._http.redactor.remember(password)
        pair = hashlib.sha256(f"{len(user)}:{user}{password}".encode()).digest()
        async with self._one_asks:
            if self._token is None or self._pair != pair or self._token == refused:
                self._token = await self._login(user, password, pair, deadline)
                self._pair = pair
            return self._token

    async def _login(self, user: str, password: str, pair: bytes, deadline: float) -> str:
        clock = asyncio.get_running_loop().time
        if pair == self._refused and clock() < self._refused_until:
            raise AuthExpiredError("Airflow has just refused this user and password")
        self._token = None
        body = {"username": user, "password": password}
        try:
            answer = await self._http.call(Call("login", "POST", PATH, body=body, deadline=deadline))
            if not answer.is_ok:
                raise self._error(answer)
            token = self._fit(decode(answer, _Token).access_token)
        except AuthExpiredError:
            self._refused, self._refused_until = pair, clock() + REFUSAL_COUNTS
            raise
        except RetryableError as error:
            raise RetryableError(
                f"no token could be had: {error}", http_status=error.http_status, retry_after=error.retry_after
            ) from error
        self._http.redactor.remember(token)
        return token

    @staticmethod
    def _fit(token: str) -> str:
        if not _VISIBLE.fullmatch(token):
            raise ProtocolDriftError("the login answered with a token that no HTTP header can carry")
        return token

    def _error(self, answer: Answer) -> EngineError:
        """Say what a refused login means; it is never about a DAG."""
        message = self._http.clean(answer.text(500)) or f"the login answered {answer.status}"
        error = read_error(answer, message)
        if isinstance(error, TargetNotFoundError):
            return PermanentError(f"there is no {PATH} at spec.url, which auth.basic needs", http_status=answer.status)
        return error


def is_token_refused(answer: Answer) -> bool:
    """Whether *answer* is about the token alone: the request was not executed."""
    return answer.status == HTTPStatus.UNAUTHORIZED or (
        answer.status == HTTPStatus.FORBIDDEN and _REFUSED in answer.body
    )
