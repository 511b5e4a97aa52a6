"""Where programs are looked for, and in which order."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from baton_operator.local import binaries, golang
from baton_operator.local.errors import PartMissing


@pytest.fixture(autouse=True)
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PATH on which nothing is, and an empty cache."""
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)


def _program(path: Path, says: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_kubebuilder_assets_come_before_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_path = _program(tmp_path / "path" / "etcd")
    assert binaries.kubernetes_program("etcd", print) == on_path
    asset = _program(tmp_path / "assets" / "etcd")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(asset.parent))
    assert binaries.kubernetes_program("etcd", print) == asset


def test_an_asset_that_is_not_there_is_looked_for_on_the_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As envtest's folder, which holds no kube-controller-manager."""
    on_path = _program(tmp_path / "path" / "kube-controller-manager")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(tmp_path))
    assert binaries.kubernetes_program("kube-controller-manager", print) == on_path


def test_kubectl_of_the_path_comes_before_the_wheel_s(tmp_path: Path) -> None:
    of_wheel = binaries.kubectl()
    assert of_wheel.is_file()
    assert binaries.kubectl() != _program(tmp_path / "path" / "kubectl") == binaries.kubectl()


def test_a_helm_that_is_installed_is_not_built(tmp_path: Path) -> None:
    on_path = _program(tmp_path / "path" / "helm")
    assert binaries.helm(print) == on_path


@pytest.mark.parametrize("version", [16, 18])
def test_the_wheel_holds_both_versions_of_postgresql(version: int) -> None:
    said = subprocess.check_output([binaries.postgres_programs(version) / "initdb", "--version"], text=True)
    assert f"(PostgreSQL) {version}." in said


def test_a_version_of_postgresql_that_is_nowhere_says_what_to_install() -> None:
    with pytest.raises(PartMissing, match="pip install"):
        binaries.postgres_programs(9)


def test_a_go_that_is_too_old_is_passed_over(tmp_path: Path) -> None:
    old = _program(tmp_path / "path" / "go", "go version go1.9.7 linux/amd64")
    assert golang.find_go("1.20") != old
    new = _program(tmp_path / "path" / "go", "go version go1.30 linux/amd64")
    assert golang.find_go("1.30") == new


def test_a_machine_without_go_says_what_to_install() -> None:
    with pytest.raises(PartMissing, match=r"Go 99\.0 or newer is missing"):
        golang.find_go("99.0")


@pytest.mark.parametrize("programs", [binaries.KUBERNETES, binaries.ARGO], ids=lambda each: each.module)
def test_the_pinned_version_is_read_from_the_module(programs: golang.GoPrograms) -> None:
    assert programs.version.startswith("v")
    assert programs.version.count(".") == 2


def test_a_refused_build_leaves_nothing_and_ends_with_go_s_words(tmp_path: Path) -> None:
    go = tmp_path / "path" / "go"
    script = f"#!{sys.executable}\nimport sys\nif 'version' in sys.argv: print('go version go1.99')\n"
    _program(go)
    go.write_text(script + "else: sys.exit('go: no space left on device')\n")
    with pytest.raises(golang.BuildFailed, match="no space left on device"):
        binaries.kubernetes_program("etcd", print)
    assert not list((tmp_path / "cache").glob("baton/bin/kube-*"))
