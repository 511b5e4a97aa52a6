"""
Processes told apart from every other one, and all that belong to one server.

A pid alone names nobody: the kernel gives it to another process later. Nothing is signalled here before its identity
was checked, while a pidfd keeps the number from being given away.
"""

from __future__ import annotations

import os
import signal
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

MARK = "BATON_LOCAL_SERVER"
"""The variable by which a server and what it started are known, however often they were orphaned: its folder."""

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


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


def descendants(identity: Identity) -> list[Identity]:
    """Find all processes under one; those of sessions of their own too, as PostgreSQL's are."""
    children: dict[int, list[int]] = {}
    for pid in _pids():
        try:
            parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended
            continue
        children.setdefault(parent, []).append(pid)
    found, queue = [], deque(children.get(identity.pid, []))
    while queue:
        pid = queue.popleft()
        queue.extend(children.get(pid, []))
        if (member := Identity.of(pid)) is not None:
            found.append(member)
    return found


def marked(folder: Path) -> list[Identity]:
    """Find all processes that were started as the server of *folder*, or by it; PostgreSQL's children hide the mark."""
    mark = b"\0" + os.fsencode(f"{MARK}={folder}") + b"\0"
    found = []
    for pid in _pids():
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:  # it has ended, or is somebody else's
            continue
        if mark in b"\0" + environment and (member := Identity.of(pid)) is not None:
            found.append(member)
    return found


def send(identity: Identity, number: signal.Signals) -> None:
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


def wait_gone(family: Sequence[Identity], seconds: float) -> bool:
    """Wait until none of *family* runs; False if some still did after *seconds*."""
    deadline = time.monotonic() + seconds
    while any(member.runs for member in family):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _pids() -> Iterator[int]:
    return (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit())
