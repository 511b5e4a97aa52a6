"""The wheel and the source distribution: what is in them, and that Baton works from the wheel, far from the sources."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
DATA = "baton_operator/local/data"


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with what `make build` makes."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", folder], cwd=ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel; its dependencies are those of the tests, not of the sources."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--disable-pip-version-check"),
            *("--no-deps", "--no-index", wheel),
        ],
        check=True,
    )
    (purelib,) = folder.glob("lib/python*/site-packages")
    dependencies = folder / "dependencies"
    dependencies.mkdir()
    for each in Path(sysconfig.get_path("purelib")).iterdir():
        if "baton" not in each.name and each.suffix != ".pth":  # but for the editable installation of the sources
            (dependencies / each.name).symlink_to(each)
    (purelib / "dependencies.pth").write_text(f"{dependencies}\n")
    return folder / "bin"


def run(program: Path, *arguments: str, cwd: Path, **environ: str) -> str:
    """Run a program of the installed copy outside of the sources."""
    given = {**{key: value for key, value in os.environ.items() if not key.startswith(("BATON", "PYTHON"))}, **environ}
    done = subprocess.run([program, *arguments], cwd=cwd, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_every_source_file_is_in_the_wheel(wheel: Path) -> None:
    """Also what is no Python: migrations and their template, Go modules, kinds, rights and examples."""
    names = set(zipfile.ZipFile(wheel).namelist())
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    packages = [each.partition("/")[2] for each in listed if each.startswith(("models/", "migrations/", "operator/"))]
    data = [f"{DATA}/{each}" for each in listed if each.startswith(("crds/", "charts/baton/files/", "examples/"))]
    assert len(packages) > 100
    assert len(data) > 20
    assert [each for each in (*packages, *data) if each not in names] == []
    assert not {each for each in names if each.startswith("tests") or "__pycache__" in each}


def test_the_source_distribution_makes_the_same_wheel(built: Path, wheel: Path, tmp_path: Path) -> None:
    (archive,) = built.glob("*.tar.gz")
    with tarfile.open(archive) as sources:
        sources.extractall(tmp_path, filter="data")
    (folder,) = tmp_path.iterdir()
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-t", "wheel"], cwd=folder, check=True)
    (again,) = (folder / "dist").glob("*.whl")
    assert sorted(zipfile.ZipFile(again).namelist()) == sorted(zipfile.ZipFile(wheel).namelist())


@pytest.mark.parametrize(
    ("program", "arguments", "said"),
    [
        ("baton", ["--help"], "demo"),
        ("kubectl-baton", ["runs", "--help"], "history"),
        ("baton", ["local", "--help"], "up"),
        ("baton-operator", ["--version"], "baton 0."),
        ("baton-worker", ["--help"], "worker"),
    ],
)
def test_every_program_starts(installed: Path, tmp_path: Path, program: str, arguments: list[str], said: str) -> None:
    assert said in run(installed / program, *arguments, cwd=tmp_path)


def test_the_local_room_finds_its_data(installed: Path, tmp_path: Path) -> None:
    """Kinds, rights, examples and Go modules come from the installed copy, not from the sources."""
    program = (
        "from pathlib import Path; import baton_operator; from baton_operator.local import golang, manifests; "
        "objects = manifests.everything('baton-system'); "
        "assert sum(each['kind'] == 'CustomResourceDefinition' for each in objects) == 3; "
        "folder = manifests.examples_folder(); "
        "assert list(folder.glob('*.yaml')) and list((folder / 'argo').glob('*.yaml')); "
        "modules = Path(golang.__file__).parent / 'go'; "
        "assert {each.parent.name for each in modules.glob('*/go.mod')} == {'argo', 'helm', 'kube'}; "
        "print(baton_operator.__file__, folder)"
    )
    said = run(installed / "python", "-c", program, cwd=tmp_path)
    assert said.count(str(installed.parent)) == 2
    assert str(ROOT) not in said


def test_a_database_is_migrated(installed: Path, tmp_path: Path, database_url: str) -> None:
    """All revisions are there; a second look finds nothing to do."""
    run(installed / "baton-migrate", cwd=tmp_path, BATON_DATABASE_URL=database_url)
    run(installed / "baton-migrate", "--check", cwd=tmp_path, BATON_DATABASE_URL=database_url)
