"""A worker does not outlive the operator that started it."""

import os
import signal
import subprocess
import sys

CODE = "import sys; from baton_operator.worker.lineage import end_with; end_with(int(sys.argv[1])); print('alive')"


def started_for(parent: int) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", CODE, str(parent)], capture_output=True, text=True, check=False)


def test_a_worker_lives_on_while_its_parent_does() -> None:
    assert started_for(os.getpid()).stdout == "alive\n"


def test_a_worker_whose_parent_died_while_it_started_ends_at_once() -> None:
    """Its parent is another process by then, so it must be told whose death counts."""
    ended = started_for(os.getppid())
    assert (ended.returncode, ended.stdout) == (-signal.SIGKILL, "")
