"""Who may do what with the three kinds, and who is named for it: the chart's rules and policy, as other identities."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from baton_operator.local import manifests
from baton_operator.local.api_server import ApiServer
from baton_operator.local.errors import ApiError

RUN = {"automationRef": {"name": "hello"}}
API = "/apis/baton.dev/v1alpha1"
CREATED_BY, STATE_BY = "baton.dev/created-by", "baton.dev/state-by"
DEADLINE = 30.0


def eventually(holds: Callable[[], bool]) -> bool:
    """Wait until the API server has heard of what was applied."""
    end = time.monotonic() + DEADLINE
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def is_allowed(act: Callable[[], object]) -> bool:
    """Say whether an act is permitted: anything but 403, also an object that is not there."""
    try:
        act()
    except ApiError as error:
        return error.status != 403
    return True


def body(kind: str, name: str, spec: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    return {
        "apiVersion": "baton.dev/v1alpha1",
        "kind": kind,
        "metadata": {"name": name} | metadata,
        "spec": spec,
    }


@pytest.fixture(scope="module")
def release(definitions: ApiServer) -> Iterator[str]:
    """A release of its own: the name of its namespace, its ServiceAccount and all that is cluster-wide."""
    name = f"test-{uuid.uuid4().hex[:12]}"
    applied = manifests.access(name, name)
    definitions.apply_objects(applied)
    yield name
    for each in applied:
        if each["apiVersion"].startswith("rbac.") and "namespace" not in each["metadata"]:
            plural = each["kind"].lower() + "s"
            definitions.request("DELETE", f"/apis/{each['apiVersion']}/{plural}/{each['metadata']['name']}")
    definitions.delete_namespace(name)


@pytest.fixture(scope="module")
def operator(definitions: ApiServer, release: str, tmp_path_factory: pytest.TempPathFactory) -> ApiServer:
    """The API server, as the operator may use it."""
    path = tmp_path_factory.mktemp("operator") / "kubeconfig"
    found = ApiServer(definitions.write_service_account_kubeconfig(release, release, path))
    assert eventually(lambda: is_allowed(lambda: found.request("GET", f"{API}/runs")))
    return found


@pytest.fixture
def person(definitions: ApiServer, namespace: str, tmp_path: Path) -> Callable[[str, str], ApiServer]:
    """Makes an identity that is bound to one ClusterRole in the test's namespace: ``person("alice", "edit")``."""

    def make(name: str, role: str) -> ApiServer:
        definitions.create_service_account(namespace, name)
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": name, "namespace": namespace},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}],
        }
        definitions.apply_objects([binding])
        found = ApiServer(definitions.write_service_account_kubeconfig(namespace, name, tmp_path / name))
        runs = f"{API}/namespaces/{namespace}/runs"
        assert eventually(lambda: is_allowed(lambda: found.request("GET", runs)))
        return found

    return make


NONE = "fieldSelector=metadata.name%3Dnone"  # a watch without events is answered by nothing, whatever others left


@pytest.mark.parametrize("plural", ["engines", "automations", "runs"])
def test_the_operator_reads_every_kind_and_writes_only_status(operator: ApiServer, judge: Any, plural: str) -> None:
    """It lists everywhere, gets, watches and patches `/status`; of a Run it may hold a finalizer, else nothing."""
    one = f"{API}/namespaces/{judge.namespace}/{plural}/x"
    assert is_allowed(lambda: operator.request("GET", f"{API}/{plural}"))
    assert is_allowed(lambda: operator.request("GET", f"{API}/{plural}?watch=true&timeoutSeconds=1&{NONE}"))
    assert is_allowed(lambda: operator.request("GET", one))
    assert is_allowed(lambda: operator.request("PATCH", f"{one}/status", {"status": {}}))
    holds = is_allowed(lambda: operator.request("PATCH", one, {"metadata": {"labels": {"a": "b"}}}))
    assert holds == (plural == "runs")
    assert not is_allowed(lambda: operator.request("DELETE", one))
    assert not is_allowed(lambda: operator.request("POST", one.removesuffix("/x"), body("Run", "y", RUN)))


def test_the_operator_reads_secrets_by_name_only(operator: ApiServer, namespace: str) -> None:
    """No list and no watch of Secrets or ConfigMaps, and no write."""
    for plural in ("secrets", "configmaps"):
        path = f"/api/v1/namespaces/{namespace}/{plural}"
        assert is_allowed(lambda path=path: operator.request("GET", f"{path}/some"))
        assert not is_allowed(lambda path=path: operator.request("GET", path))
        assert not is_allowed(lambda path=path: operator.request("GET", f"{path}?watch=true&timeoutSeconds=1"))
        assert not is_allowed(lambda path=path: operator.request("DELETE", f"{path}/some"))


def test_the_operator_reads_a_namespaces_labels(operator: ApiServer, namespace: str) -> None:
    """They decide whether an Engine allows a namespace."""
    assert operator.request("GET", f"/api/v1/namespaces/{namespace}")["metadata"]["labels"]
    assert not is_allowed(lambda: operator.request("DELETE", f"/api/v1/namespaces/{namespace}"))


def test_the_operator_posts_events(operator: ApiServer, namespace: str) -> None:
    """Events of `events.k8s.io`, each once: it neither changes nor reads them."""
    path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
    event = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": "failed.1", "namespace": namespace},
        "eventTime": "2026-01-01T00:00:00.000000Z",
        "reportingController": "baton.dev/operator",
        "reportingInstance": "baton-0",
        "action": "Failed",
        "reason": "Failed",
        "type": "Warning",
        "note": "disk is full",
        "regarding": {"apiVersion": "baton.dev/v1alpha1", "kind": "Run", "namespace": namespace, "name": "x"},
    }
    assert operator.request("POST", path, event)["note"] == "disk is full"
    assert not is_allowed(lambda: operator.request("PATCH", f"{path}/failed.1", {"series": None}))
    assert not is_allowed(lambda: operator.request("GET", path))


def test_tokens_are_issued_only_where_an_owner_said_so(
    definitions: ApiServer, operator: ApiServer, release: str, namespace: str
) -> None:
    """`auth.serviceAccount` works in a namespace after its owner bound the ClusterRole there, and nowhere before."""
    definitions.create_service_account(namespace, "robot")
    assert not is_allowed(lambda: operator.service_account_token(namespace, "robot", seconds=600))
    definitions.apply_objects([manifests.token_issuing(namespace, release, release)])
    assert eventually(lambda: is_allowed(lambda: operator.service_account_token(namespace, "robot", seconds=600)))
    assert not is_allowed(lambda: operator.service_account_token(release, release, seconds=600))


@pytest.mark.parametrize(
    ("role", "writes"),
    [("view", set()), ("edit", {"automations", "runs"}), ("admin", {"engines", "automations", "runs"})],
)
def test_the_usual_roles_learn_the_kinds(
    release: str, person: Callable[[str, str], ApiServer], namespace: str, role: str, writes: set[str]
) -> None:
    """Who may edit a namespace runs Automations; only its administrator decides where credentials are sent."""
    somebody = person("somebody", role)
    for plural in ("engines", "automations", "runs"):
        path = f"{API}/namespaces/{namespace}/{plural}"

        def may(path: str = path) -> bool:
            return is_allowed(lambda: somebody.request("DELETE", f"{path}/x"))

        assert is_allowed(lambda path=path: somebody.request("GET", path))
        if plural in writes:
            assert eventually(may)
        else:
            assert not may()


def is_stamped(definitions: ApiServer, namespace: str) -> bool:
    """Ask whether a Run made now would get its author's name."""
    path = f"{API}/namespaces/{namespace}/runs?dryRun=All"
    return "annotations" in definitions.request("POST", path, body("Run", "probe", RUN))["metadata"]


@pytest.fixture
def before_any_policy(definitions: ApiServer, namespace: str) -> Iterator[None]:
    """
    A namespace in which nobody stamps Runs: left out by the policy of whole Batons on the same API server.

    Other tests may apply that policy at any moment, so it is there from the start, and what leaves the namespace out is
    a field that applying it again does not touch.
    """
    rule, binding = manifests.admission()
    definitions.apply_objects([rule, binding])
    path = f"/apis/{binding['apiVersion']}/mutatingadmissionpolicybindings/{binding['metadata']['name']}"
    others = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [namespace]}
    left_out = {"namespaceSelector": {"matchExpressions": [others]}}
    definitions.request("PATCH", path, {"spec": {"matchResources": left_out}})
    assert eventually(lambda: not is_stamped(definitions, namespace))
    yield
    definitions.request("PATCH", path, {"spec": {"matchResources": None}})


@pytest.fixture
def policy(definitions: ApiServer, namespace: str, before_any_policy: None) -> Iterator[None]:
    """The admission policy, in force in the test's namespace only, and no other one there."""
    rule, binding = manifests.admission(namespace)
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    binding["spec"]["matchResources"] = {"namespaceSelector": selector}
    definitions.apply_objects([rule, binding])

    assert eventually(lambda: is_stamped(definitions, namespace))
    yield
    for plural, each in (("mutatingadmissionpolicybindings", binding), ("mutatingadmissionpolicies", rule)):
        definitions.request("DELETE", f"/apis/{each['apiVersion']}/{plural}/{each['metadata']['name']}")


@pytest.mark.usefixtures("policy", "release")
def test_a_run_says_who_created_it_and_who_changed_its_state(
    person: Callable[[str, str], ApiServer], namespace: str
) -> None:
    """The names come from the request's identity, whatever the request says, and stay through others' changes."""
    alice, bob = person("alice", "edit"), person("bob", "edit")
    prefix = f"system:serviceaccount:{namespace}"
    runs = f"{API}/namespaces/{namespace}/runs"
    forged = {CREATED_BY: "root", STATE_BY: "root", "own": "kept"}
    assert eventually(lambda: is_allowed(lambda: bob.request("DELETE", f"{runs}/none")))
    assert eventually(lambda: is_allowed(lambda: alice.request("DELETE", f"{runs}/none")))

    created = alice.request("POST", runs, body("Run", "x", RUN, annotations=forged))["metadata"]["annotations"]
    assert created == {CREATED_BY: f"{prefix}:alice", "own": "kept"}

    reworded = bob.request("PATCH", f"{runs}/x", {"spec": {"reason": "a word"}})["metadata"]["annotations"]
    assert reworded == created

    suspended = bob.request("PATCH", f"{runs}/x", {"spec": {"state": "Suspended"}})["metadata"]["annotations"]
    assert suspended == created | {STATE_BY: f"{prefix}:bob"}

    erased = {"metadata": {"annotations": {CREATED_BY: None, STATE_BY: "root", "own": None}}}
    assert alice.request("PATCH", f"{runs}/x", erased)["metadata"]["annotations"] == {
        CREATED_BY: f"{prefix}:alice",
        STATE_BY: f"{prefix}:bob",
    }

    cancelled = alice.request("PATCH", f"{runs}/x", {"spec": {"state": "Cancelled"}})["metadata"]["annotations"]
    assert cancelled[STATE_BY] == f"{prefix}:alice"


@pytest.mark.usefixtures("policy")
def test_a_run_that_is_born_suspended_says_by_whom(judge: Any) -> None:
    """A new Run counts as if it had been Active before."""
    annotations = judge.create("Run", RUN | {"state": "Suspended"})["metadata"]["annotations"]
    assert annotations[CREATED_BY] == annotations[STATE_BY] != ""


@pytest.mark.usefixtures("policy")
def test_a_run_without_a_spec_is_told_what_is_missing(definitions: ApiServer, judge: Any) -> None:
    """The policy leaves it to the schema, which names the field."""
    whole = body("Run", "x", RUN)
    del whole["spec"]
    with pytest.raises(ApiError, match="spec: Required value"):
        definitions.request("POST", judge.path("Run", ""), whole)


@pytest.mark.usefixtures("before_any_policy")
def test_a_run_older_than_the_policy_gets_no_forged_author(
    definitions: ApiServer, judge: Any, request: pytest.FixtureRequest
) -> None:
    """Where nobody knows who created a Run, nobody can write a name there later."""
    judge.create("Run", RUN)
    request.getfixturevalue("policy")
    forged = {"metadata": {"annotations": {CREATED_BY: "root", STATE_BY: "root"}}}
    stored = definitions.request("PATCH", judge.path("Run", "x"), forged)
    assert stored["metadata"].get("annotations", {}) == {}
