"""From a decision to the row change that it means, and from a row to the request that it makes."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from baton_operator.decide.attempts import Abandon, Acknowledge, Hold, Look, Queue, Refuse, Resend, Step
from baton_operator.decide.definition import read_definition
from baton_operator.loops.changes import abandoned, change_of
from baton_operator.loops.requests import arguments, fingerprint, request

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
ATTEMPT = UUID(int=7)


@pytest.mark.parametrize(
    ("step", "state", "values"),
    [
        (Queue("item/7"), "ENQUEUED", {"handle": "item/7"}),
        (Resend(NOON, proven=True, message="no"), "INTENT", {"due_at": NOON, "proven": True, "error": "no"}),
        (Resend(NOON, proven=False), "INTENT", {"due_at": NOON, "proven": False}),
        (Look(NOON, 1, "not there"), "AMBIGUOUS", {"due_at": NOON, "absences": 1, "looked_at": NOON}),
        (Hold("who knows"), "HALTED", {"error": "who knows", "looked_at": NOON}),
        (Refuse("EngineRejected", "no"), "REJECTED", {"error": "no"}),
        (Abandon(), "CLOSED", {"error": "cancelled; it never ran"}),
    ],
)
def test_each_step_is_one_change(step: Step, state: str, values: dict[str, Any]) -> None:
    change = change_of(ATTEMPT, step, looked_at=NOON)
    assert (change.id, change.state, change.instance_id) == (ATTEMPT, state, None)
    assert {name: getattr(change, name) for name in values} == values


def test_an_acknowledgement_bears_an_instance() -> None:
    """Ids that are longer than their column are cut, and stay apart."""
    change = change_of(ATTEMPT, Acknowledge("x" * 300, "http://u", "Pending", adopted=False))
    other = change_of(ATTEMPT, Acknowledge("x" * 299 + "y", None, "", adopted=True))
    assert (change.state, change.url, change.native) == ("ACKED", "http://u", "Pending")
    assert change.instance_id is not None
    assert change.external_id is not None
    assert len(change.external_id) <= 200
    assert change.external_id != other.external_id
    assert other.native is None


def test_an_engines_words_are_repaired_and_cut() -> None:
    """PostgreSQL keeps no NUL, and nobody reads a megabyte."""
    assert change_of(ATTEMPT, Hold("a\0b" + "c" * 5000)).error == "a\ufffdb" + "c" * 997


@pytest.mark.parametrize(
    ("cause", "batch", "expected"),
    [
        ("Cancelled", None, ("CANCELLED", "Cancelled")),
        (None, None, ("CANCELLED", "Cancelled")),
        ("TimedOut", None, ("FAILED", "TimedOut")),
        ("TimedOut", UUID(int=3), ("CANCELLED", "TimedOut")),
    ],
)
def test_what_never_ran_ends_as_its_cause_says(
    cause: str | None, batch: UUID | None, expected: tuple[str, str]
) -> None:
    row = SimpleNamespace(
        id=ATTEMPT, run_id=UUID(int=1), batch_execution_id=batch, item_execution_id=None, cancel_cause=cause
    )
    move = abandoned(row)
    assert (move.status, move.reason) == expected


ROW = SimpleNamespace(
    token="baton-" + "0" * 32 + "-a2",
    fingerprint=None,
    uid="u",
    run_name="nightly",
    tenant_id="team-a",
    correlation_id=None,
    parameters={"host": "db"},
    batch_name="canary",
    batch_payload={"region": "eu", "name": "shadow"},
    item_payload={"n": 1},
    attempt_no=2,
    run_timeout_seconds=60,
    trace_context=None,
    handle=None,
)
SPEC = {
    "engineRef": {"name": "argo"},
    "target": {"argo": {"workflowTemplate": "nap"}},
    "arguments": {
        "host": "${parameters.host}",
        "where": "${batch.name}/${batch.region}/${batch.payload.name}",
        "n": "${item.n}",
        "who": "${run.namespace}/${run.name}/${run.correlationId}",
        "try": "${attempt}",
    },
}


def test_the_same_row_makes_the_same_request() -> None:
    """A batch's name is its own, whatever its payload calls it."""
    definition = read_definition(SPEC, "team-a", "patch")
    values = arguments(ROW, definition)
    assert values == {
        "host": "db",
        "where": "canary/eu/shadow",
        "n": 1,
        "who": "team-a/nightly/",
        "try": 2,
    }
    made = request(ROW, definition, values, deadline=5.0)
    assert made == request(ROW, definition, dict(reversed(values.items())), deadline=5.0)
    assert made.fingerprint == fingerprint(definition.target, values)
    assert (made.token, made.run_uid, made.timeout, made.before_send) == (ROW.token, "u", 60, None)


def test_a_fingerprint_tells_targets_and_arguments_apart() -> None:
    prints = {
        fingerprint({"workflowTemplate": "nap"}, {"n": 1}),
        fingerprint({"workflowTemplate": "nap"}, {"n": "1"}),
        fingerprint({"workflowTemplate": "wake"}, {"n": 1}),
    }
    assert len(prints) == 3
    assert fingerprint({"a": 1, "b": 2}, {}) == fingerprint({"b": 2, "a": 1}, {})


def test_the_fingerprint_of_the_first_send_stays() -> None:
    """It is kept with the attempt: a definition that is read anew changes nothing."""
    row = SimpleNamespace(**{**vars(ROW), "fingerprint": "f" * 64})
    definition = replace(read_definition(SPEC, "team-a", "patch"), target={"workflowTemplate": "other"})
    assert request(row, definition, {}, deadline=1.0).fingerprint == "f" * 64
