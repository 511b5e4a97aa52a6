"""What the lock between processes promises."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

from baton_operator.local.locking import file_lock

_HOLD = """
import sys, pathlib, subprocess
from baton_operator.local.locking import file_lock
with file_lock(pathlib.Path(sys.argv[1])) as lock:
    {body}
"""


def _holder(path: Path, body: str) -> subprocess.Popen[str]:
    """Start a process that holds the lock and says so."""
    code = _HOLD.format(body=body)
    holder = subprocess.Popen([sys.executable, "-c", code, path], stdin=-1, stdout=-1, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    return holder


def _end(holder: subprocess.Popen[str]) -> None:
    holder.kill()
    holder.communicate()


def test_the_lock_of_a_killed_process_is_free(tmp_path: Path) -> None:
    holder = _holder(tmp_path / "lock", "print('held', flush=True); sys.stdin.read()")
    waited = threading.Event()

    def wait_for_it() -> None:
        with file_lock(tmp_path / "lock", on_wait=waited.set):
            pass

    waiter = threading.Thread(target=wait_for_it)
    waiter.start()
    assert waited.wait(10)
    waiter.join(0.1)
    assert waiter.is_alive()
    _end(holder)
    waiter.join(10)
    assert not waiter.is_alive()


def test_a_child_that_inherits_the_lock_keeps_it_when_its_parent_is_killed(tmp_path: Path) -> None:
    body = "subprocess.run(['sh', '-c', 'echo held; read line'], pass_fds=[lock])"
    holder = _holder(tmp_path / "lock", body)
    waited, got = threading.Event(), threading.Event()

    def wait_for_it() -> None:
        with file_lock(tmp_path / "lock", on_wait=waited.set):
            got.set()

    waiter = threading.Thread(target=wait_for_it)
    holder.kill()
    waiter.start()
    assert waited.wait(10)
    assert not got.wait(0.2)
    holder.communicate("end\n")
    assert got.wait(10)
    waiter.join(10)
