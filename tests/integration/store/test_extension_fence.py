"""A revision of an extension changes the extension's own tables, or nothing at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from extension_packages import ExtensionPackage
from owned_databases import template

from baton_migrations.errors import ExtensionsFailedError
from baton_migrations.runner import migrate


def silent(_: str) -> None:
    pass


@pytest.fixture(scope="module")
def owned_template(
    postgres_of: Callable[[int], str], plain_role: Callable[[int], tuple[str, str]]
) -> Iterator[tuple[str, str]]:
    """The name of a database that a plain role has migrated; the neighbour `ab` has a table in it."""

    def fill(url: str) -> None:
        migrate(url, progress=silent)
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE ext_ab_order (id integer)")
            connection.execute("CREATE TABLE alembic_version_ab (version_num text)")
            connection.execute("INSERT INTO alembic_version_ab VALUES ('0001')")

    with template(postgres_of(18), fill, owner=plain_role(18)) as made:
        yield made


@pytest.fixture
def url(new_database: Callable[..., str], owned_template: tuple[str, str]) -> str:
    """A migrated database of the test's own, as a role that row-level security binds."""
    return new_database(template=owned_template[0], owned=True)


@pytest.fixture
def package(tmp_path: Path) -> ExtensionPackage:
    """The extension `a`, whose first revision makes its table."""
    made = ExtensionPackage.make(tmp_path, "a")
    made.revise("0001", "CREATE TABLE ext_a_order (id integer PRIMARY KEY, run_id uuid)")
    return made


def answer(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def refused(url: str, package: ExtensionPackage) -> str:
    with pytest.raises(ExtensionsFailedError) as failed:
        migrate(url, progress=silent, chains=[package.chain])
    (failure,) = failed.value.failures
    return str(failure.error)


@pytest.mark.parametrize(
    ("statement", "touched"),
    [
        ("CREATE TABLE orders (id integer)", "made table orders"),
        ("CREATE TABLE ext_ab_invoice (id integer)", "made table ext_ab_invoice"),
        ("ALTER TABLE ext_ab_order ADD COLUMN sly integer", "made column ext_ab_order.sly"),
        ("DROP TABLE ext_ab_order", "dropped table ext_ab_order"),
        ("ALTER TABLE run ADD COLUMN sly integer", "made column run.sly"),
        ("ALTER TABLE run ALTER COLUMN priority SET DEFAULT 7", "changed column run.priority"),
        ("ALTER TABLE run ADD CONSTRAINT ck_sly CHECK (true)", "made constraint run.ck_sly"),
        ("CREATE INDEX ix_sly ON run (name, action)", "made index ix_sly"),
        ("DROP INDEX uq_engine_tenant_id_name", "dropped index uq_engine_tenant_id_name"),
        ("DROP TRIGGER baton_run_state_history_moved ON run", "dropped trigger run.baton_run_state_history_moved"),
        ("ALTER TABLE run DISABLE TRIGGER USER", "changed trigger run.baton_run_state_history_born"),
        ("CREATE RULE sly AS ON DELETE TO run DO INSTEAD NOTHING", "made rule run.sly"),
        ("ALTER TABLE run ENABLE ROW LEVEL SECURITY", "changed table run"),
        ("GRANT SELECT ON run TO PUBLIC", "changed table run"),
        ("TRUNCATE embedded_task", "changed table embedded_task"),
        ("ALTER FUNCTION baton_uuid7() STABLE", "changed function baton_uuid7()"),
        ("CREATE FUNCTION sly() RETURNS integer LANGUAGE sql AS 'SELECT 1'", "made function sly()"),
        ("CREATE TYPE mood AS ENUM ('good')", "made type mood"),
        ("ALTER TYPE attempt_state RENAME VALUE 'INTENT' TO 'WISH'", "changed type attempt_state"),
        ("CREATE VIEW sly AS SELECT 1", "made view sly"),
        ("DROP VIEW baton_run_history", "dropped view baton_run_history"),
        ("CREATE SEQUENCE sly", "made sequence sly"),
        ("CREATE SCHEMA sly", "made schema sly"),
        ("UPDATE alembic_version SET version_num = version_num", "wrote 1 rows of public.alembic_version"),
        ("DELETE FROM alembic_version_ab", "wrote 1 rows of public.alembic_version_ab"),
        ("DELETE FROM schema_compat WHERE revision = '0001_outside'", "wrote 1 rows of public.schema_compat"),
        ("UPDATE alembic_version_a SET version_num = '0009'", "wrote 1 rows of public.alembic_version_a"),
    ],
)
def test_what_is_not_the_extensions_own_is_rolled_back_and_named(url, package, statement, touched):
    file = package.revise("0002", "ALTER TABLE ext_a_order ADD COLUMN note text", statement)
    said = refused(url, package)
    assert said.startswith("a: revision 0002 failed and was rolled back: it ")
    assert touched in said
    assert "may change what is named ext_a_…" in said
    assert str(file) in said
    assert answer(url, "SELECT version_num FROM alembic_version_a") == "0001"
    columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'ext_a_order'"
    assert answer(url, columns) == 2
    file.write_text(file.read_text().replace(repr(statement), "'SELECT 1'"))
    migrate(url, progress=silent, chains=[package.chain])
    assert answer(url, columns) == 3


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("COMMIT", "tried to end its transaction (COMMIT)"),
        ("  rollback", "tried to end its transaction (rollback)"),
        ("> op.get_bind().commit()", "tried to end its transaction"),
        ("> op.get_context().autocommit_block().__enter__()", "tried to end its transaction"),
        ("SELECT 1; COMMIT", "it ended its transaction, so a part of it is kept"),
    ],
)
def test_a_revision_that_ends_its_transaction_is_refused(url, package, statement, why):
    package.revise("0002", statement, "CREATE TABLE ext_a_late (id integer)")
    assert why in refused(url, package)
    assert answer(url, "SELECT version_num FROM alembic_version_a") == "0001"
    assert answer(url, "SELECT to_regclass('ext_a_late')") is None


def test_its_own_things_of_every_kind_are_free(url, package):
    package.revise(
        "0002",
        "ALTER TABLE ext_a_order ADD FOREIGN KEY (run_id) REFERENCES run (id)",
        "CREATE INDEX ix_of_any_name ON ext_a_order (run_id)",
        "CREATE TYPE ext_a_mood AS ENUM ('good', 'bad')",
        "ALTER TABLE ext_a_order ADD COLUMN mood ext_a_mood, ADD COLUMN place integer GENERATED ALWAYS AS IDENTITY",
        "CREATE FUNCTION ext_a_noted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
        "CREATE TRIGGER noted BEFORE INSERT ON ext_a_order FOR EACH ROW EXECUTE FUNCTION ext_a_noted()",
        "CREATE VIEW ext_a_newest AS SELECT * FROM ext_a_order ORDER BY place DESC LIMIT 1",
        "> op.get_bind().begin_nested().commit()",
        "DO $$ BEGIN PERFORM count(*) FROM run; END $$",
        "CREATE TABLE ext_a_old (id integer)",
    )
    package.revise("0003", "DROP TABLE ext_a_old", "DROP VIEW ext_a_newest", "TRUNCATE ext_a_order")
    migrate(url, progress=silent, chains=[package.chain])
    assert answer(url, "SELECT version_num FROM alembic_version_a") == "0003"


def test_every_table_gets_its_guards_although_no_revision_asks_for_them(url, package):
    package.revise("0002", "CREATE TABLE ext_a_late (id integer)")
    migrate(url, progress=silent, chains=[package.chain])
    guarded = (
        "SELECT bool_and(relrowsecurity AND relforcerowsecurity) FROM pg_class WHERE relname ~ '^ext_a_(order|late)$'"
    )
    assert answer(url, guarded) is True
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("SELECT * FROM ext_a_late")


def test_data_moves_in_its_own_tables_and_in_no_others(url, package):
    package.revise("0002", "INSERT INTO ext_a_order (id) VALUES (1), (2)", "UPDATE ext_a_order SET id = id + 10")
    migrate(url, progress=silent, chains=[package.chain])
    with psycopg.connect(url) as connection:
        connection.execute("SET baton.data_models = 'ext_a_order'")
        assert connection.execute("SELECT sum(id) FROM ext_a_order").fetchone() == (23,)
        connection.execute("SELECT baton_guard_extension('ext_ab_order')")
    package.revise("0003", "SELECT * FROM ext_ab_order")
    said = refused(url, package)
    assert "table ext_ab_order was not declared" in said
    assert "statement: SELECT * FROM ext_ab_order" in said


MANAGED = """
CREATE TABLE ext_a_deed (workflow_instance_id uuid PRIMARY KEY DEFAULT baton_current_run(),
  parent_workflow_instance_id uuid UNIQUE REFERENCES ext_a_deed, child_workflow_instance_id uuid, action varchar(50),
  created_at timestamptz NOT NULL DEFAULT now(), amount integer)
"""
GUARD = "ALTER TABLE ext_a_deed {} TRIGGER baton_managed_guard"


@pytest.mark.parametrize("again", [[GUARD.format("ENABLE")], []], ids=["enabled again", "forgotten"])
def test_a_revision_changes_managed_rows_where_it_says_so(url, package, again):
    """The guard is in force afterwards, also where a revision has forgotten it."""
    package.revise("0002", MANAGED)
    migrate(url, progress=silent, chains=[package.chain])
    with psycopg.connect(url) as connection:
        automation = "WITH a AS (INSERT INTO automation (name) VALUES ('a') RETURNING id)"
        made = f"{automation} INSERT INTO run (automation_id, status) SELECT id, 'PROCESSING' FROM a RETURNING id::text"
        run = connection.execute(made).fetchone()
        connection.execute("SELECT set_config('baton.run_id', %s, true)", run)
        connection.execute("SET LOCAL baton.data_models = 'ext_a_deed'")
        connection.execute("INSERT INTO ext_a_deed (amount) VALUES (7)")
    change = "UPDATE ext_a_deed SET amount = amount * 100"
    file = package.revise("0003", change)
    assert "UPDATE on ext_a_deed is refused: it is changed by tasks of a run only" in refused(url, package)
    file.unlink()
    package.revise("0003", GUARD.format("DISABLE"), change, *again)
    migrate(url, progress=silent, chains=[package.chain])
    with psycopg.connect(url) as connection:
        connection.execute("SET LOCAL baton.data_models = 'ext_a_deed'")
        assert connection.execute("SELECT amount FROM ext_a_deed").fetchall() == [(700,)]
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="UPDATE on ext_a_deed is refused"):
            connection.execute(change)


@pytest.mark.parametrize(
    "setting", ["SET lock_timeout = 0", "SET search_path = pg_catalog", "SET LOCAL lock_timeout = 0"]
)
def test_what_a_revision_sets_does_not_reach_the_next(url, package, setting):
    package.revise("0002", setting)
    package.revise(
        "0003",
        "> assert op.get_bind().exec_driver_sql('SHOW lock_timeout').scalar() == '4s'",
        "> assert op.get_bind().exec_driver_sql('SELECT current_schema()').scalar() == 'public'",
        "CREATE TABLE ext_a_late (id integer)",
    )
    migrate(url, progress=silent, chains=[package.chain])
    assert answer(url, "SELECT to_regclass('ext_a_late') IS NOT NULL") is True
