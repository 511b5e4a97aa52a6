"""SIGTERM counts from the first instruction of a program on, for its imports take longer than a stop may."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

#: Stands where the first large package is looked for, and takes its time as all of them together do.
SLOW = "import time; print('importing', flush=True); time.sleep(60)"


@pytest.mark.parametrize("module", ["baton_operator", "baton_operator.worker"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_it_imports_ends_it_with_status_0(module: str, number: signal.Signals, tmp_path: Path):
    (tmp_path / "sqlalchemy.py").write_text(SLOW)
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", module]
    with subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True
    ) as started:
        assert started.stdout
        assert started.stdout.readline() == "importing\n"
        started.send_signal(number)
        assert started.wait(120) == 0
