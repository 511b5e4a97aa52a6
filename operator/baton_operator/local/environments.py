"""Servers written in Python, each in a virtual environment of its own, pinned in this room's `python/` folder."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from baton_operator.local.cache import cached
from baton_operator.local.errors import BuildFailed
from baton_operator.local.progress import Say, heartbeat

_LOCKS = Path(__file__).parent / "python"


@dataclass(frozen=True, slots=True)
class PythonEnvironment:
    """
    A virtual environment with one program and what it needs, apart from Baton's own packages.

    Attributes:
        name: The folder under `python/` with ``requirements.in`` and ``requirements.lock``.
        pinned: The distribution whose version is the environment's version.
        usually: How long an installation takes with nothing cached, for people.
    """

    name: str
    pinned: str
    usually: str

    @property
    def lock(self) -> Path:
        """The file that names every package, its version and its hashes."""
        return _LOCKS / self.name / "requirements.lock"

    @property
    def version(self) -> str:
        """The pinned version, ``3.3.2``."""
        match = re.search(rf"^{re.escape(self.pinned)}==(\S+)", self.lock.read_text(), re.MULTILINE)
        if match is None:
            raise BuildFailed(f"{self.lock} does not pin {self.pinned}")
        return match[1]

    def build(self, say: Say) -> Path:
        """
        Give the environment's Python, installing everything first if it is not cached.

        The environment is moved into place when it is whole, so its scripts, which know where they were made, are
        not to be used: modules are (``python -m airflow``).

        Raises:
            BuildFailed: There is no `venv` here, or pip refused; the message ends with its last lines.
        """
        running = f"{sys.version_info.major}.{sys.version_info.minor}"
        origin = hashlib.sha256(f"{sys.base_prefix} {running}\n".encode() + self.lock.read_bytes()).hexdigest()

        def make(folder: Path, lock: int) -> None:
            what = f"installing {self.name} {self.version} into an environment of its own"
            path = folder / "install.log"
            with path.open("wb") as log, heartbeat(say, what, usually=self.usually, detail=lambda: _progress(path)):
                self._install(folder, log, lock)

        place = cached(f"{self.name}-{self.version}-py{running}", origin=origin, make=make, say=say)
        return place / "bin" / "python"

    def _install(self, folder: Path, log: IO[bytes], lock: int) -> None:
        """Make the environment; only wheels, so that nothing is built and nothing of theirs runs meanwhile."""
        _call([sys.executable, "-m", "venv", folder], log, lock)
        pip: list[str | Path] = [
            folder / "bin" / "python",
            "-m",
            "pip",
            "--disable-pip-version-check",
            "--no-input",
            "install",
        ]
        _call([*pip, "--require-hashes", "--no-deps", "--only-binary", ":all:", "-r", self.lock], log, lock)


def _call(command: list[str | Path], log: IO[bytes], lock: int) -> None:
    done = subprocess.run(  # noqa: S603 - Python and constants
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, pass_fds=[lock], check=False
    )
    if done.returncode:
        said = Path(log.name).read_text(errors="replace").splitlines()[-15:]
        raise BuildFailed("\n".join([f"{' '.join(map(str, command[1:4]))} failed:", *said]))


def _progress(log: Path) -> str:
    """Say how far pip is: it names each package it collects."""
    collected = [line for line in log.read_text(errors="replace").splitlines() if line.startswith("Collecting ")]
    return f"{len(collected)} packages" if collected else ""
