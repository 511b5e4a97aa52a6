"""What `make build` makes: twice the same bytes, wherever and whenever, and what the page says of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from baton_docs.blocks import read_by, typed_by

from baton_supply import build, policy, tree

ME = "tests/integration/supply/test_release.py"
MOMENT = 1_700_000_000


def copy(source: Path, folder: Path, umask: int) -> Path:
    """Copy what git tracks to another place, as somebody else's clone would have it."""
    before = os.umask(umask)
    try:
        for each in tree.tracked(source):
            (folder / each).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / each, folder / each)
            if os.access(source / each, os.X_OK):
                (folder / each).chmod(0o777 & ~umask)
        for words in (["init", "--quiet"], ["add", "--all"]):
            subprocess.run(["git", *words], cwd=folder, check=True)
    finally:
        os.umask(before)
    return folder


@pytest.fixture(scope="module")
def clones(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two copies: the second has been worked in, and belongs to somebody who shares nothing."""
    first = copy(tree.ROOT, tmp_path_factory.mktemp("one"), 0o022)
    second = copy(first, tmp_path_factory.mktemp("another") / "with" / "a longer name", 0o077)
    for each in ("operator/baton_operator", "examples/extensions/inventory", "crds", "charts/baton/files"):
        (second / each / "__pycache__").mkdir()
        (second / each / "__pycache__" / "left.cpython-311.pyc").write_bytes(b"left")
    (second / ".venv").mkdir()
    for each in second.rglob("*.py"):
        os.utime(each, (86_400, 86_400))
    return [first, second]


@pytest.fixture(scope="module")
def built(clones: list[Path]) -> list[dict[str, bytes]]:
    """What is built of each copy: the content of each file by its name."""
    return [
        {each.name: each.read_bytes() for each in build.build(clone / "dist", root=clone, when=MOMENT)}
        for clone in clones
    ]


def test_it_is_built_twice_with_the_same_bytes(built: list[dict[str, bytes]]) -> None:
    first, second = built
    assert list(first) == [
        *("baton-0.1.0-py3-none-any.whl", "baton-0.1.0.cdx.json", "baton-0.1.0.tar.gz", "baton-0.1.0.tgz"),
        build.SUMS,
    ]
    assert [name for name in first if first[name] != second[name]] == []


def test_the_wheel_bears_the_moment(clones: list[Path], built: list[dict[str, bytes]]) -> None:
    """In UTC; a zip counts in two seconds."""
    with zipfile.ZipFile(clones[0] / "dist" / "baton-0.1.0-py3-none-any.whl") as wheel:
        assert {each.date_time for each in wheel.infolist()} == {(2023, 11, 14, 22, 13, 20)}
        assert not [each for each in wheel.namelist() if "__pycache__" in each or each.startswith("baton_supply")]


def test_checksums_are_checked_as_the_page_says(clones: list[Path], built: list[dict[str, bytes]]) -> None:
    """And a file that was changed is named."""
    ((_, line),) = typed_by(ME)
    done = subprocess.run(["bash", "-c", line], cwd=clones[0], capture_output=True, text=True, check=True)
    assert done.stdout.count(": OK\n") == len(built[0]) - 1
    (clones[1] / "dist" / "baton-0.1.0.tgz").write_bytes(b"changed")
    done = subprocess.run(["bash", "-c", line], cwd=clones[1], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "baton-0.1.0.tgz: FAILED\n" in done.stdout


def test_a_build_begins_with_an_empty_folder(clones: list[Path], built: list[dict[str, bytes]]) -> None:
    """What an older version left would be published with this one."""
    old = clones[0] / "dist" / "baton-0.0.9.tgz"
    old.write_bytes(b"old")
    names = [each.name for each in build.build(clones[0] / "dist", root=clones[0], when=MOMENT)]
    assert names == list(built[0])
    assert not old.exists()


def test_the_moment_is_the_commit_s_unless_it_is_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    environ = {**os.environ, "GIT_COMMITTER_DATE": "1700000000 +0200"}
    words = ("-c", "user.name=a", "-c", "user.email=a@b.example", "commit", "--quiet", "--allow-empty", "-m", "x")
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run(["git", *words], cwd=tmp_path, env=environ, check=True)
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    assert tree.moment(tmp_path) == MOMENT
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "7")
    assert tree.moment(tmp_path) == 7
    assert not tree.is_changed(tmp_path)
    (tmp_path / "new").touch()
    assert tree.is_changed(tmp_path)


def test_without_git_nothing_is_built(tmp_path: Path) -> None:
    """In an unpacked archive nobody knows what belongs to the sources."""
    shutil.copytree(tree.ROOT / "supply", tmp_path / "supply")
    environ = {**os.environ, "PYTHONPATH": str(tmp_path / "supply"), "LC_ALL": "C"}
    command = [sys.executable, "-m", "baton_supply.build", "--folder", tmp_path / "dist"]
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("What is built is what git tracks: clone the repository (fatal: not a git repository")
    assert not (tmp_path / "dist").exists()


def test_what_fails_is_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "thing"\n')
    with pytest.raises(subprocess.CalledProcessError):
        build.build(tmp_path / "dist", root=tmp_path, when=MOMENT)
    assert "`project.version`" in capsys.readouterr().err


def test_the_page_shows_how_to_ignore_a_vulnerability(tmp_path: Path) -> None:
    """With the policy's own words around it."""
    (block,) = read_by(ME)
    path = tmp_path / "policy.toml"
    path.write_text(f"{policy.POLICY.read_text()}\n{block.text}\n")
    assert policy.load(path).ignored == {"PYSEC-2026-1": "in a part of the package that Baton does not load"}
