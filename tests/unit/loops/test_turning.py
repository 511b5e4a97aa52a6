"""How loops turn, rest, are woken and survive; how lanes keep engines apart."""

from __future__ import annotations

import asyncio
import time

from baton_operator.loops.lanes import Lanes
from baton_operator.loops.loop import Bell, Turner
from baton_operator.metrics import Metrics


class Counting:
    """A loop that counts its turns; what a turn does is the test's."""

    name = "track"
    pace = 0.0

    def __init__(self, *rests: float | Exception) -> None:
        self.bell = Bell()
        self.turns = 0
        self.turned = asyncio.Event()
        self._rests = list(rests)

    async def turn(self) -> float:
        """Do what the test says."""
        self.turns += 1
        self.turned.set()
        rest = self._rests.pop(0) if self._rests else 60.0
        if isinstance(rest, Exception):
            raise rest
        return rest


async def turns(loop: Counting, count: int) -> None:
    async with asyncio.timeout(60):
        while loop.turns < count:
            loop.turned.clear()
            await loop.turned.wait()


async def running(loop: Counting, metrics: Metrics) -> tuple[asyncio.Task[None], asyncio.Event]:
    stopping = asyncio.Event()
    return asyncio.create_task(Turner(loop, metrics).run(stopping)), stopping


async def end(loop: Counting, task: asyncio.Task[None], stopping: asyncio.Event) -> None:
    stopping.set()
    loop.bell.ring()
    async with asyncio.timeout(60):
        await task


async def test_a_loop_turns_again_at_once_while_there_is_work() -> None:
    loop = Counting(0.0, 0.0, 0.0)
    task, stopping = await running(loop, Metrics())
    await turns(loop, 4)
    await end(loop, task, stopping)


async def test_a_ring_wakes_a_loop_that_rests() -> None:
    """Its rest is a minute; the bell is heard at once, and heard once."""
    loop = Counting()
    task, stopping = await running(loop, Metrics())
    await turns(loop, 1)
    begun = time.monotonic()
    loop.bell.ring()
    loop.bell.ring()
    await turns(loop, 2)
    assert time.monotonic() - begun < 2
    assert loop.turns == 2
    await end(loop, task, stopping)


async def test_a_turn_that_fails_ends_nothing() -> None:
    """It is counted by its kind, and the loop turns again after a while."""
    metrics = Metrics()
    loop = Counting(ValueError("no"), KeyError("no"), 60.0)
    task, stopping = await running(loop, metrics)
    await turns(loop, 3)
    await end(loop, task, stopping)
    errors = {
        sample.labels["reason"]: sample.value
        for metric in metrics.loop_errors.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    }
    assert errors == {"ValueError": 1.0, "KeyError": 1.0}


async def test_a_bell_that_nobody_rings_lets_time_pass() -> None:
    begun = time.monotonic()
    await Bell().wait(0.05)
    assert time.monotonic() - begun >= 0.04


async def test_a_bell_rung_before_the_rest_cuts_it_short() -> None:
    """What rings during a turn is not lost."""
    bell = Bell()
    bell.ring()
    async with asyncio.timeout(60):
        await bell.wait(60)


async def test_a_slow_engine_keeps_only_its_own_lane_waiting() -> None:
    lanes, gate, done = Lanes("dispatch", Bell(), Metrics()), asyncio.Event(), asyncio.Event()

    async def slow() -> bool:
        await gate.wait()
        return False

    async def quick() -> bool:
        done.set()
        return False

    lanes.start("slow", slow)
    lanes.start("quick", quick)
    async with asyncio.timeout(60):
        await done.wait()
    assert not lanes.is_free("slow")
    gate.set()
    async with asyncio.timeout(60):
        await lanes.drain()
    assert lanes.is_free("slow")
    assert lanes.is_free("quick")


async def test_a_lane_that_fails_is_free_again() -> None:
    metrics = Metrics()
    lanes = Lanes("dispatch", Bell(), metrics)

    async def broken() -> bool:
        raise ValueError("no")

    lanes.start("engine", broken)
    await lanes.drain()
    assert lanes.is_free("engine")
    assert metrics.loop_errors.labels(loop="dispatch", reason="ValueError")._value.get() == 1


async def test_a_lane_with_more_to_do_rings() -> None:
    bell = Bell()
    lanes = Lanes("dispatch", bell, Metrics())

    async def more() -> bool:
        return True

    lanes.start("engine", more)
    await lanes.drain()
    async with asyncio.timeout(60):
        await bell.wait(60)
