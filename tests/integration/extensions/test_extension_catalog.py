"""Extensions' tables are guarded the same whether migrated or created, and Baton's own comparison leaves them out."""

import psycopg
import pytest
from shop_models import TABLES
from sqlalchemy import text

from baton_migrations.catalog import catalog, drift, own_tables
from baton_migrations.runner import migrate
from baton_models import Base
from baton_models.database import DatabaseConfig
from baton_models.extension_guards import guard_table

MANAGED = ["baton_managed_guard", "baton_managed_kept", "baton_managed_noted"]


@pytest.fixture
def open_database(new_database):
    """Opens the pools of fresh databases."""
    opened = []

    def make(version: int) -> DatabaseConfig:
        opened.append(DatabaseConfig(new_database(version=version, owned=True)))
        return opened[-1]

    yield make
    for each in opened:
        each.dispose_engine()


@pytest.mark.parametrize("version", [18, 16])
def test_migrated_and_created_tables_are_guarded_the_same(open_database, version):
    migrated, created = open_database(version), open_database(version)
    migrate(migrated.database_url, progress=lambda _: None)
    with migrated.sa_engine.begin() as connection:
        for table in TABLES:
            table.create(connection)  # as a revision does, without what hangs on the metadata
        for table in TABLES:
            guard_table(connection, table.name)
    Base.metadata.create_all(created.sa_engine, [*own_tables(), *TABLES])
    with migrated.sa_engine.connect() as one, created.sa_engine.connect() as other:
        found = catalog(one, extensions=True)
        assert found.splitlines() == catalog(other, extensions=True).splitlines()
        assert drift(one) == ""
        assert drift(other) == ""
    for table in TABLES:
        assert f"table {table.name} r  row security forced" in found
        assert f"policy {table.name} baton_declared" in found
        assert f"TRIGGER baton_declared_truncate BEFORE TRUNCATE ON {table.name} " in found
    for trigger in MANAGED:
        assert [line for line in found.splitlines() if f"TRIGGER {trigger} " in line and "ext_shop_request" in line]
        assert not [line for line in found.splitlines() if f"TRIGGER {trigger} " in line and "ext_shop_order" in line]


@pytest.mark.parametrize("version", [18, 16])
def test_both_versions_refuse_an_undeclared_table_and_chain_rows(open_database, version):
    database = open_database(version)
    migrate(database.database_url, progress=lambda _: None)
    Base.metadata.create_all(database.sa_engine, TABLES)
    with psycopg.connect(database.database_url, autocommit=True) as psql:
        for statement in ("SELECT FROM ext_shop_request", "UPDATE ext_shop_label SET text = ''"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="was not declared"):
                psql.execute(statement)
        psql.execute("SET baton.data_models = 'ext_shop_request'")
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="by tasks of a run only"):
            psql.execute("INSERT INTO ext_shop_request (amount) VALUES (1)")
        (automation,) = psql.execute("INSERT INTO automation (name) VALUES ('a') RETURNING id").fetchone()
        previous = None
        for number in range(3):
            (run,) = psql.execute(
                "INSERT INTO run (automation_id, status, parent_run_id) VALUES (%s, 'PROCESSING', %s) RETURNING id",
                (automation, previous),
            ).fetchone()
            psql.execute("SELECT set_config('baton.run_id', %s, false)", (str(run),))
            psql.execute("INSERT INTO ext_shop_request (amount) VALUES (%s)", (number,))
            previous = run
        assert psql.execute("SELECT count(parent_workflow_instance_id) FROM ext_shop_request").fetchone() == (2,)


def test_a_table_that_create_all_makes_later_is_guarded_too(shop):
    with shop.sa_engine.begin() as connection:
        connection.execute(text("DROP TABLE ext_shop_request"))
    Base.metadata.create_all(shop.sa_engine, TABLES)
    with shop.sa_engine.connect() as connection:
        assert "policy ext_shop_request baton_declared" in catalog(connection, extensions=True)


def test_an_enum_of_an_extension_is_not_batons(shop):
    with shop.sa_engine.begin() as connection:
        connection.execute(text("CREATE TYPE ext_shop_colour AS ENUM ('red')"))
    with shop.sa_engine.connect() as connection:
        assert drift(connection) == ""
