"""I4 against what the API server shows, and I8: broken on purpose and seen to be found."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from small_world import World
from sqlalchemy import text

from baton_models.statements.projection import read_runs
from baton_operator.decide.run_status import status_document
from baton_operator.invariants import INVARIANTS, Cluster, Evidence, Violation, check_invariants
from baton_operator.loops.views import run_view


async def compare(world: World, change: dict[str, Any], *, name: str = "done") -> list[Violation]:
    """Ask I4 about one Run that shows what its rows say, but for *change*."""
    (invariant,) = (each for each in INVARIANTS if each.number == "I4")
    async with world.database.get_async_session() as session:
        run = (await session.execute(text("SELECT id, uid FROM run WHERE name = :name"), {"name": name})).one()
        (row,) = await read_runs(session, [run.id])
        shown = {
            "metadata": {"namespace": "team-a", "name": name, "uid": run.uid},
            "status": {**status_document(run_view(row)), **change},
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


async def test_a_status_that_is_about_to_be_written_is_no_violation(world: World):
    """A row that waits for its projection may differ."""
    world.break_("UPDATE run SET project_at = now() + interval '1 minute' WHERE name = 'done'")

    assert await compare(world, {"phase": "Running"}) == []


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
