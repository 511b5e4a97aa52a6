"""
One child process: it claims a task, runs it, stores its end, and begins again.

Started by the supervisor as ``python -m baton_operator.worker.child CONTROL REPORT`` with the descriptors of two pipes.
It looks for work until there is none, and again when it is told to. It ends when it is told to drain, or to retire and
there is no work; when SIGTERM has ended its task; and at once when its supervisor is gone.
"""

import asyncio
import inspect
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import BinaryIO
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.database import FROZEN_MS, DatabaseConfig
from baton_models.errors import DataModelNotFoundError
from baton_models.failures import backoff, is_transient, sqlstate
from baton_models.registry import DataModelRegistry
from baton_operator import faults, logs
from baton_operator.tasks import Catalogue, Task, TaskContext, UnknownTaskError
from baton_operator.worker import claims
from baton_operator.worker.aftermath import Aftermath
from baton_operator.worker.capture import Capture
from baton_operator.worker.claims import Claim
from baton_operator.worker.finish import Outcome, Settle, finish
from baton_operator.worker.invoke import Stopper, invoke
from baton_operator.worker.lineage import end_with
from baton_operator.worker.pipes import ChildConfig, Report
from baton_operator.worker.settlement import unit_settlement
from baton_operator.worker.transaction import ConnectionLostError, TaskTransaction

#: What people read of a task whose own connection to the database broke.
LOST = "the database connection was lost before the task's rows were committed: they are gone"

#: Seconds after which a child that waits for orders has noticed a SIGTERM.
ATTENTION = 0.5

logger = logging.getLogger("baton_operator.worker.child")  # run by -m, its own name would be __main__


class Child:
    """The loop of one child process."""

    def __init__(
        self, config: ChildConfig, report: int, capture: Capture, database: DatabaseConfig, settle: Settle
    ) -> None:
        self._config = config
        self._report = report
        self._capture = capture
        self._database = database
        self._settle = settle
        self._aftermath = Aftermath(settle)
        self._catalogue = Catalogue({})
        self._models = DataModelRegistry()
        self._stopper = Stopper()
        self._runner = asyncio.Runner()
        self._current: UUID | None = None
        self.woken = threading.Event()
        self.draining = False
        self.retiring = False

    def run(self) -> None:
        """Work until told to stop."""
        self._stopper.install()
        self._catalogue = Catalogue.discover()
        for entry, why in self._catalogue.broken.items():
            logger.error("tasks.not_loaded", extra={"entry_point": entry, "error": why})
        self._models = DataModelRegistry.discover()
        for entry, why in self._models.broken.items():
            logger.error("data_models.not_loaded", extra={"entry_point": entry, "error": why})
        Report("ready").write(self._report)
        while self._goes_on():
            is_last_look = self.retiring
            claim = self._claim()
            if claim is None and is_last_look:
                return
            if claim is None:
                self._await_orders()
            elif not self._goes_on():
                self._runner.run(self._given_back())
            else:
                self._current = claim.id
                self._execute(claim)
                self._current = None

    def _goes_on(self) -> bool:
        return not (self.draining or self._stopper.asked)

    def _await_orders(self) -> None:
        while self._goes_on() and not self.woken.wait(ATTENTION):
            continue
        self.woken.clear()

    def stop(self, task: str) -> None:
        """End *task* if it is still the one under way; called from another thread."""
        if str(self._current) == task:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)

    def _claim(self) -> Claim | None:
        """Claim one task, as often as it takes to have an answer."""
        failures = 0
        while self._goes_on():
            try:
                return self._runner.run(self._claimed(release_first=failures > 0))
            except (SQLAlchemyError, OSError) as error:
                failures += 1
                logger.warning("task.claim_failed", extra={"error": type(error).__name__, "sqlstate": sqlstate(error)})
                time.sleep(backoff(failures))
        return None

    async def _claimed(self, *, release_first: bool) -> Claim | None:
        """Claim one task; after a failure, first give back what an unanswered COMMIT may have claimed."""
        async with self._database.get_async_session() as session:
            if release_first:
                await claims.release(session, self._config.worker)
            worker, lease = self._config.worker, self._config.lease
            if self._config.hooks:
                claim = await claims.claim_hook(session, worker, lease=lease)
            else:
                claim = await claims.claim(session, worker, lease=lease, tasks=self._catalogue.tasks)
            await session.commit()
        return claim

    async def _given_back(self) -> None:
        """Let others have what was claimed while this process was told to end."""
        async with self._database.get_async_session() as session:
            await claims.release(session, self._config.worker)
            await session.commit()

    def _execute(self, claim: Claim) -> None:
        self._capture.begin(claim.id, claim.logs)
        try:
            task = self._catalogue.get(claim.task)
            access = self._models.access(claim.data_models)
        except (UnknownTaskError, DataModelNotFoundError) as error:
            self._store(claim, Outcome("failed", error=str(error), logs=self._capture.end()))
        else:
            work = TaskTransaction(
                self._database, claim, access, asynchronous=inspect.iscoroutinefunction(task.function)
            )
            outcome = self._called(claim, task, work)
            if self._stopper.stopped:
                self._capture.store()
                return
            self._end(claim, replace(outcome, logs=self._capture.end()), work)
        Report("ended", str(claim.id)).write(self._report)

    def _called(self, claim: Claim, task: Task, work: TaskTransaction) -> Outcome:
        limits = [each for each in (claim.timeout, task.timeout) if each is not None]
        Report("started", str(claim.id), min(limits, default=None)).write(self._report)
        context = TaskContext(
            run_uid=claim.run_uid,
            run_name=claim.run_name,
            namespace=claim.namespace,
            token=claim.token,
            attempt=claim.attempt,
            traceparent=claim.traceparent,
            run_id=claim.run_id,
            parent_run_id=claim.parent_run_id,
            action=claim.action,
            hook=claim.hook,
            data=work,
        )
        arguments = claim.arguments
        if claim.hook:  # a hook takes of its five arguments what it has a parameter for
            arguments = {name: value for name, value in arguments.items() if task.takes_any or name in task.parameters}
        return invoke(task, arguments, context, work, stopper=self._stopper, runner=self._runner)

    def _end(self, claim: Claim, outcome: Outcome, work: TaskTransaction) -> None:
        """Store how it ended in the transaction that it has written to, if there is one."""
        is_lost, is_stored = work.is_lost, False
        try:
            if work.is_begun and not is_lost:
                is_stored = True
                if not self._runner.run(work.finish(outcome, self._config.worker, self._settle)):
                    logger.warning("task.not_ours_any_more", extra={"task": claim.task, "token": claim.token})
        except ConnectionLostError as error:
            logger.warning("task.commit_unanswered", extra={"task": claim.task, "error": str(error)})
            is_lost, is_stored = outcome.state == "succeeded", False
        finally:
            self._runner.run(work.close())  # what follows must not wait for its locks
        if is_lost:
            self._settle_lost(claim, outcome)
        elif not is_stored:
            self._store(claim, outcome)

    def _settle_lost(self, claim: Claim, outcome: Outcome) -> None:
        """Find out whether the task's rows and its end were committed; where they were not, its crash is settled."""

        async def settle(session: AsyncSession) -> bool:
            lost = await self._aftermath.lost(session, self._config.worker, why=LOST, logs=outcome.logs)
            await session.commit()
            return not lost

        if not self._repeated(claim, settle):
            logger.warning("task.connection_lost", extra={"task": claim.task, "token": claim.token})

    def _store(self, claim: Claim, outcome: Outcome) -> None:
        """Store how it ended, in a transaction of its own."""

        async def store(session: AsyncSession) -> bool:
            stored = await finish(session, claim.id, self._config.worker, outcome, self._settle)
            await (session.commit() if stored else session.rollback())
            return stored

        if not self._repeated(claim, store):
            logger.warning("task.not_ours_any_more", extra={"task": claim.task, "token": claim.token})

    def _repeated(self, claim: Claim, work: Callable[[AsyncSession], Awaitable[bool]]) -> bool:
        """Do *work* in a session of its own, as often as it takes: an unreachable database fails no task."""
        tries = 0
        while True:
            try:
                return self._runner.run(self._in_session(work))
            except (SQLAlchemyError, OSError) as error:
                if not is_transient(error):
                    raise
                tries += 1
                logger.warning("task.not_stored", extra={"task": claim.task, "error": type(error).__name__})
                time.sleep(backoff(tries))

    async def _in_session(self, work: Callable[[AsyncSession], Awaitable[bool]]) -> bool:
        async with self._database.get_async_session() as session:
            return await work(session)


def _obey(control: BinaryIO, child: Child) -> None:
    """Follow the supervisor's orders; without a supervisor the whole process group ends at once."""
    for line in control:
        order, _, task = line.decode().strip().partition(" ")
        if order == "drain":
            child.draining = True
        elif order == "retire":
            child.retiring = True
        elif order == "stop":
            child.stop(task)
        child.woken.set()
    os.killpg(0, signal.SIGKILL)


def _log_to(descriptor: int, config: ChildConfig) -> None:
    """Send Baton's own records to the real standard error, all others into the task's lines."""
    own = logging.StreamHandler(os.fdopen(descriptor, "w", buffering=1))
    own.setFormatter(logs.formatter(people=config.log_format == "text"))
    baton = logging.getLogger("baton_operator")
    baton.addHandler(own)
    baton.propagate = False
    baton.setLevel(config.log_level)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)


def main() -> None:
    """Run one child; all it needs comes through its pipes."""
    control_descriptor, report, parent = (int(each) for each in sys.argv[1:4])
    end_with(parent)
    os.set_inheritable(control_descriptor, False)
    os.set_inheritable(report, False)
    with os.fdopen(control_descriptor, "rb") as control:
        config = ChildConfig.parse(control.readline())
        faults.arm({"BATON_FAULTS": config.faults})
        database = DatabaseConfig(
            config.database_url,
            pool_size=1,
            max_overflow=1,
            engine_kwargs={"pool_pre_ping": False},
            application_name=claims.session_name(config.worker),
            idle_in_transaction_ms=FROZEN_MS,
        )
        capture = Capture(database, config.worker)
        _log_to(capture.real_stderr, config)
        child = Child(config, report, capture, database, unit_settlement())
        capture.start()
        threading.Thread(target=_obey, args=(control, child), name="control", daemon=True).start()
        status = 0
        try:
            child.run()
        except Exception:
            logger.exception("child.failed")
            status = 1
        os._exit(status)  # threads that a task has left behind do not keep the process


if __name__ == "__main__":
    main()
