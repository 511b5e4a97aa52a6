"""
Dispatch: hand attempts over exactly once.

Claim and commit, send, classify, record. Nothing is sent before the claim is committed; nothing is sent when the
lease may not cover the whole request any more (R2); nothing is written under a lease that was lost (R11).
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from baton_models import new_id
from baton_models.statements import claim as statements
from baton_models.statements.claim import Limits
from baton_models.statements.record import record
from baton_operator import faults
from baton_operator.clock import boottime
from baton_operator.decide import attempts as decide
from baton_operator.decide.circuit import Circuit, Policy, tally_outcomes
from baton_operator.decide.definition import Definition
from baton_operator.decide.expressions import InvalidExpressionError
from baton_operator.engines.base import (
    EngineAdapter,
    NotSent,
    Outcome,
    SubmitRequest,
    Unknown,
)
from baton_operator.engines.embedded.adapter import wake_workers
from baton_operator.engines.errors import EngineError
from baton_operator.engines.options import BatchSubmitter
from baton_operator.loops import bounds, run_lines
from baton_operator.loops.changes import abandoned, change_of, refused
from baton_operator.loops.engine_loop import EngineLoop
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts
from baton_operator.loops.requests import arguments, engine_spec, fingerprint, request

logger = logging.getLogger(__name__)

#: Requests under way at once, for one engine.
CONCURRENCY = 50
#: Attempts that one claim takes at most for an engine that cannot tell a second submit from the first: whatever is
#: claimed when a process dies is a person's to decide there.
IN_DOUBT = 10
#: Seconds from one claim to the next where the rate is what keeps attempts back: short, so that who has come meanwhile
#: is served in turn, and long enough to make a batch of it.
REFILL = 0.25
_OUTCOMES = {"Created": "created", "Adopted": "adopted", "Rejected": "rejected", "NotSent": "not_sent"}


@dataclass(frozen=True, slots=True)
class Claimed:
    """
    Attempts that this process may send until its lease ends.

    Attributes:
        begun: CLOCK_BOOTTIME before the claim's transaction: the lease cannot have begun earlier (R2).
        now: The database's clock at the claim.
        attempts: With their requests, in the order of sending.
        dead: Attempts whose arguments could not be computed, with the message.
        policy: When the engine's circuit opens.
        trial: Whether it is not closed, and these show whether the engine is back.
        is_full: Whether it took as many as one claim may take: there may be more.
    """

    engine: UUID
    adapter: EngineAdapter
    lease: UUID
    lease_for: timedelta
    begun: float
    now: datetime
    poll_in: timedelta
    attempts: Sequence[tuple[Any, decide.Attempt, SubmitRequest]]
    dead: Sequence[tuple[Any, str]]
    label: str
    policy: Policy
    trial: bool
    is_full: bool

    def covers(self, deadline: float) -> bool:
        """Say whether the lease still covers a whole request of *deadline* seconds; the clock counts suspension."""
        return boottime() + deadline <= self.begun + self.lease_for.total_seconds()


class DispatchLoop(EngineLoop):
    """Claims due attempts of every engine that may be sent to, and sends them."""

    name = "dispatch"
    pace = 0.1

    def __init__(self, parts: Parts, *, projecting: Bell, tracking: Bell) -> None:
        super().__init__(parts, [projecting, tracking])

    async def _due(self, session: AsyncSession) -> Sequence[UUID]:
        return await statements.engines_with_work(session)

    async def _serve(self, engine: UUID) -> bool:
        faults.hit("dispatch.claim.before")
        claimed = await self._claim(engine)
        if claimed is None:
            return False
        faults.hit("dispatch.claim.after")
        outcomes = await self._send(claimed)
        faults.hit("dispatch.record.before")
        await self._record(claimed, outcomes)
        faults.hit("dispatch.record.after")
        moved = await self._breaker.note(engine, claimed.policy, tally_outcomes(outcomes, trial=claimed.trial))
        self._ring()
        return moved or claimed.is_full

    async def _claim(self, engine: UUID) -> Claimed | None:
        begun = boottime()
        lease = new_id()
        claimed = await self._store.run(lambda session: self._claim_in(session, engine, lease, begun))
        if claimed is None or not (claimed.attempts or claimed.dead):
            return None
        run_lines.started(claimed.label, [each[0] for each in (*claimed.attempts, *claimed.dead)])
        return claimed

    async def _claim_in(self, session: AsyncSession, engine: UUID, lease: UUID, begun: float) -> Claimed | None:
        row = await statements.lock_engine(session, engine)
        if row is None:
            return None
        adapter = await self._registry.adapter(engine_spec(engine, row))
        size = self._settings.batch_size if adapter.idempotency.is_keyed else IN_DOUBT
        picked, tokens = await self._pick(session, row, size)
        if not picked:
            return None
        definitions = await self._definitions.get(session, {each.definition_id for each in picked})
        built, dead = _build(picked, definitions)
        lease_for, trial = bounds.lease(self._settings), row.circuit_state != "closed"
        sent = await statements.mark_sent(
            session,
            engine,
            ids=[each.id for each in picked],
            fingerprints=[built[each.id][1] if each.id in built else "" for each in picked],
            lease=lease,
            lease_for=lease_for,
            margin=bounds.travel(self._settings) + bounds.lag(row.spec),
            memory=bounds.memory(row.spec, row.memory_seconds) - bounds.travel(self._settings),
            epoch=row.restart_epoch,
            tokens=tokens,
            now=row.now,
            last_tenant=picked[-1].tenant_id,
            trial=trial,
        )
        claimed = Claimed(
            engine=engine,
            adapter=adapter,
            lease=lease,
            lease_for=lease_for,
            begun=begun,
            now=row.now,
            poll_in=bounds.interval(row.spec),
            attempts=[],
            dead=[(each, dead[each.id]) for each in picked if each.id in dead],
            label=f"{row.namespace}/{row.name}",
            policy=Policy.read(row.spec),
            trial=trial,
            is_full=len(picked) >= size,
        )
        attempts = [
            (each, _attempt(each, sent[each.id]), self._request(claimed, each, definitions, built[each.id][0]))
            for each in picked
            if each.id in built and each.id in sent
        ]
        return replace(claimed, attempts=attempts)

    async def _pick(self, session: AsyncSession, row: Any, size: int) -> tuple[Sequence[Any], float]:
        """Pick up to *size* attempts, as many as the engine's limits allow; say what its bucket held before."""
        limits = _limits(row)
        tokens = limits.tokens(row.bucket_tokens, row.bucket_seconds)
        room = self._room(row, tokens, size)
        if room < 1:
            return (), tokens
        return await statements.pick(session, row.id, limits, limit=room, last_tenant=row.last_tenant), tokens

    def _room(self, row: Any, tokens: float, size: int) -> int:
        """Say how many of *size* may go now; where the rate leaves none, come back as soon as it does."""
        if tokens < 1:
            asyncio.get_running_loop().call_later(REFILL, self.bell.ring)
        if row.is_paused:
            return 0
        allowed = Circuit(row.circuit_state, row.circuit_until).lets_through(row.now)
        room = min(size, int(tokens))
        return room if allowed is None else min(room, allowed)

    def _request(
        self, claimed: Claimed, row: Any, definitions: Mapping[UUID, Definition], values: Mapping[str, Any]
    ) -> SubmitRequest:
        deadline = self._settings.request_deadline
        return request(
            row,
            definitions[row.definition_id],
            values,
            deadline=deadline,
            before_send=lambda: claimed.covers(deadline),
        )

    async def _send(self, claimed: Claimed) -> Sequence[Outcome]:
        """Send all of them, each with its own outcome."""
        requests = [each for _, _, each in claimed.attempts]
        if isinstance(claimed.adapter, BatchSubmitter):
            faults.hit("dispatch.sent.before")
            outcomes = await claimed.adapter.submit_batch(requests)
            faults.hit("dispatch.sent.after")
        else:
            gate = asyncio.Semaphore(CONCURRENCY)
            outcomes = await asyncio.gather(*(self._send_one(claimed, each, gate) for each in requests))
        for (row, *_), outcome in zip(claimed.attempts, outcomes, strict=True):
            word = _OUTCOMES.get(type(outcome).__name__, "unknown")
            self._metrics.submissions.labels(engine=claimed.label, outcome=word).inc()
            run_lines.sent(claimed.label, row, word, getattr(outcome, "external_id", None))
        return outcomes

    async def _send_one(self, claimed: Claimed, each: SubmitRequest, gate: asyncio.Semaphore) -> Outcome:
        async with gate:
            faults.hit("dispatch.sent.before")
            try:
                outcome = await claimed.adapter.submit(each)
            except EngineError as error:  # an adapter that breaks its promise may have sent something
                outcome = Unknown(str(error), error.http_status)
            faults.hit("dispatch.sent.after")
            return outcome

    async def _record(self, claimed: Claimed, outcomes: Sequence[Outcome]) -> None:
        """Write what became of them, in one transaction; what the engine refused ends its unit in the same one."""
        now = claimed.now + timedelta(seconds=boottime() - claimed.begun)
        steps = [
            (row, decide.after_submit(attempt, outcome, now=now))
            for (row, attempt, _), outcome in zip(claimed.attempts, outcomes, strict=True)
        ]
        steps += [(row, decide.Refuse("InvalidArguments", message)) for row, message in claimed.dead]
        changes = [change_of(row.id, step) for row, step in steps]
        refusals = {row.id: step for row, step in steps if isinstance(step, decide.Refuse)}

        async def work(session: AsyncSession) -> None:
            kept = await record(session, changes, lease=claimed.lease, held="SENT", poll_in=claimed.poll_in)
            moves = [refused(row, refusals[row.id]) for row in kept if row.id in refusals and not row.settled]
            moves += [abandoned(row) for row in kept if row.state == "CLOSED" and not row.settled]
            if moves:
                await self._settler.end(session, moves, runs={move.run_id for move in moves})
            if isinstance(claimed.adapter, BatchSubmitter):
                await wake_workers(session)

        await self._store.run(work)
        if any(isinstance(outcome, NotSent) and outcome.counts for outcome in outcomes):
            await self._store.run(lambda session: statements.probe_now(session, claimed.engine))
        self._observe_latency(claimed, steps, now)

    def _observe_latency(self, claimed: Claimed, steps: Sequence[tuple[Any, Any]], now: datetime) -> None:
        for row, step in steps:
            if isinstance(step, (decide.Acknowledge, decide.Queue)) and row.attempt_no == 1:
                latency = (now - row.run_created_at).total_seconds()
                self._metrics.dispatch_latency.labels(engine=claimed.label).observe(max(latency, 0.0))


def _limits(row: Any) -> Limits:
    limits = row.spec.get("limits", {})
    return Limits(
        max_in_flight=row.at_once,
        per_namespace=row.at_once_for_one,
        rate=float(limits.get("requestsPerSecond", 10)),
        burst=int(limits.get("burst", 20)),
    )


def _build(
    picked: Sequence[Any], definitions: Mapping[UUID, Definition]
) -> tuple[dict[UUID, tuple[dict[str, Any], str]], dict[UUID, str]]:
    """Compute arguments and fingerprints; where that fails, the message."""
    built: dict[UUID, tuple[dict[str, Any], str]] = {}
    dead: dict[UUID, str] = {}
    for row in picked:
        definition = definitions[row.definition_id]
        try:
            values = arguments(row, definition)
        except InvalidExpressionError as error:
            dead[row.id] = str(error)
            continue
        built[row.id] = (values, row.fingerprint or fingerprint(definition.target, values))
    return built, dead


def _attempt(row: Any, sent: Any) -> decide.Attempt:
    before = decide.Attempt(
        sends=row.sends,
        tries=row.tries,
        visible_after=sent.visible_after,
        evidence_until=sent.evidence_until,
        epoch=row.engine_epoch,
    )
    return decide.counted(before)
