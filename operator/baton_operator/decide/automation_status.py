"""What an Automation's custom resource shows. Its conditions' times come from what is shown already (`carry_over`)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from baton_models.status import ExecutionStatus
from baton_operator.decide.texts import fit
from baton_operator.kube.conditions import Condition, timestamp, truth

_MESSAGE = 600
_OUTCOME = {
    ExecutionStatus.COMPLETED: "Succeeded",
    ExecutionStatus.FAILED: "Failed",
    ExecutionStatus.CANCELLED: "Cancelled",
    ExecutionStatus.SKIPPED: "Skipped",
}
#: What the engine says of a target that Runs can use: as it should be, or without Baton's token, which weakens the
#: guarantee and keeps nothing from running.
_USABLE = frozenset({"Valid", "MissingTokenParameter"})


@dataclass(frozen=True, slots=True)
class LastRun:
    """The Run that ended last."""

    name: str
    status: ExecutionStatus
    finished_at: datetime


@dataclass(frozen=True, slots=True)
class AutomationView:
    """
    An automation's rows, as far as they are shown.

    Attributes:
        version: The version of the definition that new Runs take; None before there is one.
        active: Runs that have not ended.
        ready_reason: Why it can or cannot be used; None until intake has said.
        target_reason: What the engine last said of the target: ``Valid`` or why not; None until it was asked.
        engine_guarantee: What its engine promises; None until that was asked.
        repeats_lost: Whether an execution that the engine has lost is tried again, although it may have run.
    """

    generation: int
    version: int | None = None
    active: int = 0
    is_suspended: bool = False
    ready_reason: str | None = None
    ready_message: str | None = None
    target_reason: str | None = None
    target_message: str | None = None
    last_run: LastRun | None = None
    engine_guarantee: str | None = None
    repeats_lost: bool = False


def status_document(automation: AutomationView) -> dict[str, Any]:
    """Write the whole status of *automation*; ``lastTransitionTime`` is left open."""
    document: dict[str, Any] = {
        "observedGeneration": automation.generation,
        "active": automation.active,
        "conditions": [each.document(automation.generation) for each in conditions(automation)],
    }
    if automation.version is not None:
        document["version"] = automation.version
    if promise := guarantee(automation):
        document["submissionGuarantee"] = promise
    if automation.last_run:
        document["lastRun"] = {
            "name": automation.last_run.name,
            "outcome": _OUTCOME[automation.last_run.status],
            "finishedAt": timestamp(automation.last_run.finished_at),
        }
    return document


def guarantee(automation: AutomationView) -> str | None:
    """Say which promise holds for Runs of *automation*: the engine's, unless it is given away; None while unknown."""
    if automation.repeats_lost:
        return "AtLeastOnce"
    if automation.engine_guarantee and automation.target_reason == "MissingTokenParameter":
        return "AtMostOnce"
    return automation.engine_guarantee


def conditions(automation: AutomationView) -> list[Condition]:
    """
    Say how *automation* stands.

    An engine that does not know the target, or does not take the arguments, makes it unready, but not stalled: that
    may be mended there. A target that does not take Baton's token is used all the same, and says so.
    """
    own, target = automation.ready_reason, automation.target_reason
    own_message = fit(automation.ready_message, _MESSAGE)
    target_message = fit(automation.target_message, _MESSAGE)
    if own == "Valid" and target is not None and target != "Valid":
        ready = Condition("Ready", truth(target in _USABLE), None, target, target_message)
    elif own is None:
        ready = Condition("Ready", "Unknown", None, "Valid", "Not read yet")
    else:
        ready = Condition("Ready", truth(own == "Valid"), None, own, own_message or "Runs of it are accepted")
    shown = [ready, _target(target, target_message)]
    if automation.is_suspended:
        shown.append(Condition("Suspended", "True", None, "Suspended", "spec.suspend is true: new Runs are refused"))
    if own in {"InvalidSchema", "InvalidExpression", "RefNotPermitted"}:
        shown.append(Condition("Stalled", "True", None, own, own_message))
    return shown


def _target(reason: str | None, message: str) -> Condition:
    if reason is None:
        words = f"The engine has not said yet: {message}" if message else "The engine was not asked yet"
        return Condition("TargetResolved", "Unknown", None, "Valid", fit(words, _MESSAGE))
    if reason == "Valid":
        return Condition("TargetResolved", "True", None, "Valid", message or "The engine knows the target")
    return Condition("TargetResolved", truth(reason in _USABLE), None, reason, message)
