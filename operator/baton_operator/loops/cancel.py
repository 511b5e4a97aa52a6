"""
Cancel: requested, sent, confirmed by observation.

What may still arrive is not cancelled by its absence: attempts in doubt are looked for by `resolve`, and cancelled
here once they are found (R6). When the time is up, the unit ends as CancelUnconfirmed and its attempt stays tracked.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.statements import cancel as statements
from baton_models.statements.settle import UnitMove
from baton_operator import faults
from baton_operator.decide.circuit import Tally, tally_cancels, tally_error
from baton_operator.engines.base import CancelOutcome, EngineAdapter, EngineSpec, Reference
from baton_operator.engines.errors import EngineError
from baton_operator.engines.options import HandleFollower
from baton_operator.loops.engine_loop import EngineLoop
from baton_operator.loops.engines import read_engines
from baton_operator.loops.follow import handle_request

#: An accepted cancel is told again after this time, if nothing confirms it.
TELL_AGAIN = timedelta(seconds=10)
#: What could not be told is tried again after this time.
TRY_AGAIN = timedelta(seconds=2)
#: What goes on although its unit has ended is told again this often.
NAG = timedelta(minutes=1)
#: What an engine says to a cancel that needs no repeating for now; only an observation confirms it.
_TAKEN = {CancelOutcome.ACCEPTED, CancelOutcome.ALREADY_TERMINAL, CancelOutcome.NOT_FOUND}


class CancelLoop(EngineLoop):
    """Tells engines to end what is to end; turns with `track`."""

    name = "track"
    pace = 0.25

    async def _due(self, session: AsyncSession) -> Sequence[UUID]:
        return await statements.engines_due(session)

    async def _serve(self, engine: UUID) -> bool:
        """Tell one engine, and write down what it said."""
        lease_for = timedelta(seconds=self._settings.request_deadline * 2)
        limit = self._settings.batch_size
        rows, handles = await self._store.run(
            lambda session: statements.claim_due(session, engine, lease_for=lease_for, limit=limit)
        )
        if not rows:
            return False
        spec = (await self._store.run(lambda session: read_engines(session, {engine})))[engine]
        definitions = await self._store.run(
            lambda session: self._definitions.get(session, {row.definition_id for row in rows})
        )
        faults.hit("cancel.send.before")
        told = await asyncio.gather(
            *(self._tell(row, handles.get(row.id), spec, definitions[row.definition_id]) for row in rows)
        )
        faults.hit("cancel.send.after")
        await self._store.run(lambda session: statements.record_sent(session, [each.written for each in told]))
        await self._give_up([row for row in rows if not row.settled and row.now >= row.cancel_deadline_at])
        faults.hit("cancel.record.after")
        await self._note(engine, spec.spec, reduce(Tally.plus, (each.tally for each in told)))
        self._ring()
        return len(rows) >= limit

    async def _tell(self, row: Any, handle: Any, engine: EngineSpec, definition: Any) -> "_Told":
        """Tell the engine; say whether it took it and when to act next."""
        if row.state not in {"ACKED", "ENQUEUED"}:
            return _Told((row.id, False, _next(row, TRY_AGAIN), None))
        reason = (row.cancellation_reason or f"cancelled by Baton: {row.cancel_cause}")[:500]
        try:
            adapter = await self._registry.adapter(engine)
            if handle is None:
                references = [Reference(each, row.token, definition.target) for each in row.external_ids]
                outcomes = await asyncio.gather(*(adapter.cancel(each, "stop", reason) for each in references))
            else:
                outcomes = [await self._withdraw(adapter, handle, definition, reason)]
        except EngineError as error:
            wait = max(TRY_AGAIN, timedelta(seconds=getattr(error, "retry_after", None) or 0.0))
            return _Told((row.id, False, _next(row, wait), str(error)[:1000]), tally_error(error))
        taken = bool(outcomes) and _TAKEN.issuperset(outcomes)
        again = _next(row, TELL_AGAIN if taken else TRY_AGAIN)
        return _Told((row.id, taken, again, None), tally_cancels(outcomes))

    async def _withdraw(self, adapter: EngineAdapter, row: Any, definition: Any, reason: str) -> CancelOutcome:
        """Take back what waits in the engine's queue; what `follow` sees next confirms it."""
        if not isinstance(adapter, HandleFollower):
            return CancelOutcome.UNSUPPORTED
        return await adapter.withdraw(handle_request(row, definition, self._settings.request_deadline), reason)

    async def _give_up(self, rows: Sequence[Any]) -> None:
        """End units whose cancel was not confirmed in time."""
        if not rows:
            return
        by_id = {row.id: row for row in rows}

        async def work(session: AsyncSession) -> None:
            given_up = await statements.give_up(session, list(by_id), again=NAG)
            moves = [_unconfirmed(by_id[row.id]) for row in given_up]
            if moves:
                await self._settler.end(session, moves, runs={move.run_id for move in moves})

        await self._store.run(work)


@dataclass(frozen=True, slots=True)
class _Told:
    """
    What became of telling an engine.

    Attributes:
        written: The attempt, whether the engine took it, when to act next, and the error, as it is recorded.
        tally: What that says of the engine's health.
    """

    written: tuple[UUID, bool, datetime | None, str | None]
    tally: Tally = field(default_factory=Tally)


def _next(row: Any, wait: timedelta) -> datetime:
    """Say when to act next: at the deadline at the latest, and seldom on what has been given up."""
    now: datetime = row.now
    if row.settled:
        return now + NAG
    deadline: datetime = row.cancel_deadline_at
    return min(now + wait, max(deadline, now))


def _unconfirmed(row: Any) -> UnitMove:
    whole = row.batch_execution_id is None
    return UnitMove(
        row.id,
        row.run_id,
        row.batch_execution_id,
        row.item_execution_id,
        "FAILED" if whole and row.cancel_cause == "TimedOut" else "CANCELLED",
        "CancelUnconfirmed",
        "the engine did not confirm the cancel in time; the execution may go on there and is still followed",
    )
