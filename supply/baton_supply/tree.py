"""The source tree: where it is, what git tracks of it, and which moment its packages bear."""

from __future__ import annotations

import os
import subprocess
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
CHART = Path("charts") / "baton"


def tracked(root: Path = ROOT) -> list[Path]:
    """
    List the files that git tracks and that are there, relative to *root*, in order.

    Raises:
        subprocess.CalledProcessError: If *root* is not a work tree of git.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - the git of whoever runs this
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return sorted(Path(each) for each in listed.stdout.split("\0") if each and (root / each).is_file())


def moment(root: Path = ROOT) -> int:
    """
    Tell which moment packages bear instead of the clock's: seconds since 1970, in UTC.

    It is ``SOURCE_DATE_EPOCH`` where that is set, otherwise the time of the commit: who builds the same commit later,
    elsewhere, gets the same bytes.

    Raises:
        subprocess.CalledProcessError: If neither is to be had.
    """
    given = os.environ.get("SOURCE_DATE_EPOCH")
    if given:
        return int(given)
    shown = subprocess.run(
        ["git", "log", "-1", "--format=%ct"],  # noqa: S607 - the git of whoever runs this
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(shown.stdout)


def is_changed(root: Path = ROOT) -> bool:
    """
    Tell whether the tree has something that is not committed, new files included.

    Raises:
        subprocess.CalledProcessError: If *root* is not a work tree of git.
    """
    shown = subprocess.run(
        ["git", "status", "--porcelain"],  # noqa: S607 - the git of whoever runs this
        cwd=root,
        capture_output=True,
        check=True,
    )
    return bool(shown.stdout)


def project(root: Path = ROOT) -> dict[str, Any]:
    """Read the table ``project`` of ``pyproject.toml``."""
    table: dict[str, Any] = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    return table
