"""An engine in this process: takes a name once, keeps a ledger, and answers what a test tells it to."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from baton_models.status import ExecutionStatus
from baton_operator.engines.base import (
    Absent,
    Adopted,
    CancelMode,
    CancelOutcome,
    Capability,
    Created,
    Duplicate,
    EngineHealth,
    Enqueued,
    Foreign,
    Found,
    Idempotency,
    NotSent,
    Observation,
    Observed,
    Outcome,
    Problem,
    Reference,
    Sighting,
    SubmitRequest,
)
from baton_operator.engines.errors import EngineError
from baton_operator.engines.options import Whereabouts, Withdrawn
from baton_operator.invariants import LedgerEntry

WORDS = {
    ExecutionStatus.PENDING: ("Queued", "Pending"),
    ExecutionStatus.PROCESSING: ("Running", "Running"),
    ExecutionStatus.COMPLETED: ("Succeeded", "Succeeded"),
    ExecutionStatus.FAILED: ("Failed", "Failed"),
    ExecutionStatus.CANCELLED: ("Cancelled", "Stopped"),
}


@dataclass
class Execution:
    """One thing that was started."""

    token: str
    fingerprint: str
    arguments: Mapping[str, Any]
    status: ExecutionStatus = ExecutionStatus.PROCESSING
    message: str = ""
    number: int = 1

    @property
    def id(self) -> str:
        """Its name in the engine; what the engine made itself has a number behind it."""
        return f"memory/{self.token}" + (f"#{self.number}" if self.number > 1 else "")


@dataclass
class InMemoryEngine:
    """
    An adapter and its engine in one.

    Attributes:
        script: What the next submits do instead of being accepted: an outcome, or a function of the request.
        obedient: Whether a cancel ends what runs.
        down: What every question is answered with, if anything.
        hidden: Tokens that it does not show at the moment.
        submits: Tokens of all requests that arrived, in their order.
        cancels: Tokens of all cancels.
        duplicates: What the engine started by itself.
        reach: Seconds that a look which finds nothing reaches back, if the engine says so.
        told: The restart epoch that a look tells, if it does.
        cancelling: What every cancel is answered with, instead of being done.
    """

    idempotency: Idempotency = Idempotency.UNIQUE_NAME
    capabilities: frozenset[Capability] = frozenset({Capability.CANCEL, Capability.BULK_STATUS})
    executions: dict[str, Execution] = field(default_factory=dict)
    script: deque[Outcome | Callable[[SubmitRequest], Outcome]] = field(default_factory=deque)
    obedient: bool = True
    down: EngineError | None = None
    hidden: set[str] = field(default_factory=set)
    submits: list[str] = field(default_factory=list)
    cancels: list[str] = field(default_factory=list)
    epoch: str | None = None
    duplicates: list[Execution] = field(default_factory=list)
    reach: float | None = None
    told: str | None = None
    cancelling: CancelOutcome | None = None

    def duplicate(self, token: str) -> Execution:
        """Start what a request asked for once more, as an engine does that lost its own queue's state."""
        first = self.executions[token]
        number = 2 + sum(each.token == token for each in self.duplicates)
        self.duplicates.append(Execution(token, first.fingerprint, first.arguments, number=number))
        return self.duplicates[-1]

    def all(self) -> list[Execution]:
        """Give everything that was started."""
        return [*self.executions.values(), *self.duplicates]

    def accept(self, request: SubmitRequest) -> Outcome:
        """Do what a healthy engine does."""
        self.submits.append(request.token)
        if request.token in self.executions:
            return Adopted(self.executions[request.token].id, native="Running")
        made = Execution(request.token, request.fingerprint, request.arguments)
        self.executions[request.token] = made
        return Created(made.id, f"http://engine/{made.token}", "Pending")

    def end(self, status: ExecutionStatus = ExecutionStatus.COMPLETED, *tokens: str, message: str = "") -> None:
        """Let what runs, or only *tokens*, come to an end."""
        for each in self.all():
            if each.status is ExecutionStatus.PROCESSING and (not tokens or each.token in tokens):
                each.status, each.message = status, message

    def ledger(self) -> list[LedgerEntry]:
        """Give its books."""
        return [
            LedgerEntry(each.token, each.id, each.status.is_finished, duplicated=each.number > 1) for each in self.all()
        ]

    async def probe(self) -> EngineHealth:
        """Answer."""
        self._be_up()
        return EngineHealth(version="1", restart_epoch=self.epoch)

    async def validate(self, target: Mapping[str, Any], arguments: Sequence[str]) -> Sequence[Problem]:
        """Know every target."""
        return []

    async def submit(self, request: SubmitRequest) -> Outcome:
        """Do what the script says, or accept."""
        if request.before_send and not request.before_send():
            return NotSent("the lease does not cover a request any more", counts=False)
        if not self.script:
            return self.accept(request)
        step = self.script.popleft()
        return step(request) if callable(step) else step

    async def find(self, request: SubmitRequest) -> Sighting:
        """Look for the name."""
        self._be_up()
        found = self.executions.get(request.token)
        if found is None or request.token in self.hidden:
            return Absent(self.reach, self.told)
        if found.fingerprint != request.fingerprint:
            return Foreign(found.id)
        return self._found(found)

    async def observe(self, references: Sequence[Reference]) -> Observed:
        """Show all that is there."""
        self._be_up()
        asked, tokens = {each.external_id for each in references}, {each.token for each in references}
        there = {each.id: each for each in self.all() if each.token in tokens and each.token not in self.hidden}
        missing = [each for each in references if each.external_id not in there]
        seen = [self._show(each) for each in there.values() if each.id in asked]
        news = [Duplicate(each.token, self._show(each)) for each in self.duplicates if each.id in there.keys() - asked]
        return Observed(seen, missing, pages=1, duplicates=news)

    async def look(self, reference: Reference) -> Observation | None:
        """Show one."""
        self._be_up()
        found = self._by_id(reference)
        return self._show(found) if found and found.token not in self.hidden else None

    async def cancel(self, reference: Reference, mode: CancelMode, reason: str) -> CancelOutcome:
        """End it, if it runs and the engine is obedient."""
        self._be_up()
        self.cancels.append(reference.token)
        if self.cancelling:
            return self.cancelling
        each = self._by_id(reference)
        if each is None:
            return CancelOutcome.NOT_FOUND
        if each.status.is_finished:
            return CancelOutcome.ALREADY_TERMINAL
        if self.obedient:
            each.status = ExecutionStatus.CANCELLED
        return CancelOutcome.ACCEPTED

    async def close(self) -> None:
        """Have nothing to close."""

    def _be_up(self) -> None:
        if self.down:
            raise self.down

    def _by_id(self, reference: Reference) -> Execution | None:
        return next((each for each in self.all() if each.id == reference.external_id), None)

    def _found(self, first: Execution) -> Found:
        others = [Found(each.id, native="Running") for each in self.duplicates if each.token == first.token]
        return Found(first.id, native="Running", others=tuple(others))

    def _show(self, each: Execution) -> Observation:
        reason, native = WORDS[each.status]
        now = datetime.now(UTC)
        return Observation(
            each.id, each.status, reason, native, each.message, now, now if each.status.is_finished else None, 1.0
        )


@dataclass
class QueueingEngine(InMemoryEngine):
    """
    An engine that answers a submit with a place in its queue, and begins the work later.

    Attributes:
        queue: What waits, by its handle.
        left: What has left the queue, by the handle it had; a handle that is nowhere is forgotten.
        dropped: Handles of what was dropped before it began.
        follows: How many handles each question was about.
        stubborn: Whether it keeps what is to be withdrawn.
    """

    idempotency: Idempotency = Idempotency.COALESCING
    queue: dict[str, Execution] = field(default_factory=dict)
    left: dict[str, Execution] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    follows: list[int] = field(default_factory=list)
    stubborn: bool = False

    def accept(self, request: SubmitRequest) -> Outcome:
        """Put it into the queue; equal requests are one while they wait there."""
        self.submits.append(request.token)
        handle = f"item/{request.token}"
        self.queue.setdefault(handle, Execution(request.token, request.fingerprint, request.arguments))
        return Enqueued(handle)

    def begin(self) -> None:
        """Let everything begin that waits."""
        for handle, each in self.queue.items():
            self.executions[each.token] = self.left[handle] = each
        self.queue.clear()

    def drop(self) -> None:
        """Let somebody cancel everything that waits."""
        self.dropped |= set(self.queue)
        self.queue.clear()

    def forget(self) -> None:
        """Know no handle any more."""
        self.left.clear()
        self.dropped.clear()
        self.queue.clear()

    async def find(self, request: SubmitRequest) -> Sighting:
        """Look in the queue, too."""
        sighting = await super().find(request)
        waiting = f"item/{request.token}"
        return Enqueued(waiting) if waiting in self.queue else sighting

    async def follow(self, requests: Sequence[SubmitRequest]) -> Sequence[Whereabouts]:
        """Say where the work behind each handle is."""
        self._be_up()
        self.follows.append(len(requests))
        return [self._where(str(each.handle)) for each in requests]

    async def withdraw(self, request: SubmitRequest, reason: str) -> CancelOutcome:
        """Drop what waits."""
        self._be_up()
        self.cancels.append(request.token)
        handle = str(request.handle)
        if handle not in self.queue:
            return CancelOutcome.NOT_FOUND
        if not self.stubborn:
            self.dropped.add(handle)
            del self.queue[handle]
        return CancelOutcome.ACCEPTED

    def _where(self, handle: str) -> Whereabouts:
        if handle in self.queue:
            return Enqueued(handle)
        if handle in self.dropped:
            return Withdrawn("cancelled in the queue")
        return self._found(self.left[handle]) if handle in self.left else Absent()
