"""Releases as numbers that can be compared."""

import re


def release_number(release: str) -> tuple[int, int, int]:
    """
    Read the comparable part of a release: ``0.12.1rc1`` is (0, 12, 1).

    A release candidate counts as its release: it reads and writes what the release does.

    Raises:
        ValueError: It does not begin with a number.
    """
    found = re.match(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?", release)
    if found is None:
        raise ValueError(f"{release!r} is no release; expected e.g. 0.1.0")
    major, minor, patch = (int(part or 0) for part in found.groups())
    return major, minor, patch
