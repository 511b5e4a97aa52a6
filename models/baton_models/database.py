"""
Connections: the pool, the sessions of both kinds, and what a failure of the database means.

The only module that makes SQLAlchemy engines. Nothing connects before a session is asked for.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from functools import cached_property
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session, sessionmaker

from baton_models.failures import is_read_only

#: Milliseconds that a statement of Baton's own may take; migrations choose their own.
STATEMENT_TIMEOUT_MS = 30_000

#: Milliseconds that a statement may wait for a lock.
LOCK_TIMEOUT_MS = 10_000


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
    ) -> None:
        self.database_url = database_url
        self.pool_size = pool_size
        self.max_overflow = max_overflow
        self.engine_kwargs = dict(engine_kwargs or {})
        self.application_name = application_name
        self.statement_timeout_ms = statement_timeout_ms
        self.lock_timeout_ms = lock_timeout_ms
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
    def _sessions(self) -> sessionmaker[Session]:
        return sessionmaker(self.sa_engine, autoflush=False, expire_on_commit=False)

    @cached_property
    def _async_sessions(self) -> async_sessionmaker[AsyncSession]:
        return async_sessionmaker(self.async_sa_engine, autoflush=False, expire_on_commit=False)

    @contextmanager
    def get_session(self) -> Iterator[Session]:
        """Lend a session; it is closed at the end, and what was not committed is rolled back."""
        with self._sessions() as session:
            yield session

    @asynccontextmanager
    async def get_async_session(self) -> AsyncIterator[AsyncSession]:
        """Lend a session of asyncio; it is closed at the end, and what was not committed is rolled back."""
        async with self._async_sessions() as session:
            yield session

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
            **given,
            "connect_args": connect_args,
        }

    def _connect_args(self) -> dict[str, Any]:
        """Say what the URL leaves open; libpq takes the host that accepts writes, of those in the URL."""
        settings = f"-c jit=off -c statement_timeout={self.statement_timeout_ms} -c lock_timeout={self.lock_timeout_ms}"
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
    Read a PostgreSQL URL as people write it, for the one driver that Baton uses.

    Raises:
        ValueError: It is not a URL of PostgreSQL. The message does not repeat it: it may hold a password.
    """
    try:
        url = make_url(database_url)
    except Exception as error:
        raise ValueError("the database URL cannot be read; expected postgresql://user@host/database") from error
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise ValueError(f"the database URL begins with {url.drivername!r}; expected postgresql://")
    return url.set(drivername="postgresql+psycopg")


def _joined(value: str | tuple[str, ...] | None) -> str:
    return " ".join(value) if isinstance(value, tuple) else value or ""


def _drop_read_only(context: ExceptionContext) -> None:
    """Count a read-only server as a lost connection, so that the whole pool goes."""
    if context.original_exception is not None and is_read_only(context.original_exception):
        context.is_disconnect = True
