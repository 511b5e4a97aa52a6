"""A package of a few modules, laid out as pip leaves it: Baton finds it by its entry points."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from shutil import copy


def lay_out(site: Path, name: str, modules: Iterable[Path], *points: str) -> Path:
    """
    Copy *modules* into *site*, a folder to be named in ``PYTHONPATH``, with what pip would say of them.

    Args:
        site: The folder; it is made if it is not there.
        name: Of the distribution.
        modules: The files.
        points: Entry points, as ``group: name = module``.

    Returns:
        The folder.
    """
    info = site / f"{name.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    sections = (each.split(": ", 1) for each in points)
    (info / "entry_points.txt").write_text("".join(f"[{group}]\n{point}\n" for group, point in sections))
    for module in modules:
        copy(module, site)
    return site
