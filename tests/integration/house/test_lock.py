"""The lock files say what is asked for."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
AIRFLOW = "operator/baton_operator/local/python/airflow/requirements"
COMMAND = [
    *(Path(sys.executable).with_name("uv"), "pip", "compile", "--quiet", "--universal", "--generate-hashes"),
    "--no-header",
]


def assert_fresh(lock: str, again: Path, *words: str) -> None:
    """Compile once more, with the lock's versions preferred."""
    shutil.copy(ROOT / lock, again)
    subprocess.run([*COMMAND, *words, "-o", again], cwd=ROOT, check=True)
    assert again.read_text() == (ROOT / lock).read_text()


def test_the_lock_is_fresh(tmp_path):
    """Compiling pyproject.toml again changes nothing."""
    words = ["--all-extras", "--group", "dev", "pyproject.toml"]
    assert_fresh("requirements.lock", tmp_path / "requirements.lock", *words)


def test_the_lock_of_the_image_is_fresh(tmp_path):
    """What the operator needs and nothing else, at the versions that are tested."""
    words = ["--no-annotate", "-c", "requirements.lock", "--extra", "fast", "--extra", "otel", "pyproject.toml"]
    assert_fresh("requirements-image.lock", tmp_path / "requirements.lock", *words)


def test_the_lock_of_the_image_s_build_is_fresh(tmp_path):
    """What makes the wheel in the image's first stage."""
    words = ["--no-annotate", "-c", "requirements.lock", "--group", "build"]
    assert_fresh("requirements-build.lock", tmp_path / "requirements.lock", *words)


def test_the_lock_of_the_local_airflow_is_fresh(tmp_path):
    """For every Python that Baton runs on: from 3.11."""
    words = ["--python-version", "3.11", f"{AIRFLOW}.in"]
    assert_fresh(f"{AIRFLOW}.lock", tmp_path / "requirements.lock", *words)
