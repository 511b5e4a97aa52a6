"""Each invariant, and each of its rules, is broken on purpose and seen to be found; a healthy world breaks none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from broken_rows import BROKEN, DUPLICATE, LIVE
from small_world import World
from sqlalchemy import text

from baton_operator.invariants import INVARIANTS, Cluster, Evidence, LedgerEntry, Violation, check_invariants


def of(violations: list[Violation], number: str) -> list[str]:
    return [str(each) for each in violations if each.invariant == number]


async def ask(world: World, number: str, **evidence: Any) -> list[Violation]:
    """Ask one invariant, with more evidence than rows."""
    (invariant,) = (each for each in INVARIANTS if each.number == number)
    async with world.database.get_async_session() as session:
        return await invariant.violations(Evidence(world.database, session, **{"bound": 0.0} | evidence))


async def test_a_healthy_world_breaks_nothing(world: World):
    """Runs that wait, are under way and are over, with an honest ledger: nothing to say."""
    assert await check_invariants(world.database, ledger=world.ledger, bound=0.0) == []


@pytest.mark.parametrize(
    ("statements", "number", "words"), [each[1:] for each in BROKEN], ids=[each[0] for each in BROKEN]
)
async def test_what_is_broken_is_found(world: World, statements: list[str], number: str, words: str):
    """The violation stands under its invariant, names the row and says what is wrong."""
    world.break_(*statements)

    found = await check_invariants(world.database, bound=0.0)

    assert any(words in each for each in of(found, number)), "\n".join(map(str, found))


async def test_a_disabled_trigger_is_found_before_anything_is_lost(world: World):
    """History that is not written any more shows at once, not with the first change that is missing."""
    with world.database.get_session() as session:
        session.execute(text("ALTER TABLE run DISABLE TRIGGER USER"))
        session.commit()

    found = of(await check_invariants(world.database, bound=0.0), "I3")

    assert found
    assert all("is disabled" in each for each in found)


async def test_what_needs_a_moment_is_no_violation(world: World):
    """A status that is due now is late only when the bound has passed."""
    world.break_(f"UPDATE run SET project_at = now() - interval '5 seconds' WHERE id = {LIVE}")

    assert await check_invariants(world.database, bound=30.0) == []
    assert of(await check_invariants(world.database, bound=2.0), "I4")


async def test_only_the_chosen_invariants_are_asked(world: World):
    """A broken count does not hide that histories are whole."""
    world.break_("UPDATE run_progress SET total = 3")

    assert await check_invariants(world.database, bound=0.0, only=["I3"]) == []


async def test_a_second_execution_in_the_engines_books_is_found(world: World):
    """What the database cannot see: the engine ran one attempt twice."""
    twice = [*world.ledger, LedgerEntry(world.live, "argo/other", finished=True)]

    found = await ask(world, "I2", ledger=twice)

    assert any("the engine accepted it 2 times" in str(each) for each in found)
    assert any("argo/other" in each.subject and "no instance is linked" in each.found for each in found)


async def test_what_the_engine_did_twice_by_itself_is_not_ours_twice(world: World):
    """One submit, two executions: known, linked, and called what it is."""
    world.break_(DUPLICATE.format(reason="EngineDuplicated", engine="engine_id"))
    second = LedgerEntry(world.live, "argo/second", finished=True, duplicated=True)

    assert await ask(world, "I2", ledger=[*world.ledger, second]) == []
    stranger = LedgerEntry(world.live, "argo/third", finished=True, duplicated=True)
    (found,) = await ask(world, "I2", ledger=[*world.ledger, second, stranger])
    assert "argo/third" in found.subject


async def test_an_execution_that_nobody_knows_is_found(world: World):
    """It goes on in the engine under a token that was never stored."""
    stray = LedgerEntry("baton-ffffffffffffffffffffffffffffffff-a1", "argo/stray")

    (found,) = await ask(world, "I5", ledger=[*world.ledger, stray])

    assert "argo/stray" in found.subject


def seen(world: World, **missing: Any) -> Cluster:
    """Give the API server's Runs as they belong to the healthy world."""
    created = (datetime.now(UTC) - timedelta(minutes=5)).isoformat()
    runs = [
        {"metadata": {"namespace": "team-a", "name": name, "uid": f"uid-{name}", "creationTimestamp": created}}
        for name in ("done", "live", "waiting")
        if name not in missing.get("without", ())
    ]
    return Cluster(runs, datetime.now(UTC) + timedelta(minutes=1))


async def test_a_run_without_a_row_is_found(world: World):
    """The watch missed it, and sweep did not repair it."""
    cluster = seen(world)
    lost = {"namespace": "team-a", "name": "lost", "uid": "uid-lost", "creationTimestamp": "2026-01-01T00:00:00Z"}
    refused = {"type": "Accepted", "status": "False", "reason": "AutomationNotFound"}
    unknown = {**lost, "name": "typo", "uid": "uid-typo"}
    runs = [*cluster.runs, {"metadata": lost}, {"metadata": unknown, "status": {"conditions": [refused]}}]

    (found,) = await ask(world, "I1", cluster=Cluster(runs, cluster.listed_at))

    assert found.subject == "Run team-a/lost (uid uid-lost)"
    assert "has no row" in found.found


async def test_a_row_without_its_run_is_found(world: World):
    """The deletion was missed, and sweep did not repair it."""
    (found,) = await ask(world, "I1", cluster=seen(world, without=["live"]))

    assert found.subject.startswith("Run team-a/live (")
    assert "the API server has no such Run" in found.found


async def test_a_finalizer_that_holds_a_deleted_run_is_found(world: World):
    """Only ours, and only when it is late."""
    deleted = {
        "metadata": {
            "namespace": "team-a",
            "name": "x",
            "uid": "u",
            "deletionTimestamp": "2026-01-01T00:00:00Z",
            "finalizers": ["other.dev/a", "baton.dev/cancel"],
        }
    }
    others = {"metadata": {**deleted["metadata"], "name": "y", "finalizers": ["other.dev/a"]}}

    (found,) = await ask(world, "I5", cluster=Cluster([deleted, others], datetime.now(UTC)))

    assert "baton.dev/cancel holds it" in found.found
