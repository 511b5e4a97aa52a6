"""The pages' YAML, and what they have people type about objects, shown to a real API server."""

from __future__ import annotations

import os
import subprocess
from typing import Any

import pytest
import yaml
from baton_docs.blocks import ROOT, Block, read_by, typed_by

from baton_operator.local import baton
from baton_operator.local.api_server import ApiServer
from baton_operator.local.binaries import kubectl

Object = dict[str, Any]
ME = "tests/cluster/docs/test_documented_objects.py"
API = "baton.dev/v1alpha1"
ENGINE = {"type": "Embedded"}
AUTOMATION = {"engineRef": {"name": "tasks"}, "target": {"embedded": {"task": "demo.noop"}}}
#: What a page leaves out of an object of which it shows only a part.
WHOLE: dict[str, Object] = {"Engine": ENGINE, "Automation": AUTOMATION, "Run": {"automationRef": {"name": "greet"}}}
#: What a line names, and what there is here.
OURS = {
    "kubectl patch run NAME": "kubectl patch run held-back -n {here}",
    "create namespace baton-system": "create namespace {here}-system",
    "-n NAMESPACE": "-n {here}",
    "BATON-NAMESPACE": "baton-system",
}


@pytest.fixture(scope="module")
def served(api_server: ApiServer) -> ApiServer:
    """The API server, with the three kinds and the namespaces of the pages."""
    baton.install(api_server)
    for name in ("platform", "team-a", "argocd"):
        api_server.create_namespace(name)
    return api_server


def whole(part: Object, namespace: str) -> Object:
    """Complete an object that a page shows a part of."""
    kind = part.get("kind") or ("Engine" if "type" in part.get("spec", {}) else "Run")
    spec = {**WHOLE.get(kind, {}), **part.get("spec", {})}
    if kind == "Engine" and spec["type"] != "Embedded" and "url" not in spec and "kubernetes" not in spec:
        spec["url"] = "https://engine.example"
    metadata = {"name": "part", "namespace": namespace, **part.get("metadata", {})}
    return {"apiVersion": API, **part, "kind": kind, "metadata": metadata, **({"spec": spec} if kind in WHOLE else {})}


@pytest.mark.parametrize("block", read_by(ME), ids=lambda each: each.where)
def test_an_api_server_takes_every_object(served: ApiServer, namespace: str, block: Block) -> None:
    """With unknown fields refused; nothing is stored."""
    documents = [whole(each, namespace) for each in yaml.safe_load_all(block.text)]
    flags = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict")
    command = [kubectl(), "--kubeconfig", served.path, "apply", *flags, "--filename=-"]
    done = subprocess.run(command, input=yaml.safe_dump_all(documents), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(documents)


@pytest.fixture
def granted(served: ApiServer, namespace: str) -> str:
    """A namespace with a Run that a finalizer holds back; and Argo CD's settings, in their own."""
    run = {"name": "held-back", "namespace": namespace, "finalizers": ["baton.dev/cancel"]}
    served.create(
        f"/apis/{API}/namespaces/{namespace}/runs",
        {"apiVersion": API, "kind": "Run", "metadata": run, "spec": WHOLE["Run"]},
    )
    served.create("/api/v1/namespaces/argocd/configmaps", {"metadata": {"name": "argocd-cm"}})
    return namespace


@pytest.mark.parametrize(("block", "line"), typed_by(ME), ids=lambda each: str(each)[:60])
def test_a_line_does_what_it_says(served: ApiServer, granted: str, block: Block, line: str) -> None:
    """What would make something for the whole cluster is only shown to it."""
    for theirs, ours in OURS.items():
        line = line.replace(theirs, ours.format(here=granted))
    command = line + (" --dry-run=server" if " create " in line else "")
    environ = {
        **os.environ,
        "KUBECONFIG": str(served.path),
        "PATH": f"{kubectl().parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{block.where}: {command}\n{done.stderr}"
