"""Packages as a site has them: wheels, installed beside Baton, found by their entry points."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ADAPTER = "adapter"
EXTENSIONS = ("extensions/approvals", "extensions/inventory")


def install_examples(folder: Path, *names: str) -> Path:
    """Build and install the examples *names* below *folder*; return what ``PYTHONPATH`` has to name."""
    return install_packages(folder, *(EXAMPLES / name for name in names))


def install_packages(folder: Path, *sources: Path) -> Path:
    """Build the wheels of *sources*, install them below *folder*; return what ``PYTHONPATH`` has to name."""
    wheels, site = folder / "wheels", folder / "site"
    for source in sources:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels]
        subprocess.run(build, cwd=source, check=True)
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--target", site]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *wheels.glob("*.whl")], check=True)
    return site
