"""What was ever committed: each line that a commit added to a file, whether it is still there or not."""

from __future__ import annotations

import re
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from baton_supply.tree import ROOT

_HUNK = re.compile(r"^@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_LOG = (
    *("git", "-c", "core.quotePath=false", "log", "--patch", "--unified=0", "--no-renames", "--no-color"),
    *("--no-ext-diff", "--no-textconv", "--format=", "--src-prefix=a/", "--dst-prefix=b/"),
)


def added(root: Path = ROOT, but: Iterable[str] = ()) -> Mapping[Path, list[str]]:
    """
    Read the lines that commits before and at HEAD added, each once a file, in the order of the newest commit first.

    Args:
        root: A work tree of git. Of a shallow clone, only the commits that are there.
        but: Pathspecs of files to leave out.

    Raises:
        subprocess.CalledProcessError: If *root* is not a work tree of git with a commit.
    """
    command = [*_LOG, "HEAD", "--", ".", *(f":(exclude){each}" for each in but)]
    shown = subprocess.run(command, cwd=root, capture_output=True, check=True)  # noqa: S603 - constants
    return lines_added(shown.stdout.decode(errors="replace"))


def lines_added(patch: str) -> Mapping[Path, list[str]]:
    """Read the added lines out of a patch without context, each once a file."""
    found: defaultdict[Path, dict[str, None]] = defaultdict(dict)
    path, removed, new = Path(), 0, 0
    for line in patch.split("\n"):
        if removed and line.startswith("-"):
            removed -= 1
        elif new and line.startswith("+"):
            new -= 1
            found[path][line[1:]] = None
        elif line.startswith("+++ b/"):
            path = Path(line.removeprefix("+++ b/").removesuffix("\t"))
        elif (hunk := _HUNK.match(line)) is not None:
            removed, new = (int(count or 1) for count in hunk.groups())
    return {path: list(lines) for path, lines in found.items()}
