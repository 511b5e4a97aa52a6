"""What people meet: defaults, columns, names, selectors, explanations, and the status beside the spec."""

from __future__ import annotations

from typing import Any

import pytest

from baton_operator.local.api_server import ApiServer
from baton_operator.local.errors import ApiError

DEFAULTS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Engine": (
        {"type": "Argo", "url": "https://argo.example", "auth": {"bearer": {"secretRef": {"name": "t"}}}},
        {
            "auth": {"bearer": {"secretRef": {"name": "t", "key": "token"}}},
            "suspend": False,
            "limits": {"maxInFlight": 50, "requestsPerSecond": 10, "burst": 20},
            "circuitBreaker": {"failureRatio": "0.5", "minimumRequests": 20, "window": "60s", "openFor": "60s"},
            "tracking": {"interval": "10s", "idleInterval": "60s"},
            "submission": {"visibilityLag": "30s", "memory": "24h", "onAmbiguous": "Hold"},
        },
    ),
    "Automation": (
        {"engineRef": {"name": "tasks"}, "target": {"embedded": {"task": "demo.hello"}}},
        {
            "dispatch": {"per": "Run", "maxParallel": 10, "order": "Parallel", "maxFailures": 0},
            "retry": {
                "maxAttempts": 1,
                "backoff": {"initial": "30s", "factor": "2", "max": "30m"},
                "retryOn": ["Failed", "EngineError"],
            },
            "timeouts": {"cancel": "5m"},
            "concurrency": {"whenFull": "Queue"},
            "deletionPolicy": "Orphan",
            "priority": 100,
            "suspend": False,
        },
    ),
    "Run": ({"automationRef": {"name": "hello"}}, {"state": "Active"}),
}
COLUMNS = {
    "engines": (["NAME", "TYPE", "READY", "VERSION", "IN FLIGHT", "AGE"], ["REASON", "GUARANTEE", "SUSPENDED", "URL"]),
    "automations": (
        ["NAME", "ENGINE", "READY", "ACTIVE", "LAST OUTCOME", "AGE"],
        ["REASON", "PER", "SUSPENDED", "LAST RUN", "DESCRIPTION"],
    ),
    "runs": (
        ["NAME", "AUTOMATION", "ENGINE", "PHASE", "PROGRESS", "AGE"],
        ["REASON", "FAILED", "ATTEMPT", "EXTERNAL", "DURATION"],
    ),
}
FULL_STATUS = {
    "observedGeneration": 1,
    "runId": "0197c2d5-0000-7000-8000-000000000000",
    "phase": "Failed",
    "progress": "41/60",
    "attempt": 3,
    "counts": {"total": 60, "completed": 41, "failed": 2, "running": 0},
    "external": {"engine": "platform/argo", "id": "argo/baton-1-a1", "url": "https://argo.example/1", "more": 8},
    "failures": [{"batch": "canary", "item": 2, "message": "disk is full"}],
    "startedAt": "2026-01-01T00:00:00Z",
    "finishedAt": "2026-01-01T00:02:14Z",
    "duration": "2m14s",
    "conditions": [
        {
            "type": "Succeeded",
            "status": "False",
            "reason": "TimedOut",
            "message": "took longer than 2m",
            "lastTransitionTime": "2026-01-01T00:02:14Z",
            "observedGeneration": 1,
        }
    ],
}


@pytest.mark.parametrize("kind", DEFAULTS)
def test_defaults_are_filled_in(judge: Any, kind: str) -> None:
    """A stored object shows what holds, also what nobody wrote."""
    given, filled = DEFAULTS[kind]
    assert judge.create(kind, given)["spec"] == given | filled


def test_a_partly_given_block_is_filled_up(judge: Any) -> None:
    """Setting one field of a block does not lose the defaults of its neighbours."""
    given, _ = DEFAULTS["Automation"]
    stored = judge.create("Automation", given | {"retry": {"backoff": {"initial": "1s"}}})["spec"]["retry"]
    assert stored["backoff"] == {"initial": "1s", "factor": "2", "max": "30m"}
    assert stored["maxAttempts"] == 1


@pytest.mark.parametrize("plural", COLUMNS)
def test_tables_have_the_columns_that_answer_the_first_questions(definitions: ApiServer, plural: str) -> None:
    """Narrow by default, the rest with `-o wide`."""
    definition = definitions.request(
        "GET", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.baton.dev"
    )
    columns = definition["spec"]["versions"][0]["additionalPrinterColumns"]
    narrow, wide = COLUMNS[plural]
    assert ["NAME", *(each["name"].upper() for each in columns if not each.get("priority"))] == narrow
    assert [each["name"].upper() for each in columns if each.get("priority")] == wide


def test_a_wide_table_shows_a_runs_status(definitions: ApiServer, judge: Any) -> None:
    """Each column finds its value in a status as Baton writes it."""
    judge.create("Run", {"automationRef": {"name": "hello"}})
    judge.set_status("Run", "x", FULL_STATUS)
    shown = definitions.kubectl("get", "run", "x", "-n", judge.namespace, "-o", "wide", "--no-headers").split()
    assert shown[:5] == ["x", "hello", "platform/argo", "Failed", "41/60"]
    assert shown[6:] == ["TimedOut", "2", "3", "argo/baton-1-a1", "2m14s"]


@pytest.mark.parametrize("selector", ["spec.automationRef.name=one", "spec.state=Suspended", "status.phase=Failed"])
def test_runs_are_selected_by_field(definitions: ApiServer, judge: Any, selector: str) -> None:
    """`kubectl get runs --field-selector` finds one of two, without a label."""
    judge.create("Run", {"automationRef": {"name": "one"}, "state": "Suspended"}, "wanted")
    judge.create("Run", {"automationRef": {"name": "two"}}, "other")
    judge.set_status("Run", "wanted", {"phase": "Failed"})
    judge.set_status("Run", "other", {"phase": "Running"})
    found = definitions.kubectl("get", "runs", "-n", judge.namespace, "--field-selector", selector, "-o", "name")
    assert found.split() == ["run.baton.dev/wanted"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("eng", ["engine.baton.dev/x"]),
        ("auto", ["automation.baton.dev/x"]),
        ("brun", ["run.baton.dev/x"]),
        ("run", ["run.baton.dev/x"]),
        ("baton", ["automation.baton.dev/x", "engine.baton.dev/x", "run.baton.dev/x"]),
    ],
)
def test_kinds_have_short_names_and_a_category(definitions: ApiServer, judge: Any, name: str, found: list[str]) -> None:
    """`kubectl get baton` shows all that is Baton's."""
    for kind, (spec, _) in DEFAULTS.items():
        judge.create(kind, spec)
    assert sorted(definitions.kubectl("get", name, "-n", judge.namespace, "-o", "name").split()) == found


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("automation.spec.dispatch", "How a Run is cut into executions at the engine"),
        ("automation.spec.dispatch.per", "What becomes one execution at the engine"),
        ("engine.spec.auth.bearer.secretRef.key", "The key under which the token is stored."),
        ("run.spec.state", "there is no way back"),
    ],
)
def test_explain_reads_as_documentation(definitions: ApiServer, field: str, words: str) -> None:
    """`kubectl explain` knows each field; that each has a description is a unit test's business."""
    assert words in " ".join(definitions.kubectl("explain", field, "--api-version=baton.dev/v1alpha1").split())


def test_status_and_spec_are_written_apart(judge: Any) -> None:
    """Who writes the status changes nothing else, and who writes the object cannot write its status."""
    judge.create("Run", {"automationRef": {"name": "hello"}})
    path = judge.path("Run", "x/status")
    judge.api_server.request(
        "PATCH",
        path,
        {"spec": {"reason": "smuggled"}, "metadata": {"labels": {"a": "b"}}, "status": {"phase": "Running"}},
    )
    judge.api_server.request("PATCH", judge.path("Run", "x"), {"status": {"phase": "Succeeded"}})
    stored = judge.get("Run", "x")
    assert stored["status"] == {"phase": "Running"}
    assert stored["spec"] == {"automationRef": {"name": "hello"}, "state": "Active"}
    assert "labels" not in stored["metadata"]
    assert stored["metadata"]["generation"] == 1


def test_a_condition_is_there_once(judge: Any) -> None:
    """Two conditions of one type are refused."""
    judge.create("Run", {"automationRef": {"name": "hello"}})
    with pytest.raises(ApiError, match="Duplicate value"):
        judge.set_status("Run", "x", {"conditions": FULL_STATUS["conditions"] * 2})


def test_payloads_are_kept_as_they_were_written(judge: Any) -> None:
    """Nothing inside parameters, payloads and items is pruned, defaulted or reordered."""
    data = {"text": "ünï", "deep": [{"a": [1, 2.5, True, None]}], "apiVersion": "x", "empty": {}, "none": None}
    batch = {"name": "a", "payload": data, "items": [data, {}, data]}
    stored = judge.create(
        "Run", {"automationRef": {"name": "hello"}, "parameters": data, "batches": {"inline": [batch]}}
    )
    assert stored["spec"]["parameters"] == data
    assert stored["spec"]["batches"]["inline"] == [batch]
