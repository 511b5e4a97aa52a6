"""What process 1 does with processes that are handed to it; here a subreaper stands for it, which gets them as well."""

import subprocess
import sys

REAPER = """
import asyncio, ctypes, os, sys
from baton_operator.orphans import dead_children, reap_orphans

ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER

async def main():
    parent = await asyncio.create_subprocess_exec("sh", "-c", "sh -c 'exit 3' & sh -c 'sleep 0.1' & exit 5")
    reaping = asyncio.create_task(reap_orphans(0.02)) if sys.argv[1] == "reap" else None
    status = await parent.wait()
    own = await asyncio.create_subprocess_exec("sh", "-c", "sleep 0.3; exit 7")
    statuses = [status, await own.wait()]
    deadline, wanted = asyncio.get_running_loop().time() + 40, 0 if reaping else 2
    while len(dead_children()) != wanted and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(0.02)
    print(statuses, len(dead_children()))

asyncio.run(main())
"""


def run(word: str) -> str:
    done = subprocess.run([sys.executable, "-c", REAPER, word], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


def test_orphans_are_waited_for_and_no_child_loses_its_status():
    assert run("reap") == "[5, 7] 0"


def test_without_it_they_stay():
    """The room's own measure: both orphans are dead entries."""
    assert run("leave") == "[5, 7] 2"
