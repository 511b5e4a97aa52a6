"""What every transaction of a loop is measured by."""

from __future__ import annotations

import pytest
from loop_site import Site
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_operator.loops.gauges import GaugeLoop


async def test_a_transaction_that_is_begun_again_is_counted_by_its_sqlstate(site: Site) -> None:
    """Each try waits for a connection of its own."""
    tries = []

    async def work(session: AsyncSession) -> int:
        tries.append(1)
        if len(tries) < 3:
            await session.execute(text("DO $$ BEGIN RAISE EXCEPTION SQLSTATE '40001'; END $$"))
        return len(tries)

    assert await site.first.parts.store.run(work) == 3
    registry = site.first.parts.metrics.registry
    assert registry.get_sample_value("baton_db_retries_total", {"reason": "40001"}) == 2
    assert registry.get_sample_value("baton_db_wait_seconds_count") == 3


async def waiting(site: Site) -> dict[str, tuple[float, bool]]:
    """Read the gauges, and give the backlog of each loop, and whether it has an oldest row."""
    await GaugeLoop(site.first.parts).turn()
    metrics = site.first.parts.metrics
    (backlog,) = metrics.backlog.collect()
    (oldest,) = metrics.backlog_oldest.collect()
    dated = {each.labels["loop"] for each in oldest.samples}
    return {each.labels["loop"]: (each.value, each.labels["loop"] in dated) for each in backlog.samples}


async def test_what_is_due_and_could_be_sent_is_the_backlog(site: Site) -> None:
    await site.serve()
    await site.define()
    await site.start("one", "two")
    assert (await waiting(site))["dispatch"] == (2, True)
    await site.dispatch()
    assert (await waiting(site))["dispatch"] == (0, False)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE engine_health SET circuit_state = 'open', circuit_until = now() + '1 h'",
        "UPDATE engine_health SET paused_until = now() + '1 h'",
        "UPDATE engine SET suspend = true",
        "UPDATE engine SET spec = jsonb_set(spec, '{limits}', '{\"maxInFlight\": 1}')",
        "UPDATE engine SET spec = jsonb_set(spec, '{limits,maxInFlightPerNamespace}', '1')",
        "UPDATE run SET state = 'Suspended' WHERE name = 'two'",
    ],
)
async def test_what_waits_for_its_engine_or_a_person_is_no_backlog(site: Site, statement: str) -> None:
    """An alert on the oldest row would wake somebody about a limit that somebody has set."""
    await site.serve()
    await site.define()
    await site.start("one")
    await site.dispatch()
    await site.start("two")
    assert (await waiting(site))["dispatch"] == (1, True)
    site.execute(statement.replace(":", "\\:"))
    assert (await waiting(site))["dispatch"] == (0, False)


async def test_an_engine_that_is_to_be_polled_is_backlog_only_while_something_lives_there(site: Site) -> None:
    await site.serve()
    await site.define()
    site.execute("UPDATE engine_health SET next_poll_at = now() - interval '1 h'")
    assert (await waiting(site))["track"] == (0, False)
    await site.start("one")
    await site.dispatch()
    site.execute("UPDATE engine_health SET next_poll_at = now() - interval '1 h'")
    assert (await waiting(site))["track"] == (1, True)
