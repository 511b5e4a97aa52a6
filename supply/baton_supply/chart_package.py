"""
The chart as one file, as ``helm package`` writes it, but with the same bytes each time.

Helm stamps the time into the archive and writes ``Chart.yaml`` anew, each version of Helm in its own way. Here files
are taken as they are, in order, with one moment for all; a test compares their content with what Helm packs.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

import yaml

#: Helm reads these before anything else of the archive.
_FIRST = ("Chart.yaml", "values.yaml", "values.schema.json")


def package(chart: Path, files: Iterable[Path], folder: Path, *, moment: int) -> Path:
    """
    Pack a chart into *folder*.

    Args:
        chart: Its folder.
        files: What it may have, relative to it; what its ``.helmignore`` names is left out.
        folder: Where the archive goes.
        moment: Seconds since 1970 that every file of it bears.

    Returns:
        The archive, called ``NAME-VERSION.tgz``.

    Raises:
        ValueError: If ``.helmignore`` has a pattern whose meaning is not known here.
    """
    told = yaml.safe_load((chart / "Chart.yaml").read_text())
    ignored = _patterns((chart / ".helmignore").read_text())
    taken = sorted(
        (each for each in files if not _is_ignored(each, ignored)),
        key=lambda each: (_FIRST.index(str(each)) if str(each) in _FIRST else len(_FIRST), str(each)),
    )
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for each in taken:
            content = (chart / each).read_bytes()
            member = tarfile.TarInfo(f"{told['name']}/{each.as_posix()}")
            member.size, member.mtime, member.mode = len(content), moment, 0o644
            archive.addfile(member, io.BytesIO(content))
    target = folder / f"{told['name']}-{told['version']}.tgz"
    target.write_bytes(gzip.compress(packed.getvalue(), compresslevel=9, mtime=0))
    return target


def _patterns(text: str) -> tuple[str, ...]:
    """Read the patterns of a ``.helmignore``: names, with stars, of files and, with a slash behind, of folders."""
    found = tuple(line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    for each in found:
        if "/" in each.removesuffix("/") or "**" in each or each.startswith("!"):
            raise ValueError(f".helmignore: {each!r} is more than a name: teach baton_supply.chart_package to read it")
    return found


def _is_ignored(path: Path, patterns: Iterable[str]) -> bool:
    folders = path.parts[:-1]
    for each in patterns:
        if each.endswith("/"):
            if any(fnmatch(part, each.removesuffix("/")) for part in folders):
                return True
        elif any(fnmatch(part, each) for part in path.parts):
            return True
    return False
