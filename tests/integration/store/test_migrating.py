"""One migrator works, the others wait; what was killed is done again; neighbours' chains stay apart."""

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import psycopg
import pytest
from extension_packages import ExtensionPackage

from baton_migrations.chains import Chain, engine_chain
from baton_migrations.errors import ExtensionsFailedError, LockNotFreeError
from baton_migrations.runner import LOCK_KEY, migrate

DEADLINE = 60.0
HEAD = engine_chain().scripts().get_heads()


def silent(_: str) -> None:
    pass


def revisions(url: str, table: str = "alembic_version") -> list[str]:
    with psycopg.connect(url) as connection:
        return [row[0] for row in connection.execute(f"SELECT version_num FROM {table}")]


def wait_for(condition, what: str):
    until = time.monotonic() + DEADLINE
    while not (found := condition()):
        assert time.monotonic() < until, f"{what} did not happen within {DEADLINE} s"
        time.sleep(0.02)
    return found


@pytest.fixture
def extension(tmp_path: Path) -> Chain:
    """An extension's chain of two revisions; the second waits as long as a row of ``ext_abc_gate`` is locked."""
    package = ExtensionPackage.make(tmp_path, "abc")
    package.revise("0001", "CREATE TABLE ext_abc_gate (id integer)")
    package.revise("0002", "CREATE TABLE ext_abc_order (id integer)", "LOCK TABLE ext_abc_gate")
    return package.chain


def test_a_fresh_database_comes_to_the_head_and_a_second_run_changes_nothing(database_url):
    lines = []
    migrate(database_url, progress=lines.append)
    assert revisions(database_url) == HEAD
    assert lines[-1] == "engine: at head"
    assert lines[0].startswith("engine: 0001")
    lines.clear()
    migrate(database_url, progress=lines.append)
    assert lines == ["engine: at head"]


def test_each_revision_notes_who_can_work_with_it(database_url):
    migrate(database_url, progress=silent)
    with psycopg.connect(database_url) as connection:
        noted = connection.execute(
            "SELECT chain, revision, readable_since FROM schema_compat ORDER BY revision"
        ).fetchall()
    scripts = engine_chain().scripts().walk_revisions()
    assert noted == sorted(("engine", script.revision, script.module.readable_since) for script in scripts)


def test_five_migrators_at_once_all_end_well(database_url):
    lines: list[str] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate(database_url, progress=lines.append)
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    migrators = [threading.Thread(target=run) for _ in range(5)]
    for migrator in migrators:
        migrator.start()
    for migrator in migrators:
        migrator.join(timeout=DEADLINE)
    assert failures == []
    assert revisions(database_url) == HEAD
    applied = [line for line in lines if line.startswith("engine: 0")]
    assert len(applied) == len(set(applied)), "some revision ran twice"
    assert lines.count("engine: at head") == 5


def test_a_migrator_that_waits_says_so_and_gives_up_in_the_end(database_url):
    lines: list[str] = []
    with psycopg.connect(database_url, autocommit=True) as other:
        other.execute("SELECT pg_advisory_lock(%s)", (LOCK_KEY,))
        with pytest.raises(LockNotFreeError, match="another migrator held the lock"):
            migrate(database_url, progress=lines.append, wait_seconds=0.5)
    assert lines == ["another migrator is at work; waiting for 0 s"]
    migrate(database_url, progress=silent)


def test_extensions_follow_with_their_own_version_table(database_url, extension):
    migrate(database_url, progress=silent, chains=[engine_chain(), extension])
    assert revisions(database_url) == HEAD
    assert revisions(database_url, "alembic_version_abc") == ["0002"]
    with psycopg.connect(database_url) as connection:
        noted = connection.execute("SELECT revision, readable_since FROM schema_compat WHERE chain = 'abc' ORDER BY 1")
        assert noted.fetchall() == [("0001", "1.0.0"), ("0002", "1.0.0")]


def test_a_lock_that_is_not_had_ends_the_revision_and_not_the_traffic(database_url, extension):
    second = extension.versions / "0002.py"
    text = second.read_text()
    second.unlink()
    migrate(database_url, progress=silent, chains=[engine_chain(), extension])
    second.write_text(text)
    with psycopg.connect(database_url) as reader:
        reader.execute("SET baton.data_models = 'ext_abc_*'")
        reader.execute("SELECT * FROM ext_abc_gate")
        began = time.monotonic()
        with pytest.raises(ExtensionsFailedError, match="lock timeout — another session holds the table"):
            migrate(database_url, progress=silent, chains=[extension])
        assert 3.5 < time.monotonic() - began < 15
    assert revisions(database_url, "alembic_version_abc") == ["0001"]
    migrate(database_url, progress=silent, chains=[extension])
    assert revisions(database_url, "alembic_version_abc") == ["0002"]


@pytest.mark.parametrize("stop", range(len(list(engine_chain().scripts().walk_revisions()))))
def test_a_migrator_killed_inside_a_revision_is_made_good_by_the_next(database_url, stop):
    """The process kills itself when the revision has run but is not committed: the worst moment there is."""
    script = textwrap.dedent(
        f"""
        import os, signal
        from baton_migrations.runner import migrate

        seen = []

        def progress(line):
            seen.append(line)
            if len(seen) == {stop + 1}:
                os.kill(os.getpid(), signal.SIGKILL)

        migrate({database_url!r}, progress=progress)
        """
    )
    killed = subprocess.run([sys.executable, "-c", script], check=False, timeout=DEADLINE)
    assert killed.returncode == -signal.SIGKILL
    with psycopg.connect(database_url) as connection:
        tables = connection.execute("SELECT to_regclass('alembic_version') IS NOT NULL").fetchone()[0]
    done = revisions(database_url) if tables else []
    assert done == sorted(revision.revision for revision in engine_chain().scripts().walk_revisions())[:stop][-1:]
    migrate(database_url, progress=silent)
    assert revisions(database_url) == HEAD


def test_a_migrator_killed_while_it_holds_the_lock_frees_it(database_url):
    script = f"from baton_migrations.runner import migrate; migrate({database_url!r}, progress=lambda _: input())"
    with subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE) as process:
        with psycopg.connect(database_url, autocommit=True) as connection:
            held = (
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'"
                " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
            )
            wait_for(lambda: connection.execute(held).fetchone()[0], "taking the lock")
        os.kill(process.pid, signal.SIGKILL)
        process.wait(timeout=DEADLINE)
    migrate(database_url, progress=silent)
    assert revisions(database_url) == HEAD
