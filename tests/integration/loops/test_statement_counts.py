"""The hot paths cost a constant number of statements, whatever the size of the batch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from baton_fakes.in_memory import InMemoryEngine
from loop_site import Replica, Site, counted_statements, manifest

from baton_operator.kube.resources import RunSeen


@pytest.fixture
async def site(migrated: str, new_database: Callable[..., str]) -> AsyncIterator[Site]:
    """A site whose claims last: on a busy machine a hundred attempts may be sent late, and are not to lapse."""
    url, engine = new_database(template=migrated), InMemoryEngine()
    made = Site(url, engine, Replica(url, engine, request_deadline=60.0))
    yield made
    await made.close()


def runs(count: int, *, first: int = 0) -> list[RunSeen]:
    spec = {"automationRef": {"name": "patch"}, "state": "Active"}
    return [RunSeen.parse(manifest("team-a", f"run-{number}", spec)) for number in range(first, first + count)]


async def cost(site: Site, work: Callable[[], Awaitable[object]]) -> int:
    with counted_statements(site.first) as sent:
        await work()
    return len(sent)


async def warm(site: Site, **automation: object) -> None:
    """Read definitions and make the adapter: what is done once a process does not count."""
    await site.serve()
    await site.define(**automation)
    await site.first.runs.take(runs(1, first=10_000))
    await site.dispatch()
    site.engine.end()
    await site.track()


async def test_admitting(site: Site) -> None:
    await warm(site)
    one = await cost(site, lambda: site.first.runs.take(runs(1)))
    fifty = await cost(site, lambda: site.first.runs.take(runs(50, first=1)))
    assert fifty == one <= 6


async def test_claiming_and_recording(site: Site) -> None:
    await warm(site)
    await site.first.runs.take(runs(1))
    one = await cost(site, site.dispatch)
    await site.first.runs.take(runs(100, first=1))
    hundred = await cost(site, site.dispatch)
    assert len(site.engine.submits) == 102
    assert hundred == one <= 8


async def settled(site: Site, count: int, first: int) -> int:
    await site.first.runs.take(runs(count, first=first))
    await site.dispatch()
    site.engine.end()
    return await cost(site, site.track)


async def test_settling_whole_runs(site: Site) -> None:
    await warm(site)
    one = await settled(site, 1, 0)
    hundred = await settled(site, 100, 1)
    assert site.one("SELECT count(*) FROM run WHERE status = 'COMPLETED'") == 102
    assert hundred == one <= 17


async def test_settling_a_fleet(site: Site) -> None:
    """A hundred items of one run cost as much as two."""

    async def fleet(size: int) -> int:
        await site.define(
            f"fleet-{size}", batches=[{"name": "a", "items": [{}] * size}], dispatch={"per": "Item", "maxParallel": 100}
        )
        await site.start(f"fleet-{size}", automation=f"fleet-{size}")
        await site.dispatch()
        site.engine.end()
        return await cost(site, site.track)

    await warm(site)
    two, hundred = await fleet(2), await fleet(100)
    assert site.one("SELECT count(*) FROM item_execution WHERE status = 'COMPLETED'") == 102
    assert hundred == two <= 20


async def test_cancelling(site: Site) -> None:
    await warm(site)

    async def cancelled(count: int, first: int) -> int:
        batch = runs(count, first=first)
        await site.first.runs.take(batch)
        await site.dispatch()
        spec = {"automationRef": {"name": "patch"}, "state": "Cancelled"}
        changed = [RunSeen.parse(manifest("team-a", each.name, spec, uid=each.uid, generation=2)) for each in batch]
        return await cost(site, lambda: site.first.runs.take(changed)) + await cost(site, site.cancel)

    one, fifty = await cancelled(1, 0), await cancelled(50, 1)
    assert len(site.engine.cancels) == 51
    assert fifty == one <= 24
