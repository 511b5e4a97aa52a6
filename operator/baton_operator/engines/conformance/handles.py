"""What an adapter must keep, too, whose engine answers a submit with a handle first (`HandleFollower`)."""

import asyncio
from dataclasses import replace

from baton_operator.engines.base import Absent, CancelOutcome, Enqueued, Found, Idempotency, SubmitRequest
from baton_operator.engines.conformance.harness import QueueHarness
from baton_operator.engines.conformance.suite import AdapterConformance
from baton_operator.engines.conformance.waiting import followed, observed, reference
from baton_operator.engines.options import HandleFollower, Whereabouts, Withdrawn


def has_begun(seen: Whereabouts) -> bool:
    """Tell whether the work behind a handle has begun."""
    return isinstance(seen, Found)


async def waiting(harness: QueueHarness) -> SubmitRequest:
    """Submit something to a queue that is held; return it with its handle."""
    await harness.hold()
    request = harness.request()
    outcome = await harness.adapter.submit(request)
    assert isinstance(outcome, Enqueued), outcome
    return replace(request, handle=outcome.handle)


def follower(harness: QueueHarness) -> HandleFollower:
    """Return the adapter, as one that follows handles."""
    assert isinstance(harness.adapter, HandleFollower)
    return harness.adapter


class HandleConformance(AdapterConformance):
    """The contract of `EngineAdapter` and of `HandleFollower`."""

    async def test_what_waits_is_followed_until_it_begins(self, harness: QueueHarness) -> None:
        """A handle stays what it is while the work waits, then leads to what `find` finds."""
        request = await waiting(harness)
        assert list(await follower(harness).follow([request])) == [Enqueued(request.handle or "")]
        await harness.release()
        begun = await followed(harness.adapter, request, has_begun)
        sighting = await harness.adapter.find(request)
        assert isinstance(sighting, Found), sighting
        assert isinstance(begun, Found)
        assert (sighting.external_id, sighting.others) == (begun.external_id, ())
        assert await harness.accepted(request.token) == 1

    async def test_a_second_send_while_it_waits(self, harness: QueueHarness) -> None:
        """Eight more sends while the first waits: a COALESCING engine gives its handle again, the books show one."""
        request = await waiting(harness)
        again = replace(request, handle=None)
        outcomes = await asyncio.gather(*(harness.adapter.submit(again) for _ in range(8)))
        if harness.adapter.idempotency is Idempotency.SEARCH_ONLY:
            assert all(isinstance(outcome, Enqueued) for outcome in outcomes), outcomes
            return
        assert set(outcomes) == {Enqueued(request.handle or "")}
        await harness.release()
        await followed(harness.adapter, request, has_begun)
        assert await harness.accepted(request.token) == 1

    async def test_what_waits_is_not_absent(self, harness: QueueHarness) -> None:
        """A look by the token alone, after a lost answer, gives the handle of what waits."""
        request = await waiting(harness)
        sighting = await harness.adapter.find(replace(request, handle=None))
        assert sighting == Enqueued(request.handle or "")

    async def test_handles_are_followed_in_bulk(self, harness: QueueHarness) -> None:
        """The answers stand in the order of the questions; a handle nobody gave is Absent; nothing is started."""
        first = await waiting(harness)
        second = await waiting(harness)
        never = harness.request(handle=harness.unknown_handle())
        seen = await follower(harness).follow([second, never, first])
        assert [type(each) for each in seen] == [Enqueued, Absent, Enqueued]
        assert (seen[0], seen[2]) == (Enqueued(second.handle or ""), Enqueued(first.handle or ""))
        assert await harness.accepted(never.token) == 0
        assert list(await follower(harness).follow([])) == []

    async def test_what_waits_can_be_withdrawn(self, harness: QueueHarness) -> None:
        """Work that is taken back before it begins is Withdrawn, never begins, and is not found."""
        request = await waiting(harness)
        assert await follower(harness).withdraw(request, "not needed any more") is CancelOutcome.ACCEPTED
        await followed(harness.adapter, request, lambda seen: isinstance(seen, Withdrawn))
        await harness.release()
        assert isinstance(await harness.adapter.find(request), Absent)

    async def test_withdrawing_too_late_ends_nothing(self, harness: QueueHarness) -> None:
        """What has begun goes on, whatever the engine says to it."""
        request = await waiting(harness)
        await harness.release()
        begun = await followed(harness.adapter, request, has_begun)
        await follower(harness).withdraw(request, "late")
        assert await followed(harness.adapter, request, has_begun) == begun
        assert isinstance(begun, Found)
        seen = await observed(harness, reference(request, begun.external_id), lambda _: True)
        assert not seen.status.is_finished

    async def test_withdrawing_what_nobody_gave_is_no_error(self, harness: QueueHarness) -> None:
        """A handle that the engine does not know is NotFound, or it does not say."""
        never = harness.request(handle=harness.unknown_handle())
        outcome = await follower(harness).withdraw(never, "gone")
        assert outcome in {CancelOutcome.NOT_FOUND, CancelOutcome.UNKNOWN}
