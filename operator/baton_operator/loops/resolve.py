"""
Resolve: find out what became of attempts whose fate nobody knows, before anything is sent again.

AMBIGUOUS ones, and SENT ones whose lease ran out: their process died, was frozen, or lost the answer.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from baton_models import new_id
from baton_models.statements import record as statements
from baton_models.statements.settle import UnitMove
from baton_operator import faults
from baton_operator.decide import attempts as decide
from baton_operator.decide.durations import seconds
from baton_operator.decide.expressions import InvalidExpressionError
from baton_operator.engines.base import EngineAdapter
from baton_operator.engines.embedded import wake_workers
from baton_operator.engines.errors import EngineError
from baton_operator.loops.changes import abandoned, change_of, refused
from baton_operator.loops.dispatch import CONCURRENCY, boottime
from baton_operator.loops.lanes import Lanes
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts
from baton_operator.loops.requests import arguments, engine_spec, request


class ResolveLoop:
    """Looks for attempts in doubt; turns with `dispatch`."""

    name = "dispatch"
    pace = 0.5

    def __init__(self, parts: Parts, followers: Sequence[Bell]) -> None:
        self.bell = Bell()
        self._store = parts.store
        self._settings = parts.settings
        self._registry = parts.registry
        self._definitions = parts.definitions
        self._settler = parts.settler
        self._metrics = parts.metrics
        self._lanes = Lanes(self.name, self.bell, parts.metrics)
        self._followers = followers

    async def turn(self) -> float:
        """Look for what is due, of every engine that answers and is not being asked."""
        for engine in await self._store.run(statements.engines_with_unclear):
            if self._lanes.is_free(engine):
                self._lanes.start(engine, partial(self._serve, engine))
        return self._settings.idle

    async def drain(self) -> None:
        """Wait until everything that is under way has ended."""
        await self._lanes.drain()

    async def _serve(self, engine: UUID) -> bool:
        lease = new_id()
        lease_for = timedelta(seconds=self._settings.request_deadline * 2 + 1)
        row, held = await self._store.run(
            lambda session: statements.claim_unclear(
                session, engine, lease=lease, lease_for=lease_for, limit=self._settings.batch_size
            )
        )
        begun = boottime()  # after the claim: a look must never be dated later than it was (R3)
        if not held:
            return False
        adapter = await self._registry.adapter(engine_spec(engine, row))
        definitions = await self._store.run(
            lambda session: self._definitions.get(session, {each.definition_id for each in held})
        )
        gate = asyncio.Semaphore(CONCURRENCY)

        async def look(each: Any) -> tuple[Any, decide.Step, datetime]:
            async with gate:
                looked_at = row.now + timedelta(seconds=boottime() - begun)
                return each, await self._look(adapter, each, definitions[each.definition_id], row, looked_at), looked_at

        looks = await asyncio.gather(*(look(each) for each in held))
        faults.hit("dispatch.find.after")
        faults.hit("dispatch.resolve.before")
        await self._record(looks, lease, row)
        faults.hit("dispatch.resolve.after")
        for bell in self._followers:
            bell.ring()
        return len(held) >= self._settings.batch_size

    async def _look(
        self, adapter: EngineAdapter, each: Any, definition: Any, engine: Any, looked_at: datetime
    ) -> decide.Step:
        try:
            values = arguments(each, definition)
            sighting = await adapter.find(request(each, definition, values, deadline=self._settings.request_deadline))
        except InvalidExpressionError as error:
            # Where there is no fingerprint, this is why it was never sent; else its arguments could be computed once.
            return decide.Hold(str(error)) if each.fingerprint else decide.Refuse("InvalidArguments", str(error))
        except EngineError as error:
            return decide.Look(looked_at + decide.backoff(each.absences + 1), each.absences, str(error))
        return decide.after_look(
            decide.Attempt(
                sends=each.sends,
                tries=each.tries,
                visible_after=each.visible_after,
                evidence_until=each.evidence_until,
                epoch=each.engine_epoch,
                absences=each.absences,
                last_look_at=each.last_look_at,
                cancelled=each.cancel_requested_at is not None,
            ),
            sighting,
            looked_at=looked_at,
            epoch=engine.restart_epoch,
            settle=timedelta(seconds=self._settings.settle_time),
            idempotency=adapter.idempotency,
        )

    async def _record(self, looks: Sequence[tuple[Any, decide.Step, datetime]], lease: UUID, engine: Any) -> None:
        changes = [change_of(each.id, step, looked_at=looked_at) for each, step, looked_at in looks]
        steps = {each.id: step for each, step, _ in looks}
        poll_in = timedelta(seconds=seconds(engine.spec.get("tracking", {}).get("interval", "10s")))

        async def work(session: AsyncSession) -> None:
            kept = await statements.record(session, changes, lease=lease, held="AMBIGUOUS", poll_in=poll_in)
            moves = [move for row in kept if not row.settled and (move := _unit_move(row, steps[row.id]))]
            if moves:
                await self._settler.end(session, moves, runs={move.run_id for move in moves})
            if any(row.state == "ACKED" for row in kept):
                await wake_workers(session)

        await self._store.run(work)
        for step in steps.values():
            if isinstance(step, decide.Acknowledge):
                label = f"{engine.namespace}/{engine.name}"
                self._metrics.submissions.labels(engine=label, outcome="adopted").inc()
            elif isinstance(step, decide.Hold):
                label = f"{engine.namespace}/{engine.name}"
                self._metrics.submissions.labels(engine=label, outcome="held").inc()


def _unit_move(row: Any, step: decide.Step) -> UnitMove | None:
    """Say what the unit becomes: failed where the engine refused, cancelled where it never ran."""
    match step:
        case decide.Refuse():
            return refused(row, step)
        case decide.Abandon():
            return abandoned(row)
        case _:
            return None
