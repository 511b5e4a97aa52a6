"""What an engine accepted, written down apart from the engine's own state: append-only, and never read by the fake."""

import os
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec


class Ledger:
    """
    One entry for each accepted submit.

    Args:
        path: Also written there, one JSON object a line by one append each, so that another process (or a test after
            a crash) can read it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._entries: list[Mapping[str, Any]] = []
        self._file = None if path is None else os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def append(self, **entry: Any) -> None:
        """Write one accepted submit down, before its answer is made."""
        with self._lock:
            entry = {"seq": len(self._entries) + 1, "at": time.time(), **entry}
            self._entries.append(entry)
            if self._file is not None:
                os.write(self._file, msgspec.json.encode(entry) + b"\n")

    def entries(self) -> Sequence[Mapping[str, Any]]:
        """Return all entries so far, oldest first."""
        with self._lock:
            return list(self._entries)

    def close(self) -> None:
        """Close the file; entries stay readable."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


def read_ledger(path: Path) -> Sequence[Mapping[str, Any]]:
    """Read a ledger's file; a last line without its end is not an entry yet."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    return [msgspec.json.decode(line) for line in lines]
