"""The chart's archive: the same bytes for the same files, in Helm's order, without what `.helmignore` names."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from baton_supply import chart_package

FILES = [
    *(Path("values.yaml"), Path("templates/b.yaml"), Path("Chart.yaml"), Path("templates/a.yaml")),
    *(Path("ci/x-values.yaml"), Path("old.tgz"), Path("templates/ci.yaml"), Path(".helmignore")),
]


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    for each in FILES:
        (tmp_path / "chart" / each).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "chart" / each).write_text(f"name: thing\nversion: 1.2.3\nfile: {each}\n")
    (tmp_path / "chart" / ".helmignore").write_text("# not shipped\nci/\n*.tgz\n")
    return tmp_path / "chart"


def test_it_has_what_helm_would_take(chart: Path, tmp_path: Path) -> None:
    archive = chart_package.package(chart, FILES, tmp_path, moment=1_000)
    assert archive == tmp_path / "thing-1.2.3.tgz"
    with tarfile.open(archive) as packed:
        assert packed.getnames() == [
            *("thing/Chart.yaml", "thing/values.yaml", "thing/.helmignore"),
            *("thing/templates/a.yaml", "thing/templates/b.yaml", "thing/templates/ci.yaml"),
        ]
        assert {(each.mtime, each.mode, each.uid, each.uname) for each in packed} == {(1_000, 0o644, 0, "")}
        content = packed.extractfile("thing/templates/a.yaml")
        assert content is not None
        assert content.read() == (chart / "templates" / "a.yaml").read_bytes()


def test_neither_clock_nor_rights_nor_order_count(chart: Path, tmp_path: Path) -> None:
    first = chart_package.package(chart, FILES, tmp_path, moment=1_000).read_bytes()
    assert first[4:8] == bytes(4), "the archive bears the moment of its making"
    for each in FILES:
        os.utime(chart / each, (1, 1))
        (chart / each).chmod(0o600)
    assert chart_package.package(chart, FILES[::-1], tmp_path, moment=1_000).read_bytes() == first
    (chart / "values.yaml").write_text("other: true\n")
    assert chart_package.package(chart, FILES, tmp_path, moment=1_000).read_bytes() != first


@pytest.mark.parametrize("pattern", ["!kept.tgz", "templates/old.yaml", "**/old", "/ci"])
def test_a_pattern_that_it_cannot_read_is_refused(chart: Path, tmp_path: Path, pattern: str) -> None:
    """Rather than shipping what the pattern was to keep back."""
    (chart / ".helmignore").write_text(f"{pattern}\n")
    with pytest.raises(ValueError, match="is more than a name"):
        chart_package.package(chart, FILES, tmp_path, moment=1_000)
