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
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from baton_operator.local import ports
from baton_operator.local.errors import ServerFailed

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_RECORD_AND_BECOME = """
cat /proc/$$/stat /proc/sys/kernel/random/boot_id > "$0.new" && mv "$0.new" "$0" && cd "${0%/*}" && exec "$@"
"""
_KILL_PATIENCE = 5.0
_START_MARK = "=== started "
_LONG_LOG = 20_000_000


@dataclass(frozen=True, slots=True)
class Identity:
    """
    One process, told apart from every other one there was or will be on this machine.

    Attributes:
        pid: Its number, which the kernel may give to another process later.
        started: Its start, in clock ticks after the boot.
        boot: The boot it belongs to.
    """

    pid: int
    started: int
    boot: str

    @classmethod
    def parse(cls, text: str) -> Identity | None:
        """Read a ``/proc/PID/stat`` line and a boot id; None if they are cut short."""
        try:
            stat, boot = text.strip().rsplit("\n", 1)
            return cls(int(stat.split()[0]), _started(stat), boot)
        except (ValueError, IndexError):
            return None

    @classmethod
    def of(cls, pid: int) -> Identity | None:
        """Read the identity of *pid* now; None if it does not run (a zombie does not)."""
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return None
        if stat.rpartition(")")[2].split()[0] in "ZX":
            return None
        return cls(pid, _started(stat), _BOOT_ID.read_text().strip())

    def __str__(self) -> str:
        """Write it so that `parse` reads it."""
        fields = [str(self.pid), "()", "R", *["0"] * 18, str(self.started)]
        return f"{' '.join(fields)}\n{self.boot}\n"

    @property
    def runs(self) -> bool:
        """Whether this very process still runs."""
        return Identity.of(self.pid) == self


def _started(stat: str) -> int:
    """Read field 22 of a stat line; the name in field 2 may hold spaces and brackets."""
    return int(stat.rpartition(")")[2].split()[19])


@dataclass(frozen=True, slots=True)
class ServerProcess:
    """
    The process of one server, living in a folder of its own.

    Attributes:
        name: What people call it.
        folder: Where its pid file, log and data live; made at the start.
        stop_signal: What asks it to end in order.
        stop_patience: Seconds it has for that, before it is killed.
    """

    name: str
    folder: Path
    stop_signal: signal.Signals = signal.SIGTERM
    stop_patience: float = 15.0

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
        self.pid_file.unlink(missing_ok=True)
        self._open_log(command)
        child = os.posix_spawn(
            "/bin/sh",
            ["sh", "-c", _RECORD_AND_BECOME, str(self.pid_file), *map(str, command)],
            {**os.environ, **(environment or {})},
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
            Whether it ran.
        """
        identity = self.identity()
        if identity is not None:
            family = [identity, *_descendants(identity)]
            _signal(identity, self.stop_signal)
            if not _gone([identity], self.stop_patience):
                family = [*family, *_descendants(identity)]
            for member in family:
                _signal(member, signal.SIGKILL)
            if not _gone(family, _KILL_PATIENCE):
                raise ServerFailed(f"{self.name} (pid {identity.pid}) survived SIGKILL")
        self.pid_file.unlink(missing_ok=True)
        return identity is not None

    def kill(self) -> None:
        """Kill the process with SIGKILL, as a crash would, and leave its pid file."""
        identity = self.identity()
        if identity is not None:
            _signal(identity, signal.SIGKILL)
            _gone([identity], _KILL_PATIENCE)

    def _open_log(self, command: Sequence[str | Path]) -> None:
        """Mark the start in the log, in a new one if it has become long."""
        if self.log_file.exists() and self.log_file.stat().st_size > _LONG_LOG:
            self.log_file.replace(self.log_file.with_suffix(".old"))
        with self.log_file.open("a") as log:
            log.write(f"{_START_MARK}{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC: {Path(command[0]).name}\n")

    def log_of_this_start(self) -> str:
        """Give what was logged since the last start."""
        try:
            return self.log_file.read_text(errors="replace").rpartition(_START_MARK)[2]
        except FileNotFoundError:
            return ""

    def tail(self, lines: int = 12) -> str:
        """Give the last *lines* of what was logged since the last start."""
        return "\n".join(self.log_of_this_start().splitlines()[-lines:])


def _descendants(identity: Identity) -> list[Identity]:
    """Find all processes under one; those of sessions of their own too, as PostgreSQL's are."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, queue = [], deque(children.get(identity.pid, []))
    while queue:
        pid = queue.popleft()
        queue.extend(children.get(pid, []))
        if (member := Identity.of(pid)) is not None:
            found.append(member)
    return found


def _signal(identity: Identity, number: signal.Signals) -> None:
    """Send *number* to this very process, if it still runs."""
    try:
        handle = os.pidfd_open(identity.pid)
    except ProcessLookupError:
        return
    try:
        if identity.runs:  # the handle pins the pid, so what is checked here is what is signalled
            signal.pidfd_send_signal(handle, number)
    except ProcessLookupError:
        return
    finally:
        os.close(handle)


def _gone(family: Sequence[Identity], seconds: float) -> bool:
    """Wait until none of *family* runs; False if some still did after *seconds*."""
    deadline = time.monotonic() + seconds
    while any(member.runs for member in family):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True
