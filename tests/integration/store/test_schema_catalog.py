"""The migrated schema is the models' schema, thing by thing, on the oldest and the newest PostgreSQL we run."""

import pytest
from sqlalchemy import create_engine, text

from baton_migrations.catalog import catalog, drift
from baton_migrations.runner import migrate
from baton_models import Base
from baton_models.database import psycopg_url


@pytest.mark.parametrize("version", [18, 16])
def test_a_migrated_and_a_created_database_are_the_same_text(new_database, version):
    migrated_url, created_url = new_database(version=version), new_database(version=version)
    migrate(migrated_url, progress=lambda _: None)
    migrated, created = create_engine(psycopg_url(migrated_url)), create_engine(psycopg_url(created_url))
    Base.metadata.create_all(created)
    with migrated.connect() as one, created.connect() as other:
        assert catalog(one).splitlines() == catalog(other).splitlines()
        assert drift(one) == ""
    migrated.dispose()
    created.dispose()


@pytest.mark.parametrize(
    ("statement", "seen"),
    [
        ("ALTER TABLE run ADD COLUMN sly integer", "+column run.sly integer"),
        ("ALTER TABLE run ALTER COLUMN priority SET DEFAULT 7", "+column run.priority integer NOT NULL DEFAULT 7"),
        ("ALTER TABLE run ALTER COLUMN name DROP NOT NULL", "-column run.name character varying(200) NOT NULL"),
        ("DROP INDEX uq_engine_tenant_id_name", "-index CREATE UNIQUE INDEX uq_engine_tenant_id_name"),
        ("DROP TRIGGER baton_item_state_history_moved ON item_execution", "-trigger CREATE TRIGGER"),
        ("ALTER TABLE item_execution DISABLE TRIGGER USER", "+trigger CREATE TRIGGER"),
        ("ALTER TABLE run ADD CONSTRAINT ck_x CHECK (priority > 0)", "+constraint run ck_x CHECK (priority > 0)"),
        ("ALTER TYPE attempt_state ADD VALUE 'LATER'", "+enum attempt_state INTENT"),
        ("ALTER FUNCTION baton_uuid7() STABLE", "+function baton_uuid7()"),
        ("DROP VIEW baton_run_history", "-view baton_run_history"),
        ("CREATE TABLE sly (id integer)", "+table sly r"),
    ],
)
def test_every_kind_of_difference_is_seen(database, statement, seen):
    with database.sa_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(statement))
    with database.sa_engine.connect() as connection:
        assert seen in drift(connection)


def test_neighbours_tables_are_not_ours(database):
    with database.sa_engine.connect() as connection:
        connection.execute(text("CREATE TABLE ext_abc_order (id integer)"))
        connection.execute(text("CREATE TABLE alembic_version_abc (version_num text)"))
        connection.commit()
        assert drift(connection) == ""
