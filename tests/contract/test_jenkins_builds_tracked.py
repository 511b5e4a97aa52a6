"""What only Jenkins does with builds, stops and logs; through adapter and fake."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from baton_fakes.jenkins import FakeJenkins
from baton_fakes.jenkins_harness import NIGHTLY, FakeJenkinsHarness
from baton_fakes.jenkins_jobs import FakeJob
from baton_fakes.jenkins_state import NAP

from baton_models import ExecutionStatus
from baton_operator.engines.base import (
    CancelOutcome,
    Enqueued,
    Found,
    Observation,
    Reference,
)
from baton_operator.engines.conformance import Fault, observed, reference, serving, submitted
from baton_operator.engines.errors import ForbiddenError, RetryableError, TargetNotFoundError
from baton_operator.engines.jenkins.logs import LOG_LIMIT

LIVE = 10_000
#: Bytes by which the process may grow from one cycle to a later one: what the allocator keeps.
GROWTH = 16 * 1024 * 1024


@pytest.fixture
async def fake() -> FakeJenkins:
    """A server."""
    return FakeJenkins()


@pytest.fixture
async def harness(fake: FakeJenkins) -> AsyncIterator[FakeJenkinsHarness]:
    """The fake, with time for slow machines."""
    async with serving(fake.app()) as url:
        made = FakeJenkinsHarness(fake, url, request_deadline=20.0)
        yield made
        await made.adapter.close()


def nightly(fake: FakeJenkins) -> FakeJob:
    """Return the job that requests are for."""
    return fake.state.job("/".join(NIGHTLY))


def pages_resident() -> int:
    """Return how much memory the process has, in pages of 4 KiB."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])


async def looked(harness: FakeJenkinsHarness, wanted: Reference) -> Observation:
    """Look, and see something."""
    seen = await harness.adapter.look(wanted)
    assert seen is not None
    return seen


class TestBuilds:
    """Results, identities and lists."""

    @pytest.mark.parametrize(
        ("result", "target", "expected"),
        [
            ("SUCCESS", {}, (ExecutionStatus.COMPLETED, "Succeeded", "SUCCESS")),
            ("UNSTABLE", {}, (ExecutionStatus.FAILED, "Failed", "UNSTABLE")),
            ("UNSTABLE", {"unstable": "Failed"}, (ExecutionStatus.FAILED, "Failed", "UNSTABLE")),
            ("UNSTABLE", {"unstable": "Succeeded"}, (ExecutionStatus.COMPLETED, "Succeeded", "UNSTABLE")),
            ("FAILURE", {"unstable": "Succeeded"}, (ExecutionStatus.FAILED, "Failed", "FAILURE")),
            ("NOT_BUILT", {}, (ExecutionStatus.CANCELLED, "NotBuilt", "NOT_BUILT")),
            ("ABORTED", {}, (ExecutionStatus.CANCELLED, "Cancelled", "ABORTED")),
            ("TIMEOUT", {}, (ExecutionStatus.CANCELLED, "TimedOut", "ABORTED")),
        ],
    )
    async def test_a_result_is_seen(
        self, harness: FakeJenkinsHarness, result: str, target: dict[str, Any], expected: tuple[Any, ...]
    ) -> None:
        """As the table says, in the list and in the look."""
        _, wanted = await submitted(harness)
        wanted = replace(wanted, target={**wanted.target, **target})
        harness.fake.state.end("team/nightly", 1, result)
        seen = await observed(harness, wanted, lambda seen: seen.status.is_finished)
        assert (seen.status, seen.reason, seen.native) == expected
        assert await looked(harness, wanted) == seen

    async def test_a_result_is_no_end_while_the_build_goes_on(self, harness: FakeJenkinsHarness) -> None:
        """SUCCESS while archiving; stopped then, it becomes FAILURE."""
        _, wanted = await submitted(harness, "succeeds")
        nightly(harness.fake).archives = 60.0
        request = harness.request(arguments={"SECS": "0", "ARCHIVE": "60"})
        outcome = await harness.adapter.submit(request)
        assert isinstance(outcome, Enqueued)
        harness.fake.state.advance(1)
        found = await harness.adapter.find(request)
        assert isinstance(found, Found)
        wanted = reference(request, found.external_id)
        build = nightly(harness.fake).builds[2]
        assert build.at(harness.fake.state.now()).result == "SUCCESS"
        seen = await looked(harness, wanted)
        assert (seen.status, seen.native) == (ExecutionStatus.PROCESSING, "BUILDING")
        assert await harness.adapter.cancel(wanted, "stop", "enough") is CancelOutcome.ACCEPTED
        harness.fake.state.advance(1)
        assert (await looked(harness, wanted)).native == "FAILURE"

    async def test_a_job_that_was_made_anew_has_other_builds(self, harness: FakeJenkinsHarness) -> None:
        """Its numbers begin at 1 again: number 1 is not our number 1, in lists, in looks, and for a stop."""
        _, ours = await submitted(harness)
        harness.fake.state.delete(nightly(harness.fake))
        harness.fake.state.add_job("team/nightly")
        harness.fake.state.submit(nightly(harness.fake), {"BATON_TOKEN": "theirs", "SECS": "300"})
        harness.fake.state.advance(1)
        answer = await harness.adapter.observe([ours])
        assert (list(answer.observations), list(answer.missing), list(answer.duplicates)) == ([], [ours], [])
        assert await harness.adapter.look(ours) is None
        assert await harness.adapter.cancel(ours, "stop", "enough") is CancelOutcome.NOT_FOUND
        with pytest.raises(TargetNotFoundError):
            await harness.adapter.logs(ours, None)
        assert nightly(harness.fake).builds[1].at(harness.fake.state.now()).building

    @pytest.mark.parametrize("how", ["deleted", "renamed"])
    async def test_builds_of_a_job_that_is_gone_are_missing(self, harness: FakeJenkinsHarness, how: str) -> None:
        """Missing, not gone for good: that is for the second look."""
        _, ours = await submitted(harness)
        state = harness.fake.state
        state.delete(nightly(harness.fake)) if how == "deleted" else state.rename(nightly(harness.fake), "weekly")
        answer = await harness.adapter.observe([ours])
        assert (list(answer.missing), answer.pages) == ([ours], 1)
        assert await harness.adapter.look(ours) is None

    async def test_a_build_that_a_crash_lost_is_missing(self, harness: FakeJenkinsHarness) -> None:
        """No record until it ends, and its number is never used again."""
        _, ours = await submitted(harness)
        harness.fake.restart("kill")
        assert list((await harness.adapter.observe([ours])).missing) == [ours]
        _, later = await submitted(harness)
        assert later.external_id.startswith("team/nightly#2/")
        answer = await harness.adapter.observe([ours, later])
        assert [seen.external_id for seen in answer.observations] == [later.external_id]
        assert list(answer.missing) == [ours]

    async def test_a_second_build_of_our_token_is_a_duplicate(self, harness: FakeJenkinsHarness) -> None:
        """Told once, under an id of its own, by whichever the reference names; a known one is told no more."""
        await harness.hold()
        request = harness.request("succeeds")
        assert isinstance(await harness.adapter.submit(request), Enqueued)
        harness.fake.state.save_queue()
        await harness.release()
        harness.fake.state.advance(5)
        harness.fake.restart("kill")
        harness.fake.state.advance(5)
        found = await harness.adapter.find(request)
        assert isinstance(found, Found)
        first, second = (reference(request, each.external_id) for each in (found, *found.others))
        answer = await harness.adapter.observe([first])
        assert [seen.external_id for seen in answer.observations] == [first.external_id]
        (duplicate,) = answer.duplicates
        assert (duplicate.token, duplicate.observation.external_id) == (request.token, second.external_id)
        assert duplicate.observation.status is ExecutionStatus.COMPLETED
        both = await harness.adapter.observe([first, second])
        assert (len(both.observations), list(both.duplicates)) == (2, [])

    async def test_branches_are_jobs(self, harness: FakeJenkinsHarness) -> None:
        """``feature/x``, written as it is or as Jenkins names it, is one job, and its id says so."""
        harness.fake.state.add_multibranch("app", ["feature/x"], {**NAP, "BATON_FINGERPRINT": ""})
        for name in ("feature/x", "feature%2Fx"):
            request = harness.request(target={"job": ["app", name]})
            assert [each for each in await harness.adapter.validate(request.target, ["SECS"]) if each.blocking] == []
            assert isinstance(await harness.adapter.submit(request), Enqueued)
            harness.fake.state.advance(1)
            found = await harness.adapter.find(request)
            assert isinstance(found, Found)
            assert found.external_id.startswith("app/feature%2Fx#")
            assert found.url is not None
            assert found.url.startswith(f"{harness.url}/job/app/job/feature%252Fx/")
            seen = await harness.adapter.look(Reference(found.external_id, request.token))
            assert seen is not None

    async def test_a_job_that_cannot_be_read_hides_no_other(self, harness: FakeJenkinsHarness) -> None:
        """Its references are neither seen nor missing; with no job left, that is the answer."""
        harness.fake.state.add_job("other")
        _, mine = await submitted(harness)
        request = harness.request(target={"job": ["other"]})
        await harness.adapter.submit(request)
        harness.fake.state.advance(1)
        found = await harness.adapter.find(request)
        assert isinstance(found, Found)
        theirs = reference(request, found.external_id)
        harness.faults.add(Fault("answer", status=500, path="/job/other/"))
        answer = await harness.adapter.observe([mine, theirs])
        assert [seen.external_id for seen in answer.observations] == [mine.external_id]
        assert (list(answer.missing), len(answer.errors)) == ([], 1)
        with pytest.raises(RetryableError):
            await harness.adapter.observe([theirs])

    async def test_a_list_is_read_as_far_as_it_is_needed(self, harness: FakeJenkinsHarness) -> None:
        """The newest need one page; an old one all that lie before it, and not the rest."""
        wanted = [(await submitted(harness))[1]]
        for index in range(399):
            harness.fake.state.submit(nightly(harness.fake), {"BATON_TOKEN": f"other-{index}", "SECS": "0"})
        harness.fake.state.advance(1)
        wanted.append((await submitted(harness))[1])
        assert (await harness.adapter.observe(wanted[1:])).pages == 1
        answer = await harness.adapter.observe(wanted)
        assert (len(answer.observations), answer.pages) == (2, 3)
        gone = replace(wanted[1], external_id="team/nightly#300/1/1")
        answer = await harness.adapter.observe([gone])
        assert (list(answer.missing), answer.pages) == ([gone], 1)

    async def test_what_is_no_reference_of_ours_is_missing(self, harness: FakeJenkinsHarness) -> None:
        """It costs no request."""
        strange = Reference("argo/baton-1/2", "t")
        answer = await harness.adapter.observe([strange])
        assert (list(answer.missing), answer.pages) == ([strange], 0)
        assert await harness.adapter.look(strange) is None
        assert await harness.adapter.cancel(strange, "stop", "x") is CancelOutcome.NOT_FOUND

    async def test_ten_thousand_live_builds_cost_their_pages(self, harness: FakeJenkinsHarness) -> None:
        """Fifty pages and the queue a cycle, no request for a single build, and memory stays where it was."""
        harness.fake.state.settings.executors = 2 * LIVE
        job = nightly(harness.fake)
        job.parameters = {"BATON_TOKEN": "", "BATON_FINGERPRINT": ""}
        job.seconds = 30_000
        for index in range(LIVE):
            harness.fake.state.submit(job, {"BATON_TOKEN": f"baton-{index}-a1", "BATON_FINGERPRINT": "f" * 64})
        wanted = [
            Reference(f"team/nightly#{number}/{build.queue_id}/{round(build.begun * 1000)}", build.token)
            for number, build in job.builds.items()
        ]
        waiting = harness.request(handle="1")
        resident = []
        for _ in range(2):
            harness.fake.requests.clear()
            answer = await harness.adapter.observe(wanted)
            assert (len(answer.observations), list(answer.missing), answer.pages) == (LIVE, [], LIVE // 200)
            assert sum(harness.fake.requests.values()) == answer.pages
            resident.append(pages_resident())
        assert (resident[-1] - resident[0]) * 4096 < GROWTH
        harness.fake.requests.clear()
        await harness.adapter.follow([replace(waiting, token=each.token) for each in wanted[-200:]])
        assert sum(harness.fake.requests.values()) == 2


class TestStopping:
    """Stop is 302 for everything."""

    @pytest.mark.parametrize(
        ("fault", "outcome"),
        [
            (Fault("answer", status=302, headers={"Location": "/login?from=x"}), CancelOutcome.UNKNOWN),
            (Fault("answer", status=302, headers={"Location": "https://sso/job/team/job/nightly/2/"}), None),
            (Fault("answer", status=302), CancelOutcome.UNKNOWN),
            (Fault("answer", status=200, headers={"Content-Type": "text/html"}), CancelOutcome.UNKNOWN),
            (Fault("answer", status=404, headers={"X-Jenkins": "2.568.2"}), CancelOutcome.NOT_FOUND),
            (Fault("answer", status=500, headers={"X-Jenkins": "2.568.2"}), CancelOutcome.UNKNOWN),
            (Fault("answer", status=503), CancelOutcome.UNKNOWN),
        ],
        ids=lambda value: f"{value.kind}-{value.status}" if isinstance(value, Fault) else "",
    )
    async def test_what_a_stop_is_answered(
        self, harness: FakeJenkinsHarness, fault: Fault, outcome: CancelOutcome | None
    ) -> None:
        """Accepted is only what leads back to the very build."""
        _, wanted = await submitted(harness)
        fault.path, fault.times = "/stop$", 1
        harness.faults.add(fault)
        assert await harness.adapter.cancel(wanted, "stop", "enough") is (outcome or CancelOutcome.UNKNOWN)
        assert await harness.adapter.cancel(wanted, "stop", "enough") is CancelOutcome.ACCEPTED

    async def test_a_missing_permission_is_said(self, harness: FakeJenkinsHarness) -> None:
        """A person may mend it."""
        _, wanted = await submitted(harness)
        denied = {"X-Jenkins": "2.568.2", "X-Required-Permission": "hudson.model.Item.Cancel"}
        harness.faults.add(Fault("answer", status=403, headers=denied, path="/stop$", times=1))
        with pytest.raises(ForbiddenError, match=r"hudson\.model\.Item\.Cancel"):
            await harness.adapter.cancel(wanted, "stop", "enough")

    async def test_what_has_ended_is_sent_nothing(self, harness: FakeJenkinsHarness) -> None:
        """Jenkins would say 302 to that, too."""
        _, wanted = await submitted(harness)
        harness.fake.state.end("team/nightly", 1, "SUCCESS")
        harness.fake.requests.clear()
        assert await harness.adapter.cancel(wanted, "terminate", "late") is CancelOutcome.ALREADY_TERMINAL
        assert set(harness.fake.requests) == {"GET /job/*/job/*/*/api/json"}


class TestLogs:
    """Progressive text."""

    async def test_a_log_is_read_on_while_it_grows(self, harness: FakeJenkinsHarness) -> None:
        """No line is lost or told twice, notes are taken out, and the end is said."""
        nightly(harness.fake).ticks = True
        _, wanted = await submitted(harness)
        first = await harness.adapter.logs(wanted, None)
        assert first.more
        assert first.text.startswith("Started by user admin\nRunning as SYSTEM\n")
        harness.fake.state.advance(3)
        second = await harness.adapter.logs(wanted, first.cursor)
        assert second.more
        assert "tick 2 ěščř 🐎\n" in second.text
        harness.fake.state.end("team/nightly", 1, "SUCCESS")
        last = await harness.adapter.logs(wanted, second.cursor)
        assert not last.more
        assert last.text.endswith("Finished: SUCCESS\n")
        whole = await harness.adapter.logs(wanted, None)
        assert first.text + second.text + last.text == whole.text
        assert (await harness.adapter.logs(wanted, last.cursor)).text == ""

    async def test_a_long_log_comes_in_pieces(self, harness: FakeJenkinsHarness) -> None:
        """What exceeds a piece is cut behind a whole line, and goes on there."""
        _, wanted = await submitted(harness)
        build = nightly(harness.fake).builds[1]
        lines = [f"{number:07d} ěščř" for number in range(80_000)]
        build.remarks.append((build.begun, "\n".join(lines) + "\n"))
        text, cursor, pieces = "", None, 0
        while True:
            page = await harness.adapter.logs(wanted, cursor)
            text, cursor, pieces = text + page.text, page.cursor, pieces + 1
            if len(page.text.encode()) < LOG_LIMIT // 2:
                break
        assert pieces > 1
        assert [line for line in text.splitlines() if line.endswith("ěščř")] == lines

    @pytest.mark.parametrize("cursor", ["", "x", "-1", "²"])
    async def test_what_is_no_cursor_begins_anew(self, harness: FakeJenkinsHarness, cursor: str) -> None:
        """Nothing odd is sent to Jenkins, which would answer 500."""
        _, wanted = await submitted(harness)
        whole = await harness.adapter.logs(wanted, None)
        assert await harness.adapter.logs(wanted, cursor) == whole


async def test_polls_at_once_do_not_disturb_each_other(harness: FakeJenkinsHarness) -> None:
    """One adapter serves all loops."""
    pairs = await asyncio.gather(*(submitted(harness) for _ in range(10)))
    answers = await asyncio.gather(*(harness.adapter.observe([wanted]) for _, wanted in pairs))
    assert [each.observations[0].external_id for each in answers] == [wanted.external_id for _, wanted in pairs]
