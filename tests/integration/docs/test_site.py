"""The documentation as a site: a static generator builds it, and has nothing to complain about."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_a_static_generator_builds_it_without_a_warning(tmp_path: Path) -> None:
    """Every page is in the navigation, every link and anchor is known; links to sources become their paths."""
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    assert "integrations/argo-cd/argocd-cm.yaml" in (tmp_path / "gitops" / "index.html").read_text()
    assert 'href="../integrations' not in (tmp_path / "gitops" / "index.html").read_text()
