"""From a decision about an attempt to the row change that it means."""

from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from baton_models import new_id
from baton_models.payload import cleaned, clip_identifier
from baton_models.statements.record import Change, Duplicate
from baton_models.statements.settle import UnitMove
from baton_operator.decide.attempts import (
    Abandon,
    Acknowledge,
    Attempt,
    Drop,
    Hold,
    Look,
    Queue,
    Refuse,
    Resend,
    Step,
)
from baton_operator.engines.base import Found
from baton_operator.loops.bounds import is_findable

#: Length of an external id in its column.
EXTERNAL_ID = 200


def attempt_of(row: Any) -> Attempt:
    """Make what decisions need to know of a claimed row, as `baton_models.statements.claim.WORK` reads it."""
    return Attempt(
        sends=row.sends,
        tries=row.tries,
        visible_after=row.visible_after,
        evidence_until=row.evidence_until,
        epoch=row.engine_epoch,
        absences=row.absences,
        last_look_at=row.last_look_at,
        cancelled=row.cancel_requested_at is not None or row.run_cancel_requested_at is not None,
        settled=row.settled,
        first_sent_at=row.first_sent_at,
        is_findable=is_findable(row.target_reason),
        refusal=row.refusal,
    )


def change_of(attempt: UUID, step: Step, *, looked_at: datetime | None = None) -> Change:
    """
    Say what *step* means for the row of *attempt*.

    Args:
        looked_at: When the look began that led to it; None after a submit.
    """
    match step:
        case Acknowledge(external_id, url, native, others=others):
            return Change(
                attempt,
                "ACKED",
                instance_id=new_id(),
                external_id=clip_identifier(external_id, EXTERNAL_ID),
                url=url,
                native=_text(native) or None,
                others=tuple(duplicate(each) for each in others),
            )
        case Queue(handle, again_at, message):
            return Change(attempt, "ENQUEUED", handle=handle, next_poll_at=again_at, error=_text(message) or None)
        case Resend(due_at, proven, message):
            return Change(attempt, "INTENT", due_at=due_at, proven=proven, error=_text(message))
        case Look(due_at, absences, message, visible_after, refusal):
            return Change(
                attempt,
                "AMBIGUOUS",
                due_at=due_at,
                absences=absences,
                looked_at=looked_at,
                error=_text(message),
                visible_after=visible_after,
                refusal=None if refusal is None else _text(refusal),
            )
        case Hold(message):
            return Change(attempt, "HALTED", looked_at=looked_at, error=_text(message))
        case Refuse(reason, message):
            taken = HTTPStatus.CONFLICT.value if reason == "NameTaken" else None
            return Change(attempt, "REJECTED", http_status=taken, error=_text(message))
        case Abandon():
            return Change(attempt, "CLOSED", error="cancelled; it never ran")
        case Drop(message):
            return Change(attempt, "CLOSED", error=_text(message))


def duplicate(found: Found) -> Duplicate:
    """Make the row of an execution that the engine started itself."""
    external_id = clip_identifier(found.external_id, EXTERNAL_ID)
    return Duplicate(new_id(), external_id, found.url, _text(found.native) or None)


def unit_move(row: Any, step: Step) -> UnitMove | None:
    """
    Say what becomes of the unit: failed where the engine refused, cancelled where it never ran; None where it goes on.

    Args:
        row: As `baton_models.statements.record.record` gives it.
    """
    match step:
        case Refuse():
            return refused(row, step)
        case Abandon():
            return abandoned(row)
        case Drop(message) if row.cancel_requested_at is None:
            unit = row.id, row.run_id, row.batch_execution_id, row.item_execution_id
            return UnitMove(*unit, "CANCELLED", "NotBuilt", _text(message) or None)
        case Drop():
            return abandoned(row)
        case _:
            return None


def refused(row: Any, step: Refuse) -> UnitMove:
    """Say what becomes of the unit of an attempt that was refused: it fails, with the words of who refused it."""
    known = step.reason in {"InvalidArguments", "EngineRejected"}
    return UnitMove(
        row.id,
        row.run_id,
        row.batch_execution_id,
        row.item_execution_id,
        "FAILED",
        step.reason if known else "EngineRejected",
        step.message,
    )


def abandoned(row: Any) -> UnitMove:
    """
    Say what becomes of the unit of an attempt that was to end and never ran.

    Args:
        row: As `baton_models.statements.record.record` gives it.
    """
    timed_out = row.cancel_cause == "TimedOut"
    return UnitMove(
        row.id,
        row.run_id,
        row.batch_execution_id,
        row.item_execution_id,
        "FAILED" if timed_out and row.batch_execution_id is None else "CANCELLED",
        "TimedOut" if timed_out else "Cancelled",
    )


def _text(message: str) -> str:
    text: str = cleaned(message)[0]
    return text[:1000]
