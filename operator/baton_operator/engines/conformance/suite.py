"""The contract of `EngineAdapter` and of what it may keep beside it, verb by verb."""

import asyncio
import time
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import replace

import pytest

from baton_models import ExecutionStatus
from baton_operator.engines.base import (
    Absent,
    Adopted,
    CancelOutcome,
    Capability,
    Created,
    Enqueued,
    Foreign,
    Found,
    NotSent,
    Outcome,
    Rejected,
    SubmitRequest,
)
from baton_operator.engines.conformance.harness import Fate, Harness
from baton_operator.engines.conformance.waiting import PATIENCE, eventually, observed, submitted
from baton_operator.engines.options import BatchSubmitter, HandleFollower, HintSource, LogReader, NodeLister, Retrier

ANOTHER_FINGERPRINT = "0" * 64


def keeps_one(harness: Harness) -> bool:
    """Tell whether the engine itself keeps a token to one execution, however often and late a submit arrives."""
    return harness.adapter.idempotency.is_keyed


async def finds_all(harness: Harness, request: SubmitRequest) -> bool:
    """Tell whether `find` shows every execution that the engine's books have under the token (rule R7)."""
    sighting = await harness.adapter.find(request)
    shown = 1 + len(sighting.others) if isinstance(sighting, Found) else 0
    return shown == await harness.accepted(request.token)


class SubmitConformance:
    """`submit` and `find`: what each class of idempotency promises."""

    async def test_a_submit_starts_one_execution(self, harness: Harness) -> None:
        """The first submit of a token is Created, or Enqueued and then found; once in the engine's books."""
        request, _ = await submitted(harness)
        assert await harness.accepted(request.token) == 1

    async def test_a_second_send_adopts_the_first(self, harness: Harness) -> None:
        """
        The same request again: with a name or a key it finds the same execution and starts none.

        The other classes promise nothing once the work has begun, but nothing that was started stays hidden.
        """
        request, first = await submitted(harness)
        outcome = await harness.adapter.submit(replace(request, handle=None))
        if keeps_one(harness):
            assert isinstance(outcome, Adopted), outcome
            assert outcome.external_id == first.external_id
            assert await harness.accepted(request.token) == 1
        else:
            assert isinstance(outcome, Created | Adopted | Enqueued), outcome
            await eventually(lambda: finds_all(harness, request))

    async def test_concurrent_sends_start_one_execution(self, harness: Harness) -> None:
        """
        Eight sends at once: with a name or a key, one is Created, seven are Adopted, and the books show one.

        The other classes may start more: all of them are found. (While work waits in a queue: `HandleConformance`.)
        """
        request = harness.request()
        outcomes = await asyncio.gather(*(harness.adapter.submit(request) for _ in range(8)))
        if keeps_one(harness):
            kinds = sorted(type(outcome).__name__ for outcome in outcomes)
            assert kinds == ["Adopted"] * 7 + ["Created"]
            assert await harness.accepted(request.token) == 1
        else:
            assert {type(outcome) for outcome in outcomes} <= {Created, Adopted, Enqueued}
            await eventually(lambda: finds_all(harness, request))

    async def test_many_submits_are_answered_in_their_order(self, harness: Harness) -> None:
        """Of three new requests and a known one, each gets its own outcome, in one go where the adapter can."""
        known, _ = await submitted(harness)
        new = [harness.request() for _ in range(3)]
        outcomes = await submit_all(harness, [*new, replace(known, handle=None)])
        assert len(outcomes) == 4  # noqa: PLR2004 - as many as above
        assert {type(outcome) for outcome in outcomes[:3]} <= {Created, Enqueued}
        assert [await harness.accepted(each.token) for each in new] == [1, 1, 1]
        if keeps_one(harness):
            assert isinstance(outcomes[3], Adopted)
            assert await harness.accepted(known.token) == 1

    async def test_a_foreigner_under_our_name_is_refused(self, harness: Harness) -> None:
        """
        What has our name but not our fingerprint is neither adopted nor replaced.

        Without unique names nobody can take ours; what carries our token is then never overlooked.
        """
        request, _ = await submitted(harness)
        foreign = replace(request, fingerprint=ANOTHER_FINGERPRINT)
        if keeps_one(harness):
            outcome = await harness.adapter.submit(foreign)
            assert isinstance(outcome, Rejected), outcome
            assert outcome.reason == "NameTaken"
            assert isinstance(await harness.adapter.find(foreign), Foreign)
        else:
            assert isinstance(await harness.adapter.find(foreign), Found | Foreign)
        assert await harness.accepted(request.token) == 1

    async def test_find_tells_found_from_absent(self, harness: Harness) -> None:
        """Find sees what was submitted, under the same id, and nothing else; it starts nothing."""
        request, started = await submitted(harness)
        sighting = await harness.adapter.find(request)
        assert isinstance(sighting, Found), sighting
        assert (sighting.external_id, sighting.others) == (started.external_id, ())
        never = harness.request()
        assert isinstance(await harness.adapter.find(never), Absent)
        assert await harness.accepted(never.token) == 0

    async def test_nothing_is_sent_after_the_lease(self, harness: Harness) -> None:
        """When ``before_send`` says no, nothing was sent, and nobody is to blame (rule R2)."""
        request = harness.request(before_send=lambda: False)
        outcome = await harness.adapter.submit(request)
        assert isinstance(outcome, NotSent), outcome
        assert not outcome.counts
        assert await harness.accepted(request.token) == 0
        assert isinstance(await harness.adapter.find(request), Absent)

    async def test_the_lease_is_asked_for_each_send(self, harness: Harness) -> None:
        """``before_send`` is called exactly once a submit."""
        asked: list[float] = []

        def still_ours() -> bool:
            asked.append(time.monotonic())
            return True

        outcome = await harness.adapter.submit(harness.request(before_send=still_ours))
        assert isinstance(outcome, Created | Enqueued), outcome
        assert len(asked) == 1

    async def test_an_unknown_target_is_found_out(self, harness: Harness) -> None:
        """Validation names it, and a submit of it is refused for good."""
        target = harness.unknown_target()
        problems = await harness.adapter.validate(target, [])
        assert [problem.reason for problem in problems if problem.blocking] == ["TargetNotFound"]
        request = harness.request(target=target)
        outcome = await harness.adapter.submit(request)
        assert isinstance(outcome, Rejected), outcome
        assert outcome.reason == "TargetNotFound"
        assert outcome.message
        assert await harness.accepted(request.token) == 0

    async def test_a_known_target_has_no_problem(self, harness: Harness) -> None:
        """Validation of what a request uses finds nothing that blocks."""
        request = harness.request()
        problems = await harness.adapter.validate(request.target, list(request.arguments))
        assert [problem for problem in problems if problem.blocking] == []


async def submit_all(harness: Harness, requests: Sequence[SubmitRequest]) -> Sequence[Outcome]:
    """Submit *requests*, in one go where the adapter can."""
    adapter = harness.adapter
    if isinstance(adapter, BatchSubmitter):
        return await adapter.submit_batch(requests)
    return [await adapter.submit(each) for each in requests]


class TrackConformance:
    """`observe`, `look` and `cancel`."""

    @pytest.mark.parametrize(
        ("fate", "status"), [("succeeds", ExecutionStatus.COMPLETED), ("fails", ExecutionStatus.FAILED)]
    )
    async def test_an_end_is_observed(self, harness: Harness, fate: Fate, status: ExecutionStatus) -> None:
        """What ends is seen to end, with times and the engine's own word; a look says the same."""
        request, wanted = await submitted(harness, fate)
        await harness.settle(request, fate)
        seen = await observed(harness, wanted, lambda seen: seen.status.is_finished)
        assert (seen.status, seen.external_id, seen.known) == (status, wanted.external_id, True)
        assert seen.native
        assert seen.finished_at is not None
        assert seen.finished_at.tzinfo is not None
        assert seen.duration is not None
        looked = await harness.adapter.look(wanted)
        assert looked is not None
        assert (looked.status, looked.reason) == (seen.status, seen.reason)

    async def test_what_goes_on_is_not_finished(self, harness: Harness) -> None:
        """Live work is PENDING or PROCESSING and has no end."""
        _, wanted = await submitted(harness)
        seen = await observed(harness, wanted, lambda _: True)
        assert seen.status in {ExecutionStatus.PENDING, ExecutionStatus.PROCESSING}
        assert seen.finished_at is None

    async def test_what_is_not_there_is_missing(self, harness: Harness) -> None:
        """One bulk question tells the seen from the missing; a look at the missing one finds nothing."""
        _, wanted = await submitted(harness)
        gone = harness.nowhere(wanted)
        await observed(harness, wanted, lambda _: True)
        answer = await harness.adapter.observe([wanted, gone])
        assert [seen.external_id for seen in answer.observations] == [wanted.external_id]
        assert list(answer.missing) == [gone]
        assert await harness.adapter.look(gone) is None

    async def test_observing_nothing_asks_nothing(self, harness: Harness) -> None:
        """No references, no requests."""
        answer = await harness.adapter.observe([])
        assert (list(answer.observations), list(answer.missing), answer.pages) == ([], [], 0)

    async def test_the_cost_of_observing_is_pages(self, harness: Harness) -> None:
        """Twenty references cost as many requests as one; without BULK_STATUS, at most one each."""
        many = [(await submitted(harness))[1] for _ in range(20)]
        await observed(harness, many[-1], lambda _: True)
        one = await harness.adapter.observe(many[:1])
        all_of_them = await harness.adapter.observe(many)
        if Capability.BULK_STATUS in harness.adapter.capabilities:
            assert one.pages == all_of_them.pages
        else:
            assert all_of_them.pages <= len(many) * one.pages
        assert {seen.external_id for seen in all_of_them.observations} == {each.external_id for each in many}

    async def test_a_cancel_ends_what_goes_on(self, harness: Harness) -> None:
        """A cancel is accepted, and an observation confirms it; without CANCEL it is Unsupported and nothing moves."""
        _, wanted = await submitted(harness)
        outcome = await harness.adapter.cancel(wanted, "stop", "not needed any more")
        if Capability.CANCEL in harness.adapter.capabilities:
            assert outcome is CancelOutcome.ACCEPTED
            seen = await observed(harness, wanted, lambda seen: seen.status.is_finished)
            assert (seen.status, seen.reason) == (ExecutionStatus.CANCELLED, "Cancelled")
        else:
            assert outcome is CancelOutcome.UNSUPPORTED
            assert not (await observed(harness, wanted, lambda _: True)).status.is_finished

    async def test_a_cancel_leaves_what_has_ended(self, harness: Harness) -> None:
        """A cancel that comes too late changes nothing."""
        request, wanted = await submitted(harness, "succeeds")
        await harness.settle(request, "succeeds")
        before = await observed(harness, wanted, lambda seen: seen.status.is_finished)
        late = await harness.adapter.cancel(wanted, "terminate", "late")
        assert late is possible(harness, CancelOutcome.ALREADY_TERMINAL)
        assert await harness.adapter.look(wanted) == before

    async def test_a_cancel_of_nothing_finds_nothing(self, harness: Harness) -> None:
        """What is not there is NotFound, not an error."""
        _, wanted = await submitted(harness)
        outcome = await harness.adapter.cancel(harness.nowhere(wanted), "stop", "gone")
        assert outcome is possible(harness, CancelOutcome.NOT_FOUND)


def possible(harness: Harness, outcome: CancelOutcome) -> CancelOutcome:
    """Say what a cancel answers: *outcome*, if the adapter can cancel at all."""
    return outcome if Capability.CANCEL in harness.adapter.capabilities else CancelOutcome.UNSUPPORTED


class OptionConformance:
    """What is declared is implemented, and the other way round."""

    async def test_a_probe_names_the_version(self, harness: Harness) -> None:
        """A probe tells the engine's version."""
        health = await harness.adapter.probe()
        assert health.version

    async def test_capabilities_are_kept(self, harness: Harness) -> None:
        """Each option's protocol is kept exactly where its capability is declared."""
        adapter = harness.adapter
        options = {
            Capability.LOGS: LogReader,
            Capability.NODES: NodeLister,
            Capability.HINTS: HintSource,
            Capability.RETRY: Retrier,
        }
        kept = {capability for capability, protocol in options.items() if isinstance(adapter, protocol)}
        assert kept == adapter.capabilities & options.keys()

    async def test_handles_are_tested(self, harness: Harness) -> None:
        """An adapter whose engine answers with handles runs `HandleConformance`; one without does not."""
        runs_it = hasattr(type(self), "test_what_waits_is_followed_until_it_begins")
        assert isinstance(harness.adapter, HandleFollower) == runs_it

    async def test_logs_and_nodes_can_be_read(self, harness: Harness) -> None:
        """The log of what has ended ends, the steps of what succeeded did, too."""
        adapter = harness.adapter
        request, wanted = await submitted(harness, "succeeds")
        await harness.settle(request, "succeeds")
        await observed(harness, wanted, lambda seen: seen.status.is_finished)
        if isinstance(adapter, LogReader):
            page = await adapter.logs(wanted, None)
            assert not page.more
            assert (await adapter.logs(wanted, page.cursor)).text == ""
        if isinstance(adapter, NodeLister):
            shown = {node.status for node in await adapter.nodes(wanted)}
            assert shown - {ExecutionStatus.SKIPPED} == {ExecutionStatus.COMPLETED}

    async def test_a_hint_comes_when_something_moves(self, harness: Harness) -> None:
        """With HINTS: work that begins is hinted at, sooner or later; a hint may be missed, so there is more work."""
        adapter = harness.adapter
        if not isinstance(adapter, HintSource):
            return
        target = harness.request().target

        async def first_hint() -> None:
            async with aclosing(adapter.hints([target])) as hints:
                async for _ in hints:
                    return

        waiting = asyncio.create_task(first_hint())
        deadline = time.monotonic() + PATIENCE
        while not waiting.done() and time.monotonic() < deadline:
            await submitted(harness, "succeeds")
            await asyncio.wait([waiting], timeout=0.5)
        assert waiting.done(), "no hint came"
        await waiting

    async def test_a_retry_runs_again_what_failed(self, harness: Harness) -> None:
        """With RETRY: the same execution goes on, or ends later than it had."""
        adapter = harness.adapter
        if not isinstance(adapter, Retrier):
            return
        request, wanted = await submitted(harness, "fails")
        await harness.settle(request, "fails")
        before = await observed(harness, wanted, lambda seen: seen.status.is_finished)
        await asyncio.sleep(1.0)  # engines tell times in whole seconds: a second end is to be told from the first
        await adapter.retry(wanted)
        await observed(
            harness, wanted, lambda seen: not seen.status.is_finished or seen.finished_at != before.finished_at
        )
        assert await harness.accepted(request.token) == 1


class AdapterConformance(SubmitConformance, TrackConformance, OptionConformance):
    """The contract of `EngineAdapter`."""
