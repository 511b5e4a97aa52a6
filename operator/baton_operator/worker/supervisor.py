"""
The parent process: it has children while there is work, prolongs their leases, and ends what is to end.

It imports no users' code and holds few connections: one that listens, one for its statements.
"""

import asyncio
import contextlib
import logging
import time
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.database import DatabaseConfig
from baton_models.statements import lives
from baton_operator.engines.embedded.adapter import CHANNEL
from baton_operator.worker import claims
from baton_operator.worker.aftermath import Aftermath
from baton_operator.worker.children import Cause, ChildProcess
from baton_operator.worker.settings import WorkerSettings
from baton_operator.worker.staff import Staff

logger = logging.getLogger(__name__)


class Supervisor:
    """One worker: a parent and its children."""

    def __init__(
        self, settings: WorkerSettings, database: DatabaseConfig, aftermath: Aftermath, environ: Mapping[str, str]
    ) -> None:
        self._settings = settings
        self._database = database
        self._aftermath = aftermath
        self._staff = Staff(settings, self._transaction, aftermath, environ)
        self._draining = asyncio.Event()
        self._cancelling = asyncio.Event()
        self._ending: set[asyncio.Task[None]] = set()
        self._sighted_since: float | None = None
        self._sighted_at = 0.0

    async def run(self) -> None:
        """
        Work until `drain` was called and the children have ended.

        Raises:
            ForeignDatabaseError: The database is a copy of another one: nothing was begun.
        """
        await self._begin_life()
        minders = [
            asyncio.create_task(self._repeated(work, every), name=work.__name__)
            for work, every in (
                (self._mind_leases, self._settings.lease / 3),
                (self._end_what_is_due, 0.0),
                (self._listen, self._settings.poll),
            )
        ]
        try:
            await self._staff.run()
        finally:
            for each in [*minders, *self._ending]:
                each.cancel()
            await asyncio.gather(*minders, *self._ending, return_exceptions=True)
            await self._database.dispose_async_engine()

    def drain(self) -> None:
        """Claim nothing more; running tasks may end within the grace period."""
        if self._draining.is_set():
            return
        logger.info("worker.draining", extra={"running": sum(each.task is not None for each in self._staff.living())})
        self._draining.set()
        self._staff.drain()
        self._later(self._end_after_grace())

    async def _begin_life(self) -> None:
        """Wait for the database, and make sure that it is the one it was."""
        while not self._draining.is_set():
            try:
                async with self._transaction() as session:
                    await lives.start(session)
            except SQLAlchemyError as error:
                logger.warning("database.unreachable", extra={"reason": type(error).__name__})
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.poll):
                        await self._draining.wait()
            else:
                logger.info("worker.ready", extra={"concurrency": self._settings.concurrency})
                return

    async def _end_after_grace(self) -> None:
        await asyncio.sleep(self._settings.grace)
        await asyncio.gather(*(each.end("stopped", self._settings.kill_grace) for each in self._staff.living()))

    async def _mind_leases(self) -> None:
        """Speak up for our own tasks first; then, where it is time, take over from those who are silent."""
        await self._heartbeat()
        await self._reclaim()

    async def _heartbeat(self) -> None:
        """Prolong all leases; a child whose task is not ours any more is ended. Without children, see the database."""
        before = {each.worker: each.task for each in self._staff.living()}
        async with self._transaction() as session:
            ours = await claims.heartbeat(session, list(before), lease=self._settings.lease)
        for each in self._staff.living():
            if each.task is not None and each.task == before.get(each.worker) and each.task not in ours:
                self._later(self._end_if_still_at(each, each.task))
        now = time.monotonic()
        if self._sighted_since is None or now - self._sighted_at > self._settings.lease:
            self._sighted_since = now
        self._sighted_at = now

    async def _end_if_still_at(self, child: ChildProcess, task: uuid.UUID) -> None:
        await asyncio.sleep(1)  # it may have stored its end a moment ago, and be about to say so
        if child.task == task:
            await self._end(child, "lost")

    async def _reclaim(self) -> None:
        """
        Take over from silent workers.

        Not before this worker has seen the database for a whole lease without a gap: after an outage, or a freeze of
        its own, the others get the time to speak up again, so neither fails a task.
        """
        if self._sighted_since is None or time.monotonic() - self._sighted_since < self._settings.lease:
            return
        async with self._transaction() as session:
            taken = await self._aftermath.reclaim(session)
        if taken:
            logger.warning("tasks.reclaimed", extra={"count": taken})

    async def _end_what_is_due(self) -> None:
        """End children at their tasks' deadlines, and those whose task is cancelled."""
        busy = {each.task: each for each in self._staff.living() if each.task is not None and not each.cause}
        now = time.monotonic()
        for each in busy.values():
            if each.deadline is not None and each.deadline <= now:
                self._later(self._end(each, "timedout"))
        if busy:
            async with self._transaction() as session:
                to_end = await claims.cancels(session, [each.worker for each in busy.values()])
            for task, each in busy.items():
                if task in to_end and each.task == task:
                    self._later(self._end(each, "cancelled"))
        await self._rest_until_next(now)

    async def _rest_until_next(self, now: float) -> None:
        nearest = min((each.deadline for each in self._staff.living() if each.deadline is not None), default=now + 60)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.02, min(self._settings.poll, nearest - now))):
                await self._cancelling.wait()
        self._cancelling.clear()

    async def _end(self, child: ChildProcess, cause: Cause) -> None:
        logger.info("task.ending", extra={"worker": child.worker, "task": str(child.task), "cause": cause})
        await child.end(cause, self._settings.kill_grace)

    async def _listen(self) -> None:
        """Hear that there is work, or something to end; polling does the same half a second later."""
        async for payload in self._database.notifications(CHANNEL):
            self._heard(payload)

    def _heard(self, payload: str) -> None:
        if payload == "cancel":
            self._cancelling.set()
        else:
            self._staff.announce(hooks=payload == "hook")

    async def _repeated(self, work: Callable[[], Coroutine[Any, Any, None]], every: float) -> None:
        while True:
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - a loop's edge: logged, tried again
                self._sighted_since = None
                logger.warning("worker.failed", extra={"work": work.__name__, "error": type(error).__name__})
                await asyncio.sleep(self._settings.poll)
            await asyncio.sleep(every)

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[AsyncSession]:
        async with self._database.get_async_session() as session:
            yield session
            await session.commit()
