"""What only Jenkins does when work is given to it: queue, merging, restarts, forgetting; through adapter and fake."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from baton_fakes.jenkins import FakeJenkins
from baton_fakes.jenkins_harness import NIGHTLY, FakeJenkinsHarness
from baton_fakes.jenkins_jobs import FakeJob
from baton_fakes.jenkins_state import NAP

from baton_operator.engines.base import (
    Absent,
    CancelOutcome,
    Enqueued,
    Foreign,
    Found,
    NotSent,
    SubmitRequest,
    Unknown,
)
from baton_operator.engines.conformance import Fault, serving, submitted
from baton_operator.engines.errors import ForbiddenError, RetryableError
from baton_operator.engines.options import Withdrawn

WITHOUT_TOKEN = {name: value for name, value in NAP.items() if name != "BATON_TOKEN"}


@pytest.fixture
async def harness() -> AsyncIterator[FakeJenkinsHarness]:
    """The fake behind a path, as behind a proxy."""
    fake = FakeJenkins(prefix="/jenkins")
    async with serving(fake.app()) as url:
        made = FakeJenkinsHarness(fake, f"{url}/jenkins", request_deadline=20.0)
        yield made
        await made.adapter.close()


def nightly(harness: FakeJenkinsHarness) -> FakeJob:
    """Return the job that requests are for."""
    return harness.fake.state.job("/".join(NIGHTLY))


async def queued(harness: FakeJenkinsHarness, **changes: Any) -> SubmitRequest:
    """Submit, and return the request with its handle."""
    request = harness.request(**changes)
    outcome = await harness.adapter.submit(request)
    assert isinstance(outcome, Enqueued), outcome
    return replace(request, handle=outcome.handle)


async def followed(harness: FakeJenkinsHarness, request: SubmitRequest) -> object:
    """Follow one request."""
    (seen,) = await harness.adapter.follow([request])
    return seen


async def restarted(harness: FakeJenkinsHarness, how: str = "kill") -> None:
    """Restart the server."""
    harness.fake.restart(how)


class TestMerging:
    """303: equal parameters wait already."""

    async def test_a_second_send_gets_the_first_ones_item(self, harness: FakeJenkinsHarness) -> None:
        """The item has our token, so it is ours; asked for once."""
        await harness.hold()
        request = await queued(harness)
        harness.fake.requests.clear()
        assert await harness.adapter.submit(request) == Enqueued(request.handle or "")
        assert await harness.accepted(request.token) == 1
        assert harness.fake.requests["GET /jenkins/queue/item/*/api/json"] == 1

    async def test_without_a_token_an_equal_item_is_somebody_elses(self, harness: FakeJenkinsHarness) -> None:
        """Nothing was started and nothing is adopted: it is sent again once the other one has begun."""
        harness.fake.state.add_job("loose", WITHOUT_TOKEN)
        await harness.hold()
        target = {"job": ["loose"]}
        first = await queued(harness, target=target)
        outcome = await harness.adapter.submit(harness.request(target=target))
        assert isinstance(outcome, NotSent), outcome
        assert not outcome.counts
        assert outcome.retry_after
        await harness.release()
        second = await queued(harness, target=target)
        assert second.handle != first.handle

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("drop"),
            Fault("page"),
            Fault("answer", status=404, headers={"X-Jenkins": "2.568.2"}),
            Fault("answer", status=500),
        ],
        ids=lambda fault: f"{fault.kind}-{fault.status}",
    )
    async def test_an_item_that_cannot_be_compared_is_unknown(self, harness: FakeJenkinsHarness, fault: Fault) -> None:
        """Whose it is has to be seen."""
        await harness.hold()
        request = await queued(harness)
        fault.method, fault.path, fault.times = "GET", "/queue/item/", 1
        harness.faults.add(fault)
        assert isinstance(await harness.adapter.submit(request), Unknown)
        assert await harness.accepted(request.token) == 1

    async def test_an_item_that_has_begun_is_not_merged_with(self, harness: FakeJenkinsHarness) -> None:
        """Another send makes another build, which is why it is not sent blindly: find shows both."""
        request, wanted = await submitted(harness)
        await queued(harness, token=request.token, arguments=request.arguments)
        harness.fake.state.advance(1)
        sighting = await harness.adapter.find(request)
        assert isinstance(sighting, Found)
        assert sighting.external_id == wanted.external_id
        assert len(sighting.others) == 1
        assert sighting.others[0].external_id != wanted.external_id

    async def test_the_host_of_a_location_is_not_believed(self, harness: FakeJenkinsHarness) -> None:
        """It comes from request headers; the number alone is taken."""
        elsewhere = {"Location": "http://127.0.0.1:1/queue/item/4711/"}
        harness.faults.add(Fault("answer", status=201, headers=elsewhere, method="POST", times=1))
        assert await harness.adapter.submit(harness.request()) == Enqueued("4711")

    @pytest.mark.parametrize("location", ["", "/job/nap/", "http://h/queue/item/x/"])
    async def test_a_201_without_an_item_is_unknown(self, harness: FakeJenkinsHarness, location: str) -> None:
        """There is nothing to follow."""
        fault = Fault("work-then-answer", status=201, headers={"Location": location}, method="POST", times=1)
        harness.faults.add(fault)
        assert isinstance(await harness.adapter.submit(harness.request()), Unknown)


class TestFollowing:
    """From a queue item to a build."""

    async def test_a_forgotten_item_is_found_by_its_build(self, harness: FakeJenkinsHarness) -> None:
        """Five minutes after it left the queue Jenkins does not know it; its build runs."""
        request = await queued(harness)
        harness.fake.state.advance(301)
        assert str(request.handle) not in {str(number) for number in harness.fake.state.queue.gone}
        found = await followed(harness, request)
        assert isinstance(found, Found)
        assert found.external_id.startswith(f"team/nightly#1/{request.handle}/")

    async def test_an_item_between_queue_and_build_still_waits(self, harness: FakeJenkinsHarness) -> None:
        """For about 10 ms it has left and has no build; here, for a minute."""
        harness.fake.state.settings.left_gap = 60.0
        request = await queued(harness)
        assert await followed(harness, request) == Enqueued(request.handle or "")
        harness.fake.state.advance(61)
        assert isinstance(await followed(harness, request), Found)

    async def test_a_cancelled_item_is_withdrawn(self, harness: FakeJenkinsHarness) -> None:
        """By us, by a person, or because its job was deleted or disabled."""
        await harness.hold()
        by_hand, with_job = await queued(harness), await queued(harness)
        harness.fake.state.cancel(harness.fake.state.queue.items[int(by_hand.handle or 0)])
        assert isinstance(await followed(harness, by_hand), Withdrawn)
        harness.fake.state.delete(nightly(harness))
        assert isinstance(await followed(harness, with_job), Withdrawn)

    async def test_a_renamed_jobs_item_still_waits(self, harness: FakeJenkinsHarness) -> None:
        """The old name answers 404, the item goes on."""
        await harness.hold()
        request = await queued(harness)
        harness.fake.state.rename(nightly(harness), "weekly")
        assert await followed(harness, request) == Enqueued(request.handle or "")
        assert await harness.adapter.find(replace(request, handle=None)) == Enqueued(request.handle or "")

    async def test_what_left_a_job_that_is_gone_proves_nothing(self, harness: FakeJenkinsHarness) -> None:
        """It ran, and its builds went with the job: an absence without memory."""
        request = await queued(harness)
        harness.fake.state.advance(1)
        harness.fake.state.delete(nightly(harness))
        epoch = harness.fake.state.session
        assert await followed(harness, request) == Absent(0.0, epoch)
        assert await harness.adapter.find(request) == Absent(0.0, epoch)

    async def test_following_costs_one_request_and_one_for_each_job(self, harness: FakeJenkinsHarness) -> None:
        """However many handles there are."""
        harness.fake.state.add_job("other")
        await harness.hold()
        waiting = [await queued(harness) for _ in range(30)]
        await harness.release()
        begun = [await queued(harness) for _ in range(30)]
        begun += [await queued(harness, target={"job": ["other"]}) for _ in range(30)]
        await harness.hold()
        harness.fake.state.advance(1)
        waiting = [await queued(harness) for _ in range(30)]
        harness.fake.requests.clear()
        seen = await harness.adapter.follow([*waiting, *begun])
        assert [type(each) for each in seen] == [Enqueued] * 30 + [Found] * 60
        assert sum(harness.fake.requests.values()) == 3

    async def test_a_job_that_cannot_be_read_hides_no_other(self, harness: FakeJenkinsHarness) -> None:
        """Its handles stay as they were, until nothing at all can be read."""
        harness.fake.state.add_job("other")
        mine, theirs = await queued(harness), await queued(harness, target={"job": ["other"]})
        harness.fake.state.advance(1)
        harness.faults.add(Fault("answer", status=500, path="/job/other/"))
        seen = await harness.adapter.follow([mine, theirs])
        assert isinstance(seen[0], Found)
        assert seen[1] == Enqueued(theirs.handle or "")
        with pytest.raises(RetryableError):
            await harness.adapter.follow([theirs])

    async def test_a_mass_cancel_is_seen_in_portions(self, harness: FakeJenkinsHarness) -> None:
        """What is neither queued nor built is asked for one by one, and only so many in one go."""
        await harness.hold()
        requests = [await queued(harness) for _ in range(45)]
        harness.fake.state.set_disabled(nightly(harness), True)
        harness.fake.requests.clear()
        seen = await harness.adapter.follow(requests)
        assert sum(isinstance(each, Withdrawn) for each in seen) == 20
        assert harness.fake.requests["GET /jenkins/queue/item/*/api/json"] == 20
        seen = await harness.adapter.follow(requests[40:])
        assert all(isinstance(each, Withdrawn) for each in seen)


class TestRestarts:
    """What a killed Jenkins forgets, gives out again, and does twice."""

    async def test_a_lost_item_is_absent_in_another_epoch(self, harness: FakeJenkinsHarness) -> None:
        """The epoch comes with the very answer."""
        before = (await harness.adapter.probe()).restart_epoch
        await harness.hold()
        request = await queued(harness)
        await restarted(harness)
        after = (await harness.adapter.probe()).restart_epoch
        assert before != after
        for seen in (await followed(harness, request), await harness.adapter.find(request)):
            assert isinstance(seen, Absent)
            assert seen.epoch == after

    async def test_a_number_that_was_given_out_again_is_not_ours(self, harness: FakeJenkinsHarness) -> None:
        """The stranger's item is neither followed nor cancelled."""
        await harness.hold()
        ours = await queued(harness)
        await restarted(harness)
        await harness.hold()
        stranger = await queued(harness)
        assert stranger.handle == ours.handle
        assert isinstance(await followed(harness, ours), Absent)
        assert await harness.adapter.withdraw(ours, "not needed") is CancelOutcome.NOT_FOUND
        assert await followed(harness, stranger) == Enqueued(stranger.handle or "")

    async def test_an_item_that_ran_twice_by_itself_is_found_twice(self, harness: FakeJenkinsHarness) -> None:
        """From a stale file of the queue: one of our sends, two builds; both are ours to follow."""
        await harness.hold()
        request = await queued(harness, fate="succeeds")
        harness.fake.state.save_queue()
        await harness.release()
        harness.fake.state.advance(5)
        first = await followed(harness, request)
        assert isinstance(first, Found)
        await restarted(harness)
        harness.fake.state.advance(5)
        assert (await harness.accepted(request.token), await harness.begun(request.token)) == (1, 2)
        found = await harness.adapter.find(request)
        assert isinstance(found, Found)
        assert found.external_id == first.external_id
        assert len(found.others) == 1
        again = await followed(harness, request)
        assert again == found

    async def test_a_restart_in_the_middle_of_a_look_is_no_answer(self, harness: FakeJenkinsHarness) -> None:
        """Half of it would be of another life."""
        other = {"X-Jenkins": "2.568.2", "X-Jenkins-Session": "other", "Content-Type": "application/json"}
        body = '{"_class":"hudson.model.Queue","items":[]}'
        harness.faults.add(Fault("answer", status=200, headers=other, body=body, path="/queue/api/json"))
        with pytest.raises(RetryableError, match="restarted"):
            await harness.adapter.find(harness.request())


class TestAbsence:
    """How much an absence is worth."""

    async def test_a_whole_list_hides_nothing(self, harness: FakeJenkinsHarness) -> None:
        """Neither before the first build nor down to it."""
        epoch = harness.fake.state.session
        assert await harness.adapter.find(harness.request()) == Absent(None, epoch)
        await submitted(harness, "succeeds")
        assert await harness.adapter.find(harness.request()) == Absent(None, epoch)

    async def test_a_rotated_list_counts_back_to_its_gap(self, harness: FakeJenkinsHarness) -> None:
        """Builds 1 and 4 to 6 are kept; what began before number 4 may be gone."""
        for _ in range(6):
            await queued(harness, fate="succeeds")
            harness.fake.state.advance(3600)
        for number in (2, 3):
            del nightly(harness).builds[number]
        seen = await harness.adapter.find(harness.request())
        assert isinstance(seen, Absent)
        assert seen.memory == pytest.approx(2 * 3600, abs=60)

    async def test_a_clock_that_is_behind_is_not_believed(self, harness: FakeJenkinsHarness) -> None:
        """Jenkins shows hours-old stamps for what began now: its own span counts, and five minutes of doubt."""
        await queued(harness, fate="succeeds")
        await queued(harness, fate="succeeds")
        harness.fake.state.advance(10)
        del nightly(harness).builds[1]
        harness.fake.state.settings.clock_skew = -200.0
        seen = await harness.adapter.find(harness.request())
        assert isinstance(seen, Absent)
        assert seen.memory is not None
        assert seen.memory < 10

    async def test_without_a_token_an_absence_is_no_evidence(self, harness: FakeJenkinsHarness) -> None:
        """Builds do not show whose they are, so nothing is ever sent again, however whole the list is."""
        harness.fake.state.add_job("loose", WITHOUT_TOKEN)
        request = await queued(harness, target={"job": ["loose"]})
        harness.fake.state.advance(1)
        assert isinstance(await harness.adapter.find(request), Found)
        seen = await harness.adapter.find(replace(request, handle=None))
        assert seen == Absent(0.0, harness.fake.state.session)

    async def test_without_a_token_the_item_leads_to_the_build(self, harness: FakeJenkinsHarness) -> None:
        """As long as it is known, and by its number and arguments after that."""
        harness.fake.state.add_job("loose", WITHOUT_TOKEN)
        request = await queued(harness, target={"job": ["loose"]})
        harness.fake.state.advance(1)
        found = await followed(harness, request)
        assert isinstance(found, Found)
        harness.fake.state.forget_left()
        assert await followed(harness, request) == found
        assert await harness.adapter.find(request) == found

    async def test_our_token_on_other_work_is_foreign(self, harness: FakeJenkinsHarness) -> None:
        """Somebody copied it, and changed the rest: not ours, waiting or built."""
        await harness.hold()
        request = await queued(harness)
        changed = replace(request, fingerprint="0" * 64, handle=None)
        assert isinstance(await harness.adapter.find(changed), Foreign)
        await harness.release()
        harness.fake.state.advance(1)
        assert isinstance(await harness.adapter.find(changed), Foreign)

    async def test_a_build_deep_in_the_list_is_found(self, harness: FakeJenkinsHarness) -> None:
        """450 builds are three pages."""
        request = await queued(harness, fate="succeeds")
        job = nightly(harness)
        for _ in range(449):
            harness.fake.state.submit(job, {"BATON_TOKEN": f"other-{_}", "SECS": "0"})
        harness.fake.state.advance(5)
        harness.fake.requests.clear()
        assert isinstance(await harness.adapter.find(replace(request, handle=None)), Found)
        assert harness.fake.requests["GET /jenkins/job/*/job/*/api/json"] == 3


class TestWithdrawing:
    """Taking queue items back."""

    async def test_what_has_left_cannot_be_taken_back(self, harness: FakeJenkinsHarness) -> None:
        """Begun or cancelled: nothing waits any more, and nothing is sent."""
        request = await queued(harness)
        harness.fake.state.advance(1)
        harness.fake.requests.clear()
        assert await harness.adapter.withdraw(request, "late") is CancelOutcome.ALREADY_TERMINAL
        assert not any(kind.startswith("POST") for kind in harness.fake.requests)

    @pytest.mark.parametrize(
        ("fault", "outcome"),
        [
            (Fault("answer", status=500, headers={"X-Jenkins": "2.568.2"}), CancelOutcome.ALREADY_TERMINAL),
            (Fault("answer", status=500), CancelOutcome.UNKNOWN),
            (Fault("answer", status=404, headers={"X-Jenkins": "2.568.2"}), CancelOutcome.NOT_FOUND),
            (Fault("answer", status=503), CancelOutcome.UNKNOWN),
            (Fault("work-then-drop"), CancelOutcome.UNKNOWN),
            (Fault("redirect", location="/login"), CancelOutcome.UNKNOWN),
            (Fault("bomb"), CancelOutcome.UNKNOWN),
        ],
        ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else "",
    )
    async def test_what_a_withdrawal_is_answered(
        self, harness: FakeJenkinsHarness, fault: Fault, outcome: CancelOutcome
    ) -> None:
        """500 by Jenkins itself: cancelled meanwhile, or begun."""
        await harness.hold()
        request = await queued(harness)
        fault.path, fault.times = "/queue/cancelItem", 1
        harness.faults.add(fault)
        assert await harness.adapter.withdraw(request, "not needed") is outcome

    async def test_a_missing_permission_is_said(self, harness: FakeJenkinsHarness) -> None:
        """422: a person may mend it."""
        await harness.hold()
        request = await queued(harness)
        harness.fake.security.users["admin"].permissions = frozenset(
            {"hudson.model.Hudson.Read", "hudson.model.Item.Read", "hudson.model.Item.Build"}
        )
        with pytest.raises(ForbiddenError, match="Job/Cancel"):
            await harness.adapter.withdraw(request, "not needed")
