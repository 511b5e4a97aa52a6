"""Environments of other people's programs: made once, moved into place, and not made where pip refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from baton_operator.local.environments import PythonEnvironment
from baton_operator.local.errors import BuildFailed


@pytest.fixture
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def locked(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> PythonEnvironment:
    """Give an environment whose lock is *text*."""
    monkeypatch.setattr("baton_operator.local.environments._LOCKS", folder)
    (folder / "thing").mkdir()
    (folder / "thing" / "requirements.lock").write_text(text)
    return PythonEnvironment("thing", "thing", "a second")


def test_a_failed_installation_says_why_and_leaves_nothing(caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What pip says of the lock reaches whoever waits; nothing half made is in the cache."""
    thing = locked(caches, monkeypatch, "thing==1.0 and more\n")
    with pytest.raises(BuildFailed, match=r"(?s)-m pip.*Invalid requirement"):
        thing.build(lambda _: None)
    assert not [each for each in (caches / "cache" / "baton" / "bin").iterdir() if not each.name.startswith(".")]


def test_an_environment_is_made_once_and_works_where_it_is(caches: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is made elsewhere and moved: its Python finds its own packages there."""
    said: list[str] = []
    thing = locked(caches, monkeypatch, "# thing==1.0\n")
    monkeypatch.setattr(PythonEnvironment, "version", "1.0")
    python = thing.build(said.append)
    assert python.is_relative_to(caches / "cache" / "baton" / "bin" / python.parent.parent.name)
    assert python.parent.parent.name.startswith("thing-1.0-py3.")
    heard = len(said)
    assert thing.build(said.append) == python
    assert len(said) == heard
