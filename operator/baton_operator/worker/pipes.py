"""What supervisor and child say to each other: one JSON object a line, over two pipes."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import orjson


@dataclass(frozen=True, slots=True)
class ChildConfig:
    """
    The first line that a child reads; through the pipe because it holds a credential.

    Attributes:
        worker: The child's name in leases, never given out twice.
        lease: Seconds of a claim; the supervisor prolongs it.
        log_format: Of the child's own records.
        hooks: Whether it calls hooks, instead of what attempts hand over.
        faults: Failpoints that are armed in it (`baton_operator.faults`).
    """

    database_url: str
    worker: str
    lease: float
    log_format: str
    log_level: str
    hooks: bool = False
    faults: str = ""

    def line(self) -> bytes:
        """Encode it."""
        return orjson.dumps(asdict(self)) + b"\n"

    @classmethod
    def parse(cls, line: bytes) -> "ChildConfig":
        """Decode it."""
        return cls(**orjson.loads(line))


@dataclass(frozen=True, slots=True)
class Report:
    """
    What a child says.

    Attributes:
        event: ``ready``, then ``started`` and ``ended`` for each task.
        task: The task's id.
        timeout: Seconds it may run from now on; None for no limit.
    """

    event: Literal["ready", "started", "ended"]
    task: str | None = None
    timeout: float | None = None

    def write(self, descriptor: int) -> None:
        """Say it; less than a pipe's atomic size, so it is there when the child dies right after."""
        os.write(descriptor, orjson.dumps(asdict(self)) + b"\n")

    @classmethod
    def parse(cls, line: bytes) -> "Report":
        """Decode it."""
        values: Mapping[str, Any] = orjson.loads(line)
        return cls(**values)


def write_order(descriptor: int, order: str) -> None:
    """Give a child an order; a child that does not read its pipe is stuck, and is ended by its deadline instead."""
    try:
        os.write(descriptor, order.encode() + b"\n")
    except (BlockingIOError, BrokenPipeError):
        return
