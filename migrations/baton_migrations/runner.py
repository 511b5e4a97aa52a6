"""
Bringing a database to the head of every chain, one migrator at a time.

The lock is polled, not waited for: a blocking ``pg_advisory_lock`` would be ended by our own timeouts, and would
deadlock with ``CREATE INDEX CONCURRENTLY``, which waits for every transaction that is older than itself.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from alembic.util import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from baton_migrations.chains import Chain, discover
from baton_migrations.check import Standing, read_state
from baton_migrations.errors import (
    ChainError,
    ExtensionsFailedError,
    Failure,
    LockNotFreeError,
    RevisionFailedError,
    SchemaTooNewError,
)
from baton_migrations.upgrade import Progress, upgrade, upgrade_sql
from baton_models.database import DatabaseConfig
from baton_models.failures import sqlstate

#: The advisory lock of all migrators of a database: the first eight bytes of SHA-256 of "baton migrate", signed.
LOCK_KEY = 3465227607640095432

LOCK_TIMEOUT_MS = 4_000
STATEMENT_TIMEOUT_MS = 60_000
POLL_SECONDS = 1.0
#: How often a chain is tried whose revision meets others in a deadlock: they lock tables in orders of their own.
DEADLOCK_TRIES = 5

_DEADLOCK = "40P01"


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
    alone (an older image's init container runs in a rollback). A revision that meets those who work meanwhile in a
    deadlock is tried again. An extension that fails stands before the revision that failed; the others are migrated all
    the same.

    Args:
        database_url: ``postgresql://…`` of a role that may change the schema.
        progress: Takes lines for people.
        chains: The chains to run instead of those that are installed.
        wait_seconds: How long to wait for another migrator.

    Raises:
        ExtensionsFailedError: Extensions failed; says which, at which revision, and why. All others are at head.
        RevisionFailedError: A revision of Baton's own chain failed; the extensions were not begun.
        SchemaTooNewError: A newer release has made changes that this one cannot work with.
        LockNotFreeError: Another migrator did not come to its end.
        DBAPIError: The connection was lost; the chain stands between two revisions and the call can be repeated.
    """
    chosen = discover() if chains is None else chains
    with _connected(database_url) as connection, _lock(connection, progress, wait_seconds):
        failures: list[Failure] = []
        for chain in chosen:
            try:
                _bring_to_head(connection, chain, progress)
            except (ChainError, RevisionFailedError, SchemaTooNewError, CommandError, DBAPIError) as error:
                if not chain.is_extension or connection.invalidated:
                    raise
                connection.rollback()
                failures.append(Failure(chain.name, error))
                progress(f"{chain.name}: FAILED, the other chains go on")
    if failures:
        failed = {failure.chain for failure in failures}
        raise ExtensionsFailedError(failures, [chain.name for chain in chosen if chain.name not in failed])


def pending_sql(database_url: str, *, chains: Sequence[Chain] | None = None) -> str:
    """
    Write down the statements that `migrate` would run on this database now; empty where there is nothing to do.

    Changes nothing and takes no lock.

    Raises:
        ChainError: An extension's migrations cannot be used.
        RevisionFailedError: A revision asks the database before it acts, so it cannot be written down.
        SchemaTooNewError: A newer release has made changes that this one cannot work with.
    """
    with _connected(database_url) as connection:
        state = read_state(connection, discover() if chains is None else chains)
    written = []
    for stands in state.chains:
        if stands.standing is Standing.BEHIND:
            written.append(f"-- {stands.name}: from {', '.join(stands.current) or 'nothing'}")
            written.append(upgrade_sql(stands.chain, stands.current))
        else:
            stands.raise_for_work()
    return "\n".join(written)


def _bring_to_head(connection: Connection, chain: Chain, progress: Progress) -> None:
    (state,) = read_state(connection, [chain]).chains
    connection.rollback()
    if state.standing is Standing.UNUSABLE:
        raise ChainError(state.problem)
    if state.is_newer:
        state.raise_for_work()
        progress(f"{state}; nothing to do")
        return
    _upgrade(connection, chain, progress)
    connection.rollback()
    progress(f"{chain.name}: at head")


def _upgrade(connection: Connection, chain: Chain, progress: Progress) -> None:
    """Bring *chain* to its head; a deadlock with the Pods that serve meanwhile is nobody's fault, and tried again."""
    for left in reversed(range(DEADLOCK_TRIES)):
        try:
            return upgrade(connection, chain, progress)
        except RevisionFailedError as error:
            if not left or error.__cause__ is None or sqlstate(error.__cause__) != _DEADLOCK:
                raise
            connection.rollback()
            progress(f"{chain.name}: met another session in a deadlock; again")
            time.sleep(POLL_SECONDS)
    return None


@contextmanager
def _connected(database_url: str) -> Iterator[Connection]:
    database = DatabaseConfig(
        database_url,
        pool_size=1,
        max_overflow=0,
        application_name="baton migrate",
        statement_timeout_ms=STATEMENT_TIMEOUT_MS,
        lock_timeout_ms=LOCK_TIMEOUT_MS,
    )
    try:
        with database.sa_engine.connect() as connection:
            yield connection
    finally:
        database.dispose_engine()


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
