"""The operator runs with exactly the rights that the chart installs: none is missing, and none is unused."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from baton_chart.installation import KINDS, Installation, rights_in
from baton_fakes.argo import FakeArgo
from baton_spine.stage import Stage
from baton_spine.theatre import Theatre

from baton_operator.local import manifests

RBAC = "/apis/rbac.authorization.k8s.io/v1"
#: What belongs to the cluster is installed by another test; the operator's rights are the same without.
VALUES = {
    "database": {"existingSecret": {"name": "db"}},
    "crds": {"enabled": False},
    "rbac": {"aggregate": False},
    "admissionPolicy": {"enabled": False},
}
#: Nobody listens there; what an Engine names is read before it is called.
NOBODY = "https://127.0.0.1:1"
TOKEN = ("", "serviceaccounts/token", "create")
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module", autouse=True)
def kinds(installation: Installation) -> Iterator[None]:
    """Baton's kinds, for the releases of this module."""
    installation.server.apply_objects(manifests.definitions())
    installation.server.wait_established(*KINDS)
    yield
    installation.server.kubectl("delete", "crd", *KINDS)


@pytest.fixture
def stage(
    installation: Installation,
    postgres_server: str,
    migrated: str,
    shared_argo: tuple[FakeArgo, str],
    tmp_path: Path,
) -> Iterator[Stage]:
    """A stage on the cluster that Helm installs into."""
    unused = tmp_path / "kubeconfig"
    theatre = Theatre(installation.server, unused, postgres_server, migrated, *shared_argo, tmp_path)
    made = theatre.stage()
    yield made
    theatre.strike(made)


@contextmanager
def installed_for(installation: Installation, stage: Stage, namespace: str, **values: Any) -> Iterator[None]:
    """Install the chart into *namespace* for the length of a block, and let operators be its ServiceAccount."""
    try:
        installation.install(namespace, {**VALUES, **values}, release=namespace)
        installation.server.write_service_account_kubeconfig(namespace, f"{namespace}-baton", stage.kubeconfig)
        yield
    finally:
        installation.remove(namespace, release=namespace)


def let_issue_tokens(stage: Stage, namespace: str, kind: str) -> None:
    """Do what docs ask of a namespace's owner for Engines with `auth.serviceAccount`."""
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": kind, "name": f"{namespace}-baton-engine-token"}
    subject = {"kind": "ServiceAccount", "name": f"{namespace}-baton", "namespace": namespace}
    binding = {"metadata": {"name": "tokens"}, "roleRef": role, "subjects": [subject]}
    stage.server.create(f"{RBAC}/namespaces/{stage.namespace}/rolebindings", binding)


def exercise(stage: Stage) -> None:
    """Have an operator do each thing once for which it needs the API server."""
    server, here = stage.server, f"/api/v1/namespaces/{stage.namespace}"
    server.create(f"{here}/secrets", {"metadata": {"name": "token"}, "stringData": {"token": "secret"}})
    server.create(f"{here}/configmaps", {"metadata": {"name": "ca"}, "data": {"ca.crt": "none"}})
    server.create_service_account(stage.namespace, "robot")
    stage.engine_argo(auth={"bearer": {"secretRef": {"name": "token", "key": "token"}}})
    stage.engine_argo("verified", url=NOBODY, tls={"caRef": {"configMap": "ca"}})
    stage.engine_argo("robots", auth={"serviceAccount": {"name": "robot"}})
    stage.nap()
    stage.nap("nap-bound", deletionPolicy="Cancel")
    stage.nap("nap-nowhere", "none")
    stage.run("early", "nap-later")  # its Automation comes after it, or never: the API server is asked
    stage.run("nowhere", "nap-nowhere")
    stage.run("bound", "nap-bound", secs="60s")
    stage.until(lambda: stage.get("Run", "bound")["metadata"].get("finalizers"), 120, what="the finalizer of bound")
    stage.delete("Run", "bound")
    stage.until(lambda: not stage.exists("Run", "bound"), 120, what="the end of bound")
    stage.run("done")
    stage.ended("early", "nowhere", "done", within=120)
    for engine in ("argo", "verified", "robots"):
        stage.until(lambda name=engine: stage.condition("Engine", name, "Ready")[0], 120, what=f"a look at {engine}")


def guest_of(stage: Stage, guest: str) -> None:
    """Have a Run of another namespace use an Engine that allows it by the namespace's labels."""
    labels = {"kubernetes.io/metadata.name": guest}
    stage.engine_argo("shared", allowedNamespaces={"selector": {"matchLabels": labels}})
    reference = {"name": "shared", "namespace": stage.namespace}
    spec = {"engineRef": reference, "target": {"argo": {"workflowTemplate": "nap", "namespace": stage.namespace}}}
    path = f"/apis/baton.dev/v1alpha1/namespaces/{guest}/automations"
    body = {"apiVersion": "baton.dev/v1alpha1", "kind": "Automation", "metadata": {"name": "guest"}, "spec": spec}
    stage.server.create(path, body)
    stage.until(
        lambda: stage.server.request("GET", f"{path}/guest").get("status", {}).get("conditions"),
        120,
        what="the verdict on the guest",
    )


def wait_for_rights(
    installation: Installation, stage: Stage, namespace: str, granted: set[tuple[str, str, str]]
) -> None:
    """Wait until every right was used; what is not used within two minutes is not needed."""
    account = f"{namespace}-baton"
    stage.until(
        lambda: installation.used_by(namespace, account) >= granted,
        what=f"the use of {sorted(granted - installation.used_by(namespace, account))}",
        within=120,
    )
    assert installation.used_by(namespace, account) == granted


def test_in_the_whole_cluster_each_right_is_used_and_none_is_missing(installation: Installation, stage: Stage) -> None:
    namespace, guest = "wide", f"{stage.namespace}-guest"
    with installed_for(installation, stage, namespace):
        let_issue_tokens(stage, namespace, "ClusterRole")
        stage.server.create_namespace(guest)
        stage.operator(BATON_NAMESPACES="").wait_ready(120)
        exercise(stage)
        guest_of(stage, guest)
        role = stage.server.request("GET", f"{RBAC}/clusterroles/{namespace}-baton-operator")
        wait_for_rights(installation, stage, namespace, rights_in(role["rules"]) | {TOKEN})
        stage.server.delete_namespace(guest)


def test_in_named_namespaces_a_role_each_is_enough(installation: Installation, stage: Stage) -> None:
    """With the Secrets named too; Engines may ask for tokens once the namespace's owner has bound the other Role."""
    namespace = "narrow"
    named = {"aggregate": False, "secrets": {stage.namespace: ["token"]}, "configMaps": {stage.namespace: ["ca"]}}
    with installed_for(installation, stage, namespace, watch={"namespaces": [stage.namespace]}, rbac=named):
        let_issue_tokens(stage, namespace, "Role")
        stage.operator().wait_ready(120)
        exercise(stage)
        path = f"{RBAC}/namespaces/{stage.namespace}/roles/{namespace}-baton-operator"
        granted = rights_in(stage.server.request("GET", path)["rules"])
        beyond = {("", "namespaces", "get")}  # only an Engine's guests need it, and none is watched here
        wait_for_rights(installation, stage, namespace, (granted - beyond) | {TOKEN})
        bindings = stage.server.request("GET", f"{RBAC}/clusterrolebindings")["items"]
        assert not [
            each for each in bindings for who in each.get("subjects", ()) if who["name"] == f"{namespace}-baton"
        ]


def allowed(installation: Installation, user: str, namespace: str, resource: str, name: str) -> bool:
    """Ask the API server whether a user may get one object."""
    what = {"namespace": namespace, "resource": resource, "verb": "get", "name": name}
    body = {"spec": {"user": user, "resourceAttributes": what}}
    answer = installation.server.request("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    return bool(answer["status"]["allowed"])


def test_named_secrets_are_readable_and_no_others(installation: Installation, stage: Stage) -> None:
    installation.server.create_namespace("team-a")
    installation.server.create_namespace("team-b")
    named = {"aggregate": False, "secrets": {"team-a": ["token"]}}
    user = "system:serviceaccount:named:named-baton"
    for watched in ([], ["team-a", "team-b"]):
        with installed_for(installation, stage, "named", rbac=named, watch={"namespaces": watched}):
            for namespace, resource, name in (
                ("team-a", "secrets", "token"),
                ("team-b", "configmaps", "any"),
                ("team-b", "namespaces", "team-b"),
            ):  # the API server hears a moment later of what was installed
                stage.until(
                    lambda what=(namespace, resource, name): allowed(installation, user, *what),
                    what=f"the right to get {resource} {namespace}/{name}",
                )
            readable = {
                (namespace, name)
                for namespace in ("team-a", "team-b")
                for name in ("token", "other")
                if allowed(installation, user, namespace, "secrets", name)
            }
            assert readable == {("team-a", "token")}


def test_the_tests_own_account_needs_what_it_has(installation: Installation, stage: Stage, tmp_path: Path) -> None:
    """`baton runs wait` and `baton check`, as `helm test` runs them."""
    namespace, account = "checked", "checked-baton-test"
    with installed_for(installation, stage, namespace):
        hooks = installation.helm("get", "hooks", namespace, "--namespace", namespace).split("---\n")
        roles = [each for each in hooks if "kind: ClusterRole" in each or "kind: ServiceAccount\n" in each]
        stage.server.kubectl("apply", "--namespace", namespace, "--filename=-", stdin="---\n".join(roles))
        kubeconfig = stage.server.write_service_account_kubeconfig(namespace, account, tmp_path / "checker")
        environ = {**os.environ, "KUBECONFIG": str(kubeconfig), "BATON_DATABASE_URL": stage.database_url}

        def baton(*words: str) -> subprocess.CompletedProcess[str]:
            command = [sys.executable, "-c", "from baton_operator.cli import main; main()", *words]
            return subprocess.run(command, env=environ, capture_output=True, text=True, check=False)

        assert baton("runs", "wait", "none", "--namespace", stage.namespace, "--timeout", "1s").returncode == 5
        done = baton("check")
        assert done.returncode == 0, done.stdout + done.stderr
        role = stage.server.request("GET", f"{RBAC}/clusterroles/{account}")
        assert installation.used_by(namespace, account) == rights_in(role["rules"])
        for kind in ("clusterroles", "clusterrolebindings"):
            stage.server.request("DELETE", f"{RBAC}/{kind}/{account}")
