"""What the cache of programs promises."""

from __future__ import annotations

from pathlib import Path

import pytest

from baton_operator.local.cache import cache_folder, cached


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "baton" / "bin"


class Maker:
    """Makes a folder with one program, and counts how often."""

    def __init__(self, text: str = "a program") -> None:
        self.calls = 0
        self.text = text

    def __call__(self, folder: Path, lock: int) -> None:
        """Make it."""
        self.calls += 1
        (folder / "program").write_text(self.text)


class Killed(BaseException):
    """Stands for the death of the process: nothing of ours handles it."""


def _die_half_way(folder: Path, lock: int) -> None:
    (folder / "program").write_text("half a prog")
    raise Killed


def test_a_program_is_made_once(cache: Path) -> None:
    make = Maker()
    for _ in range(2):
        place = cached("thing-1.0", origin="a", make=make, say=print)
    assert place == cache / "thing-1.0"
    assert (place / "program").read_text() == "a program"
    assert make.calls == 1


def test_what_was_left_half_made_is_not_used(cache: Path) -> None:
    with pytest.raises(Killed):
        cached("thing-1.0", origin="a", make=_die_half_way, say=print)
    assert not (cache / "thing-1.0").exists()
    place = cached("thing-1.0", origin="a", make=Maker(), say=print)
    assert sorted(each.name for each in place.iterdir()) == [".made-from", "program"]
    assert sorted(each.name for each in cache.iterdir()) == [".thing-1.0.lock", "thing-1.0"]


def test_a_change_of_what_it_is_made_from_makes_it_again() -> None:
    cached("thing-1.0", origin="a", make=Maker("old"), say=print)
    place = cached("thing-1.0", origin="b", make=Maker("new"), say=print)
    assert (place / "program").read_text() == "new"


def test_a_failed_change_leaves_the_old_one() -> None:
    old = cached("thing-1.0", origin="a", make=Maker("old"), say=print)
    with pytest.raises(Killed):
        cached("thing-1.0", origin="b", make=_die_half_way, say=print)
    assert (old / "program").read_text() == "old"


def test_a_relative_cache_home_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the XDG specification has it."""
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_folder() == Path.home() / ".cache" / "baton"
