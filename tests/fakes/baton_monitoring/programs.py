"""
Where ``prometheus`` and ``promtool`` come from: the PATH, or Debian's package, unpacked beside the other programs.

The package comes from wherever this machine's apt gets its packages; no root is needed, and nothing is installed.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from baton_operator.local.cache import cached
from baton_operator.local.errors import BuildFailed, PartMissing
from baton_operator.local.progress import Say

PACKAGE = "prometheus"
PROGRAMS = ("prometheus", "promtool")
MISSING = (
    "prometheus and promtool are missing: install the package `prometheus` (apt, dnf, brew), or put them on the PATH"
)


def find(name: str, say: Say) -> Path:
    """
    Find one of `PROGRAMS`.

    Raises:
        PartMissing: It is not on the PATH, and this machine has no apt.
        BuildFailed: Its package could not be had.
    """
    found = shutil.which(name)
    return Path(found) if found else unpacked(say) / name


def unpacked(say: Say) -> Path:
    """
    Give the folder with the programs of Debian's package, fetching it first if it was not yet.

    Raises:
        PartMissing: This machine has no apt.
        BuildFailed: apt has no such package, or does not reach it.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise PartMissing(MISSING)

    def make(folder: Path, _lock: int) -> None:
        work = folder / ".work"
        (work / "lists" / "partial").mkdir(parents=True)
        (work / "cache" / "archives" / "partial").mkdir(parents=True)
        say(f"fetching the package {PACKAGE}, since it is not installed")
        if not _fetch(work):
            _own_lists(work)
        packages = list(work.glob("*.deb"))
        if not packages:
            raise BuildFailed(f"apt does not give the package {PACKAGE}. {MISSING}")
        subprocess.run(["dpkg-deb", "-x", packages[0], work / "root"], check=True, capture_output=True)
        for name in PROGRAMS:
            shutil.move(work / "root" / "usr" / "bin" / name, folder / name)
        shutil.rmtree(work)

    return cached(f"{PACKAGE}-debian", origin=PACKAGE, make=make, say=say)


def _own_lists(work: Path) -> None:
    """Fetch lists of packages into a folder of our own, where the machine has none or old ones, then the package."""
    options = (
        f"-oDir::State::Lists={work / 'lists'}",
        f"-oDir::Cache={work / 'cache'}",
        "-oDebug::NoLocking=1",
        "-oAPT::Sandbox::User=",
    )
    _apt(work, *options, "update")
    _fetch(work, *options)


def _fetch(work: Path, *options: str) -> bool:
    return _apt(work, *options, "-oAPT::Sandbox::User=", "download", PACKAGE)


def _apt(work: Path, *arguments: str) -> bool:
    done = subprocess.run(
        ["apt-get", "--quiet", *arguments],
        cwd=work,
        env={**os.environ, "LC_ALL": "C"},
        capture_output=True,
        check=False,
    )
    return done.returncode == 0
