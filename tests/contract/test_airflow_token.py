"""How the Airflow adapter gets, keeps and renews its token, and that nobody else sees it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import msgspec
import pytest
from baton_fakes.airflow import FakeAirflow
from baton_fakes.airflow_harness import BASIC, FakeAirflowHarness

from baton_operator.engines.base import Created, NotSent, Rejected
from baton_operator.engines.conformance import Fault, OneSecret, reference, serving, submitted
from baton_operator.engines.errors import AuthExpiredError, PermanentError, RetryableError, SecretNotFoundError

LOGIN = "POST /auth/token"
BEARER = {"bearer": {"secretRef": {"name": "airflow-token"}}}


@pytest.fixture
async def harness() -> AsyncIterator[FakeAirflowHarness]:
    """The fake."""
    fake = FakeAirflow()
    async with serving(fake.app()) as url:
        made = FakeAirflowHarness(fake, url, request_deadline=10.0)
        yield made
        await made.adapter.close()


async def test_one_login_serves_many_requests(harness: FakeAirflowHarness) -> None:
    """Twenty submits at once, of an adapter without a token, log in once."""
    outcomes = await asyncio.gather(*(harness.adapter.submit(harness.request()) for _ in range(20)))
    assert {type(outcome) for outcome in outcomes} == {Created}
    assert harness.fake.requests[LOGIN] == 1


async def test_a_token_that_airflow_forgot_is_renewed_once(harness: FakeAirflowHarness) -> None:
    """403 "Invalid JWT token", after a restart with another secret: twenty requests meet it, one logs in."""
    await submitted(harness)
    harness.fake.state.forget_tokens()
    outcomes = await asyncio.gather(*(harness.adapter.submit(harness.request()) for _ in range(20)))
    assert {type(outcome) for outcome in outcomes} == {Created}
    assert harness.fake.requests[LOGIN] == 2


@pytest.mark.parametrize("verb", ["submit", "look"])
async def test_a_token_that_ran_out_is_renewed(harness: FakeAirflowHarness, verb: str) -> None:
    """401 "Token Expired", for a read and for a write."""
    settings = harness.fake.state.settings
    settings.token_lifetime = 0.0
    request = harness.request()
    assert isinstance(await harness.adapter.submit(request), NotSent)  # two logins, and a token that has run out
    settings.token_lifetime = 60.0
    if verb == "submit":
        assert isinstance(await harness.adapter.submit(request), Created)
    else:
        assert await harness.adapter.look(reference(request, f"nap/{request.token}")) is None
    assert harness.fake.requests[LOGIN] == 3


async def test_a_token_is_renewed_only_once_a_request(harness: FakeAirflowHarness) -> None:
    """A server that takes no token at all, even a new one, is not asked a third time; nothing was executed."""
    harness.fake.state.settings.token_lifetime = 0.0
    request = harness.request()
    outcome = await harness.adapter.submit(request)
    assert isinstance(outcome, NotSent), outcome
    assert (outcome.auth, outcome.http_status) == (True, 401)
    assert harness.fake.requests["POST /api/v2/dags/{dag}/dagRuns"] == 2
    assert harness.fake.requests[LOGIN] == 2
    with pytest.raises(AuthExpiredError):
        await harness.adapter.find(request)
    assert await harness.accepted(request.token) == 0


async def test_the_lease_is_asked_before_each_byte(harness: FakeAirflowHarness) -> None:
    """A lease that ended during the login is seen: the second send does not happen."""
    await submitted(harness)
    harness.fake.state.forget_tokens()
    answers = [True, False]
    outcome = await harness.adapter.submit(harness.request(before_send=lambda: answers.pop(0)))
    assert isinstance(outcome, NotSent), outcome
    assert (outcome.counts, answers) == (False, [])


async def test_a_wrong_password_is_tried_once_in_a_while(harness: FakeAirflowHarness) -> None:
    """Accounts are locked after some tries: twenty submits cost one, and a corrected Secret counts at once."""
    source = OneSecret("wrong-password")
    adapter = harness.make(source)
    outcomes = await asyncio.gather(*(adapter.submit(harness.request()) for _ in range(20)))
    assert all(isinstance(outcome, NotSent) and outcome.auth for outcome in outcomes)
    assert harness.fake.requests[LOGIN] == 1
    source.secret = "admin"  # noqa: S105 - the fake's
    assert isinstance(await adapter.submit(harness.request()), Created)
    await adapter.close()


async def test_another_user_counts_at_once(harness: FakeAirflowHarness) -> None:
    """The Secret names another user, while the first one's token still counts."""
    assert isinstance(await harness.adapter.submit(harness.request()), Created)
    harness.source.secret = "viewer"  # noqa: S105 - the fake's
    outcome = await harness.adapter.submit(harness.request())
    assert isinstance(outcome, Rejected), outcome
    assert (outcome.slow, outcome.http_status, outcome.message) == (True, 403, "Forbidden")


@pytest.mark.parametrize(
    "fault",
    [
        Fault("sink", seconds=1.0),
        Fault("drop"),
        Fault("page"),
        Fault("cut"),
        Fault("answer", status=500, body="Internal Server Error"),
        Fault("answer", status=502, headers={"Content-Type": "text/html"}, body="<h1>Bad Gateway</h1>"),
        Fault("answer", status=429, headers={"Retry-After": "7"}),
        Fault("answer", status=201, body='{"access_token":"a\\nb"}'),
        Fault("answer", status=201, body='{"access_token":"ü"}'),
        Fault("answer", status=201, body='{"access_token":""}'),
        Fault("answer", status=200, body="{}"),
        Fault("redirect", location="http://127.0.0.1:1/login"),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}-{fault.body[:24]}",
)
async def test_a_login_that_fails_sent_nothing_else(harness: FakeAirflowHarness, fault: Fault) -> None:
    """Whatever becomes of the login, the submit was not sent: NotSent, never Unknown; a look says: later."""
    harness.faults.add(msgspec.structs.replace(fault, path="/auth/token"))
    request = harness.request(deadline=0.5)
    begun = time.monotonic()
    outcome = await harness.adapter.submit(request)
    assert isinstance(outcome, NotSent), outcome
    assert outcome.counts
    assert time.monotonic() - begun < 2.0
    with pytest.raises(RetryableError):
        await harness.adapter.find(request)
    harness.faults.clear()
    assert isinstance(await harness.adapter.submit(replace(request, deadline=5.0)), Created)
    assert await harness.accepted(request.token) == 1


async def test_no_login_at_all_is_no_absence(harness: FakeAirflowHarness) -> None:
    """A 404 of the login says nothing of the run that is looked for."""
    request, wanted = await submitted(harness)
    harness.fake.state.forget_tokens()
    harness.faults.add(Fault("answer", status=404, body='{"detail":"Not Found"}', path="/auth/token"))
    for read in (lambda: harness.adapter.find(request), lambda: harness.adapter.look(wanted)):
        with pytest.raises(PermanentError, match=r"no /auth/token at spec\.url"):
            await read()


async def test_a_secret_that_is_not_there_is_named(harness: FakeAirflowHarness) -> None:
    """Nothing is sent, not even a login."""

    class NoSecret(OneSecret):
        async def read(self, namespace: str, kind: str, name: str, key: str) -> str:
            raise SecretNotFoundError(f"there is no {kind} {namespace}/{name}")

    adapter = harness.make(NoSecret(""))
    outcome = await adapter.submit(harness.request())
    assert isinstance(outcome, NotSent), outcome
    assert (outcome.auth, outcome.message) == (True, "there is no Secret team/airflow-bot")
    assert sum(harness.fake.requests.values()) == 0
    await adapter.close()


async def test_the_secret_is_read_for_each_request(harness: FakeAirflowHarness) -> None:
    """By its keys, in the Engine's namespace."""
    await harness.adapter.probe()
    assert set(harness.source.asked) == {
        ("team", "Secret", "airflow-bot", "username"),
        ("team", "Secret", "airflow-bot", "password"),
    }


async def test_a_token_of_ones_own_is_sent_as_it_is() -> None:
    """With ``auth.bearer`` there is no login; a token that is refused is a matter of the credential."""
    fake = FakeAirflow()
    async with serving(fake.app()) as url:
        token = fake.state.log_in({"username": "admin", "password": "admin"})
        harness = FakeAirflowHarness(fake, url, secret=token, auth=BEARER)
        request, wanted = await submitted(harness)
        fake.state.forget_tokens()
        outcome = await harness.adapter.submit(harness.request())
        assert isinstance(outcome, NotSent), outcome
        assert (outcome.auth, outcome.http_status) == (True, 403)
        for read in (lambda: harness.adapter.find(request), lambda: harness.adapter.observe([wanted])):
            with pytest.raises(AuthExpiredError, match="Invalid JWT token"):
                await read()
        with pytest.raises(AuthExpiredError):
            await harness.adapter.cancel(wanted, "stop", "enough")
        assert fake.requests[LOGIN] == 0
        await harness.adapter.close()


async def test_nobody_sees_password_or_token(caplog: pytest.LogCaptureFixture) -> None:
    """Neither is in a log line, an address, a message, or the adapter's own description."""
    canary = "canary-0815-password"
    fake = FakeAirflow()
    given: list[str] = []
    log_in = fake.state.log_in

    def listening(body: object) -> str:
        given.append(log_in(body))
        return given[-1]

    fake.state.log_in = listening  # type: ignore[method-assign]
    heard: list[str] = []
    with caplog.at_level(logging.DEBUG):
        async with serving(fake.app()) as url:
            harness = FakeAirflowHarness(
                fake, url, auth=BASIC, observer=lambda operation, code, _seconds: heard.append(f"{operation} {code}")
            )
            harness.rotate(canary)
            _, wanted = await submitted(harness, "succeeds")
            await harness.adapter.nodes(wanted)
            await harness.adapter.logs(wanted, None)
            texts = [repr(vars(harness.adapter)), repr(fake.requests), repr(heard), caplog.text]
            for status in (400, 403, 409, 500, 503):
                harness.faults.clear()
                body = f'{{"detail":"you sent {canary} and Bearer {given[-1]} as {given[-1]}"}}'
                harness.faults.add(Fault("answer", status=status, body=body, path="/dags"))
                texts.append(repr(await harness.adapter.submit(harness.request())))
            await harness.adapter.close()
    assert len(given) == 1
    assert "login 201" in heard
    everything = " ".join(texts)
    assert "[redacted]" in everything
    assert canary not in everything
    assert given[-1] not in everything
