"""The signal table, cell by cell, and how bodies and headers are read."""

from datetime import UTC, datetime

import msgspec
import pytest

from baton_operator.engines.answers import Answer, decode, read_error, retry_after, write_outcome
from baton_operator.engines.base import NotSent, Rejected, SubmitRequest, Unknown
from baton_operator.engines.errors import (
    AuthExpiredError,
    EngineError,
    ForbiddenError,
    PermanentError,
    ProtocolDriftError,
    RetryableError,
    SecretNotFoundError,
    TargetNotFoundError,
)
from baton_operator.engines.http import TransportError, unanswered

HTML = {"content-type": "text/html; charset=utf-8"}


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (200, HTML, ProtocolDriftError),
        (204, {}, ProtocolDriftError),
        (301, {}, ProtocolDriftError),
        (302, HTML, ProtocolDriftError),
        (307, {}, ProtocolDriftError),
        (400, {}, PermanentError),
        (401, {}, AuthExpiredError),
        (401, HTML, AuthExpiredError),
        (403, {}, ForbiddenError),
        (403, HTML, ForbiddenError),
        (404, {}, TargetNotFoundError),
        (405, {}, PermanentError),
        (408, {}, RetryableError),
        (413, {}, PermanentError),
        (415, {}, PermanentError),
        (422, {}, PermanentError),
        (425, {}, RetryableError),
        (429, {}, RetryableError),
        (500, {}, RetryableError),
        (501, {}, RetryableError),
        (502, HTML, RetryableError),
        (503, {}, RetryableError),
        (504, {}, RetryableError),
    ],
)
def test_a_read_that_fails(status: int, headers: dict[str, str], error: type[EngineError]) -> None:
    """Each status, as a read."""
    raised = read_error(Answer(status, headers, b""), "why")
    assert type(raised) is error
    assert raised.http_status == status


REJECTED = ("Rejected", "EngineRejected", False)
SLOW = ("Rejected", "EngineRejected", True)


@pytest.mark.parametrize(
    ("status", "headers", "marked", "outcome"),
    [
        (200, HTML, False, ("Unknown",)),
        (302, HTML, False, ("Unknown",)),
        (307, {}, True, ("Unknown",)),
        (400, {}, True, REJECTED),
        (401, {}, False, ("NotSent", True)),
        (401, HTML, False, ("NotSent", True)),
        (403, {}, True, SLOW),
        (404, {}, True, ("Rejected", "TargetNotFound", False)),
        (408, {}, False, ("NotSent", False)),
        (413, {}, False, REJECTED),
        (415, {}, True, REJECTED),
        (422, {}, True, REJECTED),
        (425, {}, False, ("NotSent", False)),
        (429, {}, False, ("NotSent", False)),
        (500, {}, True, ("Unknown",)),
        (502, HTML, False, ("Unknown",)),
        (503, {}, True, ("NotSent", False)),
        (503, HTML, False, ("Unknown",)),
        (504, {}, False, ("Unknown",)),
    ],
)
def test_a_submit_that_fails(status: int, headers: dict[str, str], marked: bool, outcome: tuple[object, ...]) -> None:
    """Each status, as the answer to a submit."""
    given = write_outcome(Answer(status, headers, b""), "why", marked=marked)
    match given:
        case Rejected():
            seen: tuple[object, ...] = ("Rejected", given.reason, given.slow)
        case NotSent():
            seen = ("NotSent", given.auth)
        case _:
            seen = (type(given).__name__,)
    assert seen == outcome


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (TransportError("refused", sent=False), NotSent("refused")),
        (TransportError("lapsed", sent=False, lapsed=True), NotSent("lapsed", counts=False)),
        (TransportError("reset", sent=True), Unknown("reset")),
        (ProtocolDriftError("too long", http_status=200), Unknown("too long", http_status=200)),
        (SecretNotFoundError("no secret"), NotSent("no secret", auth=True)),
        (PermanentError("bad tls"), NotSent("bad tls")),
        (RetryableError("no name", retry_after=3.0), NotSent("no name", retry_after=3.0)),
    ],
)
def test_a_submit_without_an_answer(error: EngineError, outcome: NotSent | Unknown) -> None:
    """Only what is proven is NotSent."""
    assert unanswered(error) == outcome


NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("", None),
        ("0", 0.0),
        ("120", 120.0),
        (" 7 ", 7.0),
        ("9999999999999999999", 3600.0),
        ("Sat, 21 Nov 2026 12:00:30 GMT", 30.0),
        ("Sat, 21 Nov 2026 11:00:00 GMT", 0.0),
        ("Sun, 22 Nov 2026 12:00:00 GMT", 3600.0),
        ("Saturday, 21-Nov-26 12:00:30 GMT", 30.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    """Both forms, bounded by an hour; nonsense is none."""
    assert retry_after({"retry-after": value}, now=NOW) == seconds


class Shape(msgspec.Struct):
    """A shape."""

    number: float


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[]", b"null", b'{"number":NaN}', b'{"number":Infinity}', b'{"number":1e999}', b'{"number":"1"}',
     b'{"x":' * 100_000, b"[" * 100_000, b'{"x":"\xff"}', b"<html>"],
)  # fmt: skip
def test_what_is_no_such_json_is_drift(body: bytes) -> None:
    """Cut, too deep, NaN, infinite, another shape, not UTF-8: one error, and nothing else escapes."""
    with pytest.raises(ProtocolDriftError):
        decode(Answer(200, {}, body), Shape)


def test_a_page_is_not_ok() -> None:
    """200 text/html is a login page."""
    assert not Answer(200, HTML, b"").is_ok
    assert Answer(200, {"content-type": "application/json"}, b"").is_ok
    assert not Answer(302, {}, b"").is_ok


def test_a_request_has_no_secret_field() -> None:
    """Nothing that adapters are given for a submit holds a credential."""
    assert not {"auth", "secret", "password"} & set(SubmitRequest.__slots__)
