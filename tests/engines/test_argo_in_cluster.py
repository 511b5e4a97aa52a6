"""An operator with the chart's rights, and an Engine that is nothing but objects in its own cluster."""

from __future__ import annotations

import pytest
from baton_fakes.argo_state import NAP
from baton_spine import fixtures
from baton_spine.stage import QUICK, Stage, shown

from baton_operator.local import baton
from baton_operator.local.api_server import ApiServer
from baton_operator.local.manifests import token_issuing

operator_kubeconfig, migrated, shared_argo = fixtures.operator_kubeconfig, fixtures.migrated, fixtures.shared_argo
stages, stage = fixtures.stages, fixtures.stage

RBAC = "rbac.authorization.k8s.io"
ARGO = "argoproj.io"
IN_CLUSTER = {"kubernetes": {"inCluster": True}, "auth": {"serviceAccount": {"name": "argo-runner"}}}
#: What docs/engines/argo.md tells a site to grant, in the namespace of the workflows.
RULES = [
    {"apiGroups": [ARGO], "resources": ["workflows"], "verbs": ["create", "get", "list", "watch", "patch"]},
    {"apiGroups": [ARGO], "resources": ["workflowtemplates"], "verbs": ["get"]},
]


@pytest.fixture
def granted(stage: Stage, argo_server: str, api_server: ApiServer) -> Stage:
    """A namespace with a template, and with the rights of the documentation."""
    metadata = {"namespace": stage.namespace}
    api_server.create_service_account(stage.namespace, "argo-runner")
    api_server.apply_objects(
        [
            {
                "apiVersion": f"{ARGO}/v1alpha1",
                "kind": "WorkflowTemplate",
                "metadata": {"name": "nap", **metadata},
                "spec": NAP["spec"],
            },
            {
                "apiVersion": f"{RBAC}/v1",
                "kind": "Role",
                "metadata": {"name": "argo-runner", **metadata},
                "rules": RULES,
            },
            {
                "apiVersion": f"{RBAC}/v1",
                "kind": "RoleBinding",
                "metadata": {"name": "argo-runner", **metadata},
                "roleRef": {"apiGroup": RBAC, "kind": "Role", "name": "argo-runner"},
                "subjects": [{"kind": "ServiceAccount", "name": "argo-runner", **metadata}],
            },
        ]
    )
    return stage


@pytest.fixture
def lent(granted: Stage, api_server: ApiServer) -> Stage:
    """Where Baton may ask for the ServiceAccount's tokens, too."""
    api_server.apply_objects([token_issuing(granted.namespace, baton.NAMESPACE)])
    return granted


def workflows(stage: Stage) -> list[str]:
    """Name the workflows of the stage's namespace."""
    path = f"/apis/{ARGO}/v1alpha1/namespaces/{stage.namespace}/workflows"
    return [item["metadata"]["name"] for item in stage.server.request("GET", path)["items"]]


def test_runs_travel_without_argos_server(lent: Stage) -> None:
    """Succeeded, failed and cancelled as through the server; one workflow for each attempt."""
    lent.create("Engine", "argo", {"type": "Argo", **QUICK, **IN_CLUSTER})
    lent.nap()
    lent.operator().wait_ready()
    for name, given in (("fine", {"secs": "1s"}), ("bad", {"secs": "1s", "fail": "yes"}), ("long", {"secs": "300s"})):
        lent.run(name, **given)
    lent.phase("long", "Running")
    lent.patch("Run", "long", {"state": "Cancelled", "reason": "wrong night"})
    ends = {name: shown(status)[0] for name, status in lent.ended("fine", "bad", "long").items()}
    assert ends == {"fine": "Succeeded", "bad": "Failed", "long": "Cancelled"}
    assert len(workflows(lent)) == 3
    lent.until(
        lambda: lent.condition("Engine", "argo", "Ready")[0] == "True",
        what="the Engine, written once in ten seconds, shows what the probe found",
    )
    engine = lent.get("Engine", "argo")["status"]
    assert engine["version"].startswith("Kubernetes v")
    assert engine["submissionGuarantee"] == "EffectivelyOnce"
    assert {"Hints", "Nodes"} < set(engine["capabilities"])
    assert not {"Logs", "Retry"} & set(engine["capabilities"])


def test_an_end_is_seen_by_a_hint_long_before_the_poll(lent: Stage) -> None:
    """With an hour between two polls, the row is seconds behind the engine: more of them on a busy machine."""
    slow = {"tracking": {"interval": "1h", "idleInterval": "1h"}}
    lent.create("Engine", "argo", {"type": "Argo", **QUICK, **IN_CLUSTER, **slow})
    lent.nap()
    lent.operator().wait_ready()
    lent.run("early", secs="8s")
    lent.ended("early")
    ((lag,),) = lent.rows(
        "SELECT extract(epoch FROM h.changed_at - i.finished_at) FROM orchestration_instance i "
        "JOIN instance_state_history h ON h.orchestration_instance_id = i.id AND h.new_status = 'COMPLETED'"
    )
    assert float(lag) < 5.0


def test_without_the_engines_own_rights_nothing_is_done(granted: Stage) -> None:
    """Baton's own identity could reach the API server; it is not lent."""
    granted.create("Engine", "argo", {"type": "Argo", **QUICK, **IN_CLUSTER})
    granted.nap()
    granted.operator().wait_ready()
    granted.run("never")
    granted.until(
        lambda: granted.condition("Engine", "argo", "Authenticated")[:2] == ("False", "SecretNotFound"),
        what="the Engine says that the token may not be asked for",
    )
    assert "may not be read by Baton" in granted.condition("Engine", "argo", "Authenticated")[2]
    assert workflows(granted) == []
