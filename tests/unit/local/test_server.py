"""What starting a server on ports of its own promises, tried on a web server of the standard library."""

from __future__ import annotations

import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from baton_operator.local import ports
from baton_operator.local.api_server import answers
from baton_operator.local.errors import ServerFailed
from baton_operator.local.process import ServerProcess
from baton_operator.local.server import PortOf, start_on_free_ports


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ServerProcess]:
    folder = tmp_path / "web"
    folder.mkdir()
    process = ServerProcess("web", folder)
    yield process
    process.stop()


def _up(server: ServerProcess, *, verbose: bool = False, depends_on: str = "") -> int:
    """Start it and give its pid."""

    def command(port: PortOf) -> list[str]:
        verbosity = ["-v"] if verbose else []
        return [sys.executable, *verbosity, "-m", "http.server", "--bind", "127.0.0.1", str(port("http"))]

    start_on_free_ports(server, command, lambda port: answers(f"127.0.0.1:{port('http')}", "/"), depends_on=depends_on)
    identity = server.identity()
    assert identity is not None
    return identity.pid


def test_a_server_that_runs_is_left_alone(server: ServerProcess) -> None:
    assert _up(server) == _up(server)


def test_a_killed_server_comes_back_on_the_same_port(server: ServerProcess) -> None:
    pid, port = _up(server), server.port("http")
    server.kill()
    assert _up(server) != pid
    assert server.port("http") == port


def test_another_command_restarts_it(server: ServerProcess) -> None:
    pid = _up(server)
    assert _up(server, verbose=True) != pid


def test_another_dependency_restarts_it(server: ServerProcess) -> None:
    pid = _up(server)
    assert _up(server, depends_on="https://127.0.0.1:1") != pid


def test_a_port_that_somebody_took_meanwhile_is_changed(server: ServerProcess) -> None:
    _up(server)
    taken = server.port("http")
    server.stop()
    with socket.create_server(("127.0.0.1", taken)):
        _up(server)
        assert server.port("http") != taken
        assert answers(f"127.0.0.1:{server.port('http')}", "/")


def test_a_command_that_cannot_work_fails_once(server: ServerProcess) -> None:
    with pytest.raises(ServerFailed, match="No module named"):
        start_on_free_ports(server, lambda _: [sys.executable, "-m", "no_such_module"], lambda _: False)
    assert not server.runs
    assert ports.is_free(server.port("http"))
