"""
What an HTTP answer means: the one signal table for reads and writes, and how bodies are read.

| signal                          | read                | write                                     |
|---------------------------------|---------------------|-------------------------------------------|
| 400 405 410 413 415 422, other 4xx | PermanentError   | Rejected                                  |
| 401                             | AuthExpiredError    | NotSent(auth)                             |
| 403                             | ForbiddenError      | Rejected(slow)                            |
| 404                             | TargetNotFoundError | Rejected TargetNotFound                   |
| 408 425 429                     | RetryableError      | NotSent                                   |
| 503 with the engine's own mark  | RetryableError      | NotSent                                   |
| 503 without, 500 502 504, other 5xx | RetryableError  | Unknown                                   |
| 3xx, an HTML page               | ProtocolDriftError  | Unknown                                   |

Adapters put what their engine says differently in front of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TypeVar

import msgspec

from baton_operator.engines.base import NotSent, Outcome, Rejected, Unknown
from baton_operator.engines.errors import (
    AuthExpiredError,
    EngineError,
    ForbiddenError,
    PermanentError,
    ProtocolDriftError,
    RetryableError,
    TargetNotFoundError,
)

T = TypeVar("T")

#: Seconds after which a refused permission is worth another try.
FORBIDDEN_PAUSE = 300.0
#: No engine is believed that wants to be left alone for longer, in seconds.
LONGEST_PAUSE = 3600.0

_LATER = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS})


@dataclass(frozen=True, slots=True)
class Answer:
    """
    A whole answer.

    Attributes:
        status: The HTTP status.
        headers: By lower-case name.
        body: As sent: never decompressed, never longer than the limit that was asked for.
        cut: Whether the body was longer and the caller allowed it to be cut.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    cut: bool = False

    @property
    def is_ok(self) -> bool:
        """Whether it is a success, and not a page for people: a login page comes as 200 too."""
        return HTTPStatus.OK <= self.status < HTTPStatus.MULTIPLE_CHOICES and not self.is_page

    @property
    def is_page(self) -> bool:
        """Whether it is HTML."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower() == "text/html"

    def text(self, limit: int = 2000) -> str:
        """Return the body's beginning for a message."""
        return self.body[:limit].decode("utf-8", "replace")


def decode(answer: Answer, shape: type[T]) -> T:
    """
    Read *answer* as JSON of the given shape; unknown fields are left out.

    Raises:
        ProtocolDriftError: It is no such JSON: cut, not UTF-8, too deep, NaN, infinite, or of another shape.
    """
    try:
        return msgspec.json.decode(answer.body, type=shape, strict=True)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise ProtocolDriftError(f"the answer is not the JSON expected: {error}", http_status=answer.status) from error


def retry_after(headers: Mapping[str, str], *, now: datetime | None = None) -> float | None:
    """Return how many seconds the engine wants to be left alone (a number or an HTTP date), None if it does not say."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return min(float(value[:9]), LONGEST_PAUSE)
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError):
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return min(max((moment - (now or datetime.now(UTC))).total_seconds(), 0.0), LONGEST_PAUSE)


def read_error(answer: Answer, message: str) -> EngineError:
    """Say what a failed read means. *message* is for people and already free of secrets."""
    status = answer.status
    if status < HTTPStatus.BAD_REQUEST:
        return ProtocolDriftError(_unexpected(answer), http_status=status)
    if status == HTTPStatus.UNAUTHORIZED:
        return AuthExpiredError(message, http_status=status)
    if status == HTTPStatus.FORBIDDEN:
        return ForbiddenError(message, http_status=status, retry_after=FORBIDDEN_PAUSE)
    if status == HTTPStatus.NOT_FOUND:
        return TargetNotFoundError(message, http_status=status)
    if status in _LATER or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return RetryableError(message, http_status=status, retry_after=retry_after(answer.headers))
    return PermanentError(message, http_status=status)


def write_outcome(answer: Answer, message: str, *, marked: bool) -> Outcome:
    """
    Say what a submit's answer other than a success means.

    Args:
        answer: What came.
        message: For people, free of secrets.
        marked: Whether the engine itself said it, not a proxy in front of it.
    """
    status = answer.status
    if status == HTTPStatus.UNAUTHORIZED:
        return NotSent(message, http_status=status, auth=True)
    if status in _LATER or (status == HTTPStatus.SERVICE_UNAVAILABLE and marked):
        return NotSent(message, retry_after=retry_after(answer.headers), http_status=status)
    if status < HTTPStatus.BAD_REQUEST:
        return Unknown(_unexpected(answer), http_status=status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Unknown(message, http_status=status)
    if status == HTTPStatus.FORBIDDEN:
        return Rejected("EngineRejected", message, http_status=status, slow=True)
    if status == HTTPStatus.NOT_FOUND:
        return Rejected("TargetNotFound", message, http_status=status)
    return Rejected("EngineRejected", message, http_status=status)


def _unexpected(answer: Answer) -> str:
    """Describe an answer that no API gives."""
    if HTTPStatus.MULTIPLE_CHOICES <= answer.status < HTTPStatus.BAD_REQUEST:
        return f"the engine answered with a redirect ({answer.status}), which is not followed: check spec.url"
    if answer.is_page:
        return f"the engine answered with an HTML page ({answer.status}), perhaps a login page: check spec.url and auth"
    return f"the engine answered {answer.status}, which no API of it does"
