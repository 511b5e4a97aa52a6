"""`baton purge`: what it would delete, what it deletes, and what it spares."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from small_world import World
from sqlalchemy import text
from typer.testing import CliRunner

from baton_operator.cli.application import application

Baton = Callable[..., Result]
NAMES = "SELECT string_agg(name, ' ' ORDER BY name) FROM run"
LATER, EARLIER = ("--before", "2100-01-01"), ("--before", "2000-01-01")
#: The run that is over, as it is once its end was counted and its custom resource deleted.
GONE = "UPDATE run SET is_active = false, counted = true WHERE name = 'done'"


@pytest.fixture
def baton(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Baton:
    """Types a command."""
    monkeypatch.chdir(tmp_path)
    url = world.database.url.set(drivername="postgresql").render_as_string(False)
    monkeypatch.setenv("BATON_DATABASE_URL", url)
    return lambda *words: CliRunner().invoke(application(), ["purge", *words])


def change(world: World, *statements: str) -> None:
    with world.database.get_session() as session:
        for each in statements:
            session.execute(text(each))
        session.commit()


def value(world: World, statement: str) -> object:
    with world.database.get_session() as session:
        return session.execute(text(statement)).scalar_one()


def test_without_yes_it_only_says_what_would_go(baton: Baton, world: World) -> None:
    change(world, GONE)
    said = baton(*LATER)
    assert said.exit_code == 0, said.output
    header, line = (each.split() for each in said.stdout.splitlines()[:2])
    assert header == ["NAMESPACE", "RUNS", "OLDEST", "NEWEST"]
    assert line[:2] == ["team-a", "1"]
    assert "Nothing was changed" in said.stdout
    assert value(world, NAMES) == "done live waiting"


def test_with_yes_a_run_goes_with_all_that_belongs_to_it(baton: Baton, world: World) -> None:
    """History goes with its run, though it can be deleted in no other way."""
    change(world, GONE)
    before = value(world, "SELECT count(*) FROM instance_state_history")
    said = baton(*LATER, "--yes")
    assert said.exit_code == 0, said.output
    assert "They are gone." in said.stdout
    assert value(world, NAMES) == "live waiting"
    for table in ("item_execution", "item_state_history", "batch_execution", "run_progress"):
        assert value(world, f"SELECT count(*) FROM {table}") == 0, table
    assert value(world, "SELECT count(*) FROM instance_state_history") < before
    assert value(world, "SELECT count(*) FROM dispatch_attempt a JOIN run r ON r.id = a.run_id") == value(
        world, "SELECT count(*) FROM dispatch_attempt"
    )


@pytest.mark.parametrize(
    "kept",
    [
        "UPDATE run SET is_active = true WHERE name = 'done'",
        "UPDATE run SET counted = false WHERE name = 'done'",
        "UPDATE dispatch_attempt SET state = 'HALTED' WHERE run_id = (SELECT id FROM run WHERE name = 'done')",
        """
        INSERT INTO embedded_task (token, fingerprint, task, arguments, run_id, hook, hook_no)
        SELECT 'hook-1', '', 'acme.ended', '{}', id, 'onFinish', 1 FROM run WHERE name = 'done'
        """,
    ],
    ids=["its object is there", "its end is not counted", "an engine may have it", "a hook of it was not called"],
)
def test_what_somebody_may_ask_for_stays(baton: Baton, world: World, kept: str) -> None:
    change(world, GONE, kept)
    said = baton(*LATER, "--yes")
    assert said.exit_code == 0, said.output
    assert "No Run is that old" in said.stdout
    assert value(world, NAMES) == "done live waiting"


def test_what_is_younger_stays(baton: Baton, world: World) -> None:
    change(world, GONE)
    assert "No Run is that old" in baton(*EARLIER, "--yes").stdout
    assert value(world, NAMES) == "done live waiting"


def test_a_moment_has_to_be_named(baton: Baton) -> None:
    said = baton("--yes")
    assert said.exit_code == 2
    assert "--before" in said.stderr
