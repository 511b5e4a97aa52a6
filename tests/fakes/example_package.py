"""The example adapter as a site has it: a wheel, installed beside Baton, found by its entry point."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "examples" / "adapter"


def install_example(folder: Path) -> Path:
    """Build the example's wheel and install it into *folder*; return what ``PYTHONPATH`` has to name."""
    wheels, site = folder / "wheels", folder / "site"
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", wheels], cwd=SOURCE, check=True)
    (wheel,) = wheels.glob("baton_jobserver-*.whl")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-index", "--target", site]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, wheel], check=True)
    return site
