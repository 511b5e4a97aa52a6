"""
The children of one worker: none while nothing waits, started when something does, gone after a while without work.

The supervisor asks once a `poll` what waits, whatever was announced, so nothing depends on a notification; children
ask for work only when they are told to. What waits is counted by what a claim would take, so a child that is started
finds something to do, unless another was quicker: then it waits for the next one like any other.
One that takes nothing for a lease while something waits keeps no other from being started.

A child that has had nothing to do for `idle` is told to retire: it looks once more, and ends if there is nothing. What
comes after that look is seen by the supervisor, for which a child that retires no longer counts.
"""

import asyncio
import contextlib
import itertools
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from baton_operator.worker import claims
from baton_operator.worker.aftermath import Aftermath
from baton_operator.worker.children import ChildProcess
from baton_operator.worker.crew import Crew
from baton_operator.worker.pipes import ChildConfig
from baton_operator.worker.settings import WorkerSettings

logger = logging.getLogger(__name__)


class Staff:
    """
    Keeps as many children as there is work for, and sees to what each dead one leaves behind.

    Hooks have a child of their own: however slow they are, they keep no run's own work waiting.

    Args:
        transaction: Gives a session whose work is committed at its end.
        environ: The worker's environment, of which children get a part.
    """

    def __init__(
        self,
        settings: WorkerSettings,
        transaction: Callable[[], AbstractAsyncContextManager[AsyncSession]],
        aftermath: Aftermath,
        environ: Mapping[str, str],
    ) -> None:
        self._settings = settings
        self._transaction = transaction
        self._aftermath = aftermath
        self._environ = environ
        self._tasks = Crew(settings.concurrency, settings.lease)
        self._hooks = Crew(1, settings.lease, hooks=True)
        self._numbers = itertools.count(1)
        self._asked = asyncio.Event()
        self._draining = asyncio.Event()

    def living(self) -> list[ChildProcess]:
        """List the children that run."""
        return [*self._tasks.children, *self._hooks.children]

    async def run(self) -> None:
        """Work until `drain` was called and the children have ended."""
        async with asyncio.TaskGroup() as lives:
            while not self._draining.is_set():
                self._asked.clear()
                try:
                    await self._see_to_what_waits(lives)
                except (SQLAlchemyError, OSError) as error:
                    logger.warning("work.not_looked_for", extra={"error": type(error).__name__})
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self._settings.poll):
                        await self._asked.wait()

    def announce(self, *, hooks: bool) -> None:
        """Have the free children look for work; where there are none but may be one, look whether to start some."""
        crew = self._hooks if hooks else self._tasks
        free = crew.free
        for each in free:
            each.order("wake")
        if not free and crew.has_room:
            self._asked.set()

    def drain(self) -> None:
        """Start no child more; those that run claim nothing more."""
        self._draining.set()
        for each in self.living():
            each.leave("drain")
        self._asked.set()

    async def _see_to_what_waits(self, lives: asyncio.TaskGroup) -> None:
        """Start children for what waits, or let go of those for whom nothing does."""
        if not any(crew.free or crew.has_room for crew in (self._tasks, self._hooks)):
            return
        async with self._transaction() as session:
            tasks, hooks = await claims.waiting(session, most=self._settings.concurrency)
        now = time.monotonic()
        for crew, count in ((self._tasks, tasks), (self._hooks, hooks)):
            missing = crew.missing(count, now)
            for each in crew.free:
                if count:
                    each.call(now)
                    continue
                each.called_since = None
                if each.ready and now - each.idle_since >= self._settings.idle:
                    logger.debug("child.retiring", extra={"worker": each.worker})
                    each.leave("retire")
            for _ in range(missing):
                await self._start(crew, lives)

    async def _start(self, crew: Crew, lives: asyncio.TaskGroup) -> None:
        if self._draining.is_set():
            return
        worker = f"{self._settings.name}/{next(self._numbers)}-{uuid.uuid4().hex[:8]}"
        try:
            child = await ChildProcess.start(self._config(worker, hooks=crew.hooks), self._environ)
        except OSError as error:
            logger.warning("child.not_started", extra={"error": str(error)})
            crew.failed(time.monotonic())
            return
        crew.children.append(child)
        if self._draining.is_set():
            child.leave("drain")
        lives.create_task(self._life(crew, child))

    async def _life(self, crew: Crew, child: ChildProcess) -> None:
        """Follow one child to its end, and see to what it leaves behind."""
        has_worked = False
        try:
            async for report in child.reports():
                if report.event == "ready":
                    logger.info("child.ready", extra={"worker": child.worker, "pid": child.pid})
                else:
                    has_worked = True
                    crew.worked()
            how = await child.ended()
        finally:
            crew.children.remove(child)
        went = child.leaving and how == "exit status 0"
        if not went:
            logger.info("child.ended", extra={"worker": child.worker, "how": how, "cause": child.cause})
        if not (went or has_worked):
            crew.failed(time.monotonic())
        await self._bury(child, how)
        self._asked.set()  # what has come while it ended does not wait for the poll

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

    def _config(self, worker: str, *, hooks: bool) -> ChildConfig:
        return ChildConfig(
            database_url=self._settings.database_url,
            worker=worker,
            lease=self._settings.lease,
            log_format=self._settings.log_format,
            log_level=self._settings.log_level,
            hooks=hooks,
            faults=self._environ.get("BATON_FAULTS", ""),
        )
