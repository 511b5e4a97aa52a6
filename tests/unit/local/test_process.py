"""What the supervisor of one process promises."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from baton_operator.local.errors import ServerFailed
from baton_operator.local.identity import Identity
from baton_operator.local.process import ServerProcess

_IDLE = ["sh", "-c", "echo ready; exec sleep 600"]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    process = ServerProcess("idle", tmp_path / "a home with spaces" / "idle", stop_patience=0.5)
    yield process
    process.stop()


def _wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def _says_ready(process: ServerProcess) -> bool:
    return "ready" in process.log_of_this_start()


def test_a_started_process_runs_in_its_folder_until_it_is_stopped(server: ServerProcess) -> None:
    server.start(_IDLE)
    server.wait_ready(lambda: _says_ready(server), seconds=10)
    identity = server.identity()
    assert identity is not None
    assert Path(f"/proc/{identity.pid}/cwd").resolve() == server.folder
    assert server.stop()
    assert not identity.runs
    assert not server.stop()


def test_another_object_for_the_same_folder_knows_the_process(server: ServerProcess) -> None:
    server.start(_IDLE)
    other = ServerProcess("idle", server.folder)
    assert other.identity() == server.identity()
    assert other.stop()
    assert not server.runs


def test_a_pid_that_was_given_to_another_process_is_not_killed(server: ServerProcess) -> None:
    """The pid file of a server that is long gone names a process that is somebody else's now."""
    bystander = subprocess.Popen(["sleep", "600"])
    try:
        real = Identity.of(bystander.pid)
        assert real is not None
        server.folder.mkdir(parents=True)
        server.pid_file.write_text(str(Identity(real.pid, real.started - 1, real.boot)))
        assert not server.runs
        assert not server.stop()
        assert bystander.poll() is None
        server.pid_file.write_text(str(Identity(real.pid, real.started, "another boot")))
        assert not server.stop()
        assert bystander.poll() is None
        server.pid_file.write_text(str(real))
        assert server.stop()
    finally:
        bystander.kill()
        bystander.wait()


@pytest.mark.parametrize("text", ["", "12", "12 (sleep) S 1", "garbage\nmore\n"])
def test_a_pid_file_cut_short_names_no_process(server: ServerProcess, text: str) -> None:
    server.folder.mkdir(parents=True)
    server.pid_file.write_text(text)
    assert server.identity() is None


def test_an_identity_is_read_as_it_was_written() -> None:
    identity = Identity.of(os.getpid())
    assert identity is not None
    assert Identity.parse(str(identity)) == identity


def test_what_does_not_end_in_order_is_killed_with_all_its_children(server: ServerProcess) -> None:
    """One child has a session of its own, so that no signal to a process group reaches it."""
    server.start(
        ["sh", "-c", 'trap "" TERM; setsid sleep 600 & echo $! > child; echo ready; while :; do sleep 1; done']
    )
    server.wait_ready(lambda: _says_ready(server), seconds=10)
    child = Identity.of(int((server.folder / "child").read_text()))
    assert child is not None
    assert server.stop()
    assert not child.runs


def test_what_a_server_leaves_behind_when_it_ends_is_killed(server: ServerProcess) -> None:
    """The child and its own child take no notice of the stop signal; the server does."""
    grandchild = 'trap "" TERM; sleep 600 & echo $! > grandchild; echo ready; wait'
    server.start(["sh", "-c", f"setsid sh -c '{grandchild}' & wait"])
    server.wait_ready(lambda: _says_ready(server), seconds=10)
    left = Identity.of(int((server.folder / "grandchild").read_text()))
    assert left is not None
    assert server.stop()
    assert not left.runs


def _start_with_an_orphan(server: ServerProcess) -> Identity:
    """Start a server that starts a child, and kill the server."""
    server.start(["sh", "-c", "setsid sleep 600 & echo $! > child; echo ready; wait"])
    server.wait_ready(lambda: _says_ready(server), seconds=10)
    server.kill()
    child = Identity.of(int((server.folder / "child").read_text()))
    assert child is not None
    return child


def test_the_orphans_of_a_killed_server_are_stopped(server: ServerProcess) -> None:
    child = _start_with_an_orphan(server)
    assert not server.runs
    assert server.stop()
    assert not child.runs


def test_the_orphans_of_a_killed_server_do_not_meet_its_successor(server: ServerProcess) -> None:
    child = _start_with_an_orphan(server)
    server.start(_IDLE)
    assert not child.runs
    assert server.runs


def test_a_killed_process_does_not_run_and_can_be_started_again(server: ServerProcess) -> None:
    server.start(_IDLE)
    first = server.identity()
    server.kill()
    assert not server.runs
    server.start(_IDLE)
    assert server.runs
    assert server.identity() != first


def test_a_process_that_ends_at_once_fails_with_its_last_words(server: ServerProcess) -> None:
    server.start(["sh", "-c", "echo the first start; exit 1"])
    _wait(lambda: not server.runs)
    server.start(["sh", "-c", "echo no such flag; exit 1"])
    with pytest.raises(ServerFailed, match="no such flag") as failure:
        server.wait_ready(lambda: False, seconds=10)
    assert "the first start" not in str(failure.value)


def test_a_program_that_is_not_there_fails_with_its_name(server: ServerProcess) -> None:
    server.start([server.folder / "no-such-program"])
    with pytest.raises(ServerFailed, match="no-such-program"):
        server.wait_ready(lambda: False, seconds=10)


def test_a_process_that_never_gets_ready_fails(server: ServerProcess) -> None:
    server.start(_IDLE)
    with pytest.raises(ServerFailed, match="not ready after"):
        server.wait_ready(lambda: False, seconds=0.1)


def test_the_stop_signal_is_the_server_s_own(tmp_path: Path) -> None:
    process = ServerProcess("own", tmp_path / "own", stop_signal=signal.SIGUSR1)
    process.start(["sh", "-c", 'trap "echo in order; exit" USR1; echo ready; while :; do sleep 0.05; done'])
    process.wait_ready(lambda: _says_ready(process), seconds=10)
    process.stop()
    assert "in order" in process.tail()
