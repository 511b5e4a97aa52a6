"""
One server process: a folder, a pid file, a log, and an identity that is checked before anything is killed.

The pid file is written by the child itself before it becomes the server, so there is no moment at which a server
runs that nobody knows. It holds the child's line of ``/proc/PID/stat`` and the machine's boot id: pid, start time
and boot are together an identity that no later process can have.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from baton_operator.local import ports
from baton_operator.local.errors import ServerFailed
from baton_operator.local.identity import MARK, Identity, descendants, marked, send, wait_gone

_RECORD_AND_BECOME = """
cat /proc/$$/stat /proc/sys/kernel/random/boot_id > "$0.new" && mv "$0.new" "$0" && cd "${0%/*}" && exec "$@"
"""
_KILL_PATIENCE = 30.0
_START_MARK = "=== started "
_LONG_LOG = 20_000_000


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """
    The process of one server, living in a folder of its own.

    Attributes:
        name: What people call it.
        folder: Where its pid file, log and data live; made at the start.
        stop_signal: What asks it to end in order.
        stop_patience: Seconds it has for that, before it is killed; by default as many as a Pod has.
    """

    name: str
    folder: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_patience: float = 30.0

    @property
    def pid_file(self) -> Path:
        """Where the identity of the running process is kept."""
        return self.folder / "pid"

    @property
    def log_file(self) -> Path:
        """Where its output goes; each start appends."""
        return self.folder / "log"

    def port(self, name: str) -> int:
        """Give the port the server uses for *name*: picked free at the first call, remembered after it."""
        return ports.remembered(self.folder / "ports.json", name)

    def ports(self) -> dict[str, int]:
        """Give all ports it remembers, by what they are used for."""
        return ports.known(self.folder / "ports.json")

    def identity(self) -> Identity | None:
        """Give the identity of the running process, or None if it does not run."""
        try:
            identity = Identity.parse(self.pid_file.read_text())
        except FileNotFoundError:
            return None
        if identity is None or identity.runs:
            return identity
        with suppress(ChildProcessError):
            os.waitpid(identity.pid, os.WNOHANG)  # so that a dead child of ours does not stay a zombie
        return None

    @property
    def runs(self) -> bool:
        """Whether the process runs; says nothing about its being ready."""
        return self.identity() is not None

    def start(self, command: Sequence[str | Path], *, environment: Mapping[str, str] | None = None) -> None:
        """
        Start *command* in a session of its own, with its output appended to the log; does not wait.

        Args:
            command: Program and arguments.
            environment: Variables added to this process's own.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._kill_all([])  # what one that was killed has left
        self.pid_file.unlink(missing_ok=True)
        self._open_log()
        child = os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", _RECORD_AND_BECOME, str(self.pid_file), *map(str, command)],
            {**os.environ, **(environment or {}), MARK: str(self.folder)},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_OPEN, 1, self.log_file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600),
                (os.POSIX_SPAWN_DUP2, 1, 2),
            ],
            setsid=True,
        )
        while not self.pid_file.exists() and os.waitpid(child, os.WNOHANG) == (0, 0):
            time.sleep(0.001)

    def wait_ready(self, is_ready: Callable[[], bool], *, seconds: float) -> None:
        """
        Wait until *is_ready*.

        Raises:
            ServerFailed: The process ended, or *seconds* passed.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            runs = self.runs
            if runs and is_ready():
                return
            if not runs:
                raise ServerFailed(
                    f"{self.name} ended while it was started; its log {self.log_file} ends with\n{self.tail()}"
                )
            time.sleep(0.02)
        raise ServerFailed(
            f"{self.name} was not ready after {seconds:.0f} s; its log {self.log_file} ends with\n{self.tail()}"
        )

    def stop(self) -> bool:
        """
        Stop the process and everything it started, in order if it can, and forget its pid.

        Returns:
            Whether anything of it ran.
        """
        identity = self.identity()
        family = marked(self.folder)
        if identity is not None:
            family = [*family, identity, *descendants(identity)]
            send(identity, self.stop_signal)
            wait_gone([identity], self.stop_patience)
        self._kill_all(family)
        self.pid_file.unlink(missing_ok=True)
        return bool(family)

    def kill(self) -> None:
        """Kill the process with SIGKILL, as a crash would, and leave its pid file."""
        identity = self.identity()
        if identity is not None:
            send(identity, signal.SIGKILL)
            wait_gone([identity], _KILL_PATIENCE)

    def _kill_all(self, family: Sequence[Identity]) -> None:
        """Kill these and what bears this folder's mark, until none is left: they may fork while they are looked for."""
        deadline = time.monotonic() + _KILL_PATIENCE
        while family := [member for member in {*family, *marked(self.folder)} if member.runs]:
            if time.monotonic() > deadline:
                raise ServerFailed(f"a process of {self.name} survived SIGKILL")
            for member in family:
                send(member, signal.SIGKILL)
            wait_gone(family, _KILL_PATIENCE)

    def _open_log(self) -> None:
        """Mark the start in the log, in a new one if it has become long."""
        if self.log_file.exists() and self.log_file.stat().st_size > _LONG_LOG:
            self.log_file.replace(self.log_file.with_suffix(".old"))
        with self.log_file.open("a") as log:
            log.write(f"{_START_MARK}{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: {self.name}\n")

    def log_of_this_start(self) -> str:
        """Give what was logged since the last start."""
        try:
            return self.log_file.read_text(errors="replace").rpartition(_START_MARK)[2]
        except FileNotFoundError:
            return ""

    def tail(self, lines: int = 12) -> str:
        """Give the last *lines* of what was logged since the last start."""
        return "\n".join(self.log_of_this_start().splitlines()[-lines:])
