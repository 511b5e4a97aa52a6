"""I4 against what the API server shows, and I8: broken on purpose and seen to be found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from small_world import World
from sqlalchemy import text

from baton_models.statements.projection import Definition, read_definitions, read_runs
from baton_operator.decide.run_status import status_document
from baton_operator.invariants import INVARIANTS, Cluster, Evidence, Violation, check_invariants
from baton_operator.kube.conditions import carry_over, fingerprint
from baton_operator.loops.project_definitions import TABLES
from baton_operator.loops.views import run_view


async def compare(world: World, change: dict[str, Any], *, name: str = "done", whole: bool = False) -> list[Violation]:
    """Ask I4 about one Run that shows what its rows say, but for *change*, or that alone where it is the *whole*."""
    (invariant,) = (each for each in INVARIANTS if each.number == "I4")
    async with world.database.get_async_session() as session:
        run = (await session.execute(text("SELECT id, uid FROM run WHERE name = :name"), {"name": name})).one()
        (row,) = await read_runs(session, [run.id])
        shown = {
            "metadata": {"namespace": "team-a", "name": name, "uid": run.uid},
            "status": change if whole else {**status_document(run_view(row)), **change},
        }
        cluster = Cluster([shown], datetime.now(UTC) + timedelta(minutes=1))
        return await invariant.violations(Evidence(world.database, session, 0.0, cluster))


async def test_a_status_that_is_the_projection_is_no_violation(world: World):
    """Whoever writes it, and whenever, the same rows give the same bytes."""
    assert await compare(world, {}) == []
    assert await compare(world, {}, name="live") == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"phase": "Running"}, "phase is Running, expected Succeeded"),
        ({"observedGeneration": 7}, "observedGeneration is 7, expected 1"),
        ({"conditions": []}, "conditions is []"),
        ({"note": "by hand"}, "note is by hand, expected None"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
async def test_a_status_that_somebody_changed_is_found(world: World, change: dict[str, Any], words: str):
    """The violation names the field with both values."""
    (found,) = await compare(world, change)

    assert found.subject.startswith("Run team-a/done (")
    assert words in found.found


async def test_an_ended_run_keeps_the_words_of_the_release_that_ended_it(world: World):
    """What is said for people, and what that release did not say yet; the facts that it states are still true."""
    older = await said(world, "done")
    for condition in older["conditions"]:
        condition |= {"reason": "Other", "message": "in other words"}
    del older["conditions"][-1], older["counts"]["running"], older["attempt"]
    assert await tell(world, "done", older) == []
    (found,) = await tell(world, "done", {**older, "counts": {"completed": 1}})
    assert "counts is {'completed': 1}, expected {'completed': 2}" in found.found
    older["conditions"][0]["status"] = "False"
    (found,) = await tell(world, "done", older)
    assert "'Accepted': 'False'" in found.found


async def test_words_that_baton_did_not_write_are_found(world: World):
    """On a Run that has ended, too: it shows what nobody wrote down as shown."""
    older = await said(world, "done")
    older["conditions"][0]["message"] = "in other words"
    await tell(world, "done", older)
    older["conditions"][0]["message"] = "by hand"
    assert len(await compare(world, older, whole=True)) == 1


async def test_an_open_run_says_what_this_release_says(world: World):
    """It is shown anew after an upgrade, so other words stay no longer than that takes."""
    older = await said(world, "live")
    older["conditions"][0]["message"] = "in other words"
    assert len(await tell(world, "live", older)) == 1


async def said(world: World, name: str) -> dict[str, Any]:
    """Give the status that a Run should show."""
    async with world.database.get_async_session() as session:
        key = (await session.scalars(text("SELECT id FROM run WHERE name = :name"), {"name": name})).one()
        (row,) = await read_runs(session, [key])
        return status_document(run_view(row))


async def tell(world: World, name: str, status: dict[str, Any]) -> list[Violation]:
    """Ask I4 about a Run that shows *status* as Baton wrote it, in words of its own or of another release."""
    world.break_(f"UPDATE run SET shown = '{fingerprint(status)}' WHERE name = '{name}'")
    return await compare(world, status, name=name, whole=True)


async def test_a_status_that_is_about_to_be_written_is_no_violation(world: World):
    """A row that waits for its projection may differ."""
    world.break_("UPDATE run SET project_at = now() + interval '1 minute' WHERE name = 'done'")

    assert await compare(world, {"phase": "Running"}) == []


async def compare_definition(
    world: World, table: Definition, change: dict[str, Any], *, later: timedelta = timedelta(hours=1)
) -> list[Violation]:
    """Ask I4 about an Engine or Automation that shows its rows but for *change*, so much *later* than a Run's move."""
    (invariant,) = (each for each in INVARIANTS if each.number == "I4")
    async with world.database.get_async_session() as session:
        (key,) = await session.scalars(text(f"SELECT id FROM {table}"))
        (row,) = await read_definitions(session, table, [key])
        (moved,) = await session.scalars(text("SELECT max(updated_at) FROM run"))
        at = moved + later
        status = {**carry_over(TABLES[table].document(row), {}, now=at - later), **change}
        shown = {"metadata": {"namespace": "team-a", "name": row.name, "uid": row.uid}, "status": status}
        objects = {"engines": [shown]} if table == "engine" else {"automations": [shown]}
        return await invariant.violations(Evidence(world.database, session, 0.0, Cluster([], at, **objects)))


@pytest.mark.parametrize("table", ["engine", "automation"])
async def test_a_definition_that_shows_its_rows_is_no_violation(world: World, table: Definition):
    """The times of its conditions are its own; everything else follows from the rows."""
    assert await compare_definition(world, table, {}) == []


@pytest.mark.parametrize(
    ("table", "change", "words"),
    [
        ("engine", {"inFlight": 7}, "inFlight is 7, expected 1"),
        ("engine", {"conditions": []}, "conditions is []"),
        ("automation", {"active": 0}, "active is 0, expected 2"),
        ("automation", {"lastRun": None}, "lastRun is None, expected {"),
    ],
)
async def test_a_definition_that_shows_something_else_is_found(
    world: World, table: Definition, change: dict[str, Any], words: str
):
    """Counters that were lost with a process, or a status that somebody changed; right after a move it may differ."""
    (found,) = await compare_definition(world, table, change)

    assert found.subject.startswith(f"{table.capitalize()} team-a/")
    assert words in found.found
    assert await compare_definition(world, table, change, later=timedelta(seconds=5)) == []


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (["DELETE FROM alembic_version"], "chain engine: engine: nothing (behind)"),
        (["UPDATE alembic_version SET version_num = '9999_future'"], "this release does not work with it"),
        (["ALTER TABLE run DROP COLUMN correlation_id CASCADE"], "-column run.correlation_id"),
        (["ALTER TABLE run ADD COLUMN note text"], "+column run.note"),
        (["DROP TRIGGER baton_run_state_history_guard ON run_state_history"], "baton_run_state_history_guard"),
        (["DROP INDEX ix_run_tenant_id_name"], "ix_run_tenant_id_name"),
    ],
    ids=["behind", "too new", "lost column", "foreign column", "lost trigger", "lost index"],
)
async def test_a_schema_that_is_not_ours_is_found(world: World, statements: list[str], words: str):
    """Chains by their revisions, tables by the catalog's text."""
    with world.database.get_session() as session:
        for statement in statements:
            session.execute(text(statement))
        session.commit()

    found = await check_invariants(world.database, only=["I8"])

    assert len(found) == 1
    assert words in str(found[0])
