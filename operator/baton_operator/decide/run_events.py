"""Which Kubernetes Events a Run's state deserves: what a person may want to act on, never success, never an item."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from baton_models.status import ExecutionStatus
from baton_operator.decide.run_status import RunView, conditions
from baton_operator.decide.texts import fit

#: Bytes of an Event's note; the API takes 1,024.
NOTE = 1000


@dataclass(frozen=True, slots=True)
class Notice:
    """
    One Event to be posted.

    Attributes:
        reason: Refused, RetryScheduled, EngineUnavailable, SubmissionHeld, Cancelled or Failed.
        key: Tells it from other notices of the same object and reason: the same fact has the same key.
        severity: ``Warning`` where something is wrong, else ``Normal``.
    """

    reason: str
    key: str
    severity: Literal["Normal", "Warning"]
    note: str


def notices(run: RunView) -> Sequence[Notice]:
    """Say what *run*'s present state is to tell; the same state tells the same."""
    outcome = next(each.message for each in conditions(run) if each.type == "Succeeded")
    if run.is_refused:
        note = f"{run.accepted_reason}: {run.accepted_message or ''}"
        return (Notice("Refused", "", "Warning", fit(note, NOTE)),)
    if run.status is ExecutionStatus.FAILED:
        return (Notice("Failed", "", "Warning", fit(f"{run.status_reason or 'Failed'}: {outcome}", NOTE)),)
    if run.status is ExecutionStatus.CANCELLED:
        return (Notice("Cancelled", "", "Normal", fit(f"{run.status_reason or 'Cancelled'}: {outcome}", NOTE)),)
    if run.is_held:
        note = "Nobody knows whether the engine took an attempt: see `baton runs get`, then `baton runs resolve`"
        return (Notice("SubmissionHeld", str(run.attempts.highest), "Warning", note),)
    if run.status is ExecutionStatus.RETRYING:
        note = fit(f"Attempt {run.attempts.highest} is scheduled: {outcome}", NOTE)
        return (Notice("RetryScheduled", str(run.attempts.highest), "Normal", note),)
    return ()
