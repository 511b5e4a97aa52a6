"""No connection is left (D4): loops wait and count it, no Run fails, and everything goes on afterwards."""

from __future__ import annotations

import pytest
from loop_site import Replica, Site, turn
from sqlalchemy.ext.asyncio import AsyncConnection

from baton_models.database import DatabaseConfig
from baton_operator.engines.base import Outcome, SubmitRequest
from baton_operator.loops.loop import Turner


@pytest.fixture
async def narrow(site: Site) -> Replica:
    """A replica with one connection, for which it waits a moment only."""
    database = DatabaseConfig(site.url, pool_size=1, max_overflow=0, engine_kwargs={"pool_timeout": 0.05})
    replica = Replica(site.url, site.engine, database=database)
    site.replicas.append(replica)
    site.may_fail = True
    await site.serve()
    await site.define()
    return replica


async def hold(replica: Replica) -> AsyncConnection:
    """Take a replica's only connection."""
    return await replica.database.async_sa_engine.connect()


async def test_without_a_connection_loops_wait_and_no_run_fails(site: Site, narrow: Replica) -> None:
    """The turn ends, the loop rests before the next one, and a metric says why."""
    await site.start("monday")
    held = await hold(narrow)
    for loop in (narrow.dispatch, narrow.track, narrow.probe, narrow.resolve):
        assert await Turner(loop, narrow.parts.metrics)._once() > 0
        await loop.drain()
    assert site.engine.submits == []
    registry = narrow.parts.metrics.registry
    assert registry.get_sample_value("baton_db_retries_total", {"reason": "TimeoutError"})
    assert registry.get_sample_value("baton_loop_errors_total", {"loop": "dispatch", "reason": "TimeoutError"})
    assert site.runs() == {"monday": ("PENDING", "Queued")}
    await held.close()
    await turn(narrow.dispatch)
    assert site.runs() == {"monday": ("PROCESSING", "Dispatched")}


async def test_what_could_not_be_recorded_is_found_and_not_sent_again(
    site: Site, narrow: Replica, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connections ran out between the engine's answer and its record."""
    await site.start("monday")
    held: list[AsyncConnection] = []

    async def submit(request: SubmitRequest) -> Outcome:
        held.append(await hold(narrow))
        return site.engine.accept(request)

    monkeypatch.setattr(site.engine, "submit", submit)
    await turn(narrow.dispatch)
    assert site.attempts() == ["SENT"]
    await held[0].close()
    site.later(20)
    await turn(narrow.resolve)
    assert site.attempts() == ["ACKED"]
    assert len(site.engine.submits) == 1
