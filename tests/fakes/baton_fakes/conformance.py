"""
What every adapter must keep, as tests over a harness: an adapter and the engine under the test's control.

Subclass `AdapterConformance` (and `ServerConformance`, for an engine behind HTTP whose fake can show faults), give it
a fixture ``harness``, and run pytest. Nothing here knows a particular engine.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, Protocol

import pytest

from baton_models import ExecutionStatus
from baton_operator.engines.base import (
    Absent,
    Adopted,
    CancelOutcome,
    Capability,
    Created,
    EngineAdapter,
    Foreign,
    Found,
    NotSent,
    Observation,
    Reference,
    Rejected,
    SubmitRequest,
)
from baton_operator.engines.options import LogReader, NodeLister

#: What a request's work shall do: go on until it is ended, or come to one of its ends by itself or by `settle`.
Fate = Literal["lasts", "succeeds", "fails"]

ANOTHER_FINGERPRINT = "0" * 64


class Harness(Protocol):
    """One engine under the test's control."""

    adapter: EngineAdapter

    def request(self, fate: Fate = "lasts", **changes: Any) -> SubmitRequest:
        """Make a request with a token of its own; *changes* replace its fields."""

    def unknown_target(self) -> Mapping[str, Any]:
        """Return a target that the engine does not have."""

    async def settle(self, request: SubmitRequest, fate: Fate) -> None:
        """See to it that the work comes to its end soon, where it does not by itself."""

    async def accepted(self, token: str) -> int:
        """Count in the engine's own books how often *token* was accepted."""


def reference(request: SubmitRequest, external_id: str) -> Reference:
    """Name the execution of *request*."""
    return Reference(external_id, request.token, request.target)


async def submitted(harness: Harness, fate: Fate = "lasts") -> tuple[SubmitRequest, Reference]:
    """Submit something and return it with its reference."""
    request = harness.request(fate)
    outcome = await harness.adapter.submit(request)
    assert isinstance(outcome, Created), outcome
    return request, reference(request, outcome.external_id)


async def observed(
    harness: Harness, wanted: Reference, holds: Callable[[Observation], bool], *, within: float = 30.0
) -> Observation:
    """Observe in bulk until what is seen fits."""
    deadline = time.monotonic() + within
    seen = None
    while time.monotonic() < deadline:
        answer = await harness.adapter.observe([wanted])
        for seen in answer.observations:
            if holds(seen):
                return seen
        await asyncio.sleep(0.05)
    raise AssertionError(f"not seen within {within} s; last seen: {seen}")


async def eventually(holds: Callable[[], Awaitable[bool]], *, within: float = 30.0) -> None:
    """Wait until *holds*."""
    deadline = time.monotonic() + within
    while not await holds():
        assert time.monotonic() < deadline, f"not so within {within} s"
        await asyncio.sleep(0.05)


class AdapterConformance:
    """The contract of `EngineAdapter`, verb by verb."""

    async def test_a_probe_names_the_version(self, harness: Harness) -> None:
        """A probe tells the engine's version."""
        health = await harness.adapter.probe()
        assert health.version

    async def test_a_submit_starts_one_execution(self, harness: Harness) -> None:
        """The first submit of a token is Created, once in the engine's books."""
        request, _ = await submitted(harness)
        assert await harness.accepted(request.token) == 1

    async def test_a_second_send_adopts_the_first(self, harness: Harness) -> None:
        """The same request again finds the same execution and starts none."""
        request, first = await submitted(harness)
        outcome = await harness.adapter.submit(request)
        assert isinstance(outcome, Adopted)
        assert outcome.external_id == first.external_id
        assert await harness.accepted(request.token) == 1

    async def test_concurrent_sends_start_one_execution(self, harness: Harness) -> None:
        """Eight sends at once: one is Created, seven Adopted, and the books show one."""
        request = harness.request()
        outcomes = await asyncio.gather(*(harness.adapter.submit(request) for _ in range(8)))
        kinds = sorted(type(outcome).__name__ for outcome in outcomes)
        assert kinds == ["Adopted"] * 7 + ["Created"]
        assert await harness.accepted(request.token) == 1

    async def test_a_foreigner_under_our_name_is_refused(self, harness: Harness) -> None:
        """What has our name but not our fingerprint is neither adopted nor replaced."""
        request, _ = await submitted(harness)
        foreign = replace(request, fingerprint=ANOTHER_FINGERPRINT)
        outcome = await harness.adapter.submit(foreign)
        assert isinstance(outcome, Rejected)
        assert outcome.reason == "NameTaken"
        sighting = await harness.adapter.find(foreign)
        assert isinstance(sighting, Foreign)

    async def test_find_tells_found_from_absent(self, harness: Harness) -> None:
        """Find sees what was submitted, under the same id, and nothing else."""
        request, started = await submitted(harness)
        sighting = await harness.adapter.find(request)
        assert isinstance(sighting, Found)
        assert sighting.external_id == started.external_id
        never = harness.request()
        assert await harness.adapter.find(never) == Absent()
        assert await harness.accepted(never.token) == 0

    async def test_nothing_is_sent_after_the_lease(self, harness: Harness) -> None:
        """When ``before_send`` says no, nothing was sent, and nobody is to blame (rule R2)."""
        request = harness.request(before_send=lambda: False)
        outcome = await harness.adapter.submit(request)
        assert isinstance(outcome, NotSent)
        assert not outcome.counts
        assert await harness.accepted(request.token) == 0
        assert await harness.adapter.find(request) == Absent()

    async def test_the_lease_is_asked_for_each_send(self, harness: Harness) -> None:
        """``before_send`` is called exactly once a submit."""
        asked: list[float] = []

        def still_ours() -> bool:
            asked.append(time.monotonic())
            return True

        outcome = await harness.adapter.submit(harness.request(before_send=still_ours))
        assert isinstance(outcome, Created)
        assert len(asked) == 1

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
        request, wanted = await submitted(harness)
        never = harness.request()
        gone = Reference(wanted.external_id.replace(request.token, never.token), never.token, never.target)
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
        """Twenty references cost as many requests as one."""
        many = [(await submitted(harness))[1] for _ in range(20)]
        await observed(harness, many[-1], lambda _: True)
        one = await harness.adapter.observe(many[:1])
        all_of_them = await harness.adapter.observe(many)
        assert one.pages == all_of_them.pages
        assert {seen.external_id for seen in all_of_them.observations} == {each.external_id for each in many}

    async def test_a_cancel_ends_what_goes_on(self, harness: Harness) -> None:
        """A cancel is accepted, and an observation confirms it."""
        _, wanted = await submitted(harness)
        assert await harness.adapter.cancel(wanted, "stop", "not needed any more") is CancelOutcome.ACCEPTED
        seen = await observed(harness, wanted, lambda seen: seen.status.is_finished)
        assert (seen.status, seen.reason) == (ExecutionStatus.CANCELLED, "Cancelled")

    async def test_a_cancel_leaves_what_has_ended(self, harness: Harness) -> None:
        """A cancel that comes too late changes nothing."""
        request, wanted = await submitted(harness, "succeeds")
        await harness.settle(request, "succeeds")
        before = await observed(harness, wanted, lambda seen: seen.status.is_finished)
        assert await harness.adapter.cancel(wanted, "terminate", "late") is CancelOutcome.ALREADY_TERMINAL
        assert await harness.adapter.look(wanted) == before

    async def test_a_cancel_of_nothing_finds_nothing(self, harness: Harness) -> None:
        """What is not there is NotFound, not an error."""
        request, wanted = await submitted(harness)
        never = harness.request()
        gone = Reference(wanted.external_id.replace(request.token, never.token), never.token, never.target)
        assert await harness.adapter.cancel(gone, "stop", "gone") is CancelOutcome.NOT_FOUND

    async def test_an_unknown_target_is_found_out(self, harness: Harness) -> None:
        """Validation names it, and a submit of it is refused for good."""
        target = harness.unknown_target()
        problems = await harness.adapter.validate(target, [])
        assert [problem.reason for problem in problems if problem.blocking] == ["TargetNotFound"]
        request = harness.request(target=target)
        outcome = await harness.adapter.submit(request)
        assert isinstance(outcome, Rejected)
        assert outcome.reason == "TargetNotFound"
        assert outcome.message
        assert await harness.accepted(request.token) == 0

    async def test_a_known_target_has_no_problem(self, harness: Harness) -> None:
        """Validation of what a request uses finds nothing that blocks."""
        request = harness.request()
        problems = await harness.adapter.validate(request.target, list(request.arguments))
        assert [problem for problem in problems if problem.blocking] == []

    async def test_capabilities_are_kept(self, harness: Harness) -> None:
        """What is declared is implemented: logs can be read on, nodes can be listed."""
        adapter = harness.adapter
        request, wanted = await submitted(harness, "succeeds")
        await harness.settle(request, "succeeds")
        await observed(harness, wanted, lambda seen: seen.status.is_finished)
        assert isinstance(adapter, LogReader) == (Capability.LOGS in adapter.capabilities)
        assert isinstance(adapter, NodeLister) == (Capability.NODES in adapter.capabilities)
        if isinstance(adapter, LogReader):
            page = await adapter.logs(wanted, None)
            assert not page.more
            assert (await adapter.logs(wanted, page.cursor)).text == ""
        if isinstance(adapter, NodeLister):
            shown = {node.status for node in await adapter.nodes(wanted)}
            assert shown - {ExecutionStatus.SKIPPED} == {ExecutionStatus.COMPLETED}
