"""`baton database restored`: what it would do, what it does, and when it refuses."""

from __future__ import annotations

import socket
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import orjson
import pytest
from click.testing import Result
from small_world import World
from sqlalchemy import text
from typer.testing import CliRunner

from baton_models.database import DatabaseConfig
from baton_operator.cli.application import application

Baton = Callable[..., Result]
LOOKED_FOR = "SELECT count(*) FROM dispatch_attempt WHERE state = 'AMBIGUOUS'"
LIVES = "SELECT count(*) FROM database_life"


@pytest.fixture
def address(world: World) -> str:
    return world.database.url.set(drivername="postgresql").render_as_string(False)


@pytest.fixture
def baton(address: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Baton:
    """Types a command."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BATON_DATABASE_URL", address)
    return lambda *words: CliRunner().invoke(application(), ["database", "restored", *words])


def value(world: World, statement: str) -> object:
    with world.database.get_session() as session:
        return session.execute(text(statement)).scalar_one()


def test_without_yes_it_only_says_what_it_would_do(baton: Baton, world: World) -> None:
    said = baton()
    assert said.exit_code == 0, said.output
    header, line = (each.split() for each in said.stdout.splitlines()[:2])
    assert header == ["ENGINE", "TYPE", "RUNS", "LOOKED", "FOR", "FOLLOWED", "AS", "BEFORE"]
    assert line == ["team-a/argo", "Argo", "2", "1", "1", "0"]
    assert "Nothing was changed" in said.stdout
    assert (value(world, LOOKED_FOR), value(world, LIVES)) == (0, 0)


def test_with_yes_what_waits_is_looked_for(baton: Baton, world: World) -> None:
    """What the engine has taken is followed as before; who said so is kept."""
    said = baton("--yes", "-o", "json")
    assert said.exit_code == 0, said.output
    (row,) = orjson.loads(said.stdout)
    assert (row["looked_for"], row["followed"]) == (1, 1)
    assert value(world, LOOKED_FOR) == 1
    assert str(value(world, "SELECT actor FROM database_life")).endswith("(baton database restored)")
    assert (
        value(world, "SELECT state::text FROM dispatch_attempt WHERE orchestration_instance_id IS NULL") == "AMBIGUOUS"
    )


def test_it_works_for_a_user_without_a_login(baton: Baton, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a Pod, whose user no password file knows."""
    for each in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 1234567)
    said = baton("--yes")
    assert said.exit_code == 0, said.output
    who = f"user 1234567 of {socket.gethostname()} (baton database restored)"
    assert value(world, "SELECT actor FROM database_life") == who


def test_it_is_refused_while_somebody_works_on_the_database(baton: Baton, world: World, address: str) -> None:
    """What is sent at this moment cannot be told from what was sent before."""
    working = DatabaseConfig(address, pool_size=1, application_name="baton-operator pod-1")
    with working.get_session() as session:
        session.execute(text("SELECT 1"))
        refused = baton("--yes")
    working.dispose_engine()
    assert refused.exit_code == 1
    assert "baton-operator pod-1 is at work on this database" in refused.output
    assert value(world, LIVES) == 0
    assert baton("--yes").exit_code == 0


def test_an_earlier_moment_counts_if_somebody_knows_it(baton: Baton, world: World) -> None:
    """Without a time zone it is UTC; one that is later than what the database knows says nothing."""
    assert baton("--yes", "--saved-at", "2026-01-02T03:04:05").exit_code == 0
    known = "SELECT known_until FROM database_life ORDER BY began_at DESC LIMIT 1"
    assert value(world, known) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert baton("--yes", "--saved-at", "2999-01-01").exit_code == 0
    assert value(world, f"SELECT ({known}) < now()") is True
