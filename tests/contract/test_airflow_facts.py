"""What only Airflow does, through the adapter and the fake: names, lists, ends."""

import asyncio
import resource
from collections.abc import AsyncIterator

import aiohttp
import pytest
from aiohttp import web
from aiohttp.typedefs import Handler
from baton_fakes.airflow import FakeAirflow
from baton_fakes.airflow_dags import Declared, Task, param
from baton_fakes.airflow_harness import FakeAirflowHarness

from baton_models import ExecutionStatus
from baton_operator.engines.airflow.adapter import AT_ONCE
from baton_operator.engines.base import (
    Absent,
    Adopted,
    CancelOutcome,
    Created,
    Foreign,
    NameGone,
    Reference,
    Rejected,
    Unknown,
)
from baton_operator.engines.conformance import Fault, eventually, observed, reference, serving, submitted
from baton_operator.engines.errors import PermanentError, RetryableError

PATCH = "PATCH /api/v2/dags/{dag}/dagRuns/{run}"
LIST = "GET /api/v2/dags/{dag}/dagRuns"
OTHER = Declared("other", [Task("wait", seconds="secs")], {"secs": param(2.0, "number")})
#: A DAG that its own timeout ends before its task does.
LIMITED = Declared("limited", [Task("wait", seconds=300), Task("after")], timeout=0.3)


@pytest.fixture
async def harness() -> AsyncIterator[FakeAirflowHarness]:
    """The fake with two more DAGs."""
    fake = FakeAirflow()
    fake.state.declare(OTHER)
    fake.state.declare(LIMITED)
    async with serving(fake.app()) as url:
        made = FakeAirflowHarness(fake, url, request_deadline=10.0)
        await made.adapter.probe()
        yield made
        await made.adapter.close()


@pytest.mark.parametrize("verb", ["submit", "find", "look", "cancel"])
async def test_few_requests_are_under_way_at_once(verb: str) -> None:
    """A real api-server whose database connections are all taken answers nobody for half a minute."""
    fake, under_way, most = FakeAirflow(), 0, 0

    @web.middleware
    async def counting(request: web.Request, handler: Handler) -> web.StreamResponse:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            await asyncio.sleep(0.01)
            return await handler(request)
        finally:
            under_way -= 1

    app = fake.app()
    app.middlewares.append(counting)
    async with serving(app) as url:
        harness = FakeAirflowHarness(fake, url, request_deadline=10.0)
        adapter, requests = harness.adapter, [harness.request() for _ in range(40)]
        wanted = [reference(each, f"nap/{each.token}") for each in requests]
        ask = {
            "submit": lambda at: adapter.submit(requests[at]),
            "find": lambda at: adapter.find(requests[at]),
            "look": lambda at: adapter.look(wanted[at]),
            "cancel": lambda at: adapter.cancel(wanted[at], "stop", "enough"),
        }[verb]
        outcomes = await asyncio.gather(*(ask(at) for at in range(40)))
        await adapter.close()
    expected = {"find": Absent(), "look": None, "cancel": CancelOutcome.NOT_FOUND}
    assert all(isinstance(each, Created) if verb == "submit" else each == expected[verb] for each in outcomes)
    assert 1 < most <= AT_ONCE


async def by_hand(harness: FakeAirflowHarness, method: str, path: str, body: object = None) -> None:
    """Do what a person does."""
    token = harness.fake.state.log_in({"username": "admin", "password": "admin"})
    async with aiohttp.ClientSession(harness.url) as session:
        headers = {"Authorization": f"Bearer {token}"}
        async with session.request(method, f"/api/v2/dags/{path}", json=body, headers=headers) as answer:
            assert answer.status < 300, await answer.text()


def filled(harness: FakeAirflowHarness, count: int, dag: str = "nap", secs: float = 300.0) -> list[Reference]:
    """Put runs into the fake's books, as if they had been submitted."""
    made = []
    for number in range(count):
        token = f"baton-{number:032x}-a1"
        body = {"dag_run_id": token, "logical_date": None, "conf": {"secs": secs}}
        harness.fake.state.trigger(dag, body, "admin")
        made.append(Reference(f"{dag}/{token}", token, {"dag": dag}))
    return made


async def test_a_name_that_was_taken_and_then_gone_is_no_refusal(harness: FakeAirflowHarness) -> None:
    """Between the 409 and the look the run is deleted: ours may have run (rule R13)."""
    request, _ = await submitted(harness)
    gone = Fault("answer", status=404, body='{"detail":"The DagRun was not found"}', method="GET", times=1)
    harness.faults.add(gone)
    assert isinstance(await harness.adapter.submit(request), NameGone)


async def test_a_conflict_that_cannot_be_looked_into_is_unknown(harness: FakeAirflowHarness) -> None:
    """Whose the name is has to be seen."""
    request, _ = await submitted(harness)
    harness.faults.add(Fault("drop", method="GET", times=1))
    assert isinstance(await harness.adapter.submit(request), Unknown)
    assert isinstance(await harness.adapter.submit(request), Adopted)


@pytest.mark.parametrize("conf", [{}, {"baton": {"runUid": "x", "fingerprint": "y"}}, {"baton": 1}])
async def test_a_run_of_our_name_without_our_marks_is_foreign(harness: FakeAirflowHarness, conf: object) -> None:
    """A person may trigger under any id."""
    request = harness.request()
    body = {"dag_run_id": request.token, "logical_date": None, "conf": conf}
    await by_hand(harness, "POST", "nap/dagRuns", body)
    outcome = await harness.adapter.submit(request)
    assert isinstance(outcome, Rejected), outcome
    assert outcome.reason == "NameTaken"
    assert await harness.adapter.find(request) == Foreign(f"nap/{request.token}")


async def test_a_run_that_was_cleaned_up_frees_its_name(harness: FakeAirflowHarness) -> None:
    """After ``airflow db clean`` a run is absent, and the name is taken anew."""
    request, _ = await submitted(harness, "succeeds")
    harness.fake.state.settings.keeps = 0.1

    async def is_gone() -> bool:
        return await harness.adapter.find(request) == Absent()

    await eventually(is_gone)
    assert isinstance(await harness.adapter.submit(request), Created)
    assert await harness.accepted(request.token) == 2


async def test_ten_thousand_runs_cost_their_pages(harness: FakeAirflowHarness) -> None:
    """A hundred requests for 10,000, none of them for a single run, and no more memory than the answer."""
    references = filled(harness, 10_000)
    harness.fake.requests.clear()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answer = await harness.adapter.observe(references)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024
    assert (len(answer.observations), list(answer.missing), answer.pages) == (10_000, [], 100)
    assert harness.fake.requests == {LIST: 100}
    assert {seen.external_id for seen in answer.observations} == {each.external_id for each in references}
    assert grown < 64 * 1024 * 1024


async def test_what_has_ended_needs_no_request_of_its_own(harness: FakeAirflowHarness) -> None:
    """One request tells of live runs and of ended ones, whenever they ended."""
    live = filled(harness, 20)
    ended = []
    for _ in range(5):
        request = harness.request("succeeds")
        outcome = await harness.adapter.submit(request)
        assert isinstance(outcome, Created)
        ended.append(reference(request, outcome.external_id))
    for each in ended:
        await observed(harness, each, lambda seen: seen.status.is_finished)
    harness.fake.requests.clear()
    answer = await harness.adapter.observe([*live, *ended])
    assert harness.fake.requests == {LIST: 1}
    assert sum(seen.status is ExecutionStatus.COMPLETED for seen in answer.observations) == 5
    assert len(answer.observations) == 25


async def test_others_do_not_count(harness: FakeAirflowHarness) -> None:
    """Runs of other names cost nothing, also those whose name begins as ours does."""
    (ours,) = filled(harness, 1)
    for number in range(150):
        body = {"dag_run_id": f"{ours.token}{number}", "logical_date": None, "conf": {"secs": 300}}
        harness.fake.state.trigger("nap", body, "admin")
        harness.fake.state.trigger("nap", {**body, "dag_run_id": f"manual-{number}"}, "admin")
    answer = await harness.adapter.observe([ours])
    assert [seen.external_id for seen in answer.observations] == [ours.external_id]
    assert answer.pages == 2


async def test_a_page_that_is_too_long_is_asked_for_in_parts(harness: FakeAirflowHarness) -> None:
    """A hundred runs with 100 KB of ``conf`` each are more than is read at once; all of them are seen."""
    references = filled(harness, 100)
    for run in harness.fake.state.runs.values():
        run.conf = {**run.conf, "blob": "x" * 100_000}
    answer = await harness.adapter.observe(references)
    assert (len(answer.observations), list(answer.missing), answer.pages) == (100, [], 2)


async def test_a_list_that_lags_is_not_the_truth(harness: FakeAirflowHarness) -> None:
    """Missing in the list, there in the look."""
    harness.fake.state.settings.list_lag = 60.0
    _, wanted = await submitted(harness)
    assert list((await harness.adapter.observe([wanted])).missing) == [wanted]
    assert await harness.adapter.look(wanted) is not None


async def test_a_dag_that_fails_hides_no_other(harness: FakeAirflowHarness) -> None:
    """Its runs are neither seen nor missing; where all fail, that is the answer."""
    (here,), (there,) = filled(harness, 1), filled(harness, 1, "other")
    harness.faults.add(Fault("answer", status=403, path="/dags/other/", body='{"detail":"Forbidden"}'))
    answer = await harness.adapter.observe([here, there])
    assert [seen.external_id for seen in answer.observations] == [here.external_id]
    assert (list(answer.missing), [str(error) for error in answer.errors]) == ([], ["Forbidden"])
    harness.faults.clear()
    harness.faults.add(Fault("answer", status=500))
    with pytest.raises(RetryableError):
        await harness.adapter.observe([here, there])


async def test_runs_of_a_dag_that_was_deleted_are_missing(harness: FakeAirflowHarness) -> None:
    """Airflow deletes them with it, and then knows neither."""
    (here,), (there,) = filled(harness, 1), filled(harness, 1, "other")
    del harness.fake.state.dags["other"]
    harness.fake.state.runs.pop(("other", there.token))
    answer = await harness.adapter.observe([here, there])
    assert ([seen.external_id for seen in answer.observations], list(answer.missing)) == ([here.external_id], [there])
    assert await harness.adapter.look(there) is None


@pytest.mark.parametrize("identity", ["", "nap", "/x", "nap/", "a/b/c"])
async def test_what_is_no_id_of_airflows_is_missing(harness: FakeAirflowHarness, identity: str) -> None:
    """Nothing is asked for it."""
    strange = Reference(identity, "")
    harness.fake.requests.clear()
    assert list((await harness.adapter.observe([strange])).missing) == [strange]
    assert await harness.adapter.look(strange) is None
    assert sum(harness.fake.requests.values()) == 0


async def test_a_paused_dag_takes_runs_and_lets_them_wait(harness: FakeAirflowHarness) -> None:
    """Validation says so and blocks nothing; the run begins when somebody unpauses the DAG."""
    await by_hand(harness, "PATCH", "nap", {"is_paused": True})
    problems = await harness.adapter.validate({"dag": "nap"}, [])
    assert [(each.reason, each.blocking) for each in problems] == [("TargetPaused", False)]
    _, wanted = await submitted(harness, "succeeds")
    seen = await harness.adapter.look(wanted)
    assert seen is not None
    assert (seen.status, seen.reason, seen.native) == (ExecutionStatus.PENDING, "Dispatched", "queued")
    await by_hand(harness, "PATCH", "nap", {"is_paused": False})
    await observed(harness, wanted, lambda seen: seen.status is ExecutionStatus.COMPLETED)


@pytest.mark.parametrize("learned", [True, False])
async def test_a_dags_own_timeout_is_told_from_a_failure(harness: FakeAirflowHarness, learned: bool) -> None:
    """Whether `validate` has read it before or not; the DAG is asked once, not for each run."""
    if learned:
        await harness.adapter.validate({"dag": "limited"}, [])
    many = [await submitted_to(harness, "limited") for _ in range(3)]
    for wanted in many:
        seen = await observed(harness, wanted, lambda seen: seen.status.is_finished)
        assert (seen.status, seen.reason, seen.native) == (ExecutionStatus.FAILED, "TimedOut", "failed")
    assert harness.fake.requests["GET /api/v2/dags/{dag}/details"] == 1


async def test_a_failure_is_told_although_the_dag_is_not(harness: FakeAirflowHarness) -> None:
    """That a run failed is worth more than why."""
    _, wanted = await submitted(harness, "fails")
    harness.faults.add(Fault("answer", status=500, path="/details$"))
    seen = await observed(harness, wanted, lambda seen: seen.status.is_finished)
    assert (seen.status, seen.reason) == (ExecutionStatus.FAILED, "Failed")


async def submitted_to(harness: FakeAirflowHarness, dag: str) -> Reference:
    """Submit something to another DAG."""
    request = harness.request(target={"dag": dag}, arguments={})
    outcome = await harness.adapter.submit(request)
    assert isinstance(outcome, Created), outcome
    return reference(request, outcome.external_id)


async def test_what_has_ended_is_never_patched(harness: FakeAirflowHarness) -> None:
    """A PATCH would turn a successful run into a failed one; a word that nobody knows may be an end."""
    _, good = await submitted(harness, "succeeds")
    _, bad = await submitted(harness, "fails")
    for wanted in (good, bad):
        await observed(harness, wanted, lambda seen: seen.status.is_finished)
        assert await harness.adapter.cancel(wanted, "terminate", "late") is CancelOutcome.ALREADY_TERMINAL
    _, strange = await submitted(harness)
    body = f'{{"dag_run_id":"{strange.token}","dag_id":"nap","state":"levitating"}}'
    harness.faults.add(Fault("answer", status=200, body=body, method="GET"))
    assert await harness.adapter.cancel(strange, "stop", "what is it?") is CancelOutcome.UNKNOWN
    assert harness.fake.requests[PATCH] == 0


async def test_a_run_that_ends_between_look_and_patch_is_shown_as_cancelled(harness: FakeAirflowHarness) -> None:
    """The one race that Airflow leaves open: what it says itself is failed, and the note says by whom."""
    request = harness.request(arguments={"secs": 2.0, "fail": "no"})
    outcome = await harness.adapter.submit(request)
    assert isinstance(outcome, Created)
    wanted = reference(request, outcome.external_id)
    harness.faults.add(Fault("late-answer", seconds=2.5, method="GET", times=1))
    assert await harness.adapter.cancel(wanted, "stop", "enough") is CancelOutcome.ACCEPTED
    seen = await observed(harness, wanted, lambda seen: seen.status.is_finished)
    assert (seen.status, seen.native) == (ExecutionStatus.CANCELLED, "failed")


async def test_a_cancel_says_why_in_the_note(harness: FakeAirflowHarness) -> None:
    """People's words stay; who cancelled is told apart from a failure."""
    request, wanted = await submitted(harness)
    await by_hand(harness, "PATCH", f"nap/dagRuns/{request.token}?update_mask=note", {"note": "watch this one"})
    await harness.adapter.cancel(wanted, "stop", "not needed any more")
    run = harness.fake.state.find("nap", request.token)
    assert run.note is not None
    assert run.note.startswith("watch this one\nCancelled by Baton: not needed any more [")
    seen = await harness.adapter.look(wanted)
    assert seen is not None
    assert (seen.status, seen.reason) == (ExecutionStatus.CANCELLED, "Cancelled")


async def test_an_end_by_hand_is_what_airflow_calls_it(harness: FakeAirflowHarness) -> None:
    """Airflow does not tell a run that a person marked as failed from one that failed."""
    request, wanted = await submitted(harness)
    await by_hand(harness, "PATCH", f"nap/dagRuns/{request.token}", {"state": "failed"})
    seen = await harness.adapter.look(wanted)
    assert seen is not None
    assert (seen.status, seen.reason) == (ExecutionStatus.FAILED, "Failed")


async def test_a_cancel_of_an_earlier_life_does_not_count(harness: FakeAirflowHarness) -> None:
    """Cleared by a person after a cancel, the run goes on, and then fails by itself: that is a failure."""
    request, wanted = await submitted(harness)
    await observed(harness, wanted, lambda seen: seen.status is ExecutionStatus.PROCESSING)
    await harness.adapter.cancel(wanted, "stop", "enough")
    harness.fake.state.find("nap", request.token).conf = {"secs": 0.1, "fail": "yes"}
    await by_hand(harness, "POST", f"nap/dagRuns/{request.token}/clear", {"dry_run": False})
    seen = await observed(harness, wanted, lambda seen: seen.status.is_finished)
    assert (seen.status, seen.reason) == (ExecutionStatus.FAILED, "Failed")


async def test_an_airflow_that_is_too_old_is_said(harness: FakeAirflowHarness) -> None:
    """It would leave out what it does not know of a query: every run there ever was would be listed."""
    harness.faults.add(Fault("answer", status=200, body='{"version":"3.1.8"}', path="/version$"))
    with pytest.raises(PermanentError, match=r"3\.1\.8 cannot list runs by their ids: 3\.3 or newer can"):
        await harness.adapter.probe()


async def test_a_probe_says_what_does_not_work(harness: FakeAirflowHarness) -> None:
    """Airflow takes runs although nothing would begin; and a credential may be known and of no use."""
    harness.fake.state.settings.healthy = False
    harness.faults.add(Fault("answer", status=403, body='{"detail":"Forbidden"}', path="/dags$"))
    health = await harness.adapter.probe()
    assert health.version == "3.3.2"
    assert "Airflow's scheduler is unhealthy" in health.message
    assert "may not list DAGs: Forbidden" in health.message


async def test_an_argument_that_no_param_names_is_said(harness: FakeAirflowHarness) -> None:
    """Airflow itself takes it in silence; one that does not fit its param it refuses in its own words."""
    problems = await harness.adapter.validate({"dag": "nap"}, ["secs", "typo"])
    assert [(each.reason, each.blocking) for each in problems] == [("InvalidArguments", False)]
    assert isinstance(await harness.adapter.submit(harness.request(arguments={"typo": 1})), Created)
    outcome = await harness.adapter.submit(harness.request(arguments={"secs": "many"}))
    assert isinstance(outcome, Rejected)
    assert "'many' is not of type 'number'" in outcome.message


async def test_bad_requests_are_not_sent(harness: FakeAirflowHarness) -> None:
    """What is Baton's own in ``conf`` cannot be an argument; a DAG's name is no path."""
    harness.fake.requests.clear()
    for changes in ({"arguments": {"baton": 1}}, {"target": {"dag": ".."}}):
        assert isinstance(await harness.adapter.submit(harness.request(**changes)), Rejected)
    assert sum(harness.fake.requests.values()) == 0


async def test_many_adapters_of_one_run_start_it_once(harness: FakeAirflowHarness) -> None:
    """Replicas that all believe in their lease: the name decides."""
    request = harness.request()
    adapters = [harness.make(harness.source) for _ in range(5)]
    outcomes = await asyncio.gather(*(adapter.submit(request) for adapter in adapters))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Adopted"] * 4 + ["Created"]
    assert await harness.accepted(request.token) == 1
    await asyncio.gather(*(adapter.close() for adapter in adapters))
