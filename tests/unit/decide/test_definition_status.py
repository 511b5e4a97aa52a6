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
