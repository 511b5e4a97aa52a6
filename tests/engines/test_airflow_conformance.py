"""The Airflow adapter against Airflow itself: its api-server, scheduler and DAG processor."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from baton_fakes.airflow_harness import AirflowHarness, UserAndPassword

from baton_models import ExecutionStatus
from baton_operator.engines.base import (
    CancelOutcome,
    NotSent,
    Reference,
    Rejected,
    SubmitRequest,
)
from baton_operator.engines.conformance import AdapterConformance, Fate, OneSecret, observed, submitted
from baton_operator.engines.errors import AuthExpiredError, PermanentError
from baton_operator.local.airflow import USER, VIEWER, Airflow


class RealAirflowHarness(AirflowHarness):
    """The DAGs of a running Airflow; what a test leaves running is ended behind it, since two tasks run at a time."""

    def __init__(self, airflow: Airflow) -> None:
        self._airflow = airflow
        self._made: list[SubmitRequest] = []
        super().__init__(airflow.url, self.named(USER), request_deadline=30.0)

    def named(self, user: str) -> UserAndPassword:
        """Give the credential of somebody whom Airflow knows."""
        login = self._airflow.login(user)
        return UserAndPassword(login.username, login.password)

    def request(self, fate: Fate = "lasts", **changes: Any) -> SubmitRequest:
        """Make a request, and remember it."""
        self._made.append(super().request(fate, **{"deadline": 30.0, **changes}))
        return self._made[-1]

    async def accepted(self, token: str) -> int:
        """Count the runs that Airflow has of one name, of whatever DAG."""
        runs = await self.people("GET", "~/dagRuns", params={"run_id_pattern": token})
        return sum(run["dag_run_id"] == token for run in runs["dag_runs"])

    async def people(self, method: str, path: str, **rest: Any) -> Any:
        """Do what a person does."""
        login = self._airflow.login(USER)
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=30.0) as client:
            body = {"username": login.username, "password": login.password}
            token = (await client.post("/auth/token", json=body)).json()["access_token"]
            headers = {"Authorization": f"Bearer {token}"}
            answer = await client.request(method, f"/api/v2/dags/{path}", headers=headers, **rest)
            assert answer.is_success, answer.text
            return answer.json()

    async def leave(self) -> None:
        """End what still runs, and close."""
        for request in self._made:
            reference = Reference(f"{request.target.get('dag')}/{request.token}", request.token, request.target)
            await self.adapter.cancel(reference, "terminate", "the test is over")
        await self.adapter.close()


@pytest.fixture
async def harness(airflow: Airflow) -> AsyncIterator[RealAirflowHarness]:
    """A running Airflow."""
    made = RealAirflowHarness(airflow)
    yield made
    await made.leave()


class TestAirflow(AdapterConformance):
    """The contract, on the real thing."""


async def test_a_wrong_password_is_seen_by_a_real_server(harness: RealAirflowHarness) -> None:
    """By the probe, and by a submit."""
    adapter = harness.make(OneSecret("nonsense"))
    with pytest.raises(AuthExpiredError):
        await adapter.probe()
    outcome = await adapter.submit(harness.request())
    assert isinstance(outcome, NotSent)
    assert outcome.auth
    await adapter.close()


async def test_a_token_that_is_none_is_refreshed_by_a_real_server(harness: RealAirflowHarness) -> None:
    """What Airflow says to a token that it did not give is what the adapter renews it for."""
    await harness.adapter.probe()
    harness.adapter._api._token._token = "no.such.token"  # noqa: S105 - as after a restart with another key
    assert (await harness.adapter.probe()).version


async def test_a_viewer_may_look_and_not_start(harness: RealAirflowHarness) -> None:
    """A matter of permission: a person may mend it."""
    adapter = harness.make(harness.named(VIEWER))
    assert (await adapter.probe()).version
    outcome = await adapter.submit(harness.request())
    assert isinstance(outcome, Rejected)
    assert (outcome.slow, outcome.http_status) == (True, 403)
    await adapter.close()


async def test_a_hundred_runs_are_one_request(harness: RealAirflowHarness) -> None:
    """Airflow takes a hundred ids at once, and tells of each, whatever its state."""
    wanted = [(await submitted(harness))[1] for _ in range(5)]
    await harness.adapter.cancel(wanted[0], "stop", "enough")
    never = [harness.nowhere(wanted[0]) for _ in range(95)]
    answer = await harness.adapter.observe([*wanted, *never])
    assert answer.pages == 1
    assert {seen.external_id for seen in answer.observations} == {each.external_id for each in wanted}
    assert len(answer.missing) == 95
    assert answer.observations[0].status is ExecutionStatus.CANCELLED


async def test_a_real_paused_dag_lets_its_runs_wait(harness: RealAirflowHarness) -> None:
    """And validation says so."""
    await harness.people("PATCH", "hello", json={"is_paused": True})
    try:
        problems = await harness.adapter.validate({"dag": "hello"}, [])
        _, wanted = await submitted_to(harness, "hello")
        seen = await harness.adapter.look(wanted)
    finally:
        await harness.people("PATCH", "hello", json={"is_paused": False})
    assert ("TargetPaused", False) in [(each.reason, each.blocking) for each in problems]
    assert seen is not None
    assert (seen.status, seen.reason) == (ExecutionStatus.PENDING, "Dispatched")


async def submitted_to(harness: RealAirflowHarness, dag: str) -> tuple[SubmitRequest, Reference]:
    """Submit something to another DAG."""
    request = harness.request(target={"dag": dag}, arguments={"name": "Ada"})
    await harness.adapter.submit(request)
    return request, Reference(f"{dag}/{request.token}", request.token, request.target)


async def test_a_real_run_that_was_cleared_has_no_old_mark(harness: RealAirflowHarness) -> None:
    """Airflow gives it a new ``queued_at``: the cancel of its earlier life does not count."""
    request, wanted = await submitted(harness)
    await observed(harness, wanted, lambda seen: seen.status is ExecutionStatus.PROCESSING)
    assert await harness.adapter.cancel(wanted, "stop", "enough") is CancelOutcome.ACCEPTED
    await observed(harness, wanted, lambda seen: seen.status is ExecutionStatus.CANCELLED)
    path = f"nap/dagRuns/{request.token}"
    await harness.people("POST", f"{path}/clear", json={"dry_run": False, "only_failed": False})
    await harness.people("PATCH", path, json={"state": "failed"})
    seen = await harness.adapter.look(wanted)
    assert seen is not None
    assert (seen.status, seen.reason) == (ExecutionStatus.FAILED, "Failed")


async def test_a_real_log_is_read_on(harness: RealAirflowHarness) -> None:
    """Two readers, one from time to time and one at the end, read the same lines."""
    _, wanted = await submitted(harness, "fails")
    text, cursor, more = "", None, True
    while more:
        page = await harness.adapter.logs(wanted, cursor)
        text, cursor, more = text + page.text, page.cursor, page.more
        await asyncio.sleep(0.2)
    whole = await harness.adapter.logs(wanted, None)
    assert whole.text == text
    assert "Task failed with exception: RuntimeError" in text
    assert not any("::group::" in line for line in text.splitlines())


async def test_a_retry_of_what_succeeded_is_refused(harness: RealAirflowHarness) -> None:
    """Nothing has changed."""
    _, wanted = await submitted(harness, "succeeds")
    before = await observed(harness, wanted, lambda seen: seen.status.is_finished)
    with pytest.raises(PermanentError, match="only a failed DAG run"):
        await harness.adapter.retry(wanted)
    assert await harness.adapter.look(wanted) == before
