"""
What a failure of the database means, by SQLSTATE, and how a whole transaction is tried again.

SQLSTATEs from PostgreSQL's appendix A "Error Codes"; psycopg leaves them out where the connection itself broke.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

T = TypeVar("T")

READ_ONLY = "25006"

_TRANSIENT_CLASSES = ("08", "53")  # connection lost; out of connections, memory or disk
_TRANSIENT = frozenset(
    {
        "40001",  # serialization failure
        "40P01",  # deadlock detected
        "55P03",  # lock timeout
        "55006",  # object in use
        "57P01",  # admin shutdown
        "57P02",  # crash shutdown
        "57P03",  # cannot connect now: starting up or shutting down
        "57P05",  # idle session timeout
        "25P03",  # idle in transaction timeout
        "57014",  # statement timeout or a cancel by an administrator
        READ_ONLY,  # the old primary after a fail-over
    }
)


def sqlstate(error: BaseException) -> str | None:
    """Find the SQLSTATE of an error, whoever wrapped it; None where the server did not speak."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return original.sqlstate if isinstance(original, psycopg.Error) else None


def is_read_only(error: BaseException) -> bool:
    """Whether the server refused to write because it is a standby, or has become one."""
    return sqlstate(error) == READ_ONLY


def is_transient(error: BaseException) -> bool:
    """
    Whether the same transaction may succeed later although nothing of it is changed.

    Says nothing of whether it was committed: a connection that breaks during COMMIT is transient too, and the caller
    settles it by a key (an upsert, a guard on version or lease).
    """
    if isinstance(error, PoolTimeoutError):
        return True
    if not isinstance(error, DBAPIError | psycopg.Error):
        return False
    state = sqlstate(error)
    if state is None:
        return _is_connection_loss(error)
    return state in _TRANSIENT or state.startswith(_TRANSIENT_CLASSES)


def _is_connection_loss(error: BaseException) -> bool:
    if isinstance(error, DBAPIError):
        return error.connection_invalidated or isinstance(error.orig, psycopg.OperationalError)
    return isinstance(error, psycopg.OperationalError)


def is_unreachable(error: BaseException) -> bool:
    """Whether no server spoke to us, or only to say that it is starting or stopping."""
    state = sqlstate(error)
    return _is_connection_loss(error) if state is None else state.startswith("57P0")


def backoff(attempt: int, *, base: float = 0.05, cap: float = 2.0) -> float:
    """
    Choose how long to wait before a try again: full jitter, so that those who collided do not meet again.

    Args:
        attempt: Number of the try that failed, from 1.
        base: Seconds, the upper bound of the first wait.
        cap: Seconds, the upper bound of any wait.
    """
    return random.uniform(0, min(cap, base * 2 ** (attempt - 1)))  # noqa: S311 - spreading, not secrecy


async def retried(
    transaction: Callable[[], Awaitable[T]], *, tries: int = 5, failed: Callable[[BaseException], None] | None = None
) -> T:
    """
    Run a whole transaction, again where it failed for a passing reason.

    Args:
        transaction: Opens its own session, commits, and can be repeated: what a lost COMMIT has done is recognised
            by a key of its own.
        tries: How often at most.
        failed: Told of each failure after which it is begun again.

    Returns:
        What the transaction returns.

    Raises:
        DBAPIError: The last failure, or the first that is not transient.
    """
    for attempt in range(1, tries):
        try:
            return await transaction()
        except (DBAPIError, PoolTimeoutError) as error:
            if not is_transient(error):
                raise
            if failed:
                failed(error)
            await asyncio.sleep(backoff(attempt))
    return await transaction()
