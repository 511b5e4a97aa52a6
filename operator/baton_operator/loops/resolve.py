"""
Resolve: find out what became of attempts whose fate nobody knows, before anything is sent again.

AMBIGUOUS ones, and SENT ones whose lease ran out: their process died, was frozen, or lost the answer.
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import reduce
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from baton_models import new_id
from baton_models.statements import record as statements
from baton_operator import faults
from baton_operator.clock import boottime
from baton_operator.decide import attempts as decide
from baton_operator.decide.circuit import Tally, tally_error
from baton_operator.decide.expressions import InvalidExpressionError
from baton_operator.engines.base import EngineAdapter
from baton_operator.engines.embedded.adapter import wake_workers
from baton_operator.engines.errors import EngineError
from baton_operator.loops.bounds import interval, lag, lease, may_resend, memory, travel
from baton_operator.loops.changes import attempt_of, change_of, unit_move
from baton_operator.loops.engine_loop import EngineLoop
from baton_operator.loops.requests import arguments, engine_spec, request

#: Attempts that are looked for at once, and recorded together: a process that lives only for a moment settles some.
LOOKS = 20


class ResolveLoop(EngineLoop):
    """Looks for attempts in doubt; turns with `dispatch`."""

    name = "dispatch"
    pace = 0.1

    async def _due(self, session: AsyncSession) -> Sequence[UUID]:
        return await statements.engines_with_unclear(session)

    async def _serve(self, engine: UUID) -> bool:
        held_by = new_id()
        lease_for = lease(self._settings)
        row, held = await self._store.run(
            lambda session: statements.claim_unclear(session, engine, lease=held_by, lease_for=lease_for, limit=LOOKS)
        )
        begun = boottime()  # after the claim: a look must never be dated later than it was (R3)
        if not held:
            return False
        adapter = await self._registry.adapter(engine_spec(engine, row))
        definitions = await self._store.run(
            lambda session: self._definitions.get(session, {each.definition_id for each in held})
        )

        async def look(each: Any) -> tuple[Any, decide.Step, datetime, Tally]:
            looked_at = row.now + timedelta(seconds=boottime() - begun)
            step, tally = await self._look(adapter, each, definitions[each.definition_id], row, looked_at)
            return each, step, looked_at, tally

        looks = await asyncio.gather(*(look(each) for each in held))
        faults.hit("dispatch.find.after")
        faults.hit("dispatch.resolve.before")
        await self._record([(each, step, looked_at) for each, step, looked_at, _ in looks], held_by, row)
        faults.hit("dispatch.resolve.after")
        await self._note(engine, row.spec, reduce(Tally.plus, (tally for *_, tally in looks)))
        self._ring()
        return len(held) >= LOOKS

    async def _look(
        self, adapter: EngineAdapter, each: Any, definition: Any, engine: Any, looked_at: datetime
    ) -> tuple[decide.Step, Tally]:
        """Look for one; say what follows, and what it says of the engine's health."""
        try:
            values = arguments(each, definition)
            sighting = await adapter.find(request(each, definition, values, deadline=self._settings.request_deadline))
        except InvalidExpressionError as error:
            # Where there is no fingerprint, this is why it was never sent; else its arguments could be computed once.
            refused = decide.Refuse("InvalidArguments", str(error))
            return decide.Hold(str(error)) if each.fingerprint else refused, Tally()
        except EngineError as error:
            wait = decide.backoff(each.absences + 1, getattr(error, "retry_after", None))
            return decide.Look(looked_at + wait, each.absences, str(error)), tally_error(error)
        step = decide.after_look(
            self._attempt(each, engine),
            sighting,
            looked_at=looked_at,
            epoch=engine.restart_epoch,
            settle=timedelta(seconds=self._settings.settle_time),
            lag=lag(engine.spec),
            allowance=lease(self._settings) + travel(self._settings),
            idempotency=adapter.idempotency,
            resend=may_resend(engine.spec, each.target_reason),
        )
        return step, Tally(1)

    def _attempt(self, each: Any, engine: Any) -> decide.Attempt:
        """Say what is known of an attempt; where the database was restored, as of then."""
        attempt = attempt_of(each)
        if each.restored_at is None:
            return attempt
        return decide.after_restore(
            attempt,
            restored_at=each.restored_at,
            lag=lag(engine.spec),
            allowance=lease(self._settings) + travel(self._settings),
            memory=memory(engine.spec, engine.memory_seconds),
        )

    async def _record(self, looks: Sequence[tuple[Any, decide.Step, datetime]], held_by: UUID, engine: Any) -> None:
        changes = [change_of(each.id, step, looked_at=looked_at) for each, step, looked_at in looks]
        steps = {each.id: step for each, step, _ in looks}
        poll_in = interval(engine.spec)

        async def work(session: AsyncSession) -> None:
            kept = await statements.record(session, changes, lease=held_by, held="AMBIGUOUS", poll_in=poll_in)
            moves = [move for row in kept if not row.settled and (move := unit_move(row, steps[row.id]))]
            if moves:
                await self._settler.end(session, moves, runs={move.run_id for move in moves})
            if any(row.state == "ACKED" for row in kept):
                await wake_workers(session)

        await self._store.run(work)
        label = f"{engine.namespace}/{engine.name}"
        for step in steps.values():
            if isinstance(step, decide.Acknowledge):
                self._metrics.submissions.labels(engine=label, outcome="adopted").inc()
            elif isinstance(step, decide.Hold):
                self._metrics.submissions.labels(engine=label, outcome="held").inc()
