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
    EngineHealth,
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

    @property
    def id(self) -> str:
        """Its name in the engine."""
        return f"memory/{self.token}"


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
        for each in self.executions.values():
            if each.status is ExecutionStatus.PROCESSING and (not tokens or each.token in tokens):
                each.status, each.message = status, message

    def ledger(self) -> list[LedgerEntry]:
        """Give its books."""
        return [LedgerEntry(each.token, each.id, each.status.is_finished) for each in self.executions.values()]

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
            return Absent()
        if found.fingerprint != request.fingerprint:
            return Foreign(found.id)
        return Found(found.id, native="Running")

    async def observe(self, references: Sequence[Reference]) -> Observed:
        """Show all that is there."""
        self._be_up()
        seen = {each.token: each for each in references if each.token in self.executions}
        shown = {token: each for token, each in seen.items() if token not in self.hidden}
        missing = [each for each in references if each.token not in shown]
        return Observed([self._show(token) for token in shown], missing, pages=1)

    async def look(self, reference: Reference) -> Observation | None:
        """Show one."""
        self._be_up()
        there = reference.token in self.executions and reference.token not in self.hidden
        return self._show(reference.token) if there else None

    async def cancel(self, reference: Reference, mode: CancelMode, reason: str) -> CancelOutcome:
        """End it, if it runs and the engine is obedient."""
        self._be_up()
        self.cancels.append(reference.token)
        each = self.executions.get(reference.token)
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

    def _show(self, token: str) -> Observation:
        each = self.executions[token]
        reason, native = WORDS[each.status]
        now = datetime.now(UTC)
        return Observation(
            each.id, each.status, reason, native, each.message, now, now if each.status.is_finished else None, 1.0
        )
