"""An operator as a site runs it: a process of its own, with the chart's rights, that can be killed and frozen."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from baton_spine.forked import ForkedProcess

from baton_operator.local.api_server import answers
from baton_operator.local.ports import pick_free

#: How long things take in these tests, in seconds: what takes a minute at a site takes some seconds here.
SHORT = {
    "BATON_REQUEST_DEADLINE": "2",
    "BATON_FREEZE_ALLOWANCE": "0.5",
    "BATON_NETWORK_DELAY": "0.5",
    "BATON_SETTLE_TIME": "0.5",
    "BATON_LOST_CONFIRMATION": "2",
    "BATON_SWEEP_INTERVAL": "5",
    "BATON_IDLE": "0.8",
    "BATON_LOG_FORMAT": "text",
    "BATON_HTTP_HOST": "127.0.0.1",
    "BATON_ENGINE_NETWORKS": "127.0.0.0/8",
    "BATON_WORKER": "false",
}
FAKES = str(Path(__file__).parents[1])


class OperatorProcess:
    """
    A running `baton-operator`.

    Args:
        log: Where its output goes.
        environ: Its settings; a ``PYTHONPATH`` goes before this process's own.
        module: What is run: the operator, or one with a fault of its own.
    """

    def __init__(self, log: Path, environ: Mapping[str, str], module: str = "baton_operator") -> None:
        self.log = log
        self.port = pick_free()
        self._marks: list[int] = []
        given = {**os.environ, **SHORT, **environ, "BATON_HTTP_PORT": str(self.port)}
        paths = [environ.get("PYTHONPATH"), os.environ.get("PYTHONPATH"), FAKES]
        given["PYTHONPATH"] = os.pathsep.join(filter(None, paths))
        with log.open("ab") as stream:
            self.process = ForkedProcess(module, given, stream)

    def wait_ready(self, within: float = 120) -> OperatorProcess:
        """Wait until /readyz answers 200."""
        deadline = time.monotonic() + within
        while not self.is_ready():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}\n{self.tail()}"
            assert time.monotonic() < deadline, f"not ready\n{self.tail()}"
            time.sleep(0.1)
        return self

    def is_ready(self) -> bool:
        """Say whether /readyz answers 200."""
        return answers(f"127.0.0.1:{self.port}", "/readyz")

    def is_alive(self) -> bool:
        """Say whether /healthz answers 200; a busy machine may take its time for that."""
        return answers(f"127.0.0.1:{self.port}", "/healthz", seconds=20)

    def wait_end(self, within: float = 60) -> int:
        """Wait until it has ended, and give its status: minus the signal's number where one ended it."""
        try:
            return self.process.wait(within)
        except TimeoutError:
            raise AssertionError(f"it did not end within {within:g} s\n{self.tail()}") from None

    def wait_stopped(self, within: float = 120) -> None:
        """Wait until it is frozen (SIGSTOP)."""
        deadline = time.monotonic() + within
        while not self.is_stopped():
            assert self.process.poll() is None, f"it ended with {self.process.returncode}\n{self.tail()}"
            assert time.monotonic() < deadline, f"not stopped\n{self.tail()}"
            time.sleep(0.05)

    def is_stopped(self) -> bool:
        """Say whether it is frozen (SIGSTOP)."""
        return self._state() in "tT"

    def freeze(self) -> None:
        """Send SIGSTOP."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Send SIGCONT."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(60)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.process.terminate()

    def tail(self, lines: int = 30) -> str:
        """Give the last lines of its log."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def _state(self) -> str:
        try:
            return Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return "X"


def end_all(processes: Sequence[OperatorProcess]) -> None:
    """Leave nothing of them, whatever state they are in."""
    for each in processes:
        each.kill()
