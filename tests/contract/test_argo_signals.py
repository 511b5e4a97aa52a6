"""The signal table, cell by cell, as Argo's adapter fills it: through argo-server, and through the Kubernetes API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from baton_fakes.argo import FakeArgo
from baton_fakes.argo_harness import FakeArgoHarness
from baton_fakes.argo_kube_harness import STATUS, FakeKubeHarness
from baton_fakes.signal_cells import NO_AUTH, NO_TARGET, NOT_SENT, REJECTED, SLOW, UNKNOWN, cell

from baton_operator.engines.base import Absent, CancelOutcome, Unknown
from baton_operator.engines.conformance import Fault, serving, submitted
from baton_operator.engines.errors import (
    AuthExpiredError,
    EngineError,
    ForbiddenError,
    PermanentError,
    ProtocolDriftError,
    RetryableError,
)

TEXT = "a proxy's words"
#: What each side says in its own words: a refusal, that nothing has the name, that the name is taken, a conflict.
WORDS = {
    "server": {
        "own": '{"code":3,"message":"as Argo says it"}',
        "absent": '{"code":5,"message":"not found"}',
        "taken": '{"code":6,"message":"already exists"}',
        "moved": '{"code":10,"message":"please apply your changes to the latest version"}',
    },
    "kubernetes": {
        "own": STATUS % ("as the API server says it", "Invalid", 422),
        "absent": '{"kind":"Status","message":"not found","reason":"NotFound","details":{"name":"nap"},"code":404}',
        "taken": STATUS % ("already exists", "AlreadyExists", 409),
        "moved": STATUS % ("the object has been modified", "Conflict", 409),
    },
}
HARNESSES = {"server": FakeArgoHarness, "kubernetes": FakeKubeHarness}


@pytest.fixture(params=HARNESSES)
def way(request: pytest.FixtureRequest) -> str:
    """Each of the two transports."""
    return str(request.param)


@pytest.fixture
async def harness(way: str) -> AsyncIterator[FakeArgoHarness]:
    """The fake; the template is known, as it is to an operator before it hands anything out."""
    fake = FakeArgo()
    async with serving(fake.app()) as url:
        made = HARNESSES[way](fake, url)
        made.adapter = made.make(made.source, request_deadline=10.0)
        await made.adapter.validate({"namespace": "argo", "workflowTemplate": "nap"}, [])
        yield made
        await made.adapter.close()


def said(way: str, body: str) -> str:
    """Give the body of an answer: a word of this side, or a proxy's."""
    return WORDS[way].get(body, body)


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, "own", UNKNOWN),
        (201, "{}", UNKNOWN),
        (204, "", UNKNOWN),
        (302, "", UNKNOWN),
        (307, "own", UNKNOWN),
        (400, "own", REJECTED),
        (400, TEXT, REJECTED),
        (401, "own", NO_AUTH),
        (401, TEXT, NO_AUTH),
        (403, "own", SLOW),
        (403, TEXT, SLOW),
        (404, "absent", NO_TARGET),
        (404, TEXT, UNKNOWN),
        (405, "own", REJECTED),
        (408, TEXT, NOT_SENT),
        (409, "taken", ("NameGone",)),
        (409, "moved", UNKNOWN),
        (409, TEXT, UNKNOWN),
        (413, TEXT, REJECTED),
        (415, "own", REJECTED),
        (422, "own", REJECTED),
        (425, TEXT, NOT_SENT),
        (429, TEXT, NOT_SENT),
        (500, "own", UNKNOWN),
        (500, TEXT, UNKNOWN),
        (502, TEXT, UNKNOWN),
        (503, "own", NOT_SENT),
        (503, TEXT, UNKNOWN),
        (504, "own", UNKNOWN),
    ],
)
async def test_a_submit_is_answered(
    harness: FakeArgoHarness, way: str, status: int, body: str, outcome: tuple[object, ...]
) -> None:
    """Each status, with the side's own mark and without; nothing lies under the name that was asked for."""
    route = harness.submit_route
    harness.faults.add(
        Fault("answer", status=status, body=said(way, body), method=route.method, path=route.path, times=1)
    )
    request = harness.request()
    assert cell(await harness.adapter.submit(request)) == outcome
    assert await harness.accepted(request.token) == 0


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, "own", ProtocolDriftError),
        (302, "", ProtocolDriftError),
        (400, "own", PermanentError),
        (401, "own", AuthExpiredError),
        (403, "own", ForbiddenError),
        (404, TEXT, ProtocolDriftError),
        (405, "own", PermanentError),
        (408, TEXT, RetryableError),
        (413, TEXT, PermanentError),
        (415, "own", PermanentError),
        (422, "own", PermanentError),
        (425, TEXT, RetryableError),
        (429, TEXT, RetryableError),
        (500, TEXT, RetryableError),
        (502, TEXT, RetryableError),
        (503, "own", RetryableError),
        (504, TEXT, RetryableError),
    ],
)
async def test_a_read_is_answered(
    harness: FakeArgoHarness, way: str, status: int, body: str, error: type[EngineError]
) -> None:
    """Each status, for a look at one workflow and for a list of many; only the side's own 404 is absence."""
    request, wanted = await submitted(harness)
    harness.faults.add(Fault("answer", status=status, body=said(way, body), method="GET"))
    adapter = harness.adapter
    for read in (lambda: adapter.find(request), lambda: adapter.look(wanted), lambda: adapter.observe([wanted])):
        with pytest.raises(error) as raised:
            await read()
        assert type(raised.value) is error


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, "own", CancelOutcome.ACCEPTED),
        (302, "", CancelOutcome.UNKNOWN),
        (400, "own", PermanentError),
        (401, "own", AuthExpiredError),
        (403, "own", ForbiddenError),
        (404, "absent", CancelOutcome.NOT_FOUND),
        (404, TEXT, ProtocolDriftError),
        (409, "moved", RetryableError),
        (422, "own", PermanentError),
        (429, TEXT, RetryableError),
        (500, TEXT, CancelOutcome.UNKNOWN),
        (503, "own", CancelOutcome.UNKNOWN),
        (504, TEXT, CancelOutcome.UNKNOWN),
    ],
)
async def test_a_cancel_is_answered(
    harness: FakeArgoHarness, way: str, status: int, body: str, outcome: CancelOutcome | type[EngineError]
) -> None:
    """Each status, as the answer to the request that is to end it; a workflow that moves is looked at some times."""
    _, wanted = await submitted(harness)
    route = harness.cancel_route
    harness.faults.add(Fault("answer", status=status, body=said(way, body), method=route.method, path=route.path))
    if isinstance(outcome, CancelOutcome):
        assert await harness.adapter.cancel(wanted, "stop", "enough") is outcome
    else:
        with pytest.raises(outcome) as raised:
            await harness.adapter.cancel(wanted, "stop", "enough")
        assert type(raised.value) is outcome


async def test_a_page_for_people_proves_nothing(harness: FakeArgoHarness) -> None:
    """Whatever stands before the engine, a login page is no answer to anything."""
    _, wanted = await submitted(harness)
    harness.faults.add(Fault("page"))
    assert isinstance(await harness.adapter.submit(harness.request()), Unknown)
    with pytest.raises(ProtocolDriftError):
        await harness.adapter.look(wanted)


@pytest.mark.parametrize(("status", "error"), [(403, ForbiddenError), (500, RetryableError)])
async def test_a_template_that_cannot_be_read_is_not_called_missing(
    harness: FakeArgoHarness, way: str, status: int, error: type[EngineError]
) -> None:
    """Only a 404 of the side itself says that there is none: people are told what it said."""
    harness.faults.add(
        Fault("answer", status=status, body=said(way, "own"), method="GET", path="templates/(argo/)?nap$")
    )
    with pytest.raises(error, match="says it"):
        await harness.adapter.validate({"namespace": "argo", "workflowTemplate": "nap"}, [])


async def test_a_template_that_was_deleted_leaves_names_absent(harness: FakeArgoHarness, way: str) -> None:
    """Of a submit that was lost: a second send is refused, and two looks later the Run fails with these words."""
    request = harness.request()
    harness.fake.state.templates.clear()
    await harness.adapter.close()  # which remembers the template for half a minute, where it reads it itself
    harness.adapter = harness.make(harness.source, request_deadline=10.0)
    assert await harness.adapter.find(request) == Absent()
    assert cell(await harness.adapter.submit(request)) == NO_TARGET
