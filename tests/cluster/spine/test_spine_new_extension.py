"""The package that `baton extensions new` writes: installed, migrated, and its own file applied to real servers."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from baton_spine.stage import Stage, shown
from example_package import install_packages

from baton_operator.cli.scaffold import write_package


def test_a_new_package_runs_as_it_was_written(stage: Stage, tmp_path: Path) -> None:
    """Nothing is changed in it: its Run notes a host in its table, and a second Run of the same host notes none."""
    package = tmp_path / "acme"
    write_package("acme", package)
    site = install_packages(tmp_path, package)
    given = {"BATON_DATABASE_URL": stage.database_url, "KUBECONFIG": str(stage.server.path), "PYTHONPATH": str(site)}

    def baton(*words: str) -> str:
        command = [Path(sys.executable).with_name("baton"), *words]
        environ = {**os.environ, **given, "COLUMNS": "200"}
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout

    assert baton("migrate").endswith("acme: at head\n")
    stage.operator(BATON_WORKER="true", PYTHONPATH=str(site)).wait_ready()
    stage.server.kubectl("apply", "-n", stage.namespace, "-f", package / "automation.yaml")
    stage.until(lambda: stage.exists("Run", "acme-see-web-1"), what="the Run of automation.yaml")
    assert shown(stage.ended("acme-see-web-1")["acme-see-web-1"]) == ("Succeeded", "Succeeded")
    assert "run acme-see-web-1  Succeeded" in baton("runs", "get", "acme-see-web-1", "-n", stage.namespace)
    assert "web-1 was seen; hosts known: 1" in baton("runs", "logs", "acme-see-web-1", "-n", stage.namespace)
    stage.run("again", "acme-see", host="web-1")
    stage.run("another", "acme-see", host="web-2")
    ends = stage.ended()
    assert {shown(each) for each in ends.values()} == {("Succeeded", "Succeeded")}
    assert stage.rows("SELECT name FROM ext_acme_host ORDER BY name") == [("web-1",), ("web-2",)]
    stage.check()
