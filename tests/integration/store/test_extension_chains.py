"""Three extensions beside Baton's own chain: each comes to its head by itself, whatever becomes of the others."""

from __future__ import annotations

import signal
import textwrap
import threading
from pathlib import Path

import psycopg
import pytest
from extension_packages import ExtensionPackage, run_python

from baton_migrations.__main__ import main
from baton_migrations.chains import engine_chain
from baton_migrations.check import Standing, look
from baton_migrations.errors import ExtensionsFailedError, SchemaBehindError, SchemaUnusableError
from baton_migrations.runner import migrate, pending_sql

DEADLINE = 60.0
HEAD = engine_chain().scripts().get_current_head()
NAMES = ("a", "ab", "b")


def silent(_: str) -> None:
    pass


@pytest.fixture
def packages(tmp_path: Path) -> dict[str, ExtensionPackage]:
    """The extensions `a`, `ab` and `b`, of two revisions each; the second moves data."""
    made = {}
    for name in NAMES:
        package = made[name] = ExtensionPackage.make(tmp_path, name)
        package.revise(f"0001_{name}", f"CREATE TABLE ext_{name}_order (id integer)")
        package.revise(
            f"0002_{name}",
            f"ALTER TABLE ext_{name}_order ADD COLUMN note text",
            f"INSERT INTO ext_{name}_order VALUES (1, 'moved')",
        )
    return made


def chains(packages: dict[str, ExtensionPackage]):
    return [engine_chain(), *(packages[name].chain for name in sorted(packages))]


def heads(url: str, *names: str) -> dict[str, list[str]]:
    found = {}
    with psycopg.connect(url, autocommit=True) as connection:
        for name in ("", *names):
            table = f"alembic_version_{name}" if name else "alembic_version"
            exists = connection.execute("SELECT to_regclass(%s) IS NOT NULL", (table,)).fetchone()[0]
            rows = connection.execute(f"SELECT version_num FROM {table}").fetchall() if exists else []
            found[name or "engine"] = [row[0] for row in rows]
    return found


AT_HEAD = {"engine": [HEAD], **{name: [f"0002_{name}"] for name in NAMES}}


def moved_once(url: str) -> bool:
    with psycopg.connect(url) as connection:
        connection.execute("SET baton.data_models = 'ext_a_*,ext_ab_*,ext_b_*'")
        query = " UNION ALL ".join(f"SELECT count(*) FROM ext_{name}_order" for name in NAMES)
        return connection.execute(query).fetchall() == [(1,)] * 3


def test_a_failing_revision_in_the_second_of_three_stops_that_one_alone(store_url, packages):
    second = packages["ab"].versions / "0002_ab.py"
    good = second.read_text()
    second.write_text(good.replace("ADD COLUMN note text", "ADD COLUMN note nonsense"))
    lines: list[str] = []
    with pytest.raises(ExtensionsFailedError) as failed:
        migrate(store_url, progress=lines.append, chains=chains(packages))
    assert heads(store_url, *NAMES) == {**AT_HEAD, "ab": ["0001_ab"]}
    assert failed.value.done == ("engine", "a", "b")
    assert str(failed.value.failures[0].error) == (
        'ab: revision 0002_ab failed and was rolled back: type "nonsense" does not exist — correct the file, then run '
        f"baton migrate again; file: {second}:11; statement: ALTER TABLE ext_ab_order ADD COLUMN note nonsense"
    )
    assert lines[-3:] == ["b: 0001_b Step 0001_b.", "b: 0002_b Step 0002_b.", "b: at head"]
    second.write_text(good)
    migrate(store_url, progress=silent, chains=chains(packages))
    assert heads(store_url, *NAMES) == AT_HEAD
    assert moved_once(store_url)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("> raise KeyError('region')", "KeyError: 'region' — correct the file"),
        ("> raise SystemExit(3)", "SystemExit: 3 — correct the file"),
        (
            "ALTER TABLE ext_a_order ADD COLUMN must integer NOT NULL",
            "the table has rows: give the new column a server_",
        ),
        ("SET LOCAL statement_timeout = 50; SELECT pg_sleep(5)", "it took too long: give it more by op.execute"),
    ],
)
def test_a_revision_that_fails_says_what_to_do(store_url, packages, body, said):
    packages["a"].revise("0003_a", body)
    with pytest.raises(ExtensionsFailedError) as failed:
        migrate(store_url, progress=silent, chains=chains(packages))
    assert said in str(failed.value.failures[0].error)
    assert heads(store_url, *NAMES) == AT_HEAD


def test_an_extension_that_cannot_be_imported_does_not_stop_the_others(store_url, packages, tmp_path):
    (packages["ab"].versions.parent / "__init__.py").write_text("import nowhere_at_all")
    done = run_python(tmp_path, "-m", "baton_migrations", BATON_DATABASE_URL=store_url)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "the migrations of 'ab' cannot be imported from ab_baton.migrations" in done.stderr
    assert "ab: FAILED, the other chains go on\n" in done.stdout
    assert heads(store_url, *NAMES) == {**AT_HEAD, "ab": []}
    checked = run_python(tmp_path, "-m", "baton_migrations", "--check", BATON_DATABASE_URL=store_url)
    assert checked.returncode == 78
    assert "'ab' cannot be imported" in checked.stderr


def test_nothing_may_start_while_a_chain_is_behind_or_cannot_be_used(store_url, packages):
    state = look(store_url, chains=chains(packages))
    assert [chain.standing for chain in state.chains] == [Standing.AT_HEAD, *[Standing.BEHIND] * 3]
    assert "  pending 0002_ab  Step 0002_ab. Works with 1.0.0 or newer." in state.lines()
    with pytest.raises(SchemaBehindError, match=r"the schema of a is at nothing, this release needs 0002_a"):
        state.raise_for_work()
    migrate(store_url, progress=silent, chains=chains(packages))
    (packages["b"].versions / "0003_b.py").write_text("1 +")
    with pytest.raises(SchemaUnusableError, match=r"'b' cannot be used: a file in .* cannot be imported: SyntaxError"):
        look(store_url, chains=chains(packages)).raise_for_work()


def test_each_version_table_is_touched_by_its_own_chain_only(store_url, packages):
    migrate(store_url, progress=silent, chains=chains(packages))

    def marks() -> dict[str, object]:
        with psycopg.connect(store_url) as connection:
            tables = ["alembic_version", *(f"alembic_version_{name}" for name in NAMES)]
            query = "SELECT xmin::text, ctid::text, version_num FROM {}"
            return {table: connection.execute(query.format(table)).fetchall() for table in tables}

    before = marks()
    packages["ab"].revise("0003_ab", "CREATE TABLE ext_ab_late (id integer)")
    migrate(store_url, progress=silent, chains=chains(packages))
    after = marks()
    assert {table for table in before if before[table] != after[table]} == {"alembic_version_ab"}


def test_five_migrators_at_once_run_each_revision_once(store_url, packages):
    lines: list[str] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            migrate(store_url, progress=lines.append, chains=chains(packages))
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)

    migrators = [threading.Thread(target=run) for _ in range(5)]
    for migrator in migrators:
        migrator.start()
    for migrator in migrators:
        migrator.join(timeout=DEADLINE)
    assert failures == []
    assert heads(store_url, *NAMES) == AT_HEAD
    assert moved_once(store_url)
    assert lines.count("b: at head") == 5


@pytest.mark.parametrize("stop", range(6))
def test_a_migrator_killed_inside_an_extensions_revision_is_made_good_by_the_next(store_url, packages, tmp_path, stop):
    """The process kills itself when the revision has run but is not committed: the worst moment there is."""
    script = textwrap.dedent(
        f"""
        import os, signal
        from baton_migrations.runner import migrate

        seen = []

        def progress(line):
            seen.extend([line] if ": 000" in line else [])
            if len(seen) == {stop + 1}:
                os.kill(os.getpid(), signal.SIGKILL)

        migrate({store_url!r}, progress=progress)
        """
    )
    killed = run_python(tmp_path, "-c", script)
    assert killed.returncode == -signal.SIGKILL
    run = [f"000{step}_{name}" for name in NAMES for step in (1, 2)][:stop]
    expected = {name: [each for each in run if each.endswith(f"_{name}")][-1:] for name in NAMES}
    assert heads(store_url, *NAMES) == {"engine": [HEAD], **expected}
    migrate(store_url, progress=silent, chains=chains(packages))
    assert heads(store_url, *NAMES) == AT_HEAD
    assert moved_once(store_url)


def test_the_statements_that_are_shown_are_those_that_would_run(database_url, packages, capsys, monkeypatch):
    """A person may run them by hand: the next migrator finds nothing to do."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        written = pending_sql(database_url, chains=chains(packages))
        connection.execute(written)
    assert heads(database_url, *NAMES) == AT_HEAD
    assert moved_once(database_url)
    assert pending_sql(database_url, chains=chains(packages)) == ""
    lines: list[str] = []
    migrate(database_url, progress=lines.append, chains=chains(packages))
    assert lines == [f"{name}: at head" for name in ("engine", *NAMES)]
    monkeypatch.setenv("BATON_DATABASE_URL", database_url)
    assert main(["--sql"]) == 0
    assert capsys.readouterr().out.strip() == ""
    assert main(["--status"]) == 0
    assert capsys.readouterr().out.startswith(f"engine: {HEAD} (at head), release ")


def test_a_revision_that_asks_the_database_cannot_be_shown(store_url, packages):
    packages["a"].revise("0003_a", "> op.get_bind().exec_driver_sql('SELECT 1').scalar() + 1")
    with pytest.raises(Exception, match="it asks the database before it acts: run it with baton migrate"):
        pending_sql(store_url, chains=chains(packages))
