"""
Connections: the pool, the sessions of both kinds, and what a failure of the database means.

The only module that makes SQLAlchemy engines. Nothing connects before a session is asked for.
"""

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cached_property
from typing import Any

import psycopg
from sqlalchemy import Engine, Executable, Result, create_engine, event, text
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker

from baton_models.failures import is_read_only

#: Milliseconds that a statement of Baton's own may take; migrations choose their own.
STATEMENT_TIMEOUT_MS = 30_000

#: Milliseconds that a statement may wait for a lock.
LOCK_TIMEOUT_MS = 10_000


_URL = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://(?P<user>[^/?]*@)?(?P<hosts>[^/?@]*)(?P<rest>[/?].*)?", re.DOTALL)

#: A process of Baton's that is frozen in the middle of a transaction loses it, and its locks, after these milliseconds.
FROZEN_MS = 10_000


class TextSession(Session):
    """A session that takes plain SQL too: ``session.execute("SELECT 1")`` needs no ``text()``."""

    def execute(self, statement: Executable | str, *args: Any, **kwargs: Any) -> Result[Any]:
        """Execute a statement; a string is SQL with ``:name`` for values."""
        return super().execute(text(statement) if isinstance(statement, str) else statement, *args, **kwargs)


class DatabaseConfig:
    """
    One PostgreSQL database and the pools that lead to it.

    Two pools over one URL, each made at its first use: ``get_session()`` for migrations, tasks and tools,
    ``get_async_session()`` for the loops. A server that turns out to be read-only (a fail-over left us on the old
    primary, SQLSTATE 25006) counts as a lost connection: the pool is emptied and the next session finds the new one.

    Args:
        database_url: ``postgresql://user:password@host/database``; several hosts and libpq's options may stand in it.
        pool_size: Connections kept open, in each pool.
        max_overflow: Connections opened beyond that under load, in each pool.
        engine_kwargs: Further arguments of ``create_engine``, e.g. ``{"echo": True}``.
        application_name: What ``pg_stat_activity`` shows.
        statement_timeout_ms: Longest statement, in milliseconds; 0 for no limit.
        lock_timeout_ms: Longest wait for a lock, in milliseconds; 0 for no limit.
        idle_in_transaction_ms: Longest pause between two statements of a transaction, in milliseconds; 0 for the
            server's own limit.
            The server ends the session of a process that is frozen in one, so its locks hold nobody back.

    Raises:
        ValueError: The URL is not one of PostgreSQL.
    """

    def __init__(
        self,
        database_url: str,
        pool_size: int = 5,
        max_overflow: int = 10,
        engine_kwargs: Mapping[str, Any] | None = None,
        *,
        application_name: str = "baton",
        statement_timeout_ms: int = STATEMENT_TIMEOUT_MS,
        lock_timeout_ms: int = LOCK_TIMEOUT_MS,
        idle_in_transaction_ms: int = 0,
    ) -> None:
        self.database_url = database_url
        self.pool_size = pool_size
        self.max_overflow = max_overflow
        self.engine_kwargs = dict(engine_kwargs or {})
        self.application_name = application_name
        self.statement_timeout_ms = statement_timeout_ms
        self.lock_timeout_ms = lock_timeout_ms
        self.idle_in_transaction_ms = idle_in_transaction_ms
        self.url = psycopg_url(database_url)

    def __repr__(self) -> str:
        return f"DatabaseConfig({self.url.render_as_string(hide_password=True)!r})"

    @cached_property
    def sa_engine(self) -> Engine:
        """The pool of ordinary connections."""
        sa_engine = create_engine(self.url, **self._engine_options())
        event.listen(sa_engine, "handle_error", _drop_read_only)
        return sa_engine

    @cached_property
    def async_sa_engine(self) -> AsyncEngine:
        """The pool of connections for asyncio; of one event loop only."""
        sa_engine = create_async_engine(self.url, **self._engine_options())
        event.listen(sa_engine.sync_engine, "handle_error", _drop_read_only)
        return sa_engine

    @cached_property
    def _sessions(self) -> sessionmaker[TextSession]:
        return sessionmaker(self.sa_engine, class_=TextSession, autoflush=False, expire_on_commit=False)

    @cached_property
    def _async_sessions(self) -> async_sessionmaker[AsyncSession]:
        return async_sessionmaker(self.async_sa_engine, autoflush=False, expire_on_commit=False)

    @contextmanager
    def get_session(self) -> Iterator[TextSession]:
        """Lend a session of the caller's own; it is closed at the end, and what was not committed is rolled back."""
        with self._sessions() as session:
            yield session

    @asynccontextmanager
    async def get_async_session(self) -> AsyncIterator[AsyncSession]:
        """Lend a session of asyncio; it is closed at the end, and what was not committed is rolled back."""
        async with self._async_sessions() as session:
            yield session

    async def notifications(self, channel: str) -> AsyncIterator[str]:
        """
        Give the payloads that are sent to *channel*, from a connection of its own, until the caller is cancelled.

        Nothing that was sent before, or while the connection was lost, is heard: who listens polls as well.

        Raises:
            DBAPIError: The connection was lost.
        """
        async with self.async_sa_engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            await connection.exec_driver_sql(f'LISTEN "{channel}"')
            driver = (await connection.get_raw_connection()).driver_connection
            try:
                if isinstance(driver, psycopg.AsyncConnection):
                    async for notification in driver.notifies():
                        yield notification.payload
            finally:
                await connection.invalidate()

    def dispose_engine(self) -> None:
        """Close the pool of ordinary connections; the next session opens it anew."""
        if "sa_engine" in self.__dict__:
            self.sa_engine.dispose()

    async def dispose_async_engine(self) -> None:
        """Close the pool of asyncio's connections; the next session opens it anew."""
        if "async_sa_engine" in self.__dict__:
            await self.async_sa_engine.dispose()

    def _engine_options(self) -> dict[str, Any]:
        given = dict(self.engine_kwargs)
        connect_args = {**self._connect_args(), **given.pop("connect_args", {})}
        return {
            "pool_size": self.pool_size,
            "max_overflow": self.max_overflow,
            "pool_pre_ping": True,
            "hide_parameters": True,  # payloads and parameters of users have no place in logs
            **given,
            "connect_args": connect_args,
        }

    def _connect_args(self) -> dict[str, Any]:
        """Say what the URL leaves open; libpq takes the host that accepts writes, of those in the URL."""
        settings = f"-c jit=off -c statement_timeout={self.statement_timeout_ms} -c lock_timeout={self.lock_timeout_ms}"
        if self.idle_in_transaction_ms:
            settings += f" -c idle_in_transaction_session_timeout={self.idle_in_transaction_ms}"
        ours = {
            "application_name": self.application_name,
            "target_session_attrs": "read-write",
            "connect_timeout": "10",
            "keepalives_idle": "10",
            "keepalives_interval": "5",
            "keepalives_count": "3",
            "tcp_user_timeout": "30000",
        }
        return {
            **{key: value for key, value in ours.items() if key not in self.url.query},
            "options": " ".join(filter(None, [settings, _joined(self.url.query.get("options"))])),
        }


def psycopg_url(database_url: str) -> URL:
    """
    Read a PostgreSQL URL as people and libpq write it, for the one driver that Baton uses.

    Several hosts, ``postgresql://user@one:5432,two:5432/db``, stand in the result as SQLAlchemy wants them.

    Raises:
        ValueError: It is not a URL of PostgreSQL. The message does not repeat it: it may hold a password.
    """
    form = _URL.fullmatch(database_url)
    if form is None:
        scheme = database_url.partition("://")[0] if "://" in database_url else ""
        found = f"the database URL begins with {scheme[:20]!r}" if scheme else "the database URL cannot be read"
        raise ValueError(f"{found}; expected postgresql://host/database")
    hosts = (form["hosts"] or "").split(",")
    user = form["user"][:-1].replace("@", "%40") + "@" if form["user"] else ""
    try:
        if len(hosts) == 1:
            return make_url(f"postgresql+psycopg://{user}{hosts[0]}{form['rest'] or ''}")
        url = make_url(f"postgresql+psycopg://{user}{form['rest'] or ''}")
    except (ArgumentError, ValueError) as error:
        raise ValueError("the database URL cannot be read; expected postgresql://host/database") from error
    return url.update_query_pairs([("host", host) for host in hosts])


def _joined(value: str | tuple[str, ...] | None) -> str:
    return " ".join(value) if isinstance(value, tuple) else value or ""


def _drop_read_only(context: ExceptionContext) -> None:
    """Count a read-only server as a lost connection, so that the whole pool goes."""
    if context.original_exception is not None and is_read_only(context.original_exception):
        context.is_disconnect = True
