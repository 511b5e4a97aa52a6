"""Somebody who reads a page and types its lines, in a folder of their own."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Reader:
    """
    Types lines, one after the other.

    Attributes:
        folder: Where.
        environ: What the shell knows; what a line exports is kept.
        said: What each line printed.
    """

    folder: Path
    environ: dict[str, str]
    said: dict[str, str] = field(default_factory=dict)

    def type(self, line: str, *, here: Mapping[str, str] | None = None, ends: frozenset[int] = frozenset({0})) -> str:
        """
        Type a line, which ends well within four minutes, and give what it printed.

        Args:
            here: What the page names, and what there is here.
            ends: The exit statuses that are well.
        """
        command = line
        for theirs, ours in (here or {}).items():
            command = command.replace(theirs, ours)
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.folder,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode in ends, f"{line}\n{done.stdout}{done.stderr}"
        self.said[line] = done.stdout
        return done.stdout
