"""What an Engine's custom resource shows. Its conditions' times come from what is shown already (`carry_over`)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from baton_operator.decide.texts import fit
from baton_operator.kube.conditions import Condition, condition, truth

_MESSAGE = 400
_CAPABILITIES = 32

_TO_DO = {
    "CredentialsRejected": "The engine refused the credential: renew the Secret that spec.auth names",
    "SecretNotFound": "A Secret or ConfigMap that spec names, or a key of it, is not there, or may not be read",
    "InvalidSpec": "The spec cannot work: correct it",
    "AddressRefused": "spec.url leads to an address that Baton may not reach: see the setting BATON_ENGINE_NETWORKS",
}


@dataclass(frozen=True, slots=True)
class EngineView:
    """
    An engine's rows, as far as they are shown.

    Attributes:
        ready_reason: ProbeSucceeded or ProbeFailed; None until it was asked.
        authenticated_reason: TokenAccepted, CredentialsRejected or SecretNotFound; None until it was asked.
        stalled_reason: InvalidSpec or AddressRefused while the spec cannot work.
        message: What the last probe said.
        in_flight: Attempts that are, or may be, in the engine.
        is_circuit_open: Whether it gets a rest, or is being tried after one.
        circuit_rest: How long a rest is, as the spec writes it.
    """

    generation: int
    in_flight: int = 0
    ready_reason: str | None = None
    authenticated_reason: str | None = None
    stalled_reason: str | None = None
    message: str | None = None
    version: str | None = None
    capabilities: Sequence[str] = ()
    guarantee: str | None = None
    is_circuit_open: bool = False
    circuit_rest: str = "60s"


def status_document(engine: EngineView) -> dict[str, Any]:
    """Write the whole status of *engine*; ``lastTransitionTime`` is left open."""
    document: dict[str, Any] = {
        "observedGeneration": engine.generation,
        "inFlight": engine.in_flight,
        "capabilities": sorted({fit(each, 40) for each in engine.capabilities})[:_CAPABILITIES],
        "conditions": [each.document(engine.generation) for each in conditions(engine)],
    }
    if engine.version:
        document["version"] = fit(engine.version, 100)
    if engine.guarantee:
        document["submissionGuarantee"] = engine.guarantee
    return document


def conditions(engine: EngineView) -> list[Condition]:
    """Say how *engine* stands."""
    shown = [_ready(engine), _authenticated(engine)]
    if engine.is_circuit_open:
        shown.append(Condition("CircuitOpen", "True", None, "FailureRatio", _rest(engine)))
    if engine.stalled_reason:
        shown.append(Condition("Stalled", "True", None, engine.stalled_reason, _words(engine, engine.stalled_reason)))
    return shown


def became_unavailable(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """
    Say of which conditions people are to be told: the engine stopped answering, or its circuit opened.

    Args:
        before: The status that was shown.
        now: The one that is shown now.
    """
    found = []
    for type_, bad in (("Ready", "False"), ("CircuitOpen", "True")):
        was, is_ = condition(before, type_), condition(now, type_)
        if is_ is not None and is_["status"] == bad and (was is None or was["status"] != bad):
            found.append(is_)
    return found


def _rest(engine: EngineView) -> str:
    """Say the same while the rest is repeated: a status that changes with every trial would be a write for nothing."""
    rest = fit(engine.circuit_rest, 16)
    return f"Too many requests failed: new work waits, and every {rest} one submit tries whether the engine is back"


def _ready(engine: EngineView) -> Condition:
    if engine.ready_reason is None and engine.stalled_reason is None:
        return Condition("Ready", "Unknown", None, "ProbeFailed", "Not asked yet")
    if engine.ready_reason == "ProbeSucceeded" and engine.stalled_reason is None:
        return Condition("Ready", "True", None, "ProbeSucceeded", "The engine answers")
    message = fit(engine.message or "The engine does not answer", _MESSAGE)
    return Condition("Ready", "False", None, "ProbeFailed", message)


def _authenticated(engine: EngineView) -> Condition:
    reason = engine.authenticated_reason
    if reason is None:
        words = "Not asked yet" if engine.ready_reason is None else "The engine has not said: see Ready"
        return Condition("Authenticated", "Unknown", None, "SecretNotFound", words)
    message = "The engine took the credential" if reason == "TokenAccepted" else _words(engine, reason)
    return Condition("Authenticated", truth(reason == "TokenAccepted"), None, reason, message)


def _words(engine: EngineView, reason: str) -> str:
    return fit(": ".join(filter(None, [_TO_DO.get(reason, reason), engine.message])), _MESSAGE)
