"""
A task's one transaction: what it writes through its session is committed with its own end, or is gone.

::

    BEGIN; the task's settings
        SAVEPOINT      what the task writes; undone if it fails
        SAVEPOINT      the task's end: its row, instance, unit, run; tried again at a deadlock or a lock timeout
    COMMIT

It begins with the first statement; a task that sends none has none. A COMMIT without an answer is read back by whoever
called: the task's row tells.
"""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, TypeVar, cast

from sqlalchemy import Executable, Result, text
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.access import TASK_SETTINGS, Access, guard
from baton_models.database import DatabaseConfig
from baton_models.failures import backoff, is_transient
from baton_operator import faults
from baton_operator.worker.claims import Claim
from baton_operator.worker.finish import Outcome, Settle, finish
from baton_operator.worker.task_session import TaskConnection, TaskSession

#: How often the end is written at most, where others are in the way.
TRIES = 5

#: A task may pause in its transaction as long as it likes: Baton's own limit (`FROZEN_MS`) is not for it.
_SETTINGS = text(f"{TASK_SETTINGS.text}, set_config('idle_in_transaction_session_timeout', '0', true)")

T = TypeVar("T")


class ConnectionLostError(Exception):
    """The connection broke before COMMIT was answered: only the task's row tells whether its rows are there."""


class TaskTransaction:
    """
    The transaction of one task; serves as the `TaskData` of its context and as the `Work` of its call.

    Args:
        asynchronous: Whether the task is async: its session then is an `AsyncSession`, used in one event loop only.
    """

    def __init__(self, database: DatabaseConfig, claim: Claim, access: Access, *, asynchronous: bool) -> None:
        self._database = database
        self._claim = claim
        self._access = access
        self._connection: TaskConnection | None = None
        self._unreachable = False
        self._fence = ExitStack()
        self._async_session: AsyncSession | None = None
        if asynchronous:
            self._async_session = AsyncSession(sync_session_class=TaskSession, connect=self._connect)
            self._session = cast("TaskSession", self._async_session.sync_session)
        else:
            self._session = TaskSession(connect=self._connect)
        self._fence.enter_context(guard(self._session, access))

    def get_model(self, name: str) -> type[Any]:
        """Give the class of a declared data model."""
        return self._access.get_model(name)

    @property
    def session(self) -> TaskSession | AsyncSession:
        """What the task writes through."""
        return self._async_session or self._session

    @property
    def is_begun(self) -> bool:
        """Whether there is a transaction: the end then belongs into it."""
        return self._connection is not None

    @property
    def is_lost(self) -> bool:
        """Whether the connection broke, or none could be had, while the task ran: nothing of it is stored."""
        return self._unreachable or (self._connection is not None and self._connection.invalidated)

    def seal(self) -> None:
        """Send what is left to be written, and check it."""
        self._session.keep()

    async def seal_async(self) -> None:
        """Do the same for an async task."""
        await self._do(self._session.keep)

    async def finish(self, outcome: Outcome, worker: str, settle: Settle) -> bool:
        """
        Store *outcome*, together with what the task has written if it succeeded.

        Returns:
            Whether the task was still *worker*'s; if not, nothing is stored.

        Raises:
            ConnectionLostError: Nobody knows whether it is stored.
            SQLAlchemyError: It is not stored, and nothing of the task is.
        """
        connection = self._connection
        if connection is None:
            raise RuntimeError("there is no transaction to end")
        self._fence.close()
        try:
            if outcome.state != "succeeded":
                await self._do(self._session.undo)
            stored = await self._end(connection, outcome, worker, settle)
            faults.hit("worker.commit.before")
            await self._do(connection.keep_all if stored else connection.undo_all)
        except SQLAlchemyError as error:
            if connection.invalidated or is_transient(error):
                raise ConnectionLostError(type(error).__name__) from error
            raise
        faults.hit("worker.commit.after")
        return stored

    async def close(self) -> None:
        """Give the connection back; what was not committed is gone."""
        self._fence.close()
        if self._connection is not None:
            connection, self._connection = self._connection, None
            await self._do(connection.give_back)

    async def _end(self, connection: TaskConnection, outcome: Outcome, worker: str, settle: Settle) -> bool:
        """Write the end, again where others were in the way; the task's own rows stay meanwhile."""
        executor = cast("AsyncSession", _Executor(connection, self._do))  # all that ends and settles only executes
        for attempt in range(1, TRIES + 1):
            part = await self._do(connection.begin_nested)
            try:
                stored = await finish(executor, self._claim.id, worker, outcome, settle)
            except DBAPIError as error:
                if connection.invalidated or not is_transient(error) or attempt == TRIES:
                    raise
                await self._do(part.rollback)
                await asyncio.sleep(backoff(attempt))
            else:
                await self._do(part.commit)
                return stored
        raise AssertionError("unreachable")

    async def _do(self, work: Callable[[], T]) -> T:
        """Do *work* on the connection: where SQLAlchemy's asyncio can wait for it, if the task is async."""
        if self._async_session is None:
            return work()
        return await self._async_session.run_sync(lambda _: work())

    def _connect(self) -> TaskConnection:
        if self._connection is None:
            try:
                self._connection = self._begun()
            except DBAPIError as error:
                self._unreachable = is_transient(error)
                raise
        return self._connection

    def _begun(self) -> TaskConnection:
        """Begin the transaction; a connection that broke in the pool is replaced once."""
        asynchronous = self._async_session is not None
        sa_engine = self._database.async_sa_engine.sync_engine if asynchronous else self._database.sa_engine
        values = {"tables": self._access.setting, "run": str(self._claim.run_id), "actor": ""}
        for is_last in (False, True):
            connection = TaskConnection(sa_engine)
            try:
                connection.execute(_SETTINGS, values)
            except DBAPIError as error:
                connection.give_back()
                if is_last or not error.connection_invalidated:
                    raise
            else:
                return connection
        raise AssertionError("unreachable")


class _Executor:
    """As much of a session as writing an end needs, on the task's own connection."""

    def __init__(self, connection: TaskConnection, do: Callable[[Callable[[], Any]], Any]) -> None:
        self._connection = connection
        self._do = do

    async def execute(self, statement: Executable, parameters: Any = None) -> Result[Any]:
        """Execute one statement."""
        result: Result[Any] = await self._do(lambda: self._connection.execute(statement, parameters))
        return result
