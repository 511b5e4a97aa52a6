"""The example packages as a site has them: wheels, installed beside Baton, found by their entry points."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ADAPTER = "adapter"
EXTENSIONS = ("extensions/approvals", "extensions/inventory")


def install_examples(folder: Path, *names: str) -> Path:
    """Build the wheels of the examples *names*, install them into *folder*; return what ``PYTHONPATH`` has to name."""
    wheels, site = folder / "wheels", folder / "site"
    for name in names:
        build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels]
        subprocess.run(build, cwd=EXAMPLES / name, check=True)
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--target", site]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, *wheels.glob("*.whl")], check=True)
    return site
