"""What only Argo does, through the adapter and the fake."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp
import pytest
from baton_fakes.argo import FakeArgo
from baton_fakes.argo_harness import FakeArgoHarness
from baton_fakes.argo_state import NAP

from baton_models import ExecutionStatus
from baton_operator.engines.base import Absent, Adopted, Created, NameGone, Outcome, Reference, Rejected, Unknown
from baton_operator.engines.conformance import Fault, eventually, observed, reference, serving, submitted
from baton_operator.engines.errors import (
    PermanentError,
    RetryableError,
    TargetNotFoundError,
    UnknownOutcomeError,
)
from baton_operator.engines.http import CONNECTIONS
from baton_operator.engines.options import Retrier


@pytest.fixture
async def harness() -> AsyncIterator[FakeArgoHarness]:
    """The fake with two namespaces."""
    fake = FakeArgo(["argo", "other"])
    async with serving(fake.app()) as url:
        made = FakeArgoHarness(fake, url)
        yield made
        await made.adapter.close()


async def put(harness: FakeArgoHarness, name: str, verb: str) -> dict[str, object]:
    """Do what a person does with the CLI."""
    async with aiohttp.ClientSession(harness.url) as session:
        headers = {"Authorization": f"Bearer {harness.source.secret}"}
        async with session.put(f"/api/v1/workflows/argo/{name}/{verb}", json={}, headers=headers) as answer:
            assert answer.status == 200
            return dict(await answer.json())


async def test_a_list_is_read_to_its_last_page(harness: FakeArgoHarness) -> None:
    """1,100 workflows are three pages: a limit alone would have cut them in silence."""
    adapter = harness.adapter = harness.make(harness.source, request_deadline=10.0)
    outcomes: list[Outcome] = []
    for _ in range(0, 1100, CONNECTIONS):  # more at once would wait for each other, and lapse on a slow machine
        outcomes += await asyncio.gather(*(adapter.submit(harness.request()) for _ in range(CONNECTIONS)))
    references = [Reference(outcome.external_id, "") for outcome in outcomes if isinstance(outcome, Created)]
    assert len(references) == 1100
    harness.fake.requests.clear()
    answer = await adapter.observe(references)
    assert (len(answer.observations), list(answer.missing), answer.pages) == (1100, [], 3)
    assert sum(harness.fake.requests.values()) == 3
    one = await adapter.observe(references[:1])
    assert one.pages == 3


async def test_a_name_that_was_taken_and_then_gone_is_no_refusal(harness: FakeArgoHarness) -> None:
    """Between the 409 and the look the workflow is collected: ours may have run (rule R13)."""
    request, _ = await submitted(harness)
    gone = Fault("answer", status=404, body='{"code":5,"message":"not found"}', method="GET", times=1)
    harness.faults.add(gone)
    assert isinstance(await harness.adapter.submit(request), NameGone)


async def test_a_conflict_of_another_kind_is_unknown(harness: FakeArgoHarness) -> None:
    """A 409 that does not say "already exists", with nothing under the name, proves nothing."""
    harness.faults.add(Fault("answer", status=409, body='{"code":10,"message":"please apply your changes"}', times=1))
    assert isinstance(await harness.adapter.submit(harness.request()), Unknown)


async def test_a_conflict_that_cannot_be_looked_into_is_unknown(harness: FakeArgoHarness) -> None:
    """Whose the name is has to be seen."""
    request, _ = await submitted(harness)
    harness.faults.add(Fault("drop", method="GET", times=1))
    assert isinstance(await harness.adapter.submit(request), Unknown)
    assert isinstance(await harness.adapter.submit(request), Adopted)


@pytest.mark.parametrize(
    "message",
    ['Post \\"https://10.96.0.1:443/apis/argoproj.io\\": EOF', "context deadline exceeded", "transport is closing"],
)
@pytest.mark.parametrize("status", [400, 408, 500, 503])
async def test_a_server_that_lost_the_answer_itself_is_unknown(
    harness: FakeArgoHarness, message: str, status: int
) -> None:
    """Argo reports its own lost answer as 400, as if it had refused; the workflow is there."""
    request = harness.request()
    body = f'{{"code":3,"message":"{message}"}}'
    harness.faults.add(Fault("work-then-answer", status=status, body=body, method="POST", times=1))
    assert isinstance(await harness.adapter.submit(request), Unknown)
    assert isinstance(await harness.adapter.submit(request), Adopted)


async def test_a_quota_is_a_matter_of_permission(harness: FakeArgoHarness) -> None:
    """403: a person may mend it, so the refusal is slow, not final."""
    harness.fake.state.settings.quota = 0
    outcome = await harness.adapter.submit(harness.request())
    assert isinstance(outcome, Rejected)
    assert outcome.slow
    assert "quota" in outcome.message


async def test_a_resubmit_by_a_person_is_not_ours(harness: FakeArgoHarness) -> None:
    """It carries our label and fingerprint under another name, and is neither seen nor found."""
    request, wanted = await submitted(harness, "succeeds")
    copy = await put(harness, request.token, "resubmit")
    answer = await harness.adapter.observe([wanted])
    assert [seen.external_id for seen in answer.observations] == [wanted.external_id]
    metadata = copy["metadata"]
    assert isinstance(metadata, dict)
    assert metadata["labels"]["baton.dev/run-uid"] == request.run_uid


async def test_another_workflow_under_the_same_name_is_not_ours(harness: FakeArgoHarness) -> None:
    """Deleted and submitted again by hand: the name is the same, the uid is not."""
    request, wanted = await submitted(harness)
    async with aiohttp.ClientSession(harness.url) as session:
        await session.delete(f"/api/v1/workflows/argo/{request.token}")
    assert await harness.adapter.find(request) == Absent()
    again = await harness.adapter.submit(request)
    assert isinstance(again, Created)
    assert again.external_id != wanted.external_id
    assert await harness.adapter.look(wanted) is None
    assert list((await harness.adapter.observe([wanted])).missing) == [wanted]


async def test_a_collected_workflow_frees_its_name(harness: FakeArgoHarness) -> None:
    """After its TTL a workflow is absent, and the name is taken anew."""
    harness.fake.state.settings.ttl = 0.1
    request, _ = await submitted(harness, "succeeds")

    async def is_gone() -> bool:
        return await harness.adapter.find(request) == Absent()

    await eventually(is_gone)
    assert isinstance(await harness.adapter.submit(request), Created)
    assert await harness.accepted(request.token) == 2


async def test_a_list_that_lags_is_not_the_truth(harness: FakeArgoHarness) -> None:
    """Missing in the list, there in the look."""
    harness.fake.state.settings.list_lag = 60.0
    request = harness.request()
    outcome = await harness.adapter.submit(request)
    assert isinstance(outcome, Created)
    wanted = reference(request, outcome.external_id)
    assert list((await harness.adapter.observe([wanted])).missing) == [wanted]
    assert await harness.adapter.look(wanted) is not None


async def test_a_namespace_that_fails_hides_no_other(harness: FakeArgoHarness) -> None:
    """Its references are neither seen nor missing."""
    _, here = await submitted(harness)
    request = harness.request(target={"workflowTemplate": "nap", "namespace": "other"})
    outcome = await harness.adapter.submit(request)
    assert isinstance(outcome, Created)
    there = reference(request, outcome.external_id)
    harness.faults.add(Fault("answer", status=403, path="/workflows/other$", body='{"code":7,"message":"no"}'))
    answer = await harness.adapter.observe([here, there])
    assert [seen.external_id for seen in answer.observations] == [here.external_id]
    assert (list(answer.missing), [str(error) for error in answer.errors]) == ([], ["no"])
    harness.faults.clear()
    harness.faults.add(Fault("answer", status=500))
    with pytest.raises(RetryableError):
        await harness.adapter.observe([here, there])


async def test_a_suspended_workflow_waits_and_goes_on(harness: FakeArgoHarness) -> None:
    """Its phase stays Running; the reason says what it waits for."""
    request, wanted = await submitted(harness)
    await observed(harness, wanted, lambda seen: seen.status is ExecutionStatus.PROCESSING)
    await put(harness, request.token, "suspend")
    assert (await observed(harness, wanted, lambda seen: seen.reason == "Suspended")).native == "Running"
    await put(harness, request.token, "resume")
    await observed(harness, wanted, lambda seen: seen.reason == "Running")


async def test_a_retry_by_a_person_keeps_name_and_uid(harness: FakeArgoHarness) -> None:
    """What had failed goes on under the same id."""
    request, wanted = await submitted(harness)
    harness.fake.state.end("argo", request.token, "Failed")
    await observed(harness, wanted, lambda seen: seen.status is ExecutionStatus.FAILED)
    await put(harness, request.token, "retry")
    seen = await harness.adapter.look(wanted)
    assert seen is not None
    assert (seen.status.is_finished, seen.finished_at) == (False, None)


async def test_a_cluster_template_is_submitted_and_validated(harness: FakeArgoHarness) -> None:
    """The other arm of a target, and what its TTL says about Argo's memory."""
    template = {"metadata": {"name": "shared"}, "spec": {**NAP["spec"], "ttlStrategy": {"secondsAfterCompletion": 60}}}
    harness.fake.state.cluster_templates["shared"] = template
    target = {"clusterWorkflowTemplate": "shared"}
    problems = await harness.adapter.validate(target, ["secs", "fail"])
    assert [(problem.reason, problem.blocking) for problem in problems] == [("ShortMemory", False)]
    assert (await harness.adapter.probe()).memory == 60.0
    assert isinstance(await harness.adapter.submit(harness.request(target=target)), Created)
    del harness.fake.state.cluster_templates["shared"]
    assert [p.reason for p in await harness.adapter.validate(target, [])] == ["TargetNotFound"]
    assert (await harness.adapter.probe()).memory is None


async def test_an_undeclared_argument_is_found_before_argo_swallows_it(harness: FakeArgoHarness) -> None:
    """Argo itself accepts it in silence."""
    problems = await harness.adapter.validate({"workflowTemplate": "nap"}, ["secs", "typo"])
    assert [problem.reason for problem in problems] == ["InvalidArguments"]
    assert isinstance(await harness.adapter.submit(harness.request(arguments={"typo": 1})), Created)


async def test_a_bad_argument_is_refused_without_a_request(harness: FakeArgoHarness) -> None:
    """A parameter without a name would be a 500 that nobody can tell from a real one."""
    harness.fake.requests.clear()
    outcome = await harness.adapter.submit(harness.request(arguments={"a=b": 1}))
    assert isinstance(outcome, Rejected)
    assert sum(harness.fake.requests.values()) == 0


async def test_a_required_parameter_is_argos_own_refusal(harness: FakeArgoHarness) -> None:
    """400 in Argo's words."""
    parameters = {"parameters": [{"name": "who"}]}
    harness.fake.state.add_template("argo", {"metadata": {"name": "hello"}, "spec": {"arguments": parameters}})
    outcome = await harness.adapter.submit(replace(harness.request(), target={"workflowTemplate": "hello"}))
    assert isinstance(outcome, Rejected)
    assert "spec.arguments.who.value" in outcome.message


async def test_what_has_ended_is_not_even_asked_to_stop(harness: FakeArgoHarness) -> None:
    """A cancel looks first, and sends nothing to what has ended or is ending."""
    _, ended = await submitted(harness, "succeeds")
    await observed(harness, ended, lambda seen: seen.status.is_finished)
    _, ending = await submitted(harness)
    await harness.adapter.cancel(ending, "terminate", "enough")
    harness.fake.requests.clear()
    await harness.adapter.cancel(ended, "stop", "late")
    await harness.adapter.cancel(ending, "terminate", "again")
    assert [request for request in harness.fake.requests if not request.startswith("GET")] == []


async def test_a_pods_lines_are_read_on(harness: FakeArgoHarness) -> None:
    """The endpoint begins anew each time; the cursor skips what was read."""
    spec = {**NAP["spec"], "templates": [{"name": "main", "container": {"image": "x"}}]}
    harness.fake.state.add_template("argo", {"metadata": {"name": "podded"}, "spec": spec})
    request = harness.request("succeeds", target={"workflowTemplate": "podded"})
    outcome = await harness.adapter.submit(request)
    assert isinstance(outcome, Created)
    wanted = reference(request, outcome.external_id)
    await observed(harness, wanted, lambda seen: seen.status.is_finished)
    page = await harness.adapter.logs(wanted, None)
    assert page.text.splitlines() == [f"{request.token}-pod: line {n} of {request.token}" for n in (1, 2)]
    assert (await harness.adapter.logs(wanted, "1")).text.splitlines() == page.text.splitlines()[1:]
    assert (page.cursor, page.more) == ("2", False)


async def test_a_request_is_counted_for_the_metrics(harness: FakeArgoHarness) -> None:
    """The observer hears of each request: operation, code, seconds."""
    heard: list[tuple[str, str]] = []
    adapter = harness.make(harness.source, observer=lambda operation, code, _seconds: heard.append((operation, code)))
    await adapter.submit(harness.request())
    harness.faults.add(Fault("drop", times=1))
    await adapter.submit(harness.request())
    await adapter.submit(harness.request(before_send=lambda: False))
    await adapter.close()
    assert heard == [("submit", "200"), ("submit", "transport"), ("submit", "lapsed")]


async def test_a_retry_goes_on_under_the_same_id(harness: FakeArgoHarness) -> None:
    """What failed runs again; what goes on already, or has succeeded, is refused in Argo's words."""
    adapter = harness.adapter
    assert isinstance(adapter, Retrier)
    _, failed = await submitted(harness, "fails")
    before = await observed(harness, failed, lambda seen: seen.status.is_finished)
    await asyncio.sleep(1.0)  # Argo tells times in whole seconds: the second end is to be told from the first
    await adapter.retry(failed)
    again = await observed(harness, failed, lambda seen: seen.finished_at != before.finished_at)
    assert again.external_id == before.external_id
    _, succeeded = await submitted(harness, "succeeds")
    await observed(harness, succeeded, lambda seen: seen.status.is_finished)
    with pytest.raises(PermanentError, match="To retry a succeeded workflow"):
        await adapter.retry(succeeded)
    _, live = await submitted(harness)
    with pytest.raises(PermanentError, match="Cannot retry a workflow in phase"):
        await adapter.retry(live)
    _, gone = await submitted(harness)
    harness.fake.state.forget_all()
    with pytest.raises(TargetNotFoundError):
        await adapter.retry(gone)


@pytest.mark.parametrize(
    "fault",
    [
        Fault("work-then-drop"),
        Fault("work-then-answer", status=500, body='{"code":13,"message":"internal"}'),
        Fault("work-then-answer", status=400, body='{"code":3,"message":"Put \\"https://10.96.0.1\\": EOF"}'),
        Fault("bomb", size=1024 * 1024),
    ],
    ids=["drop", "error", "unsure", "bomb"],
)
async def test_nobody_takes_a_lost_answer_to_a_retry_for_a_refusal(harness: FakeArgoHarness, fault: Fault) -> None:
    """It may have begun: a look tells."""
    adapter = harness.adapter
    assert isinstance(adapter, Retrier)
    _, failed = await submitted(harness, "fails")
    await observed(harness, failed, lambda seen: seen.status.is_finished)
    harness.faults.add(Fault(**{name: getattr(fault, name) for name in fault.__struct_fields__} | {"method": "PUT"}))
    with pytest.raises(UnknownOutcomeError):
        await adapter.retry(failed)
