"""Homes that end with the process that asked for them, even if it was killed."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from baton_operator.local.home import Home
from baton_operator.local.identity import Identity
from baton_operator.local.locking import file_lock
from baton_operator.local.progress import Say
from baton_operator.local.stack import Stack

#: What the name of a home begins with that is being removed.
_GONE = ".gone-"


@contextmanager
def scratch_home(say: Say) -> Iterator[Home]:
    """
    Give an empty home, and take it away with all its servers at the end of the block.

    What the blocks of killed processes left behind is taken away first.
    """
    root = Path(tempfile.gettempdir()) / f"baton-scratch-{os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    with file_lock(root / ".lock"):  # so that nobody sees a home before its owner is written
        for half in root.glob(f"{_GONE}*"):
            shutil.rmtree(half, ignore_errors=True)  # its owner may be at it, too
        for left in root.glob("home-*"):
            if not _is_owned(left):
                _take_away(Home(left), say)
        home = Home(Path(tempfile.mkdtemp(dir=root, prefix="home-")))
        (home.path / "owner").write_text(str(Identity.of(os.getpid())))
    try:
        yield home
    finally:
        _take_away(home, say)


def _is_owned(path: Path) -> bool:
    try:
        owner = Identity.parse((path / "owner").read_text())
    except FileNotFoundError:
        return False
    return owner is not None and owner.runs


def _take_away(home: Home, say: Say) -> None:
    """Stop the servers and remove the home, under a name by which nobody takes what is left of it for a home."""
    Stack(home, say).down()
    gone = home.path.with_name(f"{_GONE}{home.path.name}")
    home.path.rename(gone)
    shutil.rmtree(gone, ignore_errors=True)
