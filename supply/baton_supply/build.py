"""
Builds everything that a release has into a folder: `make build`.

    python -m baton_supply.build [--folder dist]

The wheel, the source distribution, the chart, the bill of materials and the checksums of all of them. Built again from
the same commit, each has the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from baton_supply import bom, chart_package
from baton_supply.policy import load
from baton_supply.tree import CHART, ROOT, is_changed, moment, project, tracked

SUMS = "SHA256SUMS"


def build(folder: Path, *, root: Path = ROOT, when: int | None = None) -> list[Path]:
    """
    Build into an empty *folder*.

    Args:
        folder: Made if it is not there; what is in it is removed.
        root: The source tree that wheel, source distribution and chart are made of.
        when: Seconds since 1970 that everything bears; otherwise those of `tree.moment`.

    Returns:
        The files, in order; the last is the list of checksums, as ``sha256sum --check`` reads it.

    Raises:
        subprocess.CalledProcessError: If the wheel cannot be built.
        LicenceError: If the licence of a package is not known.
    """
    when = moment(root) if when is None else when
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    _hatch(root, folder.resolve(), when)
    files = [each.relative_to(CHART) for each in tracked(root) if each.is_relative_to(CHART)]
    chart_package.package(root / CHART, files, folder, moment=when)
    told = project(root)
    text = bom.materials(told["name"], told["version"], told["license"], load(), moment=when)
    (folder / f"{told['name']}-{told['version']}.cdx.json").write_text(text)
    built = sorted(folder.iterdir())
    sums = folder / SUMS
    sums.write_text("".join(f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in built))
    return [*built, sums]


def _hatch(root: Path, folder: Path, when: int) -> None:
    """Build the wheel and the source distribution; what hatchling says is shown if it fails."""
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    environ = {**os.environ, "SOURCE_DATE_EPOCH": str(when)}
    done = subprocess.run(command, cwd=root, env=environ, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        sys.stderr.write(done.stdout + done.stderr)
        done.check_returncode()


def main(arguments: list[str] | None = None) -> int:
    """Run the script; the result is its exit code."""
    parser = argparse.ArgumentParser(description="Build everything that a release has.")
    parser.add_argument("--folder", type=Path, default=ROOT / "dist", help="where to, emptied before")
    try:
        changed = is_changed()
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"What is built is what git tracks: clone the repository ({error.stderr.decode().strip()}).\n")
        return 1
    if changed:
        sys.stderr.write("The tree has changes that are not committed: nobody else can build these bytes.\n")
    for each in build(parser.parse_args(arguments).folder):
        sys.stdout.write(f"{os.path.relpath(each)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
