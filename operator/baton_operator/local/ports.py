"""Free ports of the loopback interface, picked once and remembered."""

from __future__ import annotations

import json
import os
import random
import socket
import sys
import threading
import time
from collections import deque
from pathlib import Path

_LOWEST = 15000
#: Seconds for which a picked port is kept from other picks: by then whoever picked it listens.
_RESERVED_FOR = 60.0
_reserved: deque[tuple[float, int]] = deque()  # since when, and the descriptor that holds the name
_reserving = threading.Lock()
_EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def is_free(port: int) -> bool:
    """Say whether nothing listens on *port* of 127.0.0.1 at this moment."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def pick_free() -> int:
    """
    Pick a port that nothing listens on, and that nobody else on this machine was given within the last minute.

    It lies below the kernel's range for outgoing connections: inside it, a client that calls a server which is
    just being restarted may be given the server's own port, and keep the server out.
    """
    highest = _ephemeral_start() - 1
    while True:
        port = random.randint(_LOWEST, highest)  # noqa: S311 - no secret
        if is_free(port) and _reserve(port):
            return port


def _reserve(port: int) -> bool:
    """
    Hold a name that says to every process that *port* was given away; Linux lets it go with this process at the latest.

    Returns:
        Whether it was to be had. Where there are no such names (unix(7), "abstract"), always.
    """
    if sys.platform != "linux":
        return True
    with _reserving:
        while _reserved and time.monotonic() - _reserved[0][0] > _RESERVED_FOR:
            os.close(_reserved.popleft()[1])
        name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            name.bind(f"\0baton-port-{port}")
        except OSError:
            name.close()
            return False
        _reserved.append((time.monotonic(), name.detach()))
    return True


def known(path: Path) -> dict[str, int]:
    """Give the ports that *path* remembers, by their names."""
    try:
        ports: dict[str, int] = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return ports


def remembered(path: Path, name: str) -> int:
    """
    Give the port called *name*, the same one at every call, picked free at the first.

    Args:
        path: The JSON file that remembers a server's ports.
        name: What the server uses it for.
    """
    ports = known(path)
    if name not in ports:
        ports[name] = pick_free()
        temporary = path.with_suffix(".new")
        temporary.write_text(json.dumps(ports))
        temporary.replace(path)
    return ports[name]


def forget_taken(path: Path) -> bool:
    """
    Forget the remembered ports on which somebody listens; to be called only while their server is down.

    Returns:
        Whether any was taken.
    """
    ports = known(path)
    free = {name: port for name, port in ports.items() if is_free(port)}
    path.write_text(json.dumps(free))
    return free != ports


def _ephemeral_start() -> int:
    try:
        first = int(_EPHEMERAL_RANGE.read_text().split()[0])
    except OSError:
        first = 32768
    return first if first > _LOWEST + 1000 else 32768
