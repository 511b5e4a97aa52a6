"""A database URL is read as people and libpq write it, and never repeated where it is wrong."""

import pytest

from baton_models.database import DatabaseConfig, psycopg_url


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_every_way_to_write_postgresql_leads_to_one_driver(scheme):
    url = psycopg_url(f"{scheme}://user:p%40ss@host:6432/db?sslmode=require")
    assert (url.drivername, url.username, url.password) == ("postgresql+psycopg", "user", "p@ss")
    assert (url.host, url.port, url.database, dict(url.query)) == ("host", 6432, "db", {"sslmode": "require"})


def test_several_hosts_are_kept_in_their_order():
    url = psycopg_url("postgresql://user@one:5432,two:5433/db?target_session_attrs=any")
    assert url.host is None
    assert url.query == {"host": ("one:5432", "two:5433"), "target_session_attrs": "any"}


def test_an_at_sign_in_a_password_does_not_leak_into_the_host():
    url = psycopg_url("postgresql://user:p@ss@host/db")
    assert (url.password, url.host) == ("p@ss", "host")
    assert "ss" not in repr(DatabaseConfig("postgresql://user:p@ss@host/db")).removeprefix("DatabaseConfig('postgresql")


@pytest.mark.parametrize("wrong", ["s3cret", "mysql://u:s3cret@h/d", "postgresql://u:s3cret@h:port/d", "", "://s3cret"])
def test_what_is_no_url_of_postgresql_is_refused_without_repeating_it(wrong):
    with pytest.raises(ValueError, match="expected postgresql://host/database") as refused:
        psycopg_url(wrong)
    assert "s3cret" not in str(refused.value)


def test_the_documents_defaults():
    config = DatabaseConfig("postgresql://u@h/d")
    assert (config.database_url, config.pool_size, config.max_overflow) == ("postgresql://u@h/d", 5, 10)
    assert config.engine_kwargs == {}


def test_what_the_url_says_goes_before_our_defaults():
    config = DatabaseConfig(
        "postgresql://u@h/d?application_name=mine&target_session_attrs=any&options=-c%20work_mem%3D8MB",
        engine_kwargs={"connect_args": {"connect_timeout": "3"}},
    )
    given = config.sa_engine.dialect.create_connect_args(config.sa_engine.url)[1]
    assert (given["application_name"], given["target_session_attrs"]) == ("mine", "any")
    ours = config._engine_options()["connect_args"]
    assert "application_name" not in ours
    assert "target_session_attrs" not in ours
    assert ours["connect_timeout"] == "3"
    assert ours["options"].endswith("-c work_mem=8MB")


def test_the_pool_is_as_the_document_says():
    config = DatabaseConfig("postgresql://u@h/d", pool_size=3, max_overflow=4, engine_kwargs={"echo": False})
    pool = config.sa_engine.pool
    assert (type(pool).__name__, pool.size(), pool._max_overflow, pool._pre_ping) == ("QueuePool", 3, 4, True)
    assert config.sa_engine.hide_parameters
    config.dispose_engine()


async def test_disposing_what_was_never_used_does_nothing():
    config = DatabaseConfig("postgresql://u@h/d")
    config.dispose_engine()
    await config.dispose_async_engine()
