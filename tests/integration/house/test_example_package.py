"""An adapter from a package of somebody else's: found where it is installed, and only there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from example_package import ADAPTER, EXAMPLES, install_examples


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example adapter is installed."""
    return install_examples(tmp_path_factory.mktemp("example"), ADAPTER)


def types(site: Path | None, folder: Path) -> list[dict[str, str]]:
    """Ask for the types of engine that an installation knows, with and without *site*."""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [Path(sys.executable).with_name("baton"), "engines", "types", "-o", "json"]
    given = environ | ({"PYTHONPATH": str(site)} if site else {})
    done = subprocess.run(command, cwd=folder, env=given, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_an_installed_adapter_is_a_type_of_engine(site: Path, tmp_path: Path) -> None:
    """It stands beside Baton's own, with the package that brings it; without the package it is unknown."""
    known = {each["type"]: each["package"] for each in types(site, tmp_path)}
    assert known["JobServer"] == "baton-jobserver 0.1.0"
    assert known["Argo"].startswith("baton 0.")
    assert "JobServer" not in {each["type"] for each in types(None, tmp_path)}


def test_the_package_has_the_adapter_and_no_tests(site: Path) -> None:
    """What is shipped is what runs."""
    assert (site / "baton_jobserver" / "adapter.py").exists()
    assert not [each for each in site.rglob("*.py") if "job_server" in each.name]


def test_a_copy_runs_the_suite_by_its_own_settings(site: Path, tmp_path: Path) -> None:
    """Copied out of the repository, and installed: pytest finds everything, and has nothing to say of the settings."""
    copy = shutil.copytree(EXAMPLES / ADAPTER, tmp_path / "mine")
    command = [sys.executable, "-m", "pytest", "--quiet", "-k", "test_a_submit_starts_one_execution"]
    environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    given = environ | {"PYTHONPATH": str(site)}
    done = subprocess.run(command, cwd=copy, env=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    assert "1 passed" in done.stdout
    assert "Warning" not in done.stdout + done.stderr


def test_an_operator_needs_no_pytest(tmp_path: Path) -> None:
    """The suite is part of the distribution and no part of the operator."""
    program = "import sys, baton_operator.app, baton_operator.cli.application; print('pytest' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
