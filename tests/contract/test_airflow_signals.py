"""The signal table, cell by cell, as Airflow's adapter fills it."""

from collections.abc import AsyncIterator

import pytest
from baton_fakes.airflow import FakeAirflow
from baton_fakes.airflow_harness import FakeAirflowHarness
from baton_fakes.signal_cells import NO_AUTH, NO_TARGET, NOT_SENT, REJECTED, SLOW, UNKNOWN, cell

from baton_operator.engines.base import Absent, CancelOutcome, NotSent, Rejected, Unknown
from baton_operator.engines.conformance import Fault, serving, submitted
from baton_operator.engines.errors import (
    AuthExpiredError,
    EngineError,
    ForbiddenError,
    PermanentError,
    ProtocolDriftError,
    RetryableError,
)

OWN = '{"detail":"as Airflow says it"}'
ROUTE = '{"error":"API route not found"}'
TEXT = "a proxy's words"
INVALID = '{"detail":"Invalid JWT token"}'
TAKEN = '{"detail":{"reason":"Unique constraint violation","statement":"hidden","message":"Serious"}}'
FIELDS = '{"detail":[{"type":"missing","loc":["body","logical_date"],"msg":"Field required","input":{"s":"hidden"}}]}'


@pytest.fixture
async def harness() -> AsyncIterator[FakeAirflowHarness]:
    """The fake, with a token that counts."""
    fake = FakeAirflow()
    async with serving(fake.app()) as url:
        made = FakeAirflowHarness(fake, url, request_deadline=10.0)
        await made.adapter.probe()
        yield made
        await made.adapter.close()


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, OWN, UNKNOWN),
        (201, "{}", UNKNOWN),
        (204, "", UNKNOWN),
        (302, "", UNKNOWN),
        (307, OWN, UNKNOWN),
        (400, OWN, REJECTED),
        (400, TEXT, REJECTED),
        (401, OWN, NO_AUTH),
        (401, TEXT, NO_AUTH),
        (403, OWN, SLOW),
        (403, TEXT, SLOW),
        (403, INVALID, NO_AUTH),
        (404, OWN, NO_TARGET),
        (404, ROUTE, UNKNOWN),
        (404, TEXT, UNKNOWN),
        (405, OWN, REJECTED),
        (408, TEXT, NOT_SENT),
        (409, TAKEN, ("NameGone",)),
        (409, OWN, UNKNOWN),
        (409, TEXT, UNKNOWN),
        (413, TEXT, REJECTED),
        (415, OWN, REJECTED),
        (422, FIELDS, REJECTED),
        (425, TEXT, NOT_SENT),
        (429, OWN, NOT_SENT),
        (500, "Internal Server Error", UNKNOWN),
        (500, OWN, UNKNOWN),
        (502, TEXT, UNKNOWN),
        (503, OWN, NOT_SENT),
        (503, TEXT, UNKNOWN),
        (503, ROUTE, UNKNOWN),
        (504, OWN, UNKNOWN),
    ],
)
async def test_a_submit_is_answered(
    harness: FakeAirflowHarness, status: int, body: str, outcome: tuple[object, ...]
) -> None:
    """Each status, with Airflow's own mark and without; nothing lies under the name that was asked for."""
    harness.faults.add(Fault("answer", status=status, body=body, method="POST", path="/dagRuns$"))
    request = harness.request()
    assert cell(await harness.adapter.submit(request)) == outcome
    assert await harness.accepted(request.token) == 0


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (200, OWN, ProtocolDriftError),
        (302, "", ProtocolDriftError),
        (400, OWN, PermanentError),
        (401, OWN, AuthExpiredError),
        (403, OWN, ForbiddenError),
        (403, INVALID, AuthExpiredError),
        (404, ROUTE, ProtocolDriftError),
        (404, TEXT, ProtocolDriftError),
        (405, OWN, PermanentError),
        (408, TEXT, RetryableError),
        (413, TEXT, PermanentError),
        (415, OWN, PermanentError),
        (422, FIELDS, PermanentError),
        (425, TEXT, RetryableError),
        (429, OWN, RetryableError),
        (500, TEXT, RetryableError),
        (502, TEXT, RetryableError),
        (503, OWN, RetryableError),
        (504, TEXT, RetryableError),
    ],
)
async def test_a_read_is_answered(
    harness: FakeAirflowHarness, status: int, body: str, error: type[EngineError]
) -> None:
    """Each status, for a look at one run and for a list of many; only Airflow's own 404 is absence."""
    request, wanted = await submitted(harness)
    harness.faults.add(Fault("answer", status=status, body=body, method="GET"))
    adapter = harness.adapter
    for read in (lambda: adapter.find(request), lambda: adapter.look(wanted), lambda: adapter.observe([wanted])):
        with pytest.raises(error) as raised:
            await read()
        assert type(raised.value) is error


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, OWN, CancelOutcome.ACCEPTED),
        (302, "", CancelOutcome.UNKNOWN),
        (400, OWN, PermanentError),
        (401, OWN, AuthExpiredError),
        (403, OWN, ForbiddenError),
        (403, INVALID, AuthExpiredError),
        (404, OWN, CancelOutcome.NOT_FOUND),
        (404, TEXT, ProtocolDriftError),
        (422, FIELDS, PermanentError),
        (429, OWN, RetryableError),
        (500, TEXT, CancelOutcome.UNKNOWN),
        (503, OWN, CancelOutcome.UNKNOWN),
        (504, TEXT, CancelOutcome.UNKNOWN),
    ],
)
async def test_a_cancel_is_answered(
    harness: FakeAirflowHarness, status: int, body: str, outcome: CancelOutcome | type[EngineError]
) -> None:
    """Each status, as the answer to the PATCH."""
    _, wanted = await submitted(harness)
    harness.faults.add(Fault("answer", status=status, body=body, method="PATCH"))
    if isinstance(outcome, CancelOutcome):
        assert await harness.adapter.cancel(wanted, "stop", "enough") is outcome
    else:
        with pytest.raises(outcome) as raised:
            await harness.adapter.cancel(wanted, "stop", "enough")
        assert type(raised.value) is outcome


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (OWN, "as Airflow says it"),
        (FIELDS, "body.logical_date: Field required"),
        (TAKEN, "Unique constraint violation: Serious"),
        ('{"detail":[1]}', "a field is not as Airflow wants it"),
        ('{"detail":{"else":1}}', '{"else":1}'),
        (TEXT, TEXT),
        ("", "the engine answered 422"),
    ],
)
async def test_a_refusal_speaks_airflows_words(harness: FakeAirflowHarness, body: str, message: str) -> None:
    """In each of the forms that a ``detail`` has; of a wrong field never the value."""
    harness.faults.add(Fault("answer", status=422, body=body, method="POST", path="/dagRuns$"))
    outcome = await harness.adapter.submit(harness.request())
    assert isinstance(outcome, Rejected)
    assert outcome.message == message


async def test_a_page_for_people_proves_nothing(harness: FakeAirflowHarness) -> None:
    """Airflow itself answers a path that it does not have, outside its API, with its web page and 200."""
    adapter = harness.make(harness.source, url=f"{harness.url}/not-the-root")
    with pytest.raises(EngineError):
        await adapter.probe()
    outcome = await adapter.submit(harness.request())
    assert isinstance(outcome, NotSent), outcome
    harness.faults.add(Fault("page", method="POST", path="/dagRuns$"))
    assert isinstance(await harness.adapter.submit(harness.request()), Unknown)
    await adapter.close()


@pytest.mark.parametrize(("status", "error"), [(403, ForbiddenError), (500, RetryableError)])
async def test_a_dag_that_cannot_be_read_is_not_called_missing(
    harness: FakeAirflowHarness, status: int, error: type[EngineError]
) -> None:
    """Only a 404 says that there is none: people are told what Airflow said."""
    harness.faults.add(Fault("answer", status=status, body=OWN, path="/details$"))
    with pytest.raises(error, match="as Airflow says it"):
        await harness.adapter.validate({"dag": "nap"}, [])


async def test_a_dag_that_was_deleted_took_its_runs_with_it(harness: FakeAirflowHarness) -> None:
    """The id is absent, and a second send is refused: two looks later the Run fails with Airflow's words."""
    request, _ = await submitted(harness)
    del harness.fake.state.dags["nap"]
    harness.fake.state.runs.clear()
    assert await harness.adapter.find(request) == Absent()
    assert cell(await harness.adapter.submit(request)) == NO_TARGET
