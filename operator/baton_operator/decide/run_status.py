"""
What a Run's custom resource shows: a pure function of its rows (invariant I4).

Nothing here runs with the clock: the same rows give the same bytes, whoever projects them and whenever. The document
takes at most `LIMIT` bytes by construction: every text has a share of its own, and the failures get what is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from baton_models.status import ExecutionStatus
from baton_operator.decide.texts import duration_text, fit, size
from baton_operator.kube.conditions import Condition, timestamp, truth

#: Bytes of a status document.
LIMIT = 4096
#: Bytes of a condition's message: what the user must read gets most.
_MAIN, _SIDE = 480, 200
_REASON, _ID, _URL, _NATIVE, _ENGINE, _BATCH = 50, 256, 480, 100, 256, 63
#: A failure whose message would be shorter than this is left out.
_LEAST_MESSAGE = 16
MAX_FAILURES = 10

_SUCCEEDED = {
    ExecutionStatus.COMPLETED: "Succeeded",
    ExecutionStatus.FAILED: "Failed",
    ExecutionStatus.CANCELLED: "Cancelled",
    ExecutionStatus.SKIPPED: "Skipped",
}


@dataclass(frozen=True, slots=True)
class Counts:
    """How many units of a run stand where."""

    total: int
    completed: int
    failed: int
    running: int


@dataclass(frozen=True, slots=True)
class Attempts:
    """
    What a run's attempts say, in sum.

    Attributes:
        highest: The highest number of any of them; 0 while there is none.
        accepted_at: When an engine first took one of them; None while none has.
        held_at: Since when the fate of one is a person's to decide; None where there is none.
        name_taken_at: When an engine refused one because a foreigner has its name.
        error: What the last failure of a submit was, while attempts are left.
        again_at: When it is tried again.
    """

    highest: int = 0
    accepted_at: datetime | None = None
    held_at: datetime | None = None
    name_taken_at: datetime | None = None
    error: str | None = None
    again_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class External:
    """The execution in the engine that was started last; ``more`` counts those besides, ``reason`` is its own."""

    id: str
    url: str | None
    native_status: str | None
    more: int = 0
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Failure:
    """A unit that failed for good; ``item`` counts from 0 and is None for a whole batch."""

    batch: str | None
    item: int | None
    message: str


@dataclass(frozen=True, slots=True)
class RunView:
    """
    A run's rows, as far as they are shown.

    Attributes:
        engine: ``namespace/name`` of its engine, once one is known.
        state: What the user wants: ``Active``, ``Suspended`` or ``Cancelled``.
        is_waiting_for_place: Whether its automation has as many runs under way as it may.
        rests_since: Since when the engine that it waits for has its circuit open; None where it has not.
        rests_for: How long the engine rests between two trials, as its spec writes it.
        counts: Of a run that fans out; None for one that is handed over whole.
        failures: The last ones, oldest first.
    """

    id: UUID
    name: str
    generation: int
    status: ExecutionStatus
    created_at: datetime
    status_reason: str | None = None
    state: str = "Active"
    accepted_reason: str = "Accepted"
    accepted_message: str | None = None
    error_summary: str | None = None
    cancellation_reason: str | None = None
    cancel_requested_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    is_waiting_for_place: bool = False
    rests_since: datetime | None = None
    rests_for: str = "60s"
    engine: str | None = None
    counts: Counts | None = None
    attempts: Attempts = field(default_factory=Attempts)
    external: External | None = None
    failures: Sequence[Failure] = ()

    @property
    def is_refused(self) -> bool:
        """Whether it was not taken in."""
        return self.accepted_reason != "Accepted"

    @property
    def is_held(self) -> bool:
        """Whether it goes on only when a person has decided about an attempt."""
        return self.attempts.held_at is not None and not self.status.is_finished

    @property
    def ended_at(self) -> datetime:
        """When it ended; for one that has ended only."""
        return self.finished_at or self.created_at


def status_document(run: RunView) -> dict[str, Any]:
    """Write the whole status of *run*."""
    document: dict[str, Any] = {
        "observedGeneration": run.generation,
        "runId": str(run.id),
        "phase": phase(run),
        **_numbers(run),
        **_times(run),
        "conditions": [each.document(run.generation) for each in conditions(run)],
    }
    if external := _external(run):
        document["external"] = external
    failures = _failures(run.failures, LIMIT - len(orjson.dumps(document)) - len(',"failures":[]'))
    if failures:
        document["failures"] = failures
    return document


def refusal_document(*, generation: int, reason: str, message: str, at: datetime) -> dict[str, Any]:
    """Write the status of a Run that has no row, because what it refers to does not exist."""
    shown = [
        Condition("Accepted", "False", at, reason, fit(message, _MAIN)),
        Condition("Submitted", "False", at, "Waiting", "Nothing was sent to an engine"),
        Condition("Succeeded", "False", at, reason, fit(message, _MAIN)),
        Condition("Completed", "True", at, reason, "The Run was refused"),
        Condition(
            "Recorded", "False", at, reason, "There is no history: no Automation could be found to keep it under"
        ),
        Condition("Stalled", "True", at, reason, fit(message, _SIDE)),
    ]
    return {
        "observedGeneration": generation,
        "phase": "Failed",
        "finishedAt": timestamp(at),
        "conditions": [each.document(generation) for each in shown],
    }


def phase(run: RunView) -> str:
    """Sum the conditions up in one word for people."""
    match run.status:
        case ExecutionStatus.COMPLETED:
            return "Succeeded"
        case ExecutionStatus.FAILED:
            return "Failed"
        case ExecutionStatus.CANCELLED | ExecutionStatus.SKIPPED:
            return "Cancelled"
    if run.cancel_requested_at or run.state == "Cancelled":
        return "Cancelling"
    if run.state == "Suspended":
        return "Suspended"
    if run.status.is_running:
        return "Running"
    return "Queued" if run.status_reason in {"Queued", None} else "Pending"


def conditions(run: RunView) -> list[Condition]:
    """Say how *run* stands; the times are facts of its rows."""
    ended = run.status.is_finished
    reason = _reason(run)
    succeeded = run.status is ExecutionStatus.COMPLETED if ended else None
    shown = [
        Condition(
            "Accepted",
            truth(not run.is_refused),
            run.created_at,
            run.accepted_reason,
            fit(run.accepted_message or "The Run is valid", _MAIN if run.is_refused else _SIDE),
        ),
        _submitted(run),
        Condition(
            "Succeeded",
            truth(succeeded),
            run.ended_at if ended else run.created_at,
            reason,
            fit(_outcome(run), _SIDE if run.is_refused else _MAIN),
        ),
        Condition(
            "Completed",
            truth(ended),
            run.ended_at if ended else run.created_at,
            reason,
            "The Run has ended" if ended else "The Run has not ended",
        ),
        Condition("Recorded", "True", run.created_at, "Recorded", "The history is stored"),
    ]
    return [*shown, *_health(run, reason)]


def _reason(run: RunView) -> str:
    """Say in a word where it stands: what was refused shows why, here too, since lists show this condition's word."""
    if run.is_refused:
        return run.accepted_reason
    if run.status is ExecutionStatus.PROCESSING and run.status_reason == "Dispatched":
        return _at_the_engine(run)
    return fit(run.status_reason, _REASON) or (_SUCCEEDED[run.status] if run.status.is_finished else "Queued")


def _at_the_engine(run: RunView) -> str:
    """Say how far a dispatched Run is: what its one execution says; a Run of many runs as soon as one has ended."""
    if run.counts is not None and run.counts.completed + run.counts.failed:
        return "Running"
    return fit(run.external.reason if run.external else None, _REASON) or "Dispatched"


def _submitted(run: RunView) -> Condition:
    attempts = run.attempts
    if run.is_held:
        message = "Nobody knows whether the engine took an attempt: see `baton runs get`, then `baton runs resolve`"
        return Condition("Submitted", "Unknown", attempts.held_at, "SubmissionAmbiguous", message)
    if attempts.accepted_at:
        return Condition("Submitted", "True", attempts.accepted_at, "Submitted", "An engine has taken it")
    if attempts.name_taken_at:
        message = "The engine has something else under the attempt's name"
        return Condition("Submitted", "False", run.created_at, "NameTaken", message)
    return Condition("Submitted", "False", run.created_at, "Waiting", fit(_waits_for(run), _SIDE))


def _waits_for(run: RunView) -> str:
    if run.status.is_finished:
        return "No engine has taken it"
    if run.state == "Suspended":
        return "spec.state is Suspended: nothing is sent"
    if run.is_waiting_for_place:
        return "Waits for its turn: the Automation's concurrency.max is reached"
    if run.rests_since:
        return (
            f"Engine {fit(run.engine, 100)} rests since {timestamp(run.rests_since)}, as too many requests failed; "
            f"tried again every {fit(run.rests_for, 16)}"
        )
    if run.attempts.error and run.attempts.again_at:
        return f"Sent again at {timestamp(run.attempts.again_at)}: {run.attempts.error}"
    if run.status is ExecutionStatus.PROCESSING:
        engine = f"Engine {fit(run.engine, 100)}" if run.engine else "the engine"
        return f"A request was made of {engine}: what became of it is found out before another one"
    return _waits_for_engine(run.engine)


def _waits_for_engine(engine: str | None) -> str:
    """Say where to look: whether the engine is ready is its own status, so that a change of it is written once."""
    what = "for a slot, for its rate, or for its return"
    if engine is None:
        return f"Waits for the engine: {what}"
    namespace, _, name = engine.partition("/")
    return f"Waits for Engine {engine}: {what}; see `kubectl describe engine {name} -n {namespace}`"


def _outcome(run: RunView) -> str:
    """Say in a sentence how it ended, or how it stands."""
    match run.status:
        case ExecutionStatus.COMPLETED:
            return "All work succeeded" if not run.failures else "Succeeded within spec.dispatch.maxFailures"
        case ExecutionStatus.FAILED:
            return run.error_summary or run.accepted_message or "The work failed"
        case ExecutionStatus.CANCELLED:
            return run.cancellation_reason or run.error_summary or "Cancelled"
        case ExecutionStatus.SKIPPED:
            return run.error_summary or "Not run"
        case ExecutionStatus.RETRYING:
            return run.error_summary or "Tried again after a failure"
        case _:
            return "The Run has not ended"


def _health(run: RunView, reason: str) -> list[Condition]:
    """Say what kstatus reads: Stalled where only a person helps, Reconciling while something is to come."""
    if run.is_held:
        message = "A person must decide about an attempt: `baton runs resolve`"
        return [Condition("Stalled", "True", run.attempts.held_at, "SubmissionAmbiguous", message)]
    if run.status is ExecutionStatus.FAILED:
        return [Condition("Stalled", "True", run.ended_at, reason, fit(_outcome(run), _SIDE))]
    if not run.status.is_finished:
        return [Condition("Reconciling", "True", run.created_at, reason, "The Run has not ended")]
    return []


def _numbers(run: RunView) -> dict[str, Any]:
    if run.is_refused:
        return {}
    counts = run.counts or Counts(
        total=1,
        completed=int(run.status is ExecutionStatus.COMPLETED),
        failed=int(run.status is ExecutionStatus.FAILED),
        running=int(run.status.is_running),
    )
    return {
        "progress": f"{counts.completed}/{counts.total}",
        "attempt": run.attempts.highest,
        "counts": {
            "total": counts.total,
            "completed": counts.completed,
            "failed": counts.failed,
            "running": counts.running,
        },
    }


def _times(run: RunView) -> dict[str, Any]:
    times = {}
    if run.started_at:
        times["startedAt"] = timestamp(run.started_at)
    if run.status.is_finished:
        times["finishedAt"] = timestamp(run.ended_at)
        if run.started_at:
            times["duration"] = duration_text(run.ended_at - run.started_at)
    return times


def _external(run: RunView) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    if run.engine:
        shown["engine"] = fit(run.engine, _ENGINE)
    if run.external:
        shown["id"] = fit(run.external.id, _ID)
        if run.external.url and size(run.external.url) <= _URL:  # half an address helps nobody
            shown["url"] = run.external.url
        if run.external.native_status:
            shown["nativeStatus"] = fit(run.external.native_status, _NATIVE)
        if run.external.more:
            shown["more"] = run.external.more
    return shown


def _failures(failures: Sequence[Failure], room: int) -> list[dict[str, Any]]:
    """Show the last failures, each with an equal share of *room* bytes; where that is too little, fewer of them."""
    shown = list(failures[-MAX_FAILURES:])
    while shown:
        share = room // len(shown) - 1
        entries = [_failure(each, share) for each in shown]
        if all(entry is not None for entry in entries):
            return [entry for entry in entries if entry is not None]
        shown.pop(0)
    return []


def _failure(failure: Failure, share: int) -> dict[str, Any] | None:
    entry: dict[str, Any] = {}
    if failure.batch:
        entry["batch"] = fit(failure.batch, _BATCH)
    if failure.item is not None:
        entry["item"] = failure.item
    rest = share - len(orjson.dumps({**entry, "message": ""}))
    if rest < _LEAST_MESSAGE:
        return None
    return {**entry, "message": fit(failure.message, min(rest, 1000))}
