"""`baton-migrate` as the chart's init containers call it: one half at a time, and with patience."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from extension_packages import ExtensionPackage, run_python

from baton_migrations import __main__ as command
from baton_operator.local.postgres import create_database, drop_database

IN_THIS_DATABASE = "FROM pg_stat_activity WHERE datname = current_database()"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder with one installed extension of one revision."""
    ExtensionPackage.make(tmp_path, "a").revise("0001_a", "CREATE TABLE ext_a_order (id integer)")
    return tmp_path


@pytest.fixture
def unborn(postgres_server: str) -> Iterator[tuple[str, Callable[[], object]]]:
    """The URL of a database that is not there yet, and what makes it."""
    name = f"test_{uuid.uuid4().hex}"
    with psycopg.connect(postgres_server) as connection:
        there = connection.info.dbname
    head, _, query = postgres_server.partition("?")
    url = head.removesuffix(f"/{there}") + f"/{name}" + (f"?{query}" if query else "")
    yield url, lambda: create_database(postgres_server, name)
    drop_database(postgres_server, name)


def tables(url: str) -> set[str]:
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class WHERE relname = ANY(%s)", (["schema_compat", "ext_a_order"],)
        )
        return {row[0] for row in rows}


def wait_until(url: str, condition: str) -> None:
    """Wait until a query gives true in some row."""
    deadline = time.monotonic() + 120
    with psycopg.connect(url, autocommit=True) as connection:
        while (True,) not in connection.execute(condition).fetchall():
            assert time.monotonic() < deadline, condition
            time.sleep(0.05)


def test_each_half_is_migrated_by_itself(database_url: str, site: Path) -> None:
    def migrate(*arguments: str) -> str:
        done = run_python(site, "-m", "baton_migrations", *arguments, BATON_DATABASE_URL=database_url)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "a: " not in migrate("--only=engine")
    assert tables(database_url) == {"schema_compat"}
    assert "engine: " not in migrate("--only=extensions")
    assert tables(database_url) == {"schema_compat", "ext_a_order"}


def test_without_extensions_their_half_says_so(database_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--database-url", database_url, "--only=extensions"]) == 0
    assert capsys.readouterr().out == "no installed package brings migrations: nothing to do\n"


def test_a_database_that_comes_late_is_waited_for(
    unborn: tuple[str, Callable[[], object]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, make = unborn
    said: list[str] = []

    def say(line: str) -> None:
        if not said:
            make()
        said.append(line)

    monkeypatch.setattr(command, "say", say)
    monkeypatch.setattr(command, "RETRY_SECONDS", 0.01)
    assert command.main(["--database-url", url, "--wait-for-database=30"]) == 0
    assert said[0].startswith("the database does not answer: ")
    assert said[-1] == "engine: at head"


def test_a_database_that_never_comes_is_not_waited_for_longer(capsys: pytest.CaptureFixture[str]) -> None:
    nobody = "postgresql://user@127.0.0.1:1/name?connect_timeout=1"
    assert command.main(["--database-url", nobody, "--wait-for-database=1.5"]) == 1
    said = capsys.readouterr()
    assert 1 <= said.out.count("the database does not answer: ") <= 2
    assert said.err.startswith("baton-migrate: ")


def test_what_the_database_refuses_is_not_tried_again(store_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    with psycopg.connect(store_url) as connection:
        connection.execute("ALTER TABLE alembic_version RENAME version_num TO other")
    assert command.main(["--database-url", store_url, "--wait-for-database=5"]) == 1
    assert "does not answer" not in capsys.readouterr().out


def test_sigterm_ends_it_at_once_and_nothing_is_half_done(database_url: str, tmp_path: Path) -> None:
    """In the middle of a revision, and another one that waits for the first: a Pod that is stopped does not stay."""
    package = ExtensionPackage.make(tmp_path, "a")
    package.revise("0001_a", "CREATE TABLE ext_a_order (id integer)", "SELECT pg_sleep(50)")
    given = {**os.environ, "BATON_DATABASE_URL": database_url, "PYTHONPATH": str(tmp_path), "PYTHONUNBUFFERED": "1"}

    def start() -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "baton_migrations"]
        return subprocess.Popen(command, env=given, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    with start() as first:
        wait_until(
            database_url, "SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE datname = current_database()"
        )
        with start() as second:
            assert second.stdout
            assert "waiting" in second.stdout.readline()
            for each in (second, first):
                each.send_signal(signal.SIGTERM)
                said = each.communicate(timeout=60)[1]
                assert (each.returncode, said.count("\n")) == (1, 1), said
                assert "stopped; " in said
    assert tables(database_url) == {"schema_compat"}
    wait_until(database_url, f"SELECT count(*) = 1 {IN_THIS_DATABASE}")
