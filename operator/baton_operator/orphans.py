"""
What process 1 of a container owes to orphans, so that no `tini` is needed.

A process whose parent has died is handed to process 1, and stays in the process table when it is dead until somebody
waits for it. A child of our own is waited for at once by who started it; one that is dead at two looks in a row is an
orphan that nobody else will wait for.
"""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

#: Seconds between two looks.
INTERVAL = 5.0


@contextlib.asynccontextmanager
async def waiting_for_orphans() -> AsyncIterator[None]:
    """Wait for orphans meanwhile, if this is process 1: to others none are handed."""
    reaping = asyncio.create_task(reap_orphans(), name="orphans") if os.getpid() == 1 else None
    try:
        yield
    finally:
        if reaping:
            reaping.cancel()


async def reap_orphans(interval: float = INTERVAL) -> None:
    """Wait for orphans until cancelled, looking for them every *interval* seconds."""
    before: set[int] = set()
    while True:
        dead = dead_children()
        for orphan in dead & before:
            with contextlib.suppress(ChildProcessError):  # somebody has waited for it just now
                os.waitpid(orphan, os.WNOHANG)  # noqa: ASYNC222 - it is dead: nothing to wait for
        before = dead
        await asyncio.sleep(interval)


def dead_children() -> set[int]:
    """Find the children of this process that are dead and have not been waited for."""
    ours = str(os.getpid())
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue  # it ended between the two looks
        state, parent = stat.rpartition(")")[2].split()[:2]
        if (state, parent) == ("Z", ours):
            found.add(int(entry.name))
    return found
