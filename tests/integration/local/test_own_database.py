"""A local Baton's database belongs to a role that row-level security binds."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import psycopg
import pytest

from baton_migrations.catalog import drift
from baton_migrations.runner import migrate
from baton_models.database import DatabaseConfig
from baton_operator.local.home import Home
from baton_operator.local.postgres import Postgres, create_database, drop_database
from baton_operator.local.scratch import scratch_home

_ROLE = "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
_OWNERS = """
SELECT DISTINCT pg_get_userbyid(owner) FROM (
  SELECT relowner AS owner FROM pg_class WHERE relnamespace = 'public'::regnamespace
  UNION SELECT proowner FROM pg_proc WHERE pronamespace = 'public'::regnamespace
  UNION SELECT typowner FROM pg_type WHERE typnamespace = 'public'::regnamespace
  UNION SELECT datdba FROM pg_database WHERE datname = current_database()) AS found
"""


@pytest.fixture
def postgres(local_home: Home, postgres_server: str) -> Postgres:
    """The running server of the session's home."""
    del postgres_server
    server = Postgres(local_home, fsync=False)
    if not server.process.runs:
        server.up()
    return server


@pytest.fixture
def name(postgres: Postgres) -> Iterator[str]:
    """The name of a database that is gone after the test."""
    chosen = f"test_{uuid.uuid4().hex}"
    yield chosen
    drop_database(postgres.url, chosen)


def test_its_role_may_log_in_and_nothing_more(postgres: Postgres, name: str) -> None:
    url = postgres.own_database(name)
    assert postgres.own_database(name) == postgres.own_url(name) == url
    with psycopg.connect(url) as connection:
        assert connection.execute(_ROLE).fetchone() == (False, False, False, False)
    migrate(url, progress=lambda _: None)
    _works_as_owner(url)


def test_the_database_of_an_earlier_release_is_handed_over(postgres: Postgres, name: str) -> None:
    as_superuser = create_database(postgres.url, name)
    migrate(as_superuser, progress=lambda _: None)
    with psycopg.connect(as_superuser) as connection:
        connection.execute("CREATE TABLE kept (id integer GENERATED ALWAYS AS IDENTITY, n serial)")
        connection.execute("INSERT INTO kept DEFAULT VALUES")
    url = postgres.own_database(name)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT id, n FROM kept").fetchall() == [(1, 1)]
        connection.execute("DROP TABLE kept")
    _works_as_owner(url)


def _works_as_owner(url: str) -> None:
    with psycopg.connect(url) as connection:
        assert connection.execute(_OWNERS).fetchall() == [("baton",)]
    config = DatabaseConfig(url)
    with config.sa_engine.connect() as connection:
        assert drift(connection) == ""
    config.dispose_engine()


def test_a_home_in_which_nothing_was_started_has_none() -> None:
    with scratch_home(print) as home:
        assert Postgres(home).own_url("baton") is None
