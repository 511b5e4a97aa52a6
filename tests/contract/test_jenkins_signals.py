"""The signal table, cell by cell, as Jenkins' adapter fills it; what 201 and 303 mean is in `test_jenkins_facts`."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace

import pytest
from baton_fakes.jenkins import FakeJenkins
from baton_fakes.jenkins_harness import FakeJenkinsHarness
from baton_fakes.signal_cells import NO_AUTH, NO_TARGET, NOT_SENT, REJECTED, SLOW, UNKNOWN, cell

from baton_operator.engines.base import CancelOutcome, Enqueued, Unknown
from baton_operator.engines.conformance import Fault, serving, submitted
from baton_operator.engines.errors import (
    AuthExpiredError,
    EngineError,
    ForbiddenError,
    PermanentError,
    ProtocolDriftError,
    RetryableError,
)

#: What Jenkins itself says has its mark; what Jetty says before it, or a proxy in front of it, has not.
OWN: Mapping[str, str] = {"X-Jenkins": "2.568.2", "X-Jenkins-Session": "82bbbc84", "Content-Type": "text/html"}
TEXT: Mapping[str, str] = {"Content-Type": "text/plain"}
STARTING = "<html><head><title>Starting Jenkins</title></head></html>"
CRUMBLESS = "<html><head><title>Error 403 No valid crumb was included in the request</title></head></html>"


@pytest.fixture
async def harness() -> AsyncIterator[FakeJenkinsHarness]:
    """The fake."""
    fake = FakeJenkins()
    async with serving(fake.app()) as url:
        made = FakeJenkinsHarness(fake, url, request_deadline=10.0)
        yield made
        await made.adapter.close()


@pytest.mark.parametrize(
    ("status", "headers", "body", "outcome"),
    [
        (200, OWN, "", UNKNOWN),
        (200, TEXT, "{}", UNKNOWN),
        (201, OWN, "", UNKNOWN),
        (204, OWN, "", UNKNOWN),
        (301, {"Location": "https://other/queue/item/1/"}, "", UNKNOWN),
        (302, {"Location": "/login?from=%2F"}, "", UNKNOWN),
        (303, {"Location": "/somewhere"}, "", UNKNOWN),
        (307, OWN, "", UNKNOWN),
        (400, TEXT, "nap is not parameterized", REJECTED),
        (401, TEXT, "Unauthorized", NO_AUTH),
        (403, OWN, "", SLOW),
        (403, TEXT, "a proxy's words", SLOW),
        (403, TEXT, CRUMBLESS, NO_AUTH),
        (404, OWN, "", NO_TARGET),
        (404, TEXT, "a proxy's words", UNKNOWN),
        (405, OWN, "", REJECTED),
        (408, TEXT, "", NOT_SENT),
        (409, TEXT, "nap is not buildable", REJECTED),
        (413, TEXT, "too large", REJECTED),
        (415, OWN, "", REJECTED),
        (422, OWN, "", REJECTED),
        (425, TEXT, "", NOT_SENT),
        (429, TEXT, "", NOT_SENT),
        (500, OWN, "", UNKNOWN),
        (502, TEXT, "", UNKNOWN),
        (503, OWN, "", NOT_SENT),
        (503, {"Content-Type": "text/html"}, STARTING, NOT_SENT),
        (503, TEXT, "no healthy upstream", UNKNOWN),
        (504, TEXT, "", UNKNOWN),
    ],
)
async def test_a_submit_is_answered(
    harness: FakeJenkinsHarness, status: int, headers: Mapping[str, str], body: str, outcome: tuple[object, ...]
) -> None:
    """Each status, with Jenkins' own mark and without; nothing was built."""
    harness.faults.add(Fault("answer", status=status, headers=dict(headers), body=body, method="POST"))
    request = harness.request()
    assert cell(await harness.adapter.submit(request)) == outcome
    assert await harness.accepted(request.token) == 0


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (200, TEXT, ProtocolDriftError),
        (302, {"Location": "/login"}, ProtocolDriftError),
        (400, TEXT, PermanentError),
        (401, TEXT, AuthExpiredError),
        (403, OWN, ForbiddenError),
        (404, TEXT, ProtocolDriftError),
        (405, OWN, PermanentError),
        (408, TEXT, RetryableError),
        (413, TEXT, PermanentError),
        (415, OWN, PermanentError),
        (422, OWN, PermanentError),
        (425, TEXT, RetryableError),
        (429, OWN, RetryableError),
        (500, OWN, RetryableError),
        (502, TEXT, RetryableError),
        (503, OWN, RetryableError),
        (504, TEXT, RetryableError),
    ],
)
async def test_a_read_is_answered(
    harness: FakeJenkinsHarness, status: int, headers: Mapping[str, str], error: type[EngineError]
) -> None:
    """Each status, for a look at one build, for lists, for the queue; only Jenkins' own 404 is absence."""
    request, wanted = await submitted(harness)
    harness.faults.add(Fault("answer", status=status, headers=dict(headers), body="words", method="GET"))
    adapter, handled = harness.adapter, replace(request, handle="1")
    for read in (
        lambda: adapter.find(request),
        lambda: adapter.look(wanted),
        lambda: adapter.observe([wanted]),
        lambda: adapter.follow([handled]),
    ):
        with pytest.raises(error) as raised:
            await read()
        assert type(raised.value) is error


@pytest.mark.parametrize("waits", [False, True], ids=["build", "item"])
@pytest.mark.parametrize(
    ("status", "headers", "outcome"),
    [
        (400, TEXT, PermanentError),
        (401, TEXT, AuthExpiredError),
        (403, OWN, ForbiddenError),
        (404, OWN, CancelOutcome.NOT_FOUND),
        (404, TEXT, ProtocolDriftError),
        (415, OWN, PermanentError),
        (429, TEXT, RetryableError),
        (500, TEXT, CancelOutcome.UNKNOWN),
        (503, OWN, CancelOutcome.UNKNOWN),
        (504, TEXT, CancelOutcome.UNKNOWN),
    ],
)
async def test_a_cancel_is_answered(
    harness: FakeJenkinsHarness,
    status: int,
    headers: Mapping[str, str],
    outcome: CancelOutcome | type[EngineError],
    waits: bool,
) -> None:
    """Each status, as the answer to the stop of a build, and to that of an item; 302, 422 and 500 have their own."""
    request, wanted = await submitted(harness)
    if waits:
        await harness.hold()
        request = harness.request()
        answer = await harness.adapter.submit(request)
        assert isinstance(answer, Enqueued)
        request = replace(request, handle=answer.handle)
    harness.faults.add(Fault("answer", status=status, headers=dict(headers), body="words", method="POST"))

    async def cancelled() -> CancelOutcome:
        if waits:
            return await harness.adapter.withdraw(request, "enough")
        return await harness.adapter.cancel(wanted, "stop", "enough")

    if isinstance(outcome, CancelOutcome):
        assert await cancelled() is outcome
    else:
        with pytest.raises(outcome) as raised:
            await cancelled()
        assert type(raised.value) is outcome


async def test_a_page_for_people_proves_nothing(harness: FakeJenkinsHarness) -> None:
    """Whatever stands before Jenkins, a login page is no answer to anything."""
    _, wanted = await submitted(harness)
    harness.faults.add(Fault("page"))
    assert isinstance(await harness.adapter.submit(harness.request()), Unknown)
    with pytest.raises(ProtocolDriftError):
        await harness.adapter.look(wanted)
