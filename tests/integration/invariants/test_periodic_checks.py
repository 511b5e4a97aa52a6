"""The operator's own `baton check`: shared by all replicas, shown by each, bounded."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator

import pytest
from baton_fakes.in_memory import InMemoryEngine
from loop_site import Replica
from small_world import World
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from baton_operator.invariants import periodic
from baton_operator.invariants.periodic import INTERVAL, PERIODIC, CheckLoop
from baton_operator.loops.gauges import GaugeLoop

BROKEN = "UPDATE orchestration_instance SET status = 'FAILED' WHERE status = 'PROCESSING'"


@pytest.fixture
async def replicas(world: World) -> AsyncIterator[list[Replica]]:
    """Two replicas over the same rows."""
    made = [Replica(world.database.database_url, InMemoryEngine()) for _ in range(2)]
    yield made
    for each in made:
        await each.close()


async def work_off(loop: CheckLoop) -> int:
    """Turn until nothing is due; say how often something was."""
    turns = 0
    while turns <= 3 * len(PERIODIC) and await loop.turn() == 0.0:
        turns += 1
    return turns


def rows(world: World, statement: str) -> list[tuple[object, ...]]:
    with world.database.get_session() as session:
        return [tuple(row) for row in session.execute(text(statement))]


async def shown(replica: Replica) -> dict[str, float]:
    """Read the gauges anew, and give the violations by invariant."""
    await GaugeLoop(replica.parts).turn()
    return {
        sample.labels["invariant"]: sample.value
        for metric in replica.parts.metrics.invariant_violations.collect()
        for sample in metric.samples
    }


async def test_what_one_replica_has_checked_no_other_checks_again_and_all_show_it(
    world: World, replicas: list[Replica]
) -> None:
    first, second = (CheckLoop(each.parts) for each in replicas)
    assert await work_off(first) == len(PERIODIC)
    assert await work_off(second) == 0
    healthy = dict.fromkeys(PERIODIC, 0.0)
    assert await shown(replicas[0]) == await shown(replicas[1]) == healthy
    rests = rows(world, "SELECT min(extract(epoch FROM due_at - checked_at)) FROM invariant_check")
    assert float(rests[0][0]) == pytest.approx(INTERVAL, abs=1)  # type: ignore[arg-type]


async def test_two_replicas_at_once_take_different_invariants(world: World, replicas: list[Replica]) -> None:
    loops = [CheckLoop(each.parts) for each in replicas]
    taken = [await each.parts.store.run(loop._claim) for each, loop in zip(replicas, loops, strict=True)]
    assert None not in taken
    assert len(set(taken)) == 2


async def test_a_broken_invariant_is_shown_logged_and_asked_about_again_soon(
    world: World, replicas: list[Replica], caplog: pytest.LogCaptureFixture
) -> None:
    world.break_(BROKEN)
    with caplog.at_level(logging.ERROR):
        await work_off(CheckLoop(replicas[0].parts))
    found = await shown(replicas[1])
    assert found["I3"] >= 1
    assert found["I7"] == 0
    (record, *_) = [each for each in caplog.records if getattr(each, "invariant", "") == "I3"]
    assert (record.message, "its history ends with" in record.found) == ("invariant.broken", True)  # type: ignore[attr-defined]
    (rest,) = rows(world, "SELECT extract(epoch FROM due_at - checked_at) FROM invariant_check WHERE invariant = 'I3'")
    assert float(rest[0]) < INTERVAL / 2  # type: ignore[arg-type]


async def test_a_check_that_takes_too_long_is_given_up_and_rests(
    world: World, replicas: list[Replica], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A history that has grown beyond what can be asked costs one bounded question, not a loop that hangs."""
    monkeypatch.setattr(periodic, "PATIENCE", 0.3)
    loop = CheckLoop(replicas[0].parts)
    with world.database.get_session() as session:
        session.execute(text("LOCK TABLE run_state_history, dispatch_attempt, run IN ACCESS EXCLUSIVE MODE"))
        with pytest.raises((TimeoutError, OperationalError)):
            await loop.turn()
        session.rollback()
    (checked, waits) = rows(
        world, "SELECT count(checked_at), count(*) FILTER (WHERE due_at > now() + '20 s') FROM invariant_check"
    )[0]
    assert (checked, waits) == (0, 1)


async def test_chains_that_a_newer_release_has_moved_are_seen_while_the_process_lives(
    world: World, replicas: list[Replica]
) -> None:
    loop = CheckLoop(replicas[0].parts)
    registry = replicas[0].parts.metrics.registry
    await loop.turn()
    assert registry.get_sample_value("baton_schema_head", {"chain": "engine"}) == 1
    world.break_("UPDATE alembic_version SET version_num = '9999_newer'")
    loop._chains_at = None
    await loop.turn()
    assert registry.get_sample_value("baton_schema_head", {"chain": "engine"}) == 0
