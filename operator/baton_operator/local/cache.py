"""Programs kept by version in the user's cache folder, made once and moved into place whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from baton_operator.local.locking import file_lock
from baton_operator.local.progress import Say

_ORIGIN = ".made-from"


def cache_folder() -> Path:
    """Give ``$XDG_CACHE_HOME/baton`` or ``~/.cache/baton``."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "baton"


def cached(name: str, *, origin: str, make: Callable[[Path, int], None], say: Say) -> Path:
    """
    Give the folder ``bin/<name>`` of the cache, making it first if it is not there.

    Only one process makes it, the others wait; it appears whole or not at all, whatever is killed.

    Args:
        name: ``<program>-<version>``.
        origin: A fingerprint of all that the content follows from; a folder made from another one is made again.
        make: Fills the empty folder it is given. Its second argument is the lock: a child process that writes there
            must inherit it, so that an orphan keeps the next maker waiting.
        say: Told when somebody else's making is waited for.
    """
    root = cache_folder() / "bin"
    place = root / name
    if _is_made(place, origin):
        return place
    with file_lock(root / f".{name}.lock", on_wait=lambda: say(f"waiting: another process makes {name}")) as lock:
        if not _is_made(place, origin):
            fresh, stale = root / f".{name}.new", root / f".{name}.old"
            shutil.rmtree(fresh, ignore_errors=True)
            shutil.rmtree(stale, ignore_errors=True)
            fresh.mkdir()
            make(fresh, lock)
            (fresh / _ORIGIN).write_text(origin)
            if place.exists():
                place.rename(stale)
            fresh.rename(place)
            shutil.rmtree(stale, ignore_errors=True)
    return place


def _is_made(place: Path, origin: str) -> bool:
    try:
        return (place / _ORIGIN).read_text() == origin
    except FileNotFoundError:
        return False
