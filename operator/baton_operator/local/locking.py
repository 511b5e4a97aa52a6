"""A lock between processes that the kernel takes back when its holder dies."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def file_lock(path: Path, *, on_wait: Callable[[], None] | None = None) -> Iterator[int]:
    """
    Hold the lock of *path* inside the block, waiting for as long as somebody else holds it.

    Args:
        path: A file that exists only to be locked; made, with its folders, if it is missing, and never removed.
        on_wait: Called once before waiting, if somebody else holds the lock.

    Yields:
        The locked file descriptor. A child that inherits it (``pass_fds``) keeps the lock until it ends, even
        if its parent is killed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if on_wait is not None:
                on_wait()
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)
