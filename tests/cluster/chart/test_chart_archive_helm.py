"""The chart's archive beside Helm's own: the same files, and Helm takes it."""

from __future__ import annotations

import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from baton_chart.rendering import CHART, ROOT, installed

from baton_supply import chart_package, tree


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """The chart as git has it, without what somebody left beside it."""
    for each in tree.tracked():
        if each.is_relative_to(tree.CHART):
            target = tmp_path / each
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes((ROOT / each).read_bytes())
    return tmp_path / tree.CHART


@pytest.fixture
def packed(sources: Path, tmp_path: Path) -> Path:
    files = [each.relative_to(sources) for each in sources.rglob("*") if each.is_file()]
    return chart_package.package(sources, files, tmp_path, moment=1_700_000_000)


def content(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as opened:
        return {each.name: opened.extractfile(each).read() for each in opened if each.isfile()}


def test_it_has_what_helm_packs(sources: Path, packed: Path, tmp_path: Path) -> None:
    """File by file; Helm writes `Chart.yaml` anew, with the same meaning."""
    (tmp_path / "helm").mkdir()
    subprocess.run([installed(), "package", sources, "-d", tmp_path / "helm"], capture_output=True, check=True)
    ours, helms = content(packed), content(tmp_path / "helm" / packed.name)
    assert yaml.safe_load(ours.pop("baton/Chart.yaml")) == yaml.safe_load(helms.pop("baton/Chart.yaml"))
    assert ours == helms


def test_helm_renders_it_as_the_folder(packed: Path) -> None:
    """Its hooks and definitions, too."""
    command = [installed(), "template", "baton", "--namespace", "n", "--set", "database.bundled.enabled=true"]
    command += ["--set", "database.bundled.password=made-up"]
    rendered = [
        subprocess.run([*command, chart], capture_output=True, text=True, check=True).stdout
        for chart in (packed, CHART)
    ]
    assert rendered[0] == rendered[1]
    assert rendered[0].count("kind: CustomResourceDefinition") == 3
