"""What may go now: maxParallel, the order of batches, concurrency.max, priority, suspension."""

from __future__ import annotations

import asyncio

from loop_site import Site

from baton_models.status import ExecutionStatus

ITEM = {"dispatch": {"per": "Item", "maxParallel": 2, "order": "Parallel"}}


def batches(**sizes: int) -> list[dict[str, object]]:
    return [{"name": name, "items": [{"n": n} for n in range(size)]} for name, size in sizes.items()]


async def test_no_more_than_max_parallel_are_out(site: Site) -> None:
    """The next goes when one has ended; each item once."""
    await site.serve()
    await site.define(batches=batches(all=5), **ITEM)
    await site.start("fleet")
    out = []
    while site.runs()["fleet"][0] != "COMPLETED":
        await site.dispatch()
        running = [each for each in site.engine.executions.values() if not each.status.is_finished]
        out.append(len(running))
        site.engine.end()
        await site.track()
    assert out == [2, 2, 1]
    assert len(site.engine.submits) == len(set(site.engine.submits)) == 5
    assert site.one("SELECT completed FROM run_progress") == 5


async def test_batches_one_after_the_other(site: Site) -> None:
    """The second batch begins when no item of the first is open."""
    await site.serve()
    await site.define(
        batches=batches(first=3, second=2), dispatch={"per": "Item", "maxParallel": 10, "order": "Sequential"}
    )
    await site.start("fleet")
    await site.dispatch()
    assert len(site.engine.executions) == 3
    site.engine.end(ExecutionStatus.COMPLETED, next(iter(site.engine.executions)))
    await site.track()
    await site.dispatch()
    assert len(site.engine.executions) == 3
    site.engine.end()
    await site.track()
    await site.dispatch()
    assert len(site.engine.executions) == 5


async def test_whole_batches_are_units_too(site: Site) -> None:
    await site.serve()
    await site.define(batches=batches(a=2, b=2, c=0), dispatch={"per": "Batch", "maxParallel": 2})
    await site.start("fleet")
    await site.dispatch()
    assert len(site.engine.executions) == 2
    site.engine.end()
    await site.track()
    await site.dispatch()
    site.engine.end()
    await site.track()
    assert site.runs() == {"fleet": ("COMPLETED", "Succeeded")}
    assert {row.status for row in site.rows("SELECT status::text FROM batch_execution")} == {"COMPLETED"}


async def test_only_so_many_runs_of_an_automation_at_a_time(site: Site) -> None:
    """concurrency.max: 1; the others wait for their turn, in the order in which they came."""
    await site.serve()
    await site.define(concurrency={"max": 1})
    for name in ("monday", "tuesday", "wednesday"):
        await site.start(name)
    order = []
    for _ in range(3):
        await site.dispatch()
        (running,) = [name for name, (status, _) in site.runs().items() if status == "PROCESSING"]
        order.append(running)
        site.engine.end()
        await site.track()
    assert order == ["monday", "tuesday", "wednesday"]
    assert {status for status, _ in site.runs().values()} == {"COMPLETED"}


async def test_the_more_urgent_run_takes_the_place(site: Site) -> None:
    await site.serve()
    await site.define(concurrency={"max": 1})
    await site.start("first")
    await site.start("patient", priority=10)
    await site.start("urgent", priority=900)
    await site.dispatch()
    site.engine.end()
    await site.track()
    await site.dispatch()
    assert [name for name, (status, _) in site.runs().items() if status == "PROCESSING"] == ["urgent"]


async def test_concurrent_admissions_never_take_the_same_place(site: Site) -> None:
    """Two replicas admit ten Runs each at the same moment: three places are three places, without a deadlock."""
    await site.serve()
    await site.define(concurrency={"max": 3})
    other = site.another()
    await asyncio.gather(
        *(site.start(f"a{number}") for number in range(10)),
        *(site.start(f"b{number}", replica=other) for number in range(10)),
    )
    assert site.one("SELECT count(*) FROM run WHERE released_at IS NOT NULL") == 3
    assert site.one("SELECT count(*) FROM dispatch_attempt") == 3
    assert site.one("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()") == 0


async def test_a_suspended_run_sends_nothing_more(site: Site) -> None:
    """What is under way goes on; what waits goes when it is resumed."""
    await site.serve()
    await site.define(batches=batches(all=3), dispatch={"per": "Item", "maxParallel": 2})
    (uid,) = await site.start("fleet")
    await site.dispatch()
    await site.change(uid, state="Suspended")
    site.engine.end()
    await site.track()
    await site.dispatch()
    assert len(site.engine.submits) == 2
    await site.change(uid, state="Active", generation=3)
    await site.dispatch()
    site.engine.end()
    await site.track()
    assert site.runs() == {"fleet": ("COMPLETED", "Succeeded")}


async def test_what_may_go_already_is_held_back_when_its_run_is_suspended(site: Site) -> None:
    """Nothing more is sent: not even what was only waiting for its claim, or is to be tried again."""
    await site.serve()
    await site.define(retry={"maxAttempts": 2, "backoff": {"initial": "1s"}})
    (waiting,) = await site.start("waiting")
    await site.change(waiting, state="Suspended")
    await site.start("other")
    await site.dispatch()
    assert site.runs() == {"waiting": ("PENDING", "Suspended"), "other": ("PROCESSING", "Dispatched")}
    site.engine.end()
    await site.track()
    site.engine.submits.clear()
    await site.change(waiting, state="Active", generation=3)
    await site.dispatch()
    assert len(site.engine.submits) == 1
    site.engine.end(ExecutionStatus.FAILED)
    await site.change(waiting, state="Suspended", generation=4)
    await site.track()
    site.later(5)
    await site.dispatch()
    assert len(site.engine.submits) == 1
    await site.change(waiting, state="Active", generation=5)
    await site.dispatch()
    assert len(site.engine.submits) == 2


async def test_a_run_born_suspended_waits(site: Site) -> None:
    await site.serve()
    await site.define()
    (uid,) = await site.start("nightly", state="Suspended")
    await site.dispatch()
    assert site.runs() == {"nightly": ("PENDING", "Suspended")}
    await site.change(uid, state="Active")
    await site.dispatch()
    assert site.runs() == {"nightly": ("PROCESSING", "Dispatched")}


async def test_sweep_lets_go_what_a_crash_left_behind(site: Site) -> None:
    """A place that became free while nobody looked is filled."""
    await site.serve()
    await site.define(concurrency={"max": 1})
    for name in ("first", "second"):
        await site.start(name)
    site.execute("UPDATE automation SET max_active = 2")
    await site.first.parts.store.run(site.first.sweep._release)
    await site.dispatch()
    assert len(site.engine.submits) == 2
