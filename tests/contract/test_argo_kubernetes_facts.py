"""What the Argo adapter does about Workflow objects in particular, through the fake's API server."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from baton_fakes.argo import FakeArgo
from baton_fakes.argo_kube_harness import STATUS, FakeKubeHarness
from baton_fakes.argo_state import NAP
from live_rows import start_workflows

from baton_models import ExecutionStatus
from baton_operator.engines.argo import kubernetes as argo_kubernetes
from baton_operator.engines.base import (
    CancelOutcome,
    Created,
    NameGone,
    NotSent,
    Reference,
    Rejected,
    Unknown,
)
from baton_operator.engines.conformance import Fault, observed, serving, submitted
from baton_operator.engines.errors import (
    AnswerTooLongError,
    ForbiddenError,
    PermanentError,
    ProtocolDriftError,
    RetryableError,
)

WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows"
CONFLICT = STATUS % ("the object has been modified", "Conflict", 409)
EXPIRED = STATUS % ("The provided continue parameter is too old", "Expired", 410)


@pytest.fixture
async def harness() -> AsyncIterator[FakeKubeHarness]:
    """The fake's API server."""
    fake = FakeArgo(["argo", "other"])
    async with serving(fake.app()) as url:
        made = FakeKubeHarness(fake, url)
        made.adapter = made.make(made.source, request_deadline=10.0)
        yield made
        await made.adapter.close()


async def renew(harness: FakeKubeHarness) -> None:
    """Make the adapter anew, with the page sizes of this moment."""
    await harness.adapter.close()
    harness.adapter = harness.make(harness.source, request_deadline=10.0)


def counted(harness: FakeKubeHarness, method: str) -> int:
    """Count the requests of a method."""
    return sum(count for name, count in harness.fake.requests.items() if name.startswith(method))


async def many(harness: FakeKubeHarness, count: int) -> list[Reference]:
    """Submit *count* workflows."""
    outcomes = await asyncio.gather(*(harness.adapter.submit(harness.request()) for _ in range(count)))
    return [Reference(outcome.external_id, "") for outcome in outcomes if isinstance(outcome, Created)]


async def test_a_list_is_read_by_tokens_to_its_last_page(
    harness: FakeKubeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three pages of what would have been cut."""
    monkeypatch.setattr(argo_kubernetes, "PAGE", 20)
    await renew(harness)
    references = await many(harness, 50)
    harness.fake.requests.clear()
    answer = await harness.adapter.observe(references)
    assert (len(answer.observations), list(answer.missing), answer.pages) == (50, [], 3)
    assert sum(harness.fake.requests.values()) == 3


async def test_a_list_that_expires_is_begun_anew(harness: FakeKubeHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once; a second time is a matter for the next poll. Nothing counts as missing meanwhile."""
    monkeypatch.setattr(argo_kubernetes, "PAGE", 20)
    await renew(harness)
    references = await many(harness, 30)
    harness.faults.add(Fault("answer", status=410, body=EXPIRED, path="/workflows$", method="GET", times=1))
    answer = await harness.adapter.observe(references)
    assert (len(answer.observations), list(answer.missing)) == (30, [])
    harness.faults.add(Fault("answer", status=410, body=EXPIRED, path="/workflows$", method="GET", times=2))
    with pytest.raises(RetryableError, match="expired"):
        await harness.adapter.observe(references)


async def test_a_page_that_is_too_long_is_asked_for_in_halves(
    harness: FakeKubeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects come whole: a poll that fails on their size is followed by one that asks for fewer."""
    references = await many(harness, 12)
    monkeypatch.setattr(argo_kubernetes, "PAGE", 12)
    monkeypatch.setattr(argo_kubernetes, "PAGE_BYTES", 12 * 1024)
    await renew(harness)
    failures = 0
    while True:
        try:
            answer = await harness.adapter.observe(references)
        except AnswerTooLongError:
            failures += 1
            assert failures < 5
        else:
            break
    assert failures > 0
    assert (len(answer.observations), list(answer.missing)) == (12, [])


async def test_a_template_that_is_not_there_is_not_submitted(harness: FakeKubeHarness) -> None:
    """The API server would take it, and the controller end it: argo-server's refusal is made here."""
    harness.fake.state.add_template(
        "argo", {"metadata": {"name": "hello"}, "spec": {"arguments": {"parameters": [{"name": "who"}]}}}
    )
    for target, reason, words in (
        ({"workflowTemplate": "nope"}, "TargetNotFound", "not found"),
        ({"workflowTemplate": "hello"}, "EngineRejected", "requires the parameter who"),
        ({"workflowTemplate": "nap", "entrypoint": "nope"}, "EngineRejected", "no entrypoint nope"),
    ):
        outcome = await harness.adapter.submit(harness.request(target=target, arguments={}))
        assert isinstance(outcome, Rejected)
        assert outcome.reason == reason
        assert words in outcome.message
    assert counted(harness, "POST") == 0


async def test_a_template_is_read_once_for_many_submits(harness: FakeKubeHarness) -> None:
    """One look covers the submits of the next half minute; a validation renews it."""
    await harness.prepare()
    harness.fake.requests.clear()
    await many(harness, 10)
    assert (counted(harness, "GET"), counted(harness, "POST")) == (0, 10)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault("answer", status=429, headers={"Retry-After": "3"}, body="slow down"), NotSent),
        (Fault("answer", status=500, body=STATUS % ("etcdserver: no leader", "InternalError", 500)), NotSent),
        (Fault("drop"), NotSent),
        (Fault("page"), NotSent),
        (Fault("answer", status=403, body=STATUS % ("no", "Forbidden", 403)), Rejected),
    ],
    ids=["later", "error", "drop", "page", "forbidden"],
)
async def test_a_template_that_cannot_be_read_means_that_nothing_was_sent(
    harness: FakeKubeHarness, fault: Fault, expected: type
) -> None:
    """Proven: the submit itself has not been tried."""
    harness.faults.add(Fault(**{name: getattr(fault, name) for name in fault.__struct_fields__} | {"method": "GET"}))
    outcome = await harness.adapter.submit(harness.request())
    assert isinstance(outcome, expected), outcome
    assert getattr(outcome, "slow", True)
    assert counted(harness, "POST") == 0


async def test_a_workflow_that_moves_is_looked_at_again_before_its_end(harness: FakeKubeHarness) -> None:
    """The patch counts only for what was looked at; who has moved is seen first."""
    _, wanted = await submitted(harness)
    harness.faults.add(Fault("answer", status=409, body=CONFLICT, method="PATCH", times=2))
    assert await harness.adapter.cancel(wanted, "stop", "enough") is CancelOutcome.ACCEPTED
    assert counted(harness, "PATCH") == 3
    seen = await observed(harness, wanted, lambda seen: seen.status.is_finished)
    assert seen.status is ExecutionStatus.CANCELLED
    _, restless = await submitted(harness)
    harness.faults.add(Fault("answer", status=409, body=CONFLICT, method="PATCH"))
    with pytest.raises(RetryableError, match="moves faster"):
        await harness.adapter.cancel(restless, "stop", "enough")


async def test_what_ends_between_look_and_patch_stays_as_it_is(harness: FakeKubeHarness) -> None:
    """No shutdown is written into what has ended: a retry by a person would meet it."""
    request, wanted = await submitted(harness)
    harness.faults.add(Fault("latency", seconds=0.3, method="PATCH", times=1))
    cancel = asyncio.create_task(harness.adapter.cancel(wanted, "stop", "enough"))
    await asyncio.sleep(0.1)
    harness.fake.state.end("argo", request.token, "Succeeded")
    assert await cancel is CancelOutcome.ALREADY_TERMINAL
    looked = await harness.adapter.look(wanted)
    assert looked is not None
    assert looked.status is ExecutionStatus.COMPLETED


async def test_a_cancel_leaves_its_reason(harness: FakeKubeHarness) -> None:
    """For people who look at the object; ``terminate`` runs no exit handler."""
    request, wanted = await submitted(harness)
    await harness.adapter.cancel(wanted, "terminate", "wrong region, " + "x" * 1000)
    async with aiohttp.ClientSession(harness.url) as session, session.get(f"{WORKFLOWS}/{request.token}") as answer:
        document = await answer.json()
    assert document["spec"]["shutdown"] == "Terminate"
    assert document["metadata"]["annotations"]["baton.dev/cancel-reason"].startswith("wrong region, x")
    assert len(document["metadata"]["annotations"]["baton.dev/cancel-reason"]) == 500


async def test_a_suspended_workflow_is_seen_as_such(harness: FakeKubeHarness) -> None:
    """A person's patch of ``spec.suspend``, as ``kubectl`` or Argo's CLI make it."""
    request, wanted = await submitted(harness)
    await observed(harness, wanted, lambda seen: seen.status is ExecutionStatus.PROCESSING)
    headers = {"Content-Type": "application/merge-patch+json"}
    async with aiohttp.ClientSession(harness.url, headers=headers) as session:
        await session.patch(f"{WORKFLOWS}/{request.token}", data='{"spec":{"suspend":true}}')
        assert (await observed(harness, wanted, lambda seen: seen.reason == "Suspended")).native == "Running"
        await session.patch(f"{WORKFLOWS}/{request.token}", data='{"spec":{"suspend":null}}')
    await observed(harness, wanted, lambda seen: seen.reason == "Running")


async def test_a_cluster_without_argo_says_so(harness: FakeKubeHarness) -> None:
    """A path that is not served is 404 too; it is no absence."""
    request, wanted = await submitted(harness)
    harness.faults.add(Fault("answer", status=404, headers={"Content-Type": "text/plain"}, body="404 page not found\n"))
    for read in (lambda: harness.adapter.find(request), lambda: harness.adapter.look(wanted)):
        with pytest.raises(ProtocolDriftError, match="install Argo Workflows"):
            await read()
    nameless = STATUS % ("the server could not find the requested resource", "NotFound", 404)
    harness.faults.clear()
    harness.faults.add(Fault("answer", status=404, body=nameless))
    with pytest.raises(ProtocolDriftError):
        await harness.adapter.find(request)
    assert isinstance(await harness.adapter.submit(request), Unknown)


async def test_a_name_that_was_taken_and_then_gone_is_no_refusal(harness: FakeKubeHarness) -> None:
    """Between the 409 and the look the workflow is collected: ours may have run (rule R13)."""
    request, wanted = await submitted(harness)
    gone = STATUS.replace('"code"', '"details":{"name":"x"},"code"') % ("not found", "NotFound", 404)
    harness.faults.add(Fault("answer", status=404, body=gone, method="GET", path="/workflows/", times=1))
    assert isinstance(await harness.adapter.submit(request), NameGone)
    harness.faults.add(Fault("answer", status=409, body=CONFLICT, method="POST", times=1))
    assert isinstance(await harness.adapter.submit(harness.request()), Unknown)
    assert await harness.adapter.look(wanted) is not None


async def test_nodes_that_only_the_server_can_read_are_said_so(harness: FakeKubeHarness) -> None:
    """Compressed or offloaded nodes are not shown as none."""
    _, wanted = await submitted(harness)
    uid, token = wanted.external_id.split("/")[2], wanted.token
    for hidden in ('"compressedNodes":"H4sI"', '"offloadNodeStatusVersion":"fnv:1"'):
        body = f'{{"metadata":{{"name":"{token}","uid":"{uid}"}},"status":{{"phase":"Running",{hidden}}}}}'
        harness.faults.add(Fault("answer", status=200, body=body, method="GET", times=1))
        with pytest.raises(PermanentError, match="only argo-server reads them"):
            await harness.adapter.nodes(wanted)


async def test_a_probe_says_what_is_missing(harness: FakeKubeHarness) -> None:
    """The credential is known but may not list: a note, not a failure; the version is the API server's."""
    assert (await harness.adapter.probe()).version == "Kubernetes v1.36.3"
    harness.faults.add(Fault("answer", status=403, path="/workflows$", body=STATUS % ("cannot list", "Forbidden", 403)))
    assert "may not list workflows in argo: cannot list" in (await harness.adapter.probe()).message
    harness.faults.add(Fault("answer", status=403, path="/version$", body=STATUS % ("no", "Forbidden", 403)))
    with pytest.raises(ForbiddenError):
        await harness.adapter.probe()


async def test_a_cluster_template_is_another_arm(harness: FakeKubeHarness) -> None:
    """Its TTL tells the engine's memory; its workflow says where it is from."""
    template = {"metadata": {"name": "shared"}, "spec": {**NAP["spec"], "ttlStrategy": {"secondsAfterCompletion": 60}}}
    harness.fake.state.cluster_templates["shared"] = template
    target = {"clusterWorkflowTemplate": "shared"}
    problems = await harness.adapter.validate(target, ["secs"])
    assert [(problem.reason, problem.blocking) for problem in problems] == [("ShortMemory", False)]
    request = harness.request(target=target)
    assert isinstance(await harness.adapter.submit(request), Created)
    (entry,) = harness.fake.state.ledger.entries()
    assert entry["labels"]["workflows.argoproj.io/cluster-workflow-template"] == "shared"


def resident() -> int:
    """Measure the memory of this process, in bytes."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


async def test_ten_thousand_workflows_cost_their_pages(
    harness: FakeKubeHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forty requests for 10,000, none of them for a single object, and a second poll keeps no more memory."""
    state = harness.fake.state
    references = [Reference(each["external_id"], each["name"]) for each in start_workflows(harness.fake, 10_000)]
    listed = state.seen("argo", time.time())
    monkeypatch.setattr(state, "seen", lambda *_: listed)  # which it would sort anew for each page
    sizes = []
    for _ in range(3):
        harness.fake.requests.clear()
        answer = await harness.adapter.observe(references)
        assert (len(answer.observations), list(answer.missing), answer.pages) == (10_000, [], 40)
        assert sum(harness.fake.requests.values()) == 40
        del answer
        gc.collect()
        sizes.append(resident())
    assert sizes[-1] - sizes[1] < 16 * 1024 * 1024, sizes
