"""Locks: what pins is read, and what does not is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from baton_supply import locks

HASH = "a" * 64
PINNED = f"""\
anyio==4.16.0 \\
    --hash=sha256:{HASH} \\
    --hash=sha256:{"b" * 64}
    # via
    #   -c requirements.lock
    #   httpx
    #   watch-files
Colorama==0.4.6 ; sys_platform == 'win32' \\
    --hash=sha256:{HASH}
    # via typer
"""


def test_a_pin_has_its_version_hashes_and_parents(tmp_path: Path) -> None:
    (tmp_path / "a.lock").write_text(PINNED)
    assert locks.read(Path("a.lock"), tmp_path) == (
        locks.Pin("anyio", "4.16.0", None, (HASH, "b" * 64), frozenset({"httpx", "watch-files"})),
        locks.Pin("colorama", "0.4.6", 'sys_platform == "win32"', (HASH,), frozenset({"typer"})),
    )


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"anyio>=4.16 \\\n    --hash=sha256:{HASH}", "allows more than one version"),
        (f"anyio==4.* \\\n    --hash=sha256:{HASH}", "allows more than one version"),
        (f"anyio \\\n    --hash=sha256:{HASH}", "allows more than one version"),
        (f"anyio @ https://files.example/anyio.whl \\\n    --hash=sha256:{HASH}", "allows more than one version"),
        ("anyio==4.16.0", "has no hash"),
        (f"anyio==4.16.0 \\\n    --hash=md5:{HASH}", "has no hash"),
        ("--index-url https://index.example/simple", "is no requirement"),
        ("-e .", "is no requirement"),
    ],
)
def test_what_does_not_pin_is_refused(tmp_path: Path, line: str, said: str) -> None:
    """An address, a range, a missing or a weaker hash: also behind good ones."""
    (tmp_path / "a.lock").write_text(f"{PINNED}{line}\n")
    with pytest.raises(locks.LockError, match=rf"^a\.lock: .* {said}"):
        locks.read(Path("a.lock"), tmp_path)


@pytest.mark.parametrize("lock", locks.LOCKS, ids=str)
def test_every_requirement_of_a_lock_is_pinned(lock: Path) -> None:
    """None is lost on the way: as many as there are lines with a version."""
    lines = [line for line in (locks.ROOT / lock).read_text().splitlines() if "==" in line and line[:1].isalnum()]
    assert len(locks.read(lock)) == len(lines) > 3


def test_the_image_has_nothing_that_is_not_tested() -> None:
    """Each of its packages is in the lock of the tests, at the same version; only Windows needs more."""
    tested = {(pin.name, pin.version) for pin in locks.read(locks.EVERYTHING)}
    more = [pin for pin in locks.read(locks.IMAGE) if (pin.name, pin.version) not in tested]
    assert [pin.name for pin in more if "win32" not in (pin.marker or "")] == []
