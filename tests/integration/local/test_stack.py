"""A home's servers: started, killed, repaired, and gone without a trace."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from baton_operator.local.api_server import ApiServer
from baton_operator.local.home import Home
from baton_operator.local.scratch import scratch_home
from baton_operator.local.stack import Stack

_SERVERS = ["etcd", "kube-apiserver", "kube-controller-manager", "postgres-18"]
_UP = """
import sys
from baton_operator.local.home import Home
from baton_operator.local.stack import Stack
Stack(Home.at(sys.argv[1]), print, fsync=False).up()
"""


def _processes_of(home: Home) -> list[str]:
    """Find the command lines of all processes that work in a home."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                folder, command = (process / "cwd").resolve(), (process / "cmdline").read_bytes()
            except OSError:  # it has ended, or is nobody's business
                continue
            if folder.is_relative_to(home.path) and command:
                found.append(command.replace(b"\0", b" ").decode())
    return found


@pytest.fixture
def stack() -> Iterator[Stack]:
    """An empty home's servers, none of which runs yet."""
    with scratch_home(print) as home:
        yield Stack(home, print, fsync=False)
    assert _processes_of(home) == []
    assert not home.path.exists()


def _pids(stack: Stack) -> dict[str, int | None]:
    return {each.name: each.pid for each in stack.status()}


def test_up_repairs_what_was_killed_and_keeps_what_was_stored(stack: Stack) -> None:
    endpoints = stack.up()
    before = _pids(stack)
    assert sorted(before) == _SERVERS
    with psycopg.connect(endpoints.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    ApiServer(endpoints.kubeconfig).create_namespace("kept")

    assert stack.up() == endpoints
    assert _pids(stack) == before
    for name in _SERVERS:
        stack.home.process(name).kill()
    assert set(_pids(stack).values()) == {None}

    assert stack.up() == endpoints
    assert not set(_pids(stack).values()) & {None, *before.values()}
    with psycopg.connect(endpoints.database_url) as connection:
        assert connection.execute("SELECT one FROM kept").fetchone() == (1,)
    assert ApiServer(endpoints.kubeconfig).request("GET", "/api/v1/namespaces/kept")


def test_down_leaves_no_process_and_up_finds_all_again(stack: Stack) -> None:
    first = stack.up()
    assert len(_processes_of(stack.home)) > len(_SERVERS)  # PostgreSQL has processes under it
    assert stack.down() == ["kube-controller-manager", "kube-apiserver", "etcd", "postgres-18"]
    assert _processes_of(stack.home) == []
    assert stack.down() == []
    assert stack.up() == first


@pytest.mark.parametrize("after", ["initdb", "postgres-18", "etcd", "kube-apiserver"])
def test_an_up_that_was_killed_is_completed_by_the_next(stack: Stack, after: str) -> None:
    """Killed as soon as it has begun one thing; what it started runs on and is not started twice."""
    killed = subprocess.Popen([sys.executable, "-c", _UP, stack.home.path])
    begun = "postgres-18/data.*" if after == "initdb" else f"{after}/pid"
    deadline = time.monotonic() + 180
    while not list(stack.home.path.glob(begun)) and time.monotonic() < deadline:
        time.sleep(0.001)
    killed.kill()
    killed.wait()
    survivors = {name: pid for name, pid in _pids(stack).items() if pid}
    assert (after in survivors) == (after != "initdb")
    endpoints = stack.up()
    assert ApiServer(endpoints.kubeconfig).is_ready()
    assert survivors.items() <= _pids(stack).items()


def test_a_home_whose_owner_was_killed_is_taken_away_by_the_next(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The next one here: other tests that ask for a home look elsewhere."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    code = (
        "import os, signal\n"
        "from baton_operator.local.scratch import scratch_home\n"
        "with scratch_home(print) as home:\n"
        "    home.process('left').start(['sleep', '600'])\n"
        "    print(home.path, flush=True)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    left = Home(Path(subprocess.run([sys.executable, "-c", code], stdout=-1, text=True, check=False).stdout.strip()))
    assert left.process("left").runs
    with scratch_home(print) as home:
        assert home.path != left.path
        assert not left.path.exists()
        assert _processes_of(left) == []


def test_a_home_that_is_being_taken_away_is_left_to_its_owner(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Somebody who asks for a home meanwhile finds it half gone, and takes it for no home of a killed process."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    remove = shutil.rmtree

    def slowly(path: Path, *, ignore_errors: bool = False) -> None:
        (path / "owner").unlink()
        monkeypatch.setattr(shutil, "rmtree", remove)
        with scratch_home(print):
            pass
        remove(path, ignore_errors=ignore_errors)

    with scratch_home(print) as home:
        monkeypatch.setattr(shutil, "rmtree", slowly)
    assert not home.path.exists()
    assert not [each for each in home.path.parent.iterdir() if each.is_dir()]
