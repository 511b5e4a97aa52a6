"""How every server is started: on ports of its own, once, and only if what should run does not run already."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from baton_operator.local import ports
from baton_operator.local.errors import ServerFailed
from baton_operator.local.process import ServerProcess

PortOf = Callable[[str], int]
"""Gives the server's port by what it uses it for; the same one until that was taken by somebody else."""

_ATTEMPTS = 3


def start_on_free_ports(
    process: ServerProcess,
    command: Callable[[PortOf], Sequence[str | Path]],
    is_ready: Callable[[PortOf], bool],
    *,
    environment: Mapping[str, str] | None = None,
    depends_on: str = "",
    seconds: float = 180.0,
) -> None:
    """
    Have a server run with this very command, and wait until it is ready.

    One that runs is left alone, unless it was started with another command, variables or dependency. One whose ports
    were taken while it was down gets new ones.

    Args:
        process: Whose folder, pid file and log it is.
        command: Gives program and arguments.
        is_ready: Asked again and again; never raises.
        environment: Variables added to this process's own.
        depends_on: What it read when it started, beside command and variables; a change restarts it, too.
        seconds: How long it has to get ready.

    Raises:
        ServerFailed: It did not.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        wanted = json.dumps([[str(word) for word in command(process.port)], dict(environment or {}), depends_on])
        if process.runs and _last_command(process) != wanted:
            process.stop()
        try:
            if not process.runs:
                _command_file(process).write_text(wanted)
                process.start(command(process.port), environment=environment)
            process.wait_ready(lambda: is_ready(process.port), seconds=seconds)
        except ServerFailed:
            process.stop()
            ports_taken = ports.forget_taken(process.folder / "ports.json")
            if attempt == _ATTEMPTS or not ports_taken:
                raise
        else:
            return


def _command_file(process: ServerProcess) -> Path:
    return process.folder / "command"


def _last_command(process: ServerProcess) -> str:
    try:
        return _command_file(process).read_text()
    except FileNotFoundError:
        return ""
