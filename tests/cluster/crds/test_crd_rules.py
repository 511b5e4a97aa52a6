"""Every CEL rule of the three kinds, by what it accepts and what it refuses, on the real API server."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from crd_cases import CASES, KUBECONFIG, SECRET, Case, Spec, argo, automation, objects, run

CRDS = sorted((Path(__file__).parents[3] / "crds").glob("*.yaml"))


@dataclass(frozen=True)
class Change:
    """A transition rule's message: what a stored spec may become, and what it may not."""

    kind: str
    message: str
    stored: Spec
    accepted: list[Spec]
    refused: list[Spec]


CHANGES = [
    Change(
        "Engine",
        "spec.type is immutable: create another Engine and point the Automations to it",
        argo(),
        [{"suspend": True, "auth": {"bearer": SECRET}, "limits": {"maxInFlight": 7}}],
        [{"type": "Acme"}],
    ),
    Change(
        "Engine",
        "spec.url is immutable, because executions are known by the engine they run on: "
        "create another Engine and point the Automations to it",
        argo(),
        [{"url": "https://argo.example"}],
        [{"url": "https://argo.example/"}, {"url": "http://argo.example"}],
    ),
    Change(
        "Engine",
        "spec.kubernetes is immutable, because executions are known by the engine they run on: "
        "create another Engine and point the Automations to it",
        objects(KUBECONFIG),
        [{"kubernetes": {"kubeconfigSecretRef": {"name": "there", "key": "kubeconfig"}}, "suspend": True}],
        [
            {"kubernetes": {"kubeconfigSecretRef": {"name": "elsewhere"}}},
            {"kubernetes": {"kubeconfigSecretRef": None, "inCluster": True}, "auth": {"serviceAccount": {"name": "a"}}},
            {"kubernetes": None, "url": "https://argo.example"},
        ],
    ),
    Change(
        "Run",
        "spec.automationRef is immutable: create another Run",
        run(),
        [{"automationRef": {"name": "hello"}}],
        [{"automationRef": {"name": "other"}}],
    ),
    Change(
        "Run",
        "spec.parameters is immutable: create another Run",
        run(parameters={"a": {"b": [1, 2]}}),
        [{"parameters": {"a": {"b": [1, 2]}}}, {"state": "Suspended", "reason": "wait"}],
        [{"parameters": {"a": {"b": [2, 1]}}}, {"parameters": {"c": 1}}, {"parameters": None}],
    ),
    Change("Run", "spec.parameters is immutable: create another Run", run(), [{}], [{"parameters": {}}]),
    Change(
        "Run",
        "spec.batches is immutable: create another Run",
        run(batches={"inline": [{"name": "a", "items": [{"host": "one"}]}]}),
        [{"batches": {"inline": [{"name": "a", "items": [{"host": "one"}]}]}}],
        [
            {"batches": {"inline": [{"name": "a", "items": [{"host": "two"}]}]}},
            {"batches": {"inline": [{"name": "a", "items": []}]}},
            {"batches": {"inline": None, "names": ["a"]}},
            {"batches": None},
        ],
    ),
    Change(
        "Run",
        "spec.correlationId is immutable: create another Run",
        run(correlationId="CHG-1"),
        [{"correlationId": "CHG-1"}],
        [{"correlationId": "CHG-2"}, {"correlationId": None}],
    ),
    Change(
        "Run",
        "spec.priority is immutable: create another Run",
        run(),
        [{"reason": "a word"}],
        [{"priority": 100}],
    ),
    Change(
        "Run",
        "spec.parentRunRef is immutable: create another Run",
        run(parentRunRef={"name": "first"}, action="correct"),
        [{"parentRunRef": {"name": "first"}}],
        [{"parentRunRef": {"name": "second"}}, {"parentRunRef": None}],
    ),
    Change(
        "Run",
        "spec.action is immutable: create another Run",
        run(action="create"),
        [{"action": "create"}],
        [{"action": "approve"}, {"action": None}],
    ),
    Change(
        "Run",
        "spec.state is Cancelled for good: create another Run",
        run(state="Cancelled"),
        [{"reason": "not needed any more"}, {"state": "Cancelled"}],
        [{"state": "Active"}, {"state": "Suspended"}],
    ),
]
LONG_NAMES = {
    "Engine": "metadata.name has more than 52 characters: choose a shorter name",
    "Automation": "metadata.name has more than 52 characters: choose a shorter name",
    "Run": "metadata.name has more than 52 characters: choose a shorter name, or a generateName of at most 47",
}
MINIMAL = {"Engine": {"type": "Embedded"}, "Automation": automation(), "Run": run()}


def rule_messages(node: Any) -> set[str]:
    if isinstance(node, list):
        return {message for child in node for message in rule_messages(child)}
    if not isinstance(node, dict):
        return set()
    own = {rule["message"] for rule in node.get("x-kubernetes-validations", [])}
    return own | {message for child in node.values() for message in rule_messages(child)}


def test_no_rule_is_without_a_case() -> None:
    """A rule that is added to a definition needs an accepted and a refused object here."""
    for source in CRDS:
        definition = yaml.safe_load(source.read_text())
        kind = definition["spec"]["names"]["kind"]
        tried = {case.message for case in [*CASES, *CHANGES] if case.kind == kind} | {LONG_NAMES[kind]}
        assert tried == rule_messages(definition)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.kind}-{case.message[:40]}")
def test_a_rule_accepts_and_refuses(judge: Any, case: Case) -> None:
    """What fits is taken; what does not is refused with the rule's own message."""
    for spec in case.accepted:
        assert judge.refusal(case.kind, spec) == ""
    for spec in case.refused:
        assert case.message in judge.refusal(case.kind, spec), spec


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.kind}-{change.message[:40]}")
def test_a_transition_rule_accepts_and_refuses(judge: Any, change: Change) -> None:
    """What may change does; what may not stays as it was stored."""
    judge.create(change.kind, change.stored)
    for spec in change.accepted:
        assert judge.refusal_of_change(change.kind, "x", spec) == ""
    before = judge.get(change.kind, "x")["spec"]
    for spec in change.refused:
        assert change.message in judge.refusal_of_change(change.kind, "x", spec), spec
    assert judge.get(change.kind, "x")["spec"] == before


@pytest.mark.parametrize("kind", MINIMAL)
def test_a_name_has_at_most_52_characters(judge: Any, kind: str) -> None:
    """Names become parts of labels, tokens and columns."""
    assert judge.refusal(kind, MINIMAL[kind], "n" * 52) == ""
    assert LONG_NAMES[kind] in judge.refusal(kind, MINIMAL[kind], "n" * 53)


@pytest.mark.parametrize("moves", [("Suspended", "Active", "Suspended", "Cancelled"), ("Cancelled",)])
def test_a_run_is_suspended_resumed_and_cancelled(judge: Any, moves: tuple[str, ...]) -> None:
    """The state moves freely until it is Cancelled."""
    judge.create("Run", MINIMAL["Run"])
    for state in moves:
        assert judge.change("Run", "x", {"state": state})["spec"]["state"] == state


def test_several_faults_are_all_named_at_once(judge: Any) -> None:
    """One faulty duration does not hide the next field's fault, and causes no unreadable error in a rule about both."""
    refusal = judge.refusal("Engine", argo(url="https://u:p@a", tracking={"interval": "1d"}))
    assert "spec.url holds a user or password" in refusal
    assert "spec.tracking.interval is not a duration" in refusal
    assert "evaluating rule" not in refusal


@pytest.mark.parametrize("kind", MINIMAL)
def test_a_field_that_does_not_exist_is_refused(judge: Any, kind: str) -> None:
    """A typo is named, not pruned in silence (kubectl asks for that by default)."""
    assert 'unknown field "spec.paramters"' in judge.refusal(kind, MINIMAL[kind] | {"paramters": {}})


def test_a_data_model_is_declared_once(judge: Any) -> None:
    """Two equal names in `dataModels` are refused."""
    assert judge.refusal("Automation", automation(dataModels=["Approval", "Purchase"])) == ""
    assert "Duplicate value" in judge.refusal("Automation", automation(dataModels=["Approval", "Approval"]))


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        ("Automation", automation(batches=[{"name": "a"}, {"name": "a"}])),
        ("Run", run(batches={"inline": [{"name": "a"}, {"name": "a"}]})),
        ("Run", run(batches={"names": ["a", "a"]})),
    ],
)
def test_a_batch_is_named_once(judge: Any, kind: str, spec: Spec) -> None:
    """Two batches of one name are refused."""
    assert "Duplicate value" in judge.refusal(kind, spec)
