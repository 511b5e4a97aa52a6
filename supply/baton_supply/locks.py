"""The locks: every package at one version, each of its files known by its hash."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from baton_supply.tree import ROOT

IMAGE = Path("requirements-image.lock")
EVERYTHING = Path("requirements.lock")
BUILD = Path("requirements-build.lock")
AIRFLOW = Path("operator/baton_operator/local/python/airflow/requirements.lock")
#: Each with what is installed from it.
LOCKS = {
    IMAGE: "the image",
    BUILD: "what makes the image's wheel",
    EVERYTHING: "development, with every extra",
    AIRFLOW: "the Airflow that `make demo` starts",
}

_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_VIA = re.compile(r"^    # (?:via |  )(?!via)([a-z0-9][\w.-]*)")


class LockError(ValueError):
    """A line of a lock does not pin: it names the file, the line and what is missing."""


@dataclass(frozen=True, slots=True)
class Pin:
    """
    One package of a lock.

    Attributes:
        name: Its normalized name.
        version: The one version that may be installed.
        marker: Where it is installed, as PEP 508 writes it, or None: everywhere.
        hashes: The SHA-256 of each of its files, in hexadecimal; never empty.
        parents: Who asked for it, where the lock says so.
    """

    name: str
    version: str
    marker: str | None
    hashes: tuple[str, ...]
    parents: frozenset[str] = frozenset()


def read(lock: Path, root: Path = ROOT) -> tuple[Pin, ...]:
    """
    Read a lock, in the order of the file.

    Raises:
        LockError: If a line is no requirement, or one without version or hash.
    """
    return tuple(_pin(lock, *each) for each in _entries((root / lock).read_text()))


def _entries(text: str) -> Iterator[tuple[str, list[str]]]:
    """Split a lock into requirements, each with the lines that are indented below it."""
    head: str | None = None
    below: list[str] = []
    for line in text.splitlines():
        if line.startswith("    "):
            below.append(line)
            continue
        if head is not None:
            yield head, below
        head, below = (line.removesuffix("\\").strip() or None), []
        if head is not None and head.startswith("#"):
            head = None
    if head is not None:
        yield head, below


def _pin(lock: Path, head: str, below: list[str]) -> Pin:
    try:
        wanted = Requirement(head)
    except InvalidRequirement as error:
        raise LockError(f"{lock}: {head!r} is no requirement: run `make lock`") from error
    pinned = list(wanted.specifier)
    if wanted.url is not None or len(pinned) != 1 or pinned[0].operator != "==" or "*" in pinned[0].version:
        raise LockError(f"{lock}: {head!r} allows more than one version: run `make lock`")
    hashes = tuple(found for line in below for found in _HASH.findall(line))
    if not hashes:
        raise LockError(f"{lock}: {head!r} has no hash: run `make lock`")
    parents = frozenset(found[1] for line in below if (found := _VIA.match(line)))
    marker = str(wanted.marker) if wanted.marker else None
    return Pin(canonicalize_name(wanted.name), pinned[0].version, marker, hashes, parents)
