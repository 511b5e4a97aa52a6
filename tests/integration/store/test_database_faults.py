"""What becomes of sessions when the server fails: terminated, read-only, contended."""

import asyncio

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from baton_models.database import DatabaseConfig
from baton_models.failures import is_read_only, is_transient, retried, sqlstate


def test_a_plain_string_is_sql_as_the_document_shows(store_url):
    config = DatabaseConfig(database_url=store_url, pool_size=10, engine_kwargs={"echo": False})
    with config.get_session() as session:
        assert session.execute("SELECT 1").scalar_one() == 1
        assert session.execute("SELECT :n + 1", {"n": 1}).scalar_one() == 2
    config.dispose_engine()


def test_what_was_not_committed_is_rolled_back(database):
    with database.get_session() as session:
        session.execute("CREATE TABLE ext_x_y (id integer)")
    with database.get_session() as session:
        assert session.execute("SELECT to_regclass('ext_x_y')").scalar_one() is None


def test_connections_say_who_they_are_and_have_limits(store_url):
    config = DatabaseConfig(store_url, application_name="baton test", statement_timeout_ms=1234, lock_timeout_ms=567)
    with config.get_session() as session:
        names = ("application_name", "statement_timeout", "lock_timeout", "jit")
        found = [session.execute(f"SHOW {name}").scalar_one() for name in names]
    config.dispose_engine()
    assert found == ["baton test", "1234ms", "567ms", "off"]


def test_a_terminated_connection_is_replaced_unseen(database, connection):
    with database.get_session() as session:
        pid = session.execute("SELECT pg_backend_pid()").scalar_one()
    connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
    with database.get_session() as session:
        assert session.execute("SELECT pg_backend_pid()").scalar_one() != pid


async def test_a_process_that_is_frozen_in_a_transaction_holds_nobody_back(store_url, connection):
    """The server ends its session, and its locks with it; when it wakes, it does the whole transaction again."""
    frozen = DatabaseConfig(store_url, idle_in_transaction_ms=200)
    connection.execute("CREATE TABLE ext_x_y (id integer); INSERT INTO ext_x_y VALUES (1)")
    seen = []

    async def transaction() -> None:
        async with frozen.get_async_session() as session, session.begin():
            seen.append((await session.execute(text("UPDATE ext_x_y SET id = id + 1 RETURNING id"))).scalar_one())
            if len(seen) == 1:
                others = "SET lock_timeout = '10s'; UPDATE ext_x_y SET id = id + 10"
                await asyncio.to_thread(connection.execute, others)
            await session.execute(text("SELECT 1"))

    await retried(transaction)
    assert seen == [2, 12]
    await frozen.dispose_async_engine()


async def test_a_connection_cut_in_a_transaction_is_tried_again(database, connection):
    tries = []

    async def transaction() -> int:
        async with database.get_async_session() as session, session.begin():
            pid = (await session.execute(text("SELECT pg_backend_pid()"))).scalar_one()
            if not tries:
                connection.execute("SELECT pg_terminate_backend(%s)", (pid,))
            tries.append(pid)
            return (await session.execute(text("SELECT 42"))).scalar_one()

    assert await retried(transaction) == 42
    assert len(tries) == 2


async def test_a_server_that_became_read_only_empties_the_pool(database, connection):
    """A fail-over as a client sees it: the old primary goes on answering, and refuses to write with 25006."""
    pids = []

    async def write() -> None:
        async with database.get_async_session() as session, session.begin():
            pids.append((await session.execute(text("SELECT pg_backend_pid()"))).scalar_one())
            if len(pids) == 1:
                await session.execute(text("SET TRANSACTION READ ONLY"))
            await session.execute(text("UPDATE automation SET updated_by = 'x'"))

    async with database.get_async_session() as idle:
        idle_pid = (await idle.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    with pytest.raises(DBAPIError) as refused:
        await write()
    assert is_read_only(refused.value)
    assert is_transient(refused.value)
    await write()
    assert len({*pids, idle_pid}) >= 2
    assert pids[0] != pids[1]


async def test_a_deadlock_is_told_by_its_state_and_tried_again(database, world):
    first_has, second_has = asyncio.Event(), asyncio.Event()
    states = []

    async def lock_two(one: int, other: int, mine: asyncio.Event, theirs: asyncio.Event) -> None:
        async def transaction() -> None:
            async with database.get_async_session() as session, session.begin():
                statement = text("UPDATE item_execution SET token_hex = 'x' WHERE id = :id")
                await session.execute(statement, {"id": world.execution_ids[one]})
                mine.set()
                await asyncio.wait_for(theirs.wait(), 60)
                try:
                    await session.execute(statement, {"id": world.execution_ids[other]})
                except DBAPIError as error:
                    states.append(sqlstate(error))
                    raise

        await retried(transaction)

    await asyncio.gather(lock_two(0, 1, first_has, second_has), lock_two(1, 0, second_has, first_has))
    assert states == ["40P01"]


async def test_a_lock_that_is_not_had_in_time_is_transient(store_url, connection, world):
    config = DatabaseConfig(store_url, lock_timeout_ms=50)
    with connection.transaction():
        connection.execute("UPDATE run SET token_hex = 'x'")
        async with config.get_async_session() as session:
            with pytest.raises(OperationalError) as refused:
                await session.execute(text("UPDATE run SET token_hex = 'y'"))
    await config.dispose_async_engine()
    assert sqlstate(refused.value) == "55P03"
    assert is_transient(refused.value)


async def test_an_exhausted_pool_is_transient(store_url):
    config = DatabaseConfig(store_url, pool_size=1, max_overflow=0, engine_kwargs={"pool_timeout": 0.05})
    async with config.get_async_session() as one, config.get_async_session() as other:
        await one.execute(text("SELECT 1"))
        with pytest.raises(PoolTimeoutError) as refused:
            await other.execute(text("SELECT 1"))
        assert is_transient(refused.value)
    await config.dispose_async_engine()


async def test_a_mistake_is_not_tried_again(database):
    tries = []

    async def transaction() -> None:
        tries.append(1)
        async with database.get_async_session() as session:
            await session.execute(text("SELECT nonsense"))

    with pytest.raises(DBAPIError) as refused:
        await retried(transaction)
    assert (len(tries), sqlstate(refused.value)) == (1, "42703")


async def test_nobody_there_is_transient(database_url):
    host = psycopg.conninfo.conninfo_to_dict(database_url)["host"]
    config = DatabaseConfig(f"postgresql://nobody@{host}:1/nothing")
    with pytest.raises(OperationalError) as refused:
        async with config.get_async_session() as session:
            await session.execute(text("SELECT 1"))
    await config.dispose_async_engine()
    assert is_transient(refused.value)


def test_values_stay_out_of_error_texts(database):
    with database.get_session() as session, pytest.raises(DBAPIError) as refused:
        session.execute("SELECT nonsense, :value", {"value": "s3cret"})
    assert "s3cret" not in str(refused.value)
