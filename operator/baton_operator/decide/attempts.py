"""
What follows from one submit, from one look, from one handle: the rules R1–R13 of `dispatch.md`, without I/O.

Rules kept here: R1 what was ever sent stays counted; R3 a look is judged by its own time; R4 a resend that was not
sent says nothing of the first send; R5 neither does the refusal of one; R6 what may still arrive is not cancelled
clean; R7 every execution of a token is ours; R8 absence after a restart is no evidence; R9 absence counts twice, a
settle time apart; R13 a name that was taken and then gone may have been ours. R2, R10, R11 and R12 are kept where
time, locks, leases and people are.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from baton_operator.engines.base import (
    Absent,
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
from baton_operator.engines.options import Whereabouts, Withdrawn

#: Seconds until something is tried again: exponential between these.
FIRST_DELAY = 1.0
LAST_DELAY = 1800.0
#: A refusal for lack of permission is tried again after this many seconds (a 403 that a person may mend).
PERMISSION_DELAY = 300.0
#: A handle is asked about at least this often, in seconds: an engine may forget it soon after the work has begun
#: (Jenkins after 300 s).
HANDLE_DELAY = 60.0
#: What was given up is looked for again after this many seconds at first.
LATE_DELAY = 60.0
#: What is said of an attempt of which only a restore makes it doubtful whether it was sent.
DOUBTED = "perhaps sent before the database was restored"


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    What the decisions need to know of an attempt.

    Attributes:
        sends: How often a request for it may have left, the one just made included; 0 where none is known of, and
            only a restore of the database makes it doubtful.
        tries: How often it was claimed; sets the back-off.
        visible_after: From then on, absence is evidence.
        evidence_until: From then on, it is none any more.
        epoch: The engine's restart epoch at the first send.
        absences: Absences seen since ``visible_after``.
        last_look_at: The time of the look before; None if there was none.
        cancelled: Whether it is to end.
        settled: Whether its unit has its end already, because the cancel was not confirmed in time.
        first_sent_at: When a request for it may have left first.
        is_findable: Whether its work shows the token; if not, its absence says nothing.
        refusal: Why the engine refused the last send of several; None if it did not.
    """

    sends: int
    tries: int
    visible_after: datetime | None
    evidence_until: datetime | None
    epoch: str | None = None
    absences: int = 0
    last_look_at: datetime | None = None
    cancelled: bool = False
    settled: bool = False
    first_sent_at: datetime | None = None
    is_findable: bool = True
    refusal: str | None = None

    @property
    def is_doubted(self) -> bool:
        """Whether no request for it is known of, and a restored database may have forgotten one."""
        return self.sends == 0


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
    """The engine has it, without an id so far: ENQUEUED; ``again_at`` is when to ask, None for at once."""

    handle: str
    again_at: datetime | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Resend:
    """Send it (again), with the same token: INTENT; ``proven`` if nothing of it is out."""

    due_at: datetime
    proven: bool
    message: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """
    Nobody knows: AMBIGUOUS, look (again).

    Attributes:
        visible_after: From when on absence is evidence, where that is later than it was.
        refusal: Why the engine refused the send before; None leaves what is known of it.
    """

    due_at: datetime
    absences: int
    message: str = ""
    visible_after: datetime | None = None
    refusal: str | None = None


@dataclass(frozen=True, slots=True)
class Hold:
    """Only a person can tell: HALTED."""

    message: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The engine refused the only send, or the last one of which nothing is there: REJECTED, and the unit fails."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Abandon:
    """It was to be cancelled and never ran: CLOSED, and the unit is cancelled clean."""


@dataclass(frozen=True, slots=True)
class Drop:
    """The engine dropped it before it began: CLOSED, and the unit is cancelled, by us or by somebody there."""

    message: str


Step = Acknowledge | Queue | Resend | Look | Hold | Refuse | Abandon | Drop


def backoff(tries: int, retry_after: float | None = None) -> timedelta:
    """Say how long to wait after *tries* tries; an engine's ``Retry-After`` wins where it is longer."""
    delay = min(LAST_DELAY, FIRST_DELAY * 2.0 ** min(max(tries - 1, 0), 12))
    return timedelta(seconds=max(delay, min(retry_after or 0.0, LAST_DELAY)))


def after_restore(
    attempt: Attempt, *, restored_at: datetime, lag: timedelta, allowance: timedelta, memory: timedelta
) -> Attempt:
    """
    Say since when, and until when, absence is evidence of an attempt that a restored database may know too little of.

    Requests were sent up to the restore of which the rows know nothing: none of them is later. The first one, of an
    attempt that the rows call never sent, is not earlier than the last moment that the database knew of.

    Args:
        restored_at: When the database was restored; whoever worked on it before had ended.
        lag: How late the engine may show what has begun.
        allowance: How long after a claim a request may begin: lease, freeze and network delay.
        memory: How long the engine remembers.
    """
    visible_after = max(attempt.visible_after or restored_at, restored_at + allowance + lag)
    if not attempt.is_doubted or attempt.first_sent_at is None:
        return replace(attempt, visible_after=visible_after)
    evidence_until = attempt.first_sent_at + memory - allowance
    return replace(attempt, visible_after=visible_after, evidence_until=evidence_until)


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
            refused = isinstance(outcome, Rejected) and not outcome.slow
            return Look(attempt.visible_after or now, 0, message, refusal=message if refused else None)


def after_look(
    attempt: Attempt,
    sighting: Sighting,
    *,
    looked_at: datetime,
    epoch: str | None,
    settle: timedelta,
    lag: timedelta,
    allowance: timedelta,
    idempotency: Idempotency,
    resend: bool = False,
) -> Step:
    """
    Say what follows from looking for an attempt whose fate nobody knows.

    Args:
        looked_at: When the look began (rule R3), with a time zone.
        epoch: The engine's restart epoch by the last probe; what the look itself says wins.
        settle: How far two absences lie apart at least (rule R9).
        lag: How late the engine may show what has begun. Where it has a queue of its own, two absences lie that far
            apart: work that left the queue a moment ago is in no list yet, however long ago it was sent.
        allowance: How long after its first send a request may begin: lease, freeze and network delay.
        idempotency: What the engine offers against a submit that arrives twice.
        resend: Whether what is not there is sent again also where the engine offers nothing
            (``onAmbiguous: Resend``).
    """
    step: Step
    match sighting:
        case Found(external_id, url, native, others):
            return Acknowledge(external_id, url, native, adopted=True, others=others)
        case Enqueued(handle):
            return Queue(handle)
        case Foreign(external_id):
            step = _after_foreign(attempt, external_id, looked_at=looked_at, idempotency=idempotency)
        case Absent(memory, told):
            step = _after_absence(
                attempt,
                looked_at=looked_at,
                epoch=epoch if told is None else told,
                ends=_evidence_ends(attempt, memory, allowance),
                settle=settle if idempotency.is_keyed else max(settle, lag),
                resend=resend or idempotency.is_keyed or (attempt.is_doubted and attempt.is_findable),
            )
    if attempt.is_doubted and isinstance(step, Hold):
        step = Hold(f"{DOUBTED}: {step.message}")
    if attempt.settled and isinstance(step, Hold):
        return _look_on(attempt, step, looked_at=looked_at)
    return step


def _after_foreign(
    attempt: Attempt, external_id: str, *, looked_at: datetime, idempotency: Idempotency
) -> Look | Refuse | Hold:
    """Say what follows where something else has our name."""
    if attempt.visible_after and looked_at < attempt.visible_after:
        return Look(attempt.visible_after, 0, "the name is taken; ours may still arrive")
    if attempt.sends <= 1 and idempotency is Idempotency.UNIQUE_NAME:
        return Refuse("NameTaken", "the engine has an execution of this name that is not ours")
    return Hold(f"the engine has {external_id[:300]} under our name, which is not ours")


def _evidence_ends(attempt: Attempt, memory: float | None, allowance: timedelta) -> datetime | None:
    """Say from when on absence is no evidence any more: what was known at the send, or what this look shows less."""
    if memory is None or attempt.first_sent_at is None:
        return attempt.evidence_until
    reaches = attempt.first_sent_at + timedelta(seconds=memory) - allowance
    return min(attempt.evidence_until or reaches, reaches)


def _after_absence(
    attempt: Attempt,
    *,
    looked_at: datetime,
    epoch: str | None,
    ends: datetime | None,
    settle: timedelta,
    resend: bool,
) -> Look | Abandon | Resend | Refuse | Hold:
    """
    Say what follows from an absence: first whether it is evidence, then of what.

    What the engine refused when it was sent again is refused once nothing of the earlier sends is there: to send it
    for the same answer again and again would keep the unit from its end.
    """
    if attempt.visible_after and looked_at < attempt.visible_after:
        return Look(attempt.visible_after, 0, "not there yet")
    if epoch != attempt.epoch:
        return Hold("the engine was restarted since the submit: its absence proves nothing")
    if ends and looked_at >= ends:
        return Hold("the engine may have run and forgotten it: its absence proves nothing any more")
    apart = attempt.last_look_at is None or looked_at - attempt.last_look_at >= settle
    absences = attempt.absences + (1 if apart or not attempt.absences else 0)
    if absences < 2:  # noqa: PLR2004 - rule R9
        return Look(looked_at + settle, absences, "not there; looking once more")
    if attempt.cancelled:
        return Abandon()
    if resend:
        if attempt.refusal is not None:
            return Refuse("EngineRejected", attempt.refusal)
        if attempt.is_doubted:
            return Resend(looked_at, proven=True, message=f"{DOUBTED}: it is not there, and was not")
        return Resend(looked_at, proven=False, message="not there: sent again under the same name")
    return Hold("not there; this engine cannot tell a second submit from the first")


def _look_on(attempt: Attempt, held: Hold, *, looked_at: datetime) -> Look | Abandon:
    """
    Go on looking for what was given up: what turns up is cancelled then (rule R6).

    Nobody waits for a decision any more, so nothing is held: it is looked for, ever more seldom, as long as the engine
    would remember it.
    """
    if attempt.evidence_until and looked_at >= attempt.evidence_until:
        return Abandon()
    passed = looked_at - (attempt.visible_after or looked_at)
    wait = min(max(passed, timedelta(seconds=LATE_DELAY)), timedelta(seconds=LAST_DELAY))
    return Look(looked_at + wait, attempt.absences, held.message)


def after_follow(
    attempt: Attempt, whereabouts: Whereabouts, *, asked_at: datetime, interval: timedelta, lag: timedelta
) -> Step:
    """
    Say what follows from asking where the work behind a handle is.

    Args:
        asked_at: When the question was put, with a time zone.
        interval: How often engines are asked about what is under way (``tracking.interval``).
        lag: How late the engine may show what has begun: the work may have left the queue a moment ago.
    """
    match whereabouts:
        case Found(external_id, url, native, others):
            return Acknowledge(external_id, url, native, adopted=True, others=others)
        case Enqueued(handle):
            return Queue(handle, asked_at + min(interval, timedelta(seconds=HANDLE_DELAY)))
        case Withdrawn(message):
            return Drop(message)
        case Absent():
            visible_after = max(attempt.visible_after or asked_at, asked_at + lag)
            message = "the engine does not know the handle any more"
            return Look(asked_at, 0, message, visible_after=visible_after)


def guarantee(idempotency: Idempotency, *, resend: bool) -> str:
    """
    Say which promise holds for an engine (`submissionGuarantee`).

    Args:
        resend: Whether what is not there is sent again where the engine offers nothing (``onAmbiguous: Resend``).
    """
    return "EffectivelyOnce" if idempotency.is_keyed or resend else "AtMostOnce"


def counted(attempt: Attempt) -> Attempt:
    """Count the send that is about to be made (rule R1)."""
    return replace(attempt, sends=attempt.sends + 1, tries=attempt.tries + 1)
