"""What a guard is, for the lists."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """
    One guard.

    Attributes:
        name: What it keeps; rules of the dispatch protocol by their numbers.
        file: Where it stands.
        old: Its text, which the file has exactly once.
        new: What takes its place.
        tests: Ids of tests of which one must fail.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]
