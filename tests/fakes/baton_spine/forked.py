"""
Processes that start in milliseconds: forked from one that has already imported what they will run.

To import an operator takes more than a second of a core, and the tests start hundreds. Apart from that each one is a
process as any other: it has its own session, environment and output, is killed and frozen by its own signals, and
shares nothing with the others. Those of `bench/`, of `baton local` and of the chart are started by ``exec``.
"""

from __future__ import annotations

import multiprocessing
import os
import runpy
import signal
import sys
import threading
from collections.abc import Mapping
from functools import cache
from multiprocessing.connection import wait
from multiprocessing.context import ForkServerContext
from typing import IO

#: Imported once, before the first fork.
PRELOADED = ["baton_operator.operate", "baton_spine.forked", "cel"]
#: A status is read from its pipe once, and whoever starts a process asks after all others.
_STARTING_OR_ASKING = threading.Lock()


class ForkedProcess:
    """
    A running ``python -m module``, with what the tests use of `subprocess.Popen`.

    Args:
        module: What is run.
        environ: Its whole environment; folders of its ``PYTHONPATH`` go before those it has inherited.
        output: Where its standard output and standard error go.
    """

    def __init__(self, module: str, environ: Mapping[str, str], output: IO[bytes]) -> None:
        with _STARTING_OR_ASKING:
            self._process = _context().Process(target=_become, args=(module, dict(environ), output.name), daemon=True)
            self._process.start()
        self.pid: int = self._process.pid or 0

    @property
    def returncode(self) -> int | None:
        """Its exit status, minus the signal's number where one ended it; None while it runs."""
        return self.poll()

    def poll(self) -> int | None:
        """Give its exit status, or None while it runs."""
        with _STARTING_OR_ASKING:
            return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """
        Wait until it has ended, and give its exit status.

        Raises:
            TimeoutError: It has not ended within *timeout* seconds.
        """
        while (status := self.poll()) is None:
            if not wait([self._process.sentinel], timeout):
                raise TimeoutError
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)


@cache
def _context() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context


def _become(module: str, environ: Mapping[str, str], output: str) -> None:
    """Go on as ``python -m module``."""
    os.setsid()
    stream = os.open(output, os.O_WRONLY | os.O_APPEND)
    os.dup2(stream, 1)
    os.dup2(stream, 2)
    os.environ.clear()
    os.environ.update(environ)
    for folder in reversed(environ.get("PYTHONPATH", "").split(os.pathsep)):
        if folder and folder not in sys.path:
            sys.path.insert(0, folder)
    sys.argv = [module]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
