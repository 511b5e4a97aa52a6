"""
Bringing a database to the head of every chain, one migrator at a time.

The lock is polled, not waited for: a blocking ``pg_advisory_lock`` would be ended by our own timeouts, and would
deadlock with ``CREATE INDEX CONCURRENTLY``, which waits for every transaction that is older than itself.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from alembic import command
from sqlalchemy import Connection, text

from baton_migrations.chains import Chain, discover
from baton_migrations.check import read_state
from baton_migrations.errors import LockNotFreeError
from baton_models.database import DatabaseConfig

#: The advisory lock of all migrators of a database: the first eight bytes of SHA-256 of "baton migrate", signed.
LOCK_KEY = 3465227607640095432

LOCK_TIMEOUT_MS = 4_000
STATEMENT_TIMEOUT_MS = 60_000
POLL_SECONDS = 1.0

Progress = Callable[[str], None]


def migrate(
    database_url: str,
    *,
    progress: Progress = print,
    chains: Sequence[Chain] | None = None,
    wait_seconds: float = 600.0,
) -> None:
    """
    Bring the database to the head of every chain: Baton's own, then the extensions by name.

    Safe to call from any number of places at once and to kill at any moment: one works, the others wait with a line of
    progress each second, and what was cut off is done again. A chain that a newer release has brought further is left
    alone (an older image's init container runs in a rollback).

    Args:
        database_url: ``postgresql://…`` of a role that may change the schema.
        progress: Takes lines for people.
        chains: The chains to run instead of those that are installed.
        wait_seconds: How long to wait for another migrator.

    Raises:
        ChainError: An extension's migrations cannot be used; nothing was changed.
        SchemaTooNewError: A newer release has made changes that this one cannot work with.
        LockNotFreeError: Another migrator did not come to its end.
        DBAPIError: The database refused; the chain stands between two revisions and the call can be repeated.
    """
    chosen = discover() if chains is None else chains
    database = DatabaseConfig(
        database_url,
        pool_size=1,
        max_overflow=0,
        application_name="baton migrate",
        statement_timeout_ms=STATEMENT_TIMEOUT_MS,
        lock_timeout_ms=LOCK_TIMEOUT_MS,
    )
    try:
        with database.sa_engine.connect() as connection, _lock(connection, progress, wait_seconds):
            for chain in chosen:
                _upgrade(connection, chain, progress)
    finally:
        database.dispose_engine()


def _upgrade(connection: Connection, chain: Chain, progress: Progress) -> None:
    state = read_state(connection, [chain])
    connection.rollback()
    if state.chains[0].is_newer:
        state.raise_for_work()
        progress(f"{state}; nothing to do")
        return
    config = chain.config()
    config.attributes.update(connection=connection, progress=progress)
    command.upgrade(config, "heads")
    connection.rollback()
    progress(f"{chain.name}: at head")


@contextmanager
def _lock(connection: Connection, progress: Progress, wait_seconds: float) -> Iterator[None]:
    """Hold the migrators' lock of the connection's session: it ends with the connection, whatever happens to us."""
    began = time.monotonic()
    while not _try_lock(connection):
        waited = time.monotonic() - began
        if waited >= wait_seconds:
            raise LockNotFreeError(f"another migrator held the lock for {waited:.0f} s; see pg_stat_activity")
        progress(f"another migrator is at work; waiting for {waited:.0f} s")
        time.sleep(POLL_SECONDS)
    try:
        yield
    finally:
        if not connection.closed and not connection.invalidated:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": LOCK_KEY})
            connection.commit()


def _try_lock(connection: Connection) -> bool:
    taken = connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": LOCK_KEY}).scalar_one()
    connection.commit()
    return bool(taken)
