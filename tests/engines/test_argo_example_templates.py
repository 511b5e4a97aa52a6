"""The workflow templates of `examples/argo`, on Argo's own controller: they end as the examples say."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from baton_operator.local.api_server import ApiServer

TEMPLATES = Path(__file__).parents[2] / "examples" / "argo" / "10-templates.yaml"
WORKFLOWS = "/apis/argoproj.io/v1alpha1/namespaces/argo/workflows"
DEADLINE = 180.0
ARGUMENTS = {
    "nap": {"seconds": "1"},
    "hello": {"name": "Ada"},
    "flaky": {"fail_attempts": "2"},
    "failing": {"message": "disk is full on db-7"},
    "patch-host": {"host": "eu-a1", "version": "6.8"},
}


def end_of(api_server: ApiServer, name: str) -> dict[str, Any]:
    """Wait until a workflow has ended, and give its status."""
    limit = time.monotonic() + DEADLINE
    while time.monotonic() < limit:
        status: dict[str, Any] = api_server.request("GET", f"{WORKFLOWS}/{name}").get("status", {})
        if status.get("finishedAt"):
            return status
        time.sleep(0.1)
    raise AssertionError(f"workflow {name} has not ended within {DEADLINE} s: {status}")


@pytest.mark.usefixtures("argo_server")
@pytest.mark.parametrize(
    ("template", "attempt", "phase", "message"),
    [
        ("nap", 1, "Succeeded", ""),
        ("hello", 1, "Succeeded", ""),
        ("patch-host", 1, "Succeeded", ""),
        ("failing", 1, "Failed", "disk is full on db-7"),
        ("flaky", 1, "Failed", ""),
        ("flaky", 2, "Failed", ""),
        ("flaky", 3, "Succeeded", ""),
        ("flaky", 12, "Succeeded", ""),
    ],
)
def test_a_template_ends_as_the_examples_say(
    api_server: ApiServer, template: str, attempt: int, phase: str, message: str
) -> None:
    """A workflow that is named as Baton names an attempt succeeds or fails by its template and its number."""
    api_server.kubectl("apply", "-f", TEMPLATES)
    name = f"baton-a{uuid.uuid4().hex[1:]}-a{attempt}"
    parameters = [{"name": key, "value": value} for key, value in ARGUMENTS[template].items()]
    spec = {"workflowTemplateRef": {"name": template}, "arguments": {"parameters": parameters}}
    api_server.request(
        "POST",
        WORKFLOWS,
        {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": name}, "spec": spec},
    )
    status = end_of(api_server, name)
    api_server.request("DELETE", f"{WORKFLOWS}/{name}")
    assert status["phase"] == phase
    assert message in status.get("message", "")
