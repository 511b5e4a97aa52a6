"""What Engines and Automations show."""

from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_models.status import ExecutionStatus
from baton_operator.decide import automation_status, engine_status
from baton_operator.decide.automation_status import AutomationView, LastRun
from baton_operator.decide.engine_status import EngineView

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
texts = st.none() | st.text(max_size=3000)


def shown(document: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in document["conditions"]}


@pytest.mark.parametrize(
    ("values", "conditions"),
    [
        ({}, {"Ready": ("Unknown", "ProbeFailed"), "Authenticated": ("Unknown", "SecretNotFound")}),
        (
            {"ready_reason": "ProbeSucceeded", "authenticated_reason": "TokenAccepted"},
            {"Ready": ("True", "ProbeSucceeded"), "Authenticated": ("True", "TokenAccepted")},
        ),
        (
            {"ready_reason": "ProbeFailed", "authenticated_reason": "CredentialsRejected"},
            {"Ready": ("False", "ProbeFailed"), "Authenticated": ("False", "CredentialsRejected")},
        ),
        (
            {"ready_reason": "ProbeSucceeded", "stalled_reason": "AddressRefused"},
            {
                "Ready": ("False", "ProbeFailed"),
                "Authenticated": ("Unknown", "SecretNotFound"),
                "Stalled": ("True", "AddressRefused"),
            },
        ),
        (
            {"ready_reason": "ProbeSucceeded", "authenticated_reason": "TokenAccepted", "is_circuit_open": True},
            {
                "Ready": ("True", "ProbeSucceeded"),
                "Authenticated": ("True", "TokenAccepted"),
                "CircuitOpen": ("True", "FailureRatio"),
            },
        ),
    ],
)
def test_an_engine_shows_how_it_stands(values: dict[str, Any], conditions: dict[str, tuple[str, str]]) -> None:
    """Stalled and CircuitOpen are present only when True."""
    assert shown(engine_status.status_document(EngineView(generation=2, **values))) == conditions


@pytest.mark.parametrize(
    ("values", "conditions"),
    [
        ({}, {"Ready": ("Unknown", "Valid"), "TargetResolved": ("Unknown", "Valid")}),
        (
            {"ready_reason": "Valid", "target_reason": "Valid"},
            {"Ready": ("True", "Valid"), "TargetResolved": ("True", "Valid")},
        ),
        (
            {"ready_reason": "Valid", "target_reason": "TargetNotFound", "target_message": "no such template"},
            {"Ready": ("False", "TargetNotFound"), "TargetResolved": ("False", "TargetNotFound")},
        ),
        (
            {"ready_reason": "InvalidSchema", "ready_message": "spec.itemSchema.type: ..."},
            {
                "Ready": ("False", "InvalidSchema"),
                "TargetResolved": ("Unknown", "Valid"),
                "Stalled": ("True", "InvalidSchema"),
            },
        ),
        (
            {"ready_reason": "Valid", "target_reason": "InvalidArguments", "target_message": "add x to arguments"},
            {"Ready": ("False", "InvalidArguments"), "TargetResolved": ("False", "InvalidArguments")},
        ),
        (
            {"ready_reason": "Valid", "target_reason": "MissingTokenParameter", "target_message": "declare it"},
            {"Ready": ("True", "MissingTokenParameter"), "TargetResolved": ("True", "MissingTokenParameter")},
        ),
        (
            {"ready_reason": "EngineNotFound"},
            {"Ready": ("False", "EngineNotFound"), "TargetResolved": ("Unknown", "Valid")},
        ),
        (
            {"ready_reason": "Valid", "target_reason": "Valid", "is_suspended": True},
            {
                "Ready": ("True", "Valid"),
                "TargetResolved": ("True", "Valid"),
                "Suspended": ("True", "Suspended"),
            },
        ),
    ],
)
def test_an_automation_shows_how_it_stands(values: dict[str, Any], conditions: dict[str, tuple[str, str]]) -> None:
    """An engine that may still come does not stall it; a spec that cannot work does."""
    assert shown(automation_status.status_document(AutomationView(generation=2, **values))) == conditions


def test_what_weakens_a_target_is_told_although_runs_go() -> None:
    """A TTL that is too short keeps nothing from running; it stands where people look."""
    view = AutomationView(generation=1, ready_reason="Valid", target_reason="Valid", target_message="raise the TTL")
    ready, target = automation_status.conditions(view)
    assert (ready.status, target.status, target.message) == ("True", "True", "raise the TTL")


def test_why_nobody_knows_a_target_is_told() -> None:
    """An engine that could not be asked is no answer about the target."""
    view = AutomationView(generation=1, ready_reason="Valid", target_message="the engine could not be reached")
    ready, target = automation_status.conditions(view)
    assert (ready.status, target.status) == ("True", "Unknown")
    assert target.message == "The engine has not said yet: the engine could not be reached"


@pytest.mark.parametrize(
    ("ready", "words"), [(None, "Not asked yet"), ("ProbeFailed", "The engine has not said: see Ready")]
)
def test_an_engine_that_was_asked_in_vain_is_not_said_to_wait_for_it(ready: str | None, words: str) -> None:
    shown_now = engine_status.conditions(EngineView(generation=1, ready_reason=ready, message="connection refused"))
    assert [each.message for each in shown_now if each.type == "Authenticated"] == [words]


def test_an_open_circuit_says_what_happens_and_when() -> None:
    """In words that stay the same while the rest is repeated: a trial that fails changes nothing that is shown."""
    (message,) = [
        each.message
        for each in engine_status.conditions(EngineView(generation=1, is_circuit_open=True, circuit_rest="90s"))
        if each.type == "CircuitOpen"
    ]
    assert message == (
        "Too many requests failed: new work waits, and every 90s one submit tries whether the engine is back"
    )


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        ({}, {"ready_reason": "ProbeFailed"}, ["Ready"]),
        ({"ready_reason": "ProbeFailed"}, {"ready_reason": "ProbeFailed", "message": "other words"}, []),
        (
            {"ready_reason": "ProbeSucceeded"},
            {"ready_reason": "ProbeSucceeded", "is_circuit_open": True},
            ["CircuitOpen"],
        ),
        ({"is_circuit_open": True}, {"is_circuit_open": True}, []),
        ({"is_circuit_open": True}, {}, []),
        ({}, {"ready_reason": "ProbeFailed", "is_circuit_open": True}, ["Ready", "CircuitOpen"]),
    ],
)
def test_people_are_told_once_that_an_engine_is_away(
    before: dict[str, Any], now: dict[str, Any], told: list[str]
) -> None:
    """When it begins, not while it lasts, and not when it ends."""
    documents = [engine_status.status_document(EngineView(generation=1, **each)) for each in (before, now)]
    assert [each["type"] for each in engine_status.became_unavailable(*documents)] == told


@pytest.mark.parametrize(
    ("values", "promise"),
    [
        ({}, None),
        ({"engine_guarantee": "EffectivelyOnce"}, "EffectivelyOnce"),
        ({"engine_guarantee": "AtMostOnce", "target_reason": "Valid"}, "AtMostOnce"),
        ({"engine_guarantee": "EffectivelyOnce", "target_reason": "MissingTokenParameter"}, "AtMostOnce"),
        ({"engine_guarantee": "EffectivelyOnce", "repeats_lost": True}, "AtLeastOnce"),
        ({"repeats_lost": True, "target_reason": "MissingTokenParameter"}, "AtLeastOnce"),
    ],
)
def test_an_automation_says_which_promise_holds_for_its_runs(values: dict[str, Any], promise: str | None) -> None:
    """The engine's own, unless its target or ``retryOn: [Lost]`` gives it away."""
    document = automation_status.status_document(AutomationView(generation=1, **values))
    assert document.get("submissionGuarantee") == promise


def test_the_last_run_is_named_with_its_outcome() -> None:
    """In the words of the Run's phase."""
    view = AutomationView(generation=1, version=4, active=2, last_run=LastRun("r", ExecutionStatus.FAILED, NOON))
    document = automation_status.status_document(view)
    assert document["lastRun"] == {"name": "r", "outcome": "Failed", "finishedAt": "2026-11-21T12:00:00Z"}
    assert (document["version"], document["active"]) == (4, 2)


@given(
    st.builds(
        EngineView,
        generation=st.integers(1, 9),
        ready_reason=st.sampled_from([None, "ProbeSucceeded", "ProbeFailed"]),
        authenticated_reason=st.sampled_from([None, "TokenAccepted", "CredentialsRejected", "SecretNotFound"]),
        stalled_reason=st.sampled_from([None, "InvalidSpec", "AddressRefused"]),
        message=texts,
        version=texts,
        capabilities=st.lists(st.text(max_size=100), max_size=50),
    )
)
def test_an_engines_document_is_small(view: EngineView) -> None:
    """Whatever an engine says of itself."""
    document = engine_status.status_document(view)
    assert len(orjson.dumps(document)) <= 4096
    assert len(document["capabilities"]) <= 32


@given(
    st.builds(
        AutomationView,
        generation=st.integers(1, 9),
        ready_reason=st.sampled_from([None, "Valid", "InvalidSchema", "InvalidExpression", "RefNotPermitted"]),
        ready_message=texts,
        target_reason=st.sampled_from([None, "Valid", "TargetNotFound", "MissingTokenParameter"]),
        target_message=texts,
        is_suspended=st.booleans(),
    )
)
def test_an_automations_document_is_small(view: AutomationView) -> None:
    """Whatever a schema's error says."""
    assert len(orjson.dumps(automation_status.status_document(view))) <= 4096
