"""`make image` takes the first builder that works, and hands it what a site needs."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
WORKS = '#!/bin/sh\nprintf "%s <%s>\\n" "$(basename "$0")" "$*"\n'
FAILS = "#!/bin/sh\nexit 1\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A PATH with make and what its recipe calls, without any builder."""
    for name in ("make", "bash", "sh", "sed", "git", "cat", "rm", "find", "basename"):
        found = next(Path(each) / name for each in os.environ["PATH"].split(":") if (Path(each) / name).exists())
        (tmp_path / name).symlink_to(found)
    return tmp_path


def put(path: Path, name: str, text: str) -> None:
    (path / name).write_text(text)
    (path / name).chmod(0o755)


def make_image(path: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": str(path), "HOME": str(path)}
    return subprocess.run(
        ["make", "--silent", "-C", ROOT, "image", *words], env=environ, capture_output=True, text=True, check=False
    )


def test_without_a_builder_it_says_what_to_install(path):
    """A docker whose daemon does not run is none."""
    put(path, "docker", FAILS)
    done = make_image(path)
    assert done.returncode != 0
    assert "needs docker, podman or buildah" in done.stdout


def test_the_first_builder_that_works_builds(path):
    put(path, "docker", FAILS)
    put(path, "podman", WORKS)
    put(path, "buildah", WORKS)
    done = make_image(path, "IMAGE=site/baton:1", "PIP_INDEX_URL=https://index.example/simple")
    assert done.stdout.startswith("podman <build --tag site/baton:1 ")
    assert "--build-arg PIP_INDEX_URL=https://index.example/simple" in done.stdout
    assert "--build-arg BATON_REVISION=" in done.stdout


def test_a_site_s_authority_goes_in_as_text(path, tmp_path):
    put(path, "docker", WORKS)
    (tmp_path / "ca.pem").write_text("-----BEGIN\nof a site\n")
    done = make_image(path, f"SITE_CA={tmp_path / 'ca.pem'}")
    assert "--build-arg SITE_CA=-----BEGIN\nof a site" in done.stdout


@pytest.mark.parametrize(
    ("builder", "expected"),
    [("docker", "save --output {} a:1"), ("buildah", "push --quiet a:1 docker-archive:{}:a:1")],
)
def test_it_can_save_an_archive(path, tmp_path, builder, expected):
    put(path, builder, WORKS)
    archive = tmp_path / "a.tar"
    done = make_image(path, "IMAGE=a:1", f"IMAGE_ARCHIVE={archive}", f"BUILDER={builder} --quick")
    assert f"{builder} <--quick {expected.format(archive)}>" in done.stdout
