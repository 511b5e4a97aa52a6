"""Jenkins' signals, cell by cell, as 2.568.2 sent them."""

from typing import Any

import pytest

from baton_operator.engines.answers import Answer
from baton_operator.engines.base import NotSent, Rejected, Unknown
from baton_operator.engines.errors import (
    AuthExpiredError,
    ForbiddenError,
    PermanentError,
    ProtocolDriftError,
    RetryableError,
    TargetNotFoundError,
)
from baton_operator.engines.jenkins.answers import epoch_of, lacks_crumb, read_failure, submit_outcome, words

OURS = {"x-jenkins": "2.568.2", "x-jenkins-session": "82bbbc84", "content-type": "text/html;charset=utf-8"}
PAGE = {"content-type": "text/html;charset=iso-8859-1"}
STARTING = b"\n\n<!DOCTYPE html><html><head><title>Starting Jenkins</title></head><body>Please wait</body></html>"
#: A page of Jenkins' own: it holds a crumb.
OWN_PAGE = (
    b'<!DOCTYPE html><html><head data-crumb-header="Jenkins-Crumb" data-crumb-value="9793f0c4c25b4c4b">'
    b"<title>Not Found - Jenkins</title></head><body>" + b"x" * 80_000 + b"</body></html>"
)


def jetty(status: int, message: str) -> bytes:
    """Write a page as Jetty does."""
    return (
        f"<html>\n<head>\n<title>Error {status} {message}</title>\n</head>\n<body><h2>HTTP ERROR {status} {message}"
        f"</h2>\n<table>\n<tr><th>URI:</th><td>/job/plain/buildWithParameters</td></tr>\n"
        f"<tr><th>MESSAGE:</th><td>{message}</td></tr>\n</table>\n</body>\n</html>\n"
    ).encode()


NO_CRUMB = Answer(403, PAGE, jetty(403, "No valid crumb was included in the request"))
NO_PERMISSION = Answer(403, {**OURS, "x-required-permission": "hudson.model.Item.Build"}, OWN_PAGE)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(400, PAGE, jetty(400, "plain is not parameterized")), (Rejected, "EngineRejected", False)),
        (Answer(401, PAGE, jetty(401, "Unauthorized")), (NotSent, True)),
        (NO_CRUMB, (NotSent, True)),
        (NO_PERMISSION, (Rejected, "EngineRejected", True)),
        (Answer(403, OURS, OWN_PAGE), (Rejected, "EngineRejected", True)),
        (Answer(404, OURS, OWN_PAGE), (Rejected, "TargetNotFound", False)),
        (Answer(404, PAGE, b"<html>nginx</html>"), (Unknown,)),
        (Answer(405, OURS, OWN_PAGE), (Rejected, "EngineRejected", False)),
        (Answer(409, PAGE, jetty(409, "off is not buildable")), (Rejected, "EngineRejected", False)),
        (Answer(413, PAGE, b"<html>too large</html>"), (Rejected, "EngineRejected", False)),
        (Answer(415, OURS, OWN_PAGE), (Rejected, "EngineRejected", False)),
        (Answer(422, OURS, OWN_PAGE), (Rejected, "EngineRejected", False)),
        (Answer(408, PAGE, b""), (NotSent, False)),
        (Answer(425, PAGE, b""), (NotSent, False)),
        (Answer(429, PAGE, b""), (NotSent, False)),
        (Answer(500, OURS, OWN_PAGE), (Unknown,)),
        (Answer(502, PAGE, b""), (Unknown,)),
        (Answer(503, OURS, OWN_PAGE), (NotSent, False)),
        (Answer(503, PAGE, STARTING), (NotSent, False)),
        (Answer(503, PAGE, b"<html><title>503 Service Unavailable</title></html>"), (Unknown,)),
        (Answer(504, PAGE, b""), (Unknown,)),
        (Answer(200, PAGE, b"<html><title>Sign in</title></html>"), (Unknown,)),
        (Answer(200, {"content-type": "application/json"}, b"{}"), (Unknown,)),
        (Answer(201, {}, b""), (Unknown,)),
        (Answer(301, {"location": "https://other/"}, b""), (Unknown,)),
        (Answer(302, {"location": "/login?from=%2F"}, b""), (Unknown,)),
        (Answer(303, {"location": "/somewhere"}, b""), (Unknown,)),
    ],
    ids=lambda value: f"{value.status}" if isinstance(value, Answer) else "",
)
def test_what_a_submit_is_answered(answer: Answer, outcome: tuple[Any, ...]) -> None:
    """201 and 303 with a queue item excepted, which are the adapter's."""
    match submit_outcome(answer, "words"):
        case Rejected() as made:
            assert (Rejected, made.reason, made.slow) == outcome
        case NotSent() as made:
            assert (NotSent, made.auth) == outcome
        case made:
            assert (type(made),) == outcome


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (Answer(200, PAGE, b"<html>login</html>"), ProtocolDriftError),
        (Answer(302, {}, b""), ProtocolDriftError),
        (Answer(400, PAGE, b""), PermanentError),
        (Answer(401, PAGE, b""), AuthExpiredError),
        (NO_PERMISSION, ForbiddenError),
        (Answer(404, OURS, OWN_PAGE), TargetNotFoundError),
        (Answer(404, PAGE, b"default backend"), ProtocolDriftError),
        (Answer(413, PAGE, b""), PermanentError),
        (Answer(415, OURS, OWN_PAGE), PermanentError),
        (Answer(422, OURS, OWN_PAGE), PermanentError),
        (Answer(429, PAGE, b""), RetryableError),
        (Answer(500, OURS, OWN_PAGE), RetryableError),
        (Answer(503, PAGE, STARTING), RetryableError),
    ],
)
def test_what_a_read_is_answered(answer: Answer, error: type[Exception]) -> None:
    """A 404 that Jenkins did not say itself is no absence."""
    assert type(read_failure(answer, "words")) is error


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (NO_PERMISSION, "Jenkins' user lacks the permission hudson.model.Item.Build"),
        (NO_CRUMB, "Jenkins wants a crumb with every request of this user: use an API token, not a password"),
        (
            Answer(400, {**OURS, "x-error": "A job already exists"}, OWN_PAGE),
            "A job already exists",
        ),
        (Answer(409, PAGE, jetty(409, "a &amp; b is not buildable")), "Jenkins answered 409: a & b is not buildable"),
        (Answer(404, OURS, OWN_PAGE), "Jenkins answered 404: Not Found - Jenkins"),
        (Answer(500, PAGE, b"<html>" + b"x" * 85_000), "Jenkins answered 500"),
        (Answer(502, {"content-type": "text/plain"}, b" no upstream\n"), "no upstream"),
        (Answer(500, {}, b""), "Jenkins answered 500"),
    ],
)
def test_what_people_read(answer: Answer, text: str) -> None:
    """Words, never a page: Jenkins' own hold a crumb."""
    assert words(answer) == text


def test_a_crumb_is_missed_only_by_its_words() -> None:
    """Another 403 is no reason to fetch one."""
    assert lacks_crumb(NO_CRUMB)
    assert not lacks_crumb(NO_PERMISSION)
    assert not lacks_crumb(Answer(400, PAGE, NO_CRUMB.body))


@pytest.mark.parametrize(("headers", "epoch"), [(OURS, "82bbbc84"), ({}, None), ({"x-jenkins-session": ""}, None)])
def test_the_epoch_comes_with_the_answer(headers: dict[str, str], epoch: str | None) -> None:
    """Pages of Jetty do not have it."""
    assert epoch_of(Answer(200, headers, b"")) == epoch
