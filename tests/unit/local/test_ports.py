"""What the memory of ports promises."""

from __future__ import annotations

import random
import socket
import subprocess
import sys
from pathlib import Path

from baton_operator.local import ports


def test_a_port_is_remembered(tmp_path: Path) -> None:
    first = ports.remembered(tmp_path / "ports.json", "http")
    assert ports.remembered(tmp_path / "ports.json", "http") == first
    assert ports.remembered(tmp_path / "ports.json", "other") != first


def test_a_port_lies_outside_the_range_of_outgoing_connections() -> None:
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(ports.pick_free() < lowest for _ in range(100))


def test_two_processes_are_not_given_the_same_port() -> None:
    """Each has a second or two until it listens; with as many servers as tests start, they would meet there."""
    random.seed(7)
    mine = ports.pick_free()
    code = "import random; from baton_operator.local import ports; random.seed(7); print(ports.pick_free())"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(told.stdout) != mine


def test_only_a_taken_port_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "ports.json"
    http, sql = ports.remembered(path, "http"), ports.remembered(path, "sql")
    assert not ports.forget_taken(path)
    with socket.create_server(("127.0.0.1", http)):
        assert ports.forget_taken(path)
        assert ports.remembered(path, "http") != http
    assert ports.remembered(path, "sql") == sql
