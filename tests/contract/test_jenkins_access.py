"""What Jenkins asks of a credential and of a job: a 401 that is none, crumbs, permissions; through adapter and fake."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from baton_fakes.jenkins import FakeJenkins
from baton_fakes.jenkins_harness import NIGHTLY, FakeJenkinsHarness, OneUser
from baton_fakes.jenkins_jobs import FakeJob
from baton_fakes.jenkins_security import ADMIN_TOKEN, ITEM_BUILD, ITEM_CANCEL, ITEM_READ, READ
from baton_fakes.jenkins_state import Startup

from baton_operator.engines.base import (
    Absent,
    CancelOutcome,
    Enqueued,
    Found,
    NotSent,
    Reference,
    Rejected,
    Unknown,
)
from baton_operator.engines.conformance import Fault, reference, serving, submitted
from baton_operator.engines.errors import AuthExpiredError, ForbiddenError, RetryableError
from baton_operator.engines.jenkins import api


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


#: Seconds after a start in which a token is refused here, and after which a 401 is asked about once more: longer than
#: they are, for a busy machine is to send the first time within these.
LOCKED, PAUSE = 1.5, 2.0


@pytest.fixture
def slow_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the adapter wait for as long as this Jenkins needs."""
    monkeypatch.setattr(api, "AUTH_PAUSE", PAUSE)


class TestCredentials:
    """401 that is none, crumbs, permissions."""

    @pytest.mark.usefixtures("slow_start")
    async def test_a_401_while_it_starts_is_not_final(self, harness: FakeJenkinsHarness) -> None:
        """A valid token is refused for a moment: reads and submits come through all the same."""
        harness.fake.restart("stop", Startup(unauthorized=LOCKED))
        assert (await harness.adapter.probe()).version == "2.568.2"
        harness.fake.restart("stop", Startup(unauthorized=LOCKED))
        asked: list[bool] = []
        request = harness.request(before_send=lambda: not asked.append(True))
        assert isinstance(await harness.adapter.submit(request), Enqueued)
        assert (len(asked), await harness.accepted(request.token)) == (2, 1)

    @pytest.mark.usefixtures("slow_start")
    async def test_a_lease_that_ends_in_the_pause_sends_nothing(self, harness: FakeJenkinsHarness) -> None:
        """The second send is a send: the lease is asked again."""
        harness.fake.restart("stop", Startup(unauthorized=LOCKED))
        asked: list[bool] = []
        request = harness.request(before_send=lambda: not (asked.append(True) or len(asked) > 1))
        outcome = await harness.adapter.submit(request)
        assert isinstance(outcome, NotSent)
        assert not outcome.counts
        assert await harness.accepted(request.token) == 0

    async def test_a_server_that_boots_has_taken_nothing_in(self, harness: FakeJenkinsHarness) -> None:
        """Its page for people, without Jenkins' mark, is Jenkins' own word all the same."""
        harness.fake.restart("stop", Startup(booting=60.0))
        outcome = await harness.adapter.submit(harness.request())
        assert isinstance(outcome, NotSent)
        assert (outcome.http_status, outcome.auth) == (503, False)
        with pytest.raises(RetryableError):
            await harness.adapter.probe()

    async def test_a_password_gets_a_crumb_and_keeps_it(self, harness: FakeJenkinsHarness) -> None:
        """The first write is refused, not executed, and sent again with crumb and session; the second has them."""
        adapter = harness.make(OneUser("admin"))
        harness.fake.requests.clear()
        first, second = harness.request(), harness.request()
        assert isinstance(await adapter.submit(first), Enqueued)
        assert isinstance(await adapter.submit(second), Enqueued)
        assert harness.fake.requests["GET /crumbIssuer/api/json"] == 1
        assert harness.fake.requests["POST /job/*/job/*/buildWithParameters"] == 3
        assert [await harness.accepted(each.token) for each in (first, second)] == [1, 1]
        await adapter.close()

    async def test_a_crumb_of_a_session_that_ended_is_renewed(self, harness: FakeJenkinsHarness) -> None:
        """Jenkins was restarted, and knows the session no more."""
        adapter = harness.make(OneUser("admin"))
        await adapter.submit(harness.request())
        harness.fake.restart("stop")
        request = harness.request()
        assert isinstance(await adapter.submit(request), Enqueued)
        assert await harness.accepted(request.token) == 1
        harness.fake.state.advance(1)
        found = await adapter.find(request)
        assert isinstance(found, Found)
        assert await adapter.cancel(reference(request, found.external_id), "stop", "x") is CancelOutcome.ACCEPTED
        await adapter.close()

    @pytest.mark.parametrize(
        "fault",
        [
            Fault("answer", status=403, headers={"X-Jenkins": "2"}),
            Fault("answer", status=200, body="{}"),
            Fault("answer", status=200, body='{"crumb":"a\\nb","crumbRequestField":"Jenkins-Crumb"}'),
            Fault("drop"),
        ],
        ids=lambda fault: f"{fault.kind}-{fault.status}-{len(fault.body)}",
    )
    async def test_without_a_crumb_nothing_was_executed(self, harness: FakeJenkinsHarness, fault: Fault) -> None:
        """Whatever became of the request for one: the submit itself was refused."""
        adapter = harness.make(OneUser("admin"))
        fault.path = "/crumbIssuer/"
        harness.faults.add(fault)
        request = harness.request()
        outcome = await adapter.submit(request)
        assert isinstance(outcome, NotSent), outcome
        assert await harness.accepted(request.token) == 0
        await adapter.close()

    async def test_a_crumb_that_is_not_taken_is_a_matter_of_the_credential(self, harness: FakeJenkinsHarness) -> None:
        """A proxy that drops cookies: said as such, and nothing was executed."""
        adapter = harness.make(OneUser("admin"))
        body = '{"crumb":"wrong","crumbRequestField":"Jenkins-Crumb"}'
        harness.faults.add(Fault("answer", status=200, body=body, path="/crumbIssuer/"))
        outcome = await adapter.submit(harness.request())
        assert isinstance(outcome, NotSent)
        assert outcome.auth
        assert "API token" in outcome.message
        await adapter.close()

    async def test_crumbs_and_sessions_are_in_no_message(self, harness: FakeJenkinsHarness) -> None:
        """They are as good as the password."""
        adapter = harness.make(OneUser("admin"))
        await adapter.submit(harness.request())
        sent = dict(adapter._api._crumb)
        canaries = [sent["Jenkins-Crumb"], sent["Cookie"].partition("=")[2]]
        body = " ".join(canaries)
        harness.faults.add(Fault("answer", status=400, headers={"Content-Type": "text/plain"}, body=body))
        outcome = await adapter.submit(harness.request())
        assert isinstance(outcome, Rejected)
        assert not any(canary in outcome.message for canary in canaries)
        await adapter.close()

    async def test_a_missing_permission_is_a_slow_refusal(self, harness: FakeJenkinsHarness) -> None:
        """The message names it."""
        harness.fake.security.add("admin", "admin", [ADMIN_TOKEN], {READ, ITEM_READ})
        outcome = await harness.adapter.submit(harness.request())
        assert isinstance(outcome, Rejected)
        assert outcome.slow
        assert outcome.message == "Jenkins' user lacks the permission hudson.model.Item.Build"

    async def test_a_wrong_credential_stops_a_poll_at_once(self, harness: FakeJenkinsHarness) -> None:
        """It is the engine's, not a job's: no other job is asked."""
        harness.fake.state.add_job("other")
        _, mine = await submitted(harness)
        theirs = Reference("other#1/1/1", "t")
        harness.require("another-token")
        harness.fake.requests.clear()
        with pytest.raises(AuthExpiredError):
            await harness.adapter.observe([mine, theirs])
        assert sum(harness.fake.requests.values()) == 2


class TestTargets:
    """What validation and submits say of jobs."""

    @pytest.mark.parametrize(
        ("prepare", "reason", "outcome"),
        [
            ("disabled", "TargetNotFound", "EngineRejected"),
            ("unparameterised", "MissingTokenParameter", "EngineRejected"),
            ("gone", "TargetNotFound", "TargetNotFound"),
        ],
    )
    async def test_a_job_that_cannot_be_built(
        self, harness: FakeJenkinsHarness, prepare: str, reason: str, outcome: str
    ) -> None:
        """Validation says before what the submit would be refused for."""
        job = nightly(harness.fake)
        match prepare:
            case "disabled":
                job.disabled = True
            case "unparameterised":
                job.parameters = {}
            case _:
                harness.fake.state.delete(job)
        request = harness.request(arguments={})
        problems = await harness.adapter.validate(request.target, [])
        assert [(each.reason, each.blocking) for each in problems] == [(reason, True)]
        refused = await harness.adapter.submit(request)
        assert isinstance(refused, Rejected)
        assert (refused.reason, refused.slow) == (outcome, False)

    async def test_a_folder_is_no_job(self, harness: FakeJenkinsHarness) -> None:
        """It is there, and cannot be built."""
        (problem,) = await harness.adapter.validate({"job": ["team"]}, [])
        assert (problem.reason, problem.blocking) == ("TargetNotFound", True)

    async def test_a_job_without_the_token_is_weaker_and_works(self, harness: FakeJenkinsHarness) -> None:
        """The Automation says so, and Runs go."""
        harness.fake.state.add_job("loose", {"SECS": "1"})
        (problem,) = await harness.adapter.validate({"job": ["loose"]}, ["SECS"])
        assert (problem.reason, problem.blocking) == ("MissingTokenParameter", False)
        assert "BATON_TOKEN" in problem.message

    async def test_a_server_that_shuts_down_says_so(self, harness: FakeJenkinsHarness) -> None:
        """It goes on taking builds."""
        assert (await harness.adapter.probe()).message == ""
        await harness.hold()
        assert "starts none" in (await harness.adapter.probe()).message

    async def test_what_is_not_jenkins_is_no_healthy_engine(self, harness: FakeJenkinsHarness) -> None:
        """JSON alone does not make one."""
        harness.faults.add(Fault("answer", status=200, body='{"mode":"NORMAL"}'))
        with pytest.raises(RetryableError):
            await harness.adapter.probe()
        assert isinstance(await harness.adapter.submit(harness.request()), Unknown)


class TestRights:
    """What the user of an Engine must be allowed, and what becomes of work that it sees no more."""

    async def test_the_least_rights_do_for_everything(self, harness: FakeJenkinsHarness) -> None:
        """Overall/Read, and Job/Read, Job/Build and Job/Cancel."""
        least = {READ, ITEM_READ, ITEM_BUILD, ITEM_CANCEL}
        harness.fake.security.add("admin", "admin", [ADMIN_TOKEN], least)
        adapter, waiting = harness.adapter, harness.request()
        assert (await adapter.probe()).restart_epoch
        assert await adapter.validate(waiting.target, list(waiting.arguments)) == []
        _, wanted = await submitted(harness)
        assert (await adapter.observe([wanted])).missing == []
        assert (await adapter.logs(wanted, None)).text
        assert await adapter.cancel(wanted, "stop", "enough") is CancelOutcome.ACCEPTED
        await harness.hold()
        outcome = await adapter.submit(waiting)
        assert isinstance(outcome, Enqueued)
        waiting = replace(waiting, handle=outcome.handle)
        assert await adapter.follow([waiting]) == [outcome]
        assert await adapter.withdraw(waiting, "enough") is CancelOutcome.ACCEPTED

    @pytest.mark.parametrize("lost", [READ, ITEM_READ, ITEM_BUILD, ITEM_CANCEL])
    async def test_each_of_the_least_rights_is_needed(self, harness: FakeJenkinsHarness, lost: str) -> None:
        """Without it one of the verbs is refused, and Jenkins names the right or shows nothing."""
        _, wanted = await submitted(harness)
        left = {READ, ITEM_READ, ITEM_BUILD, ITEM_CANCEL} - {lost}
        harness.fake.security.add("admin", "admin", [ADMIN_TOKEN], left)
        adapter = harness.adapter
        match lost:
            case "hudson.model.Hudson.Read":
                with pytest.raises(ForbiddenError, match=r"hudson\.model\.Hudson\.Read"):
                    await adapter.probe()
            case "hudson.model.Item.Read":
                assert [each.reason for each in await adapter.validate(wanted.target, [])] == ["TargetNotFound"]
            case "hudson.model.Item.Build":
                assert isinstance(await adapter.submit(harness.request()), Rejected)
            case _:
                with pytest.raises(ForbiddenError, match=r"hudson\.model\.Item\.Cancel"):
                    await adapter.cancel(wanted, "stop", "enough")

    async def test_what_may_not_be_seen_any_more_is_gone(self, harness: FakeJenkinsHarness) -> None:
        """A build is missing, and not there for a look; of what waits the absence proves nothing."""
        _, wanted = await submitted(harness)
        await harness.hold()
        waiting = harness.request()
        outcome = await harness.adapter.submit(waiting)
        assert isinstance(outcome, Enqueued)
        harness.fake.security.add("admin", "admin", [ADMIN_TOKEN], {READ, ITEM_BUILD, ITEM_CANCEL})
        assert list((await harness.adapter.observe([wanted])).missing) == [wanted]
        assert await harness.adapter.look(wanted) is None
        nothing = Absent(0.0, harness.fake.state.session)
        assert await harness.adapter.follow([replace(waiting, handle=outcome.handle)]) == [nothing]
        assert await harness.adapter.find(waiting) == nothing
