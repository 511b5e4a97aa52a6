"""A database of the first landing, with Runs in flight, is brought to today's schema while the old release works on."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from baton_upgrades.older import FIRST_LANDING, replay
from baton_upgrades.statements import Sent
from psycopg import sql

from baton_migrations.__main__ import main
from baton_migrations.catalog import catalog, drift
from baton_migrations.chains import engine_chain
from baton_migrations.errors import RevisionFailedError
from baton_migrations.runner import migrate
from baton_models.database import DatabaseConfig

OlderUrl = Callable[..., str]
OLD_HEAD = "0007_run_history"
#: What the migrator itself keeps.
BOOKS = {"alembic_version", "schema_compat"}
DEADLINE = 60.0
#: How far everything has come, by names and not by keys or moments that the database makes anew each time.
RESULTS = {
    "runs": "SELECT name, status::text, status_reason, version, generation, state FROM run ORDER BY 1",
    "history": """
        SELECT r.name, h.seq, h.previous_status::text, h.new_status::text, h.reason
        FROM run_state_history h JOIN run r ON r.id = h.run_id ORDER BY 1, 2
    """,
    "items": """
        SELECT r.name, i.sequence_number, x.status::text, count(h.*)
        FROM item_execution x JOIN run r ON r.id = x.run_id JOIN item i ON i.id = x.item_id
        LEFT JOIN item_state_history h ON h.item_execution_id = x.id GROUP BY 1, 2, 3 ORDER BY 1, 2
    """,
    "attempts": "SELECT token, state::text, sends, tries, fingerprint, settled FROM dispatch_attempt ORDER BY 1",
    "progress": """
        SELECT r.name, p.total, p.pending, p.running, p.completed, p.failed, p.cancelled, p.skipped
        FROM run_progress p JOIN run r ON r.id = p.run_id ORDER BY 1
    """,
    "tasks": "SELECT token, state, result::text, error FROM embedded_task ORDER BY 1",
    "definitions": """
        SELECT a.name, d.version FROM workflow_definitions d JOIN automation a ON a.id = d.automation_id ORDER BY 1, 2
    """,
}


def silent(_: str) -> None:
    pass


def rows(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Give all rows of the tables and columns that the older release knew, by its own dump."""
    with psycopg.connect(url) as connection:
        return {
            table: connection.execute(
                sql.SQL("SELECT {} FROM {} ORDER BY 1::text, 2::text").format(
                    sql.SQL(", ").join(map(sql.Identifier, columns)), sql.Identifier(table)
                )
            ).fetchall()
            for table, columns in known_columns().items()
        }


def known_columns() -> dict[str, list[str]]:
    """Read the tables and columns of the older release out of its dump."""
    found: dict[str, list[str]] = {}
    inside = ""
    for line in FIRST_LANDING.dump.splitlines():
        if line.startswith("CREATE TABLE public."):
            inside = line.removeprefix("CREATE TABLE public.").split()[0]
            found[inside] = []
        elif line.startswith(");"):
            inside = ""
        elif inside and not line.strip().startswith("CONSTRAINT "):
            found[inside].append(line.split()[0].strip('"'))
    return {table: columns for table, columns in found.items() if table not in BOOKS}


def results(url: str) -> dict[str, list[tuple[object, ...]]]:
    """Give how far everything has come."""
    with psycopg.connect(url) as connection:
        return {name: connection.execute(query.encode()).fetchall() for name, query in RESULTS.items()}


@pytest.mark.parametrize("version", [18, 16])
def test_the_migrated_schema_is_that_of_a_fresh_database(older_url: OlderUrl, new_database: OlderUrl, version: int):
    older, fresh = older_url(version=version), new_database(version=version)
    migrate(older, progress=silent)
    migrate(fresh, progress=silent)
    assert described(older) == described(fresh)


def described(url: str) -> list[str]:
    """Give the schema as text, after a look that it is the models'."""
    database = DatabaseConfig(url, pool_size=1)
    with database.sa_engine.connect() as connection:
        assert drift(connection) == ""
        found = catalog(connection)
    database.dispose_engine()
    return found.splitlines()


@pytest.mark.parametrize("version", [18, 16])
def test_no_row_of_the_older_release_is_changed(older_url: OlderUrl, version: int):
    url = older_url(version=version)
    before = rows(url)
    migrate(url, progress=silent)
    after = rows(url)
    assert {table for table in before if before[table] != after[table]} == set()
    assert len(before["run_state_history"]) > 20


def test_the_new_image_says_what_it_will_do_before_it_does_it(older_url: OlderUrl, capsys: pytest.CaptureFixture[str]):
    url = older_url()
    assert main(["--check", "--database-url", url]) == 78
    assert f"is at {OLD_HEAD}" in capsys.readouterr().err
    assert main(["--status", "--database-url", url]) == 0
    said = capsys.readouterr().out
    newer = [each.revision for each in engine_chain().scripts().iterate_revisions("heads", OLD_HEAD)]
    pending = [line for line in said.splitlines() if line.startswith("  pending")]
    assert [line.split()[1] for line in pending] == newer[::-1]
    assert all(line.endswith(" Works with 0.1.0 or newer.") for line in pending)


def different(statements: Sequence[Sent], expected: Sequence[int], found: Sequence[int]) -> dict[str, list[object]]:
    """Give the statements that did not touch as many rows as expected: (expected, found) for each time."""
    unlike: dict[str, list[object]] = defaultdict(list)
    for each, wanted, got in zip(statements, expected, found, strict=True):
        if wanted != got:
            unlike[each.text].append((wanted, got))
    return dict(unlike)


def test_every_word_of_the_older_release_means_on_the_new_schema_what_it_meant(older_url: OlderUrl):
    statements = FIRST_LANDING.statements()
    old, new = older_url(), older_url()
    migrate(new, progress=silent)
    expected = replay(old, statements)
    assert different(statements, expected, replay(new, statements)) == {}
    assert results(new) == results(old)


def test_what_is_replayed_is_the_work_of_the_older_release(older_url: OlderUrl):
    """Or the test above would compare nothing with nothing. Three are about rows that the server made then."""
    statements = FIRST_LANDING.statements()
    worked, works = set(), set()
    for each, touched in zip(statements, replay(older_url(), statements), strict=True):
        if each.writes and each.rows > 0:
            worked.add(each.text)
            works |= {each.text} if touched > 0 else set()
    assert len(works) > 40
    assert len(worked - works) <= 3, worked - works


def test_the_older_release_works_on_while_its_database_is_migrated(older_url: OlderUrl):
    """What it says, the schema under it changing, comes to the same; a deadlock is repeated, as its loops do."""
    statements = FIRST_LANDING.statements()
    old, new = older_url(), older_url()
    replay(old, statements)
    third = len(statements) // 3
    replay(new, statements[:third])
    with ThreadPoolExecutor(1) as pool:
        migrated = pool.submit(migrate, new, progress=silent)
        replay(new, statements[third:], first=third, pause=0.002)
        migrated.result(DEADLINE)
    assert results(new) == results(old)
    assert main(["--check", "--database-url", new]) == 0


def test_a_migrator_gives_way_to_a_long_transaction_of_the_older_release(older_url: OlderUrl):
    """It waits for seconds, not for ever: who waits behind it waits as long. Then it is run again."""
    url = older_url()
    with psycopg.connect(url) as older:
        older.execute("UPDATE run SET priority = priority")
        with pytest.raises(RevisionFailedError, match="another session holds the table: run baton migrate again"):
            migrate(url, progress=silent)
        assert main(["--check", "--database-url", url]) == 78
    migrate(url, progress=silent)
    assert main(["--check", "--database-url", url]) == 0


def test_a_deadlock_with_the_older_release_is_tried_again(older_url: OlderUrl):
    """A revision locks tables in another order than the statements of those who work meanwhile."""
    url = older_url()
    said: list[str] = []
    with psycopg.connect(url) as older, ThreadPoolExecutor(1) as pool:
        older.execute("SET deadlock_timeout = '1min'")
        older.execute("UPDATE engine SET version = version")
        migrated = pool.submit(migrate, url, progress=said.append)
        wait_until_waiting(url, "engine_health")
        older.execute("UPDATE engine_health SET next_poll_at = next_poll_at")
        older.commit()
        migrated.result(DEADLINE)
    assert said.count("engine: met another session in a deadlock; again") == 1
    assert main(["--check", "--database-url", url]) == 0


def wait_until_waiting(url: str, held: str) -> None:
    """Wait until a session that has locked the table *held* waits for another lock."""
    waiting = """
        SELECT count(*) FROM pg_locks h JOIN pg_locks w ON w.pid = h.pid AND NOT w.granted
        WHERE h.granted AND h.relation = %s::regclass AND h.mode = 'AccessExclusiveLock'
    """
    until = time.monotonic() + DEADLINE
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(waiting, (held,)).fetchone() == (0,):
            assert time.monotonic() < until, "nobody waits"
            time.sleep(0.02)
