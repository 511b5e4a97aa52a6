"""Every feature of the chart: rendered by Helm, compared, and shown to a real API server."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from baton_chart.rendering import CHART, GOLDEN, golden, objects, rendered, run_helm, values_files

from baton_operator.local import baton, manifests
from baton_operator.local.api_server import ApiServer
from baton_operator.local.binaries import kubectl

FEATURES = values_files()
#: Definitions of the Prometheus Operator's kinds, as its own sources make them.
PROMETHEUS_OPERATOR = Path(__file__).parent / "prometheus_operator"
#: Kinds whose templates are of Pods.
PODS = {"Deployment", "StatefulSet"}
every_feature = pytest.mark.parametrize("feature", FEATURES)


@pytest.fixture(scope="module")
def cluster(api_server: ApiServer) -> ApiServer:
    """An API server with Baton's kinds and the Prometheus Operator's, and the namespaces that the values name."""
    baton.install(api_server)
    kinds = [yaml.safe_load(path.read_text()) for path in sorted(PROMETHEUS_OPERATOR.glob("*.yaml"))]
    api_server.apply_objects(kinds)
    api_server.wait_established(*(each["metadata"]["name"] for each in kinds))
    for name in ("team-a", "team-b"):
        api_server.create_namespace(name)
    return api_server


@pytest.fixture
def restricted(api_server: ApiServer) -> Iterator[str]:
    """A namespace that refuses Pods outside of the Pod Security Standard `restricted`, and warns of what makes them."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    api_server.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    yield name
    api_server.delete_namespace(name)


def apply_dry(server: ApiServer, documents: list[dict[str, Any]]) -> subprocess.CompletedProcess[str]:
    """Show objects to the API server, which validates and admits them, and stores nothing."""
    flags = ("--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "--warnings-as-errors")
    command = [kubectl(), "--kubeconfig", server.path, "apply", *flags, "--filename=-"]
    return subprocess.run(command, input=yaml.safe_dump_all(documents), capture_output=True, text=True, check=False)


def placed(values: Path, namespace: str) -> list[dict[str, Any]]:
    """Render for *namespace*: everything that would be where the release is."""
    documents = objects(rendered(values, "--namespace", namespace, "--set", f"namespaceOverride={namespace}"))
    for each in documents:
        if each["kind"] == "ConfigMap":
            each["metadata"]["namespace"] = namespace
    return documents


@every_feature
def test_output_is_what_was_looked_at(feature: str) -> None:
    assert golden(FEATURES[feature]) == (GOLDEN / f"{feature}.yaml").read_text(), "make generate, then look at the diff"


def test_there_is_no_output_without_values() -> None:
    assert {path.stem for path in GOLDEN.glob("*.yaml")} == set(FEATURES)


@every_feature
def test_helm_finds_nothing_to_complain_about(feature: str) -> None:
    done = run_helm("lint", "--strict", CHART, "--values", FEATURES[feature])
    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout


@every_feature
def test_an_api_server_takes_every_object(feature: str, cluster: ApiServer, restricted: str) -> None:
    documents = placed(FEATURES[feature], restricted)
    done = apply_dry(cluster, documents)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(documents)


def test_an_api_server_takes_a_pod_monitor_in_place_of_the_service_monitor(cluster: ApiServer, namespace: str) -> None:
    more = ("--set", "monitoring.serviceMonitor.enabled=false", "--set", "monitoring.podMonitor.enabled=true")
    found = objects(rendered(FEATURES["monitoring"], "--set", f"namespaceOverride={namespace}", *more))
    monitors = [each for each in found if each["kind"].endswith("Monitor")]
    assert [each["kind"] for each in monitors] == ["PodMonitor"]
    assert apply_dry(cluster, monitors).returncode == 0


def test_an_api_server_takes_the_examples_of_the_package(cluster: ApiServer, namespace: str) -> None:
    """Those that Artifact Hub shows beside each kind."""
    annotations = yaml.safe_load((CHART / "Chart.yaml").read_text())["annotations"]
    examples = yaml.safe_load(annotations["artifacthub.io/crdsExamples"])
    assert {each["kind"] for each in examples} == {"Engine", "Automation", "Run"}
    for each in examples:
        each["metadata"]["namespace"] = namespace
    done = apply_dry(cluster, examples)
    assert done.returncode == 0, done.stderr


def test_a_pod_with_more_rights_would_have_been_refused(cluster: ApiServer, restricted: str) -> None:
    """The look at the Pods' security can fail."""
    documents = placed(FEATURES["bundled"], restricted)
    (stateful,) = (each for each in documents if each["kind"] == "StatefulSet")
    stateful["spec"]["template"]["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    done = apply_dry(cluster, [stateful])
    assert done.returncode != 0
    assert 'would violate PodSecurity "restricted' in done.stderr


@every_feature
def test_root_file_systems_are_read_only_and_resources_said(feature: str) -> None:
    for each in objects(rendered(FEATURES[feature])):
        pod = (
            each["spec"]["template"]["spec"]
            if each["kind"] in PODS
            else each["spec"]
            if each["kind"] == "Pod"
            else None
        )
        if pod is None:
            continue
        for container in [*pod.get("initContainers", ()), *pod["containers"]]:
            where = f"{each['metadata']['name']}/{container['name']}"
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, where
            assert container["resources"]["requests"], where
            assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}, where  # noqa: S108


def test_only_those_who_ask_the_api_server_have_a_token() -> None:
    pods = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]
        for each in objects(rendered(FEATURES["network-policy"]))
        if each["kind"] in PODS
    }
    tokens = {name: pod["automountServiceAccountToken"] for name, pod in pods.items()}
    assert tokens == {"baton": True, "baton-worker": False, "baton-postgresql": False}


def test_workers_see_neither_engines_nor_the_migrators_role() -> None:
    (worker,) = (
        each
        for each in objects(rendered(FEATURES["worker"]))
        if each["metadata"]["name"] == "baton-worker" and each["kind"] == "Deployment"
    )
    text = yaml.safe_dump(worker)
    assert "baton-db-app" in text
    assert "baton-db-owner" not in text
    bindings = [each for each in objects(rendered(FEATURES["worker"])) if each["kind"].endswith("RoleBinding")]
    subjects = {subject["name"] for each in bindings for subject in each["subjects"]}
    assert "baton-worker" not in subjects


def test_the_chart_gives_the_rights_with_which_all_tests_run() -> None:
    given = {
        (each["kind"], each["metadata"]["name"]): each.get("rules") or each.get("subjects")
        for each in objects(rendered(FEATURES["cloudnative-pg"]))
        if each["kind"] in {"ClusterRole", "ClusterRoleBinding"} and each["metadata"]["name"] != "baton-test"
    }
    used = {
        (each["kind"], each["metadata"]["name"]): each.get("rules") or each.get("subjects")
        for each in manifests.access("baton-system")
        if each["kind"] in {"ClusterRole", "ClusterRoleBinding"}
    }
    assert given == used


def test_named_namespaces_need_nothing_of_the_whole_cluster() -> None:
    without = {
        each["kind"] for each in objects(rendered(FEATURES["namespaces"])) if "namespace" not in each["metadata"]
    }
    assert without == set()


def test_two_deployments_share_the_loops() -> None:
    arguments = {
        each["metadata"]["name"]: each["spec"]["template"]["spec"]["containers"][0]["args"]
        for each in objects(rendered(FEATURES["split"]))
        if each["kind"] == "Deployment"
    }
    assert arguments == {"baton": ["--loops=intake,project,sweep"], "baton-dispatch": ["--loops=dispatch,track"]}


def test_a_budget_comes_with_the_second_replica() -> None:
    def budgets(feature: str, *more: str) -> set[str]:
        found = objects(rendered(FEATURES[feature], *more))
        return {each["metadata"]["name"] for each in found if each["kind"] == "PodDisruptionBudget"}

    assert budgets("bundled") == set()
    assert budgets("bundled", "--set", "replicas=2") == {"baton"}
    assert budgets("split") == {"baton", "baton-dispatch"}
    assert budgets("worker") == {"baton", "baton-worker"}
    assert budgets("autoscaling") == {"baton", "baton-dispatch"}


def test_what_an_autoscaler_sets_is_not_set_by_the_chart() -> None:
    found = objects(rendered(FEATURES["autoscaling"]))
    scaled = {each["spec"]["scaleTargetRef"]["name"] for each in found if each["kind"] == "HorizontalPodAutoscaler"}
    fixed = {each["metadata"]["name"] for each in found if each["kind"] == "Deployment" and "replicas" in each["spec"]}
    assert (scaled, fixed) == ({"baton-dispatch", "baton-worker"}, {"baton"})
