"""
What follows from one submit, from one look, from one cancel: the rules R1–R13 of `dispatch.md`, without I/O.

Rules kept here: R1 what was ever sent stays counted; R3 a look is judged by its own time; R4 a resend that was not
sent says nothing of the first send; R5 neither does the refusal of one; R6 what may still arrive is not cancelled
clean; R8 absence after a restart is no evidence; R9 absence counts twice, a settle time apart; R13 a name that was
taken and then gone may have been ours. R2, R10, R11 and R12 are kept where time, locks, leases and people are.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from baton_operator.engines.base import (
    Adopted,
    Created,
    Enqueued,
    Foreign,
    Found,
    Idempotency,
    NameGone,
    NotSent,
    Outcome,
    Rejected,
    Sighting,
    Unknown,
)

#: Seconds until something is tried again: exponential between these.
FIRST_DELAY = 1.0
LAST_DELAY = 1800.0
#: A refusal for lack of permission is tried again after this many seconds (a 403 that a person may mend).
PERMISSION_DELAY = 300.0


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    What the decisions need to know of an attempt.

    Attributes:
        sends: How often a request for it may have left, the one just made included.
        tries: How often it was claimed; sets the back-off.
        visible_after: From then on, absence is evidence.
        evidence_until: From then on, it is none any more.
        epoch: The engine's restart epoch at the first send.
        absences: Absences seen since ``visible_after``.
        last_look_at: The time of the look before; None if there was none.
        cancelled: Whether it is to end.
    """

    sends: int
    tries: int
    visible_after: datetime | None
    evidence_until: datetime | None
    epoch: str | None = None
    absences: int = 0
    last_look_at: datetime | None = None
    cancelled: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """The engine has it, under this id: ACKED; ``others`` carry the same token and are followed too (R7)."""

    external_id: str
    url: str | None
    native: str
    adopted: bool
    others: tuple[Found, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """The engine has it, without an id so far: ENQUEUED."""

    handle: str


@dataclass(frozen=True, slots=True)
class Resend:
    """Send it (again), with the same token: INTENT; ``proven`` if nothing of it is out."""

    due_at: datetime
    proven: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """Nobody knows: AMBIGUOUS, look (again)."""

    due_at: datetime
    absences: int
    message: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """Only a person can tell: HALTED."""

    message: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The engine refused the only send: REJECTED, and the unit fails with the reason."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Abandon:
    """It was to be cancelled and never ran: CLOSED, and the unit is cancelled clean."""


Step = Acknowledge | Queue | Resend | Look | Hold | Refuse | Abandon


def backoff(tries: int, retry_after: float | None = None) -> timedelta:
    """Say how long to wait after *tries* tries; an engine's ``Retry-After`` wins where it is longer."""
    delay = min(LAST_DELAY, FIRST_DELAY * 2.0 ** min(max(tries - 1, 0), 12))
    return timedelta(seconds=max(delay, min(retry_after or 0.0, LAST_DELAY)))


def after_submit(attempt: Attempt, outcome: Outcome, *, now: datetime) -> Step:
    """
    Say what follows from one submit's outcome.

    Args:
        attempt: As claimed, this send counted.
        now: The moment of the decision, with a time zone.
    """
    match outcome:
        case Created(external_id, url, native):
            return Acknowledge(external_id, url, native, adopted=False)
        case Adopted(external_id, url, native):
            return Acknowledge(external_id, url, native, adopted=True)
        case Enqueued(handle):
            return Queue(handle)
        case NotSent(message=message, retry_after=after) if attempt.sends <= 1:
            return Resend(now + backoff(attempt.tries, after), proven=True, message=message)
        case Rejected(reason, message, slow=False) if attempt.sends <= 1:
            return Refuse(reason, message)
        case Rejected(message=message, slow=True) if attempt.sends <= 1:
            return Resend(now + timedelta(seconds=PERMISSION_DELAY), proven=True, message=message)
        case Rejected(reason="NameTaken", message=message):
            return Hold(message)
        case NameGone(message):
            return Hold(message)
        case NotSent(message=message) | Rejected(message=message) | Unknown(message=message):
            return Look(attempt.visible_after or now, 0, message)


def after_look(
    attempt: Attempt,
    sighting: Sighting,
    *,
    looked_at: datetime,
    epoch: str | None,
    settle: timedelta,
    idempotency: Idempotency,
) -> Step:
    """
    Say what follows from looking for an attempt whose fate nobody knows.

    Args:
        looked_at: When the look began (rule R3), with a time zone.
        epoch: The engine's restart epoch now.
        settle: How far two absences lie apart at least (rule R9).
        idempotency: What the engine offers against a submit that arrives twice.
    """
    match sighting:
        case Found(external_id, url, native, others):
            return Acknowledge(external_id, url, native, adopted=True, others=others)
        case Foreign() if attempt.visible_after and looked_at < attempt.visible_after:
            return Look(attempt.visible_after, 0, "the name is taken; ours may still arrive")
        case Foreign() if attempt.sends <= 1 and idempotency is Idempotency.UNIQUE_NAME:
            return Refuse("NameTaken", "the engine has an execution of this name that is not ours")
        case Foreign(external_id):
            return Hold(f"the engine has {external_id[:300]} under our name, which is not ours")
    if attempt.visible_after and looked_at < attempt.visible_after:
        return Look(attempt.visible_after, 0, "not there yet")
    if epoch != attempt.epoch:
        return Hold("the engine was restarted since the submit: its absence proves nothing")
    if attempt.evidence_until and looked_at >= attempt.evidence_until:
        return Hold("the engine may have run and forgotten it: its absence proves nothing any more")
    return _after_absence(attempt, looked_at=looked_at, settle=settle, idempotency=idempotency)


def _after_absence(
    attempt: Attempt, *, looked_at: datetime, settle: timedelta, idempotency: Idempotency
) -> Look | Abandon | Resend | Hold:
    """Say what follows from an absence that is evidence."""
    apart = attempt.last_look_at is None or looked_at - attempt.last_look_at >= settle
    absences = attempt.absences + (1 if apart or not attempt.absences else 0)
    if absences < 2:  # noqa: PLR2004 - rule R9
        return Look(looked_at + settle, absences, "not there; looking once more")
    if attempt.cancelled:
        return Abandon()
    if idempotency in {Idempotency.UNIQUE_NAME, Idempotency.KEY}:
        return Resend(looked_at, proven=False, message="not there: sent again under the same name")
    return Hold("not there; this engine cannot tell a second submit from the first")


def counted(attempt: Attempt) -> Attempt:
    """Count the send that is about to be made (rule R1)."""
    return replace(attempt, sends=attempt.sends + 1, tries=attempt.tries + 1)
