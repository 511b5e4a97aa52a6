"""One child process as its supervisor sees it: how it is started, what it says, how it is ended."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Mapping
from typing import Literal
from uuid import UUID

from baton_operator.worker.environment import scrubbed
from baton_operator.worker.pipes import ChildConfig, Report, write_order

Cause = Literal["cancelled", "timedout", "lost", "stopped"]


class ChildProcess:
    """
    A child that runs.

    Attributes:
        worker: Its name in leases.
        ready: Whether it has loaded the tasks and begun to work.
        task: The task it is at, once begun; None between two tasks.
        deadline: When that is to be ended (``time.monotonic``); None for never.
        idle_since: When it began to be without a task (``time.monotonic``); of no meaning while it has one.
        called_since: Since when work has waited that it was told of (``time.monotonic``); None while there is none, and
            when it has said something since.
        leaving: Whether it was told to end by itself.
        cause: Why it is being ended; None while nobody ends it.
    """

    def __init__(
        self, worker: str, process: asyncio.subprocess.Process, control: int, reports: asyncio.StreamReader
    ) -> None:
        self.worker = worker
        self.ready = False
        self.task: UUID | None = None
        self.deadline: float | None = None
        self.idle_since = time.monotonic()
        self.called_since: float | None = None
        self.leaving = False
        self.cause: Cause | None = None
        self._process = process
        self._control = control
        self._reports = reports
        self._heard = asyncio.Event()
        self._silent = False

    @classmethod
    async def start(cls, config: ChildConfig, environ: Mapping[str, str]) -> "ChildProcess":
        """Start a child in a session of its own, with nothing but the allowed environment."""
        their_control, control = os.pipe()
        reports, their_reports = os.pipe()
        os.set_blocking(control, False)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "baton_operator.worker.child",
            str(their_control),
            str(their_reports),
            str(os.getpid()),
            stdin=asyncio.subprocess.DEVNULL,
            env=scrubbed(environ),
            pass_fds=(their_control, their_reports),
            start_new_session=True,
        )
        os.close(their_control)
        os.close(their_reports)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reports, "rb", buffering=0)
        )
        child = cls(config.worker, process, control, reader)
        os.write(control, config.line())
        return child

    @property
    def pid(self) -> int:
        """Its process id, which is its process group too."""
        return self._process.pid

    async def reports(self) -> AsyncIterator[Report]:
        """Follow what it says until it has ended, keeping `ready`, `task` and `deadline`."""
        async for line in self._reports:
            report = Report.parse(line)
            self.called_since = None
            if report.event == "started" and report.task:
                self.task = UUID(report.task)
                self.deadline = time.monotonic() + report.timeout if report.timeout is not None else None
            else:
                self.ready, self.task, self.deadline = True, None, None
                self.idle_since = time.monotonic()
            self._heard.set()
            yield report
        self._silent = True
        self._heard.set()

    @property
    def is_free(self) -> bool:
        """Whether it takes what waits, now or as soon as it is ready."""
        return self.task is None and not self.leaving and not self.cause

    def order(self, order: str) -> None:
        """Give it an order: ``wake`` or ``stop <task>``."""
        write_order(self._control, order)

    def call(self, now: float) -> None:
        """Tell it that work waits."""
        self.called_since = now if self.called_since is None else self.called_since
        self.order("wake")

    def leave(self, order: Literal["drain", "retire"]) -> None:
        """Have it end by itself: after its task (``drain``), or after a last look for work (``retire``)."""
        self.leaving = True
        self.order(order)

    async def end(self, cause: Cause, grace: float) -> None:
        """
        Ask it to end the task that it is at, and itself with it; kill it and all that it has started if it does not.

        Should the task have ended by itself meanwhile, nothing happens: the next one is not to blame.
        """
        if self.cause:
            return
        self.cause, target = cause, self.task
        self.order(f"stop {target}")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace):
                while not self._silent and self.task == target:
                    self._heard.clear()
                    await self._heard.wait()
        if self._silent:
            return
        if self.task == target or cause == "stopped":
            self._kill_group()
        else:
            self.cause = None

    async def ended(self) -> str:
        """Wait for its end and say how it ended, e.g. ``signal 9``; what it has started ends with it."""
        code = await self._process.wait()
        self._kill_group()
        os.close(self._control)
        return f"signal {-code}" if code < 0 else f"exit status {code}"

    def _kill_group(self) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
