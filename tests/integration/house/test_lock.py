"""The lock file says what pyproject.toml asks for."""

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def test_the_lock_is_fresh(tmp_path):
    """Compiling pyproject.toml again, with the lock's versions preferred, changes nothing."""
    again = shutil.copy(ROOT / "requirements.lock", tmp_path / "requirements.lock")
    uv = Path(sys.executable).with_name("uv")
    command = [
        *(uv, "pip", "compile", "--quiet", "--universal", "--generate-hashes", "--all-extras", "--group", "dev"),
        *("--no-header", "pyproject.toml", "-o", again),
    ]
    subprocess.run(command, cwd=ROOT, check=True)
    assert Path(again).read_text() == (ROOT / "requirements.lock").read_text()
