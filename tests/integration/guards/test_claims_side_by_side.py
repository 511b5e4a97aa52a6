"""Two processes claim at once, and one of them is in the middle of it."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from loop_site import Site, turn

from baton_models import new_id
from baton_models.statements import claim
from baton_models.statements.claim import Limits

_BLOCKED = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"


async def test_r10_a_claim_waits_for_the_one_that_counts(site: Site) -> None:
    """
    One place is left, and a claim of it is not committed yet when something more urgent arrives.

    The second claimer would count nothing in flight and find another attempt; it has to wait, and then sees the limit.
    """
    await site.serve(limits={"maxInFlight": 1, "requestsPerSecond": 1000, "burst": 1000})
    await site.define()
    await site.start("first")
    engine = site.one("SELECT id FROM engine")
    second = site.another()
    async with site.first.database.get_async_session() as session, session.begin():
        row = await claim.lock_engine(session, engine)
        picked = await claim.pick(session, engine, Limits(1, 1, 1000, 1000), limit=10)
        await claim.mark_sent(
            session,
            engine,
            ids=[each.id for each in picked],
            fingerprints=["f" * 64],
            lease=new_id(),
            lease_for=timedelta(minutes=1),
            margin=timedelta(seconds=1),
            memory=timedelta(hours=1),
            epoch=None,
            tokens=1000,
            now=row.now,
        )
        await site.start("urgent", priority=900)
        claiming = asyncio.create_task(turn(second.dispatch))
        async with asyncio.timeout(60):
            while not claiming.done() and not site.one(_BLOCKED):  # noqa: ASYNC110 - it is PostgreSQL's event
                await asyncio.sleep(0.02)
    await claiming
    assert site.engine.submits == []
    assert site.one("SELECT count(*) FROM dispatch_attempt WHERE state = 'SENT'") == 1
