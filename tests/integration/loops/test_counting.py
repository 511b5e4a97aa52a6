"""Ends that are counted by whoever marks them: once across replicas."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from loop_site import Replica, Site

from baton_models.status import ExecutionStatus
from baton_operator.loops.count import CountLoop

COUNTED = "SELECT count(*) FROM run WHERE counted"


async def ended(site: Site, *names: str, outcome: ExecutionStatus = ExecutionStatus.COMPLETED) -> None:
    """Bring Runs to their end."""
    await site.start(*names)
    await site.dispatch()
    site.engine.end(outcome)
    await site.track()


def counts(replica: Replica) -> Counter[str]:
    """Give what a replica says of how many Runs have ended, by outcome."""
    (metric,) = replica.parts.metrics.runs_finished.collect()
    return Counter({each.labels["outcome"]: int(each.value) for each in metric.samples if each.name.endswith("_total")})


async def count_all(replica: Replica) -> None:
    """Turn a replica's loop until it would rest."""
    loop = CountLoop(replica.parts)
    while not await loop.turn():
        pass


async def test_two_replicas_count_each_end_once(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take small batches of the same Runs at once, turn after turn."""
    monkeypatch.setattr("baton_operator.loops.count.BATCH", 3)
    await site.serve()
    await site.define()
    await ended(site, *(f"good-{number}" for number in range(20)))
    await ended(site, *(f"bad-{number}" for number in range(10)), outcome=ExecutionStatus.FAILED)
    replicas = [site.first, site.another()]
    for _ in range(2):
        await asyncio.gather(*map(count_all, replicas))
    assert sum(map(counts, replicas), Counter()) == {"Succeeded": 20, "Failed": 10}
    assert site.one(COUNTED) == 30


async def test_what_another_replica_is_about_to_mark_is_left_to_it(site: Site) -> None:
    """Without waiting for it; what has ended since is counted."""
    await site.serve()
    await site.define()
    await ended(site, "one", "two")
    other = site.another()
    async with site.first.database.get_async_session() as session, session.begin():
        marked = await CountLoop._mark(session)
        await ended(site, "three", outcome=ExecutionStatus.FAILED)
        turned = asyncio.create_task(CountLoop(other.parts).turn())
        at_once, _ = await asyncio.wait({turned}, timeout=30)
    await turned
    assert sorted(row.name for row in marked) == ["one", "two"]
    assert counts(other) == {"Failed": 1}
    assert at_once
    assert site.one(COUNTED) == 3


async def test_a_count_that_is_lost_with_its_process_is_not_counted_again(site: Site) -> None:
    """The mark is kept before the counter moves: a kill in between may lose an end, and never adds one."""
    await site.serve()
    await site.define()
    await ended(site, "one")
    await site.first.parts.store.run(CountLoop._mark)
    other = site.another()
    await count_all(other)
    assert counts(other) == {}
    assert site.one(COUNTED) == 1
