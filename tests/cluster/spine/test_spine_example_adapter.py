"""A Run travels through an adapter that a package of somebody else's brings, as docs/write-an-adapter.md shows it."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from baton_spine.stage import QUICK, Stage, condition, shown
from example_package import ADAPTER, install_examples
from job_server import JobServer

from baton_operator.engines.conformance import serving_in_thread
from baton_operator.invariants import LedgerEntry

PAGE = Path(__file__).resolve().parents[3] / "docs" / "write-an-adapter.md"


def documents() -> dict[str, dict[str, Any]]:
    """Read the page's objects, by their kinds."""
    (block,) = re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    return {each["kind"]: each for each in yaml.safe_load_all(block)}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the example adapter is installed."""
    return install_examples(tmp_path_factory.mktemp("example"), ADAPTER)


@pytest.fixture
def job_server() -> Iterator[tuple[JobServer, str]]:
    """A job server that wants a token, and its address."""
    server = JobServer()
    server.token = "a-credential"  # noqa: S105 - the fake's
    with serving_in_thread(server.app()) as url:
        yield server, url


def prepare(stage: Stage, url: str) -> None:
    """Make the page's Engine and Automation, and the Secret that the Engine names."""
    given = documents()
    token = base64.b64encode(b"a-credential").decode()
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "job-server"}, "data": {"token": token}}
    stage.server.request("POST", f"/api/v1/namespaces/{stage.namespace}/secrets", secret)
    stage.create("Engine", "jobs", {**given["Engine"]["spec"], "url": url, **QUICK})
    stage.create("Automation", "nap", given["Automation"]["spec"])


def test_a_run_travels_through_an_installed_adapter(
    stage: Stage, site: Path, job_server: tuple[JobServer, str]
) -> None:
    """The page's objects, an operator with the package beside it, and one job in the server's own books."""
    server, url = job_server
    prepare(stage, url)
    stage.operator(PYTHONPATH=str(site)).wait_ready()
    stage.create("Run", "first-nap", documents()["Run"]["spec"])
    stage.create("Run", "long-nap", {"automationRef": {"name": "nap"}, "parameters": {"seconds": 300}})
    status = stage.ended("first-nap")["first-nap"]
    assert shown(status) == ("Succeeded", "Succeeded")
    stage.phase("long-nap", "Running")
    stage.patch("Run", "long-nap", {"state": "Cancelled", "reason": "not wanted any more"})
    assert shown(stage.ended("long-nap")["long-nap"]) == ("Cancelled", "Cancelled")
    entries = server.ledger.entries()
    assert status["external"]["id"] in {f"{each['id']}/{each['serial']}" for each in entries}
    assert len(entries) == 2
    stage.check(books=lambda: [LedgerEntry(each["id"], f"{each['id']}/{each['serial']}", True) for each in entries])
    environ = {**os.environ, "BATON_DATABASE_URL": stage.database_url, "COLUMNS": "200"}
    command = [Path(sys.executable).with_name("baton"), "engines", "list", "-n", stage.namespace]
    listed = subprocess.run(command, env=environ, capture_output=True, text=True, check=True).stdout
    assert all(word in listed for word in ("JobServer", "EffectivelyOnce", "1.4.0"))


def test_the_adapter_checks_what_the_kind_cannot(stage: Stage, site: Path, job_server: tuple[JobServer, str]) -> None:
    """The API server takes any `custom`; the adapter names what is wrong in the Automation's status."""
    prepare(stage, job_server[1])
    stage.operator(PYTHONPATH=str(site)).wait_ready()
    stage.create("Automation", "nonsense", {"engineRef": {"name": "jobs"}, "target": {"custom": {"job": "nap"}}})
    wanted = ("False", "TargetNotFound", "spec.target.custom: needs `kind`, a text, and nothing else")
    stage.until(lambda: stage.condition("Automation", "nonsense", "TargetResolved") == wanted)


def test_without_the_package_nothing_serves_the_type(stage: Stage, job_server: tuple[JobServer, str]) -> None:
    """The Engine says so, and nothing is sent."""
    prepare(stage, job_server[1])
    stage.operator().wait_ready()
    stage.until(lambda: "no adapter serves engines of type JobServer" in engine_words(stage))
    assert job_server[0].ledger.entries() == []


def engine_words(stage: Stage) -> str:
    """Give the message of the Engine's condition `Ready`."""
    return condition(stage.get("Engine", "jobs").get("status", {}), "Ready")[2]
