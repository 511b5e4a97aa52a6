"""`baton demo` as a newcomer types it, in an empty home; and after the first one was killed half way."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from baton_operator.cli.demo_script import SCRIPTS, DemoEngine
from baton_operator.local.api_server import ApiServer
from baton_operator.local.home import Home
from baton_operator.local.scratch import scratch_home
from baton_operator.local.stack import Stack

pytestmark = pytest.mark.timeout(1200)  # a busy machine takes its time for servers and Runs
SCRIPT = SCRIPTS[DemoEngine.EMBEDDED]
KINDS = ("engines", "automations", "runs")
GOOD_BYE = f"All {len(SCRIPT.endings)} Runs ended as they should."


@pytest.fixture
def home() -> Iterator[Home]:
    with scratch_home(print) as home:
        yield home


def start(home: Home, log: Path) -> subprocess.Popen[bytes]:
    """Type `baton demo` in a folder that is not the repository; its output goes to *log*."""
    environ = {key: value for key, value in os.environ.items() if not key.startswith("BATON_")}
    with log.open("wb") as stream:
        return subprocess.Popen(
            [Path(sys.executable).with_name("baton"), "demo"],
            cwd=log.parent,
            env={**environ, "BATON_HOME": str(home.path), "PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
            stdout=stream,
            stderr=stream,
            start_new_session=True,
        )


def processes_of(home: Home) -> list[str]:
    """Name the processes that were started with this home in their arguments or their environment."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            arguments, environ = (each / "cmdline").read_bytes(), (each / "environ").read_bytes()
        except OSError:  # ended meanwhile, or somebody else's
            continue
        if str(home.path).encode() in arguments + environ:
            found.append(arguments.replace(b"\0", b" ").decode())
    return found


def assert_shown(log: Path) -> None:
    """All Runs ended as the script says; a tree and a history followed."""
    said = log.read_text()
    assert GOOD_BYE in said
    last = {line.split()[0]: line.split()[1] for line in said.splitlines() if line.split(" ")[0] in SCRIPT.endings}
    assert last == {name: ending.phase for name, ending in SCRIPT.endings.items()}
    _, _, history = said.partition(f"baton runs history {SCRIPT.told}")
    header, *rows = [line.split() for line in history.partition(GOOD_BYE)[0].splitlines()[1:] if line.strip()]
    assert header == ["SEQ", "AT", "FROM", "TO", "REASON", "LASTED", "ACTOR", "MESSAGE"]
    assert [row[0] for row in rows] == [str(number) for number in range(1, len(rows) + 1)]
    assert "COMPLETED" in rows[-1]
    assert "unexpected" not in said


def left_behind(home: Home) -> list[str]:
    """Name the objects of Baton that somebody finds who starts the servers again."""
    stack = Stack(home, print)
    try:
        server = ApiServer(stack.up().kubeconfig)
        server.wait_established(*(f"{kind}.baton.dev" for kind in KINDS))
        found = [server.request("GET", f"/apis/baton.dev/v1alpha1/{kind}")["items"] for kind in KINDS]
    finally:
        stack.down()
    return [each["metadata"]["name"] for objects in found for each in objects]


def test_the_demo_shows_every_run_and_leaves_nothing_running(home: Home, tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert start(home, log).wait(480) == 0, log.read_text()
    assert_shown(log)
    assert processes_of(home) == []
    assert left_behind(home) == []


def test_a_killed_demo_does_not_disturb_the_next(home: Home, tmp_path: Path) -> None:
    """Killed while Runs are under way: servers, operator and Runs of the first are there when the second begins."""
    first, log = start(home, tmp_path / "first"), tmp_path / "second"
    deadline = time.monotonic() + 360
    while "Running" not in (tmp_path / "first").read_text():
        assert first.poll() is None, (tmp_path / "first").read_text()
        assert time.monotonic() < deadline, (tmp_path / "first").read_text()
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert GOOD_BYE not in (tmp_path / "first").read_text()
    assert processes_of(home) != []
    assert start(home, log).wait(480) == 0, log.read_text()
    assert_shown(log)
    assert processes_of(home) == []
