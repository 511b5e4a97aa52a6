"""What every transaction of a loop is measured by."""

from __future__ import annotations

from loop_site import Site
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


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
