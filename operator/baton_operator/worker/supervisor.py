"""
The parent process: keeps children running, prolongs their leases, ends what is to end, buries the dead.

It imports no users' code and holds few connections: one that listens, one for its statements.
"""

import asyncio
import contextlib
import itertools
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
from baton_operator.worker.pipes import ChildConfig
from baton_operator.worker.settings import WorkerSettings

#: Seconds between two starts of a child that does not get ready, at most.
MAX_RESTART_DELAY = 30.0

logger = logging.getLogger(__name__)


class Supervisor:
    """One worker: a parent and its children."""

    def __init__(
        self, settings: WorkerSettings, database: DatabaseConfig, aftermath: Aftermath, environ: Mapping[str, str]
    ) -> None:
        self._settings = settings
        self._database = database
        self._aftermath = aftermath
        self._environ = environ
        self._children: dict[str, ChildProcess] = {}
        self._numbers = itertools.count(1)
        self._draining = asyncio.Event()
        self._cancelling = asyncio.Event()
        self._hooks_wait = asyncio.Event()
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
            await asyncio.gather(
                *(self._keep_child() for _ in range(self._settings.concurrency)), self._keep_child_for_hooks()
            )
        finally:
            for each in [*minders, *self._ending]:
                each.cancel()
            await asyncio.gather(*minders, *self._ending, return_exceptions=True)
            await self._database.dispose_async_engine()

    def drain(self) -> None:
        """Claim nothing more; running tasks may end within the grace period."""
        if self._draining.is_set():
            return
        logger.info("worker.draining", extra={"running": sum(each.task is not None for each in self._living())})
        self._draining.set()
        for each in self._living():
            each.order("drain")
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
                return

    async def _end_after_grace(self) -> None:
        await asyncio.sleep(self._settings.grace)
        await asyncio.gather(*(each.end("stopped", self._settings.kill_grace) for each in self._living()))

    def _living(self) -> list[ChildProcess]:
        return list(self._children.values())

    async def _keep_child_for_hooks(self) -> None:
        """Keep one child more, from the first hook on: however slow hooks are, they keep no run's own work waiting."""
        waits = [asyncio.create_task(each.wait()) for each in (self._hooks_wait, self._draining)]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waits:
                each.cancel()
        await self._keep_child(hooks=True)

    async def _keep_child(self, *, hooks: bool = False) -> None:
        """Keep one child running, and see to what each dead one leaves behind."""
        delay = 0.0
        while not self._draining.is_set():
            child = await self._one_life(hooks=hooks)
            delay = 0.0 if child.ready else min(MAX_RESTART_DELAY, delay * 2 + 0.5)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._draining.wait()

    async def _one_life(self, *, hooks: bool) -> ChildProcess:
        worker = f"{self._settings.name}/{next(self._numbers)}-{uuid.uuid4().hex[:8]}"
        child = await ChildProcess.start(self._config(worker, hooks=hooks), self._environ)
        self._children[worker] = child
        try:
            if self._draining.is_set():
                child.order("drain")
            async for report in child.reports():
                if report.event == "ready":
                    logger.info("child.ready", extra={"worker": worker, "pid": child.pid})
            how = await child.ended()
        finally:
            del self._children[worker]
        if not self._draining.is_set() or how != "exit status 0":
            logger.info("child.ended", extra={"worker": worker, "how": how, "cause": child.cause})
        await self._bury(child, how)
        return child

    def _config(self, worker: str, *, hooks: bool) -> ChildConfig:
        return ChildConfig(
            database_url=self._settings.database_url,
            worker=worker,
            lease=self._settings.lease,
            poll=self._settings.poll,
            log_format=self._settings.log_format,
            log_level=self._settings.log_level,
            hooks=hooks,
            faults=self._environ.get("BATON_FAULTS", ""),
        )

    async def _bury(self, child: ChildProcess, how: str) -> None:
        """Settle the dead child's task, as often as it takes; until then its lease protects nobody else's."""
        while True:
            try:
                async with self._transaction() as session:
                    await self._aftermath.bury(session, child.worker, begun=child.task, cause=child.cause, how=how)
            except (SQLAlchemyError, OSError) as error:
                logger.warning("child.not_buried", extra={"worker": child.worker, "error": type(error).__name__})
                await asyncio.sleep(self._settings.poll)
            else:
                return

    async def _mind_leases(self) -> None:
        """Speak up for our own tasks first; then, where it is time, take over from those who are silent."""
        await self._heartbeat()
        await self._reclaim()

    async def _heartbeat(self) -> None:
        """Prolong all leases; a child whose task is not ours any more is ended."""
        before = {each.worker: each.task for each in self._living()}
        if before:
            async with self._transaction() as session:
                ours = await claims.heartbeat(session, list(before), lease=self._settings.lease)
                if not self._hooks_wait.is_set() and await claims.hook_waits(session):
                    self._hooks_wait.set()
            for each in self._living():
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
        busy = {each.task: each for each in self._living() if each.task is not None and not each.cause}
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
        nearest = min((each.deadline for each in self._living() if each.deadline is not None), default=now + 60)
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
            return
        if payload == "hook":
            self._hooks_wait.set()
        for each in self._living():
            if each.task is None and each.calls_hooks == (payload == "hook"):
                each.order("wake")

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
