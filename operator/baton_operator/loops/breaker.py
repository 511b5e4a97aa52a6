"""How requests fared becomes the engine's circuit and pause: one short transaction, and rarely."""

import time
from dataclasses import asdict
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.statements import health as statements
from baton_operator.decide.circuit import Circuit, Policy, Tally, judge, rested
from baton_operator.loops.transactions import Store

#: Seconds for which successes are gathered before they are written: a healthy engine costs next to nothing.
GATHER = 5.0


class Breaker:
    """Tells the rows how requests fared, at once where one of them failed; the rows decide for all replicas."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[UUID, tuple[float, Tally]] = {}

    async def note(self, engine: UUID, policy: Policy, tally: Tally) -> bool:
        """Count *tally*; say whether the circuit has opened or closed by it."""
        now = time.monotonic()
        since, kept = self._kept.pop(engine, (now, Tally()))
        if now - since >= policy.window:
            since, kept = now, Tally()
        whole = kept.plus(tally)
        if not (tally.failures or tally.trial or tally.pause) and now - since < GATHER:
            self._kept[engine] = (since, whole)
            return False
        return await self._store.run(lambda session: _note(session, engine, policy, whole))

    async def answered(self, engine: UUID) -> bool:
        """Take in that a probe succeeded; say whether that closed the circuit."""
        return await self._store.run(lambda session: _answered(session, engine))


async def _note(session: AsyncSession, engine: UUID, policy: Policy, tally: Tally) -> bool:
    row = await statements.lock_circuit(session, engine)
    if row is None:
        return False
    return await _write(session, engine, row, judge(_circuit(row), tally, policy, now=row.now), tally.pause)


async def _answered(session: AsyncSession, engine: UUID) -> bool:
    row = await statements.lock_circuit(session, engine)
    if row is None:
        return False
    return await _write(session, engine, row, rested(_circuit(row), waiting=row.waiting, now=row.now), None)


async def _write(session: AsyncSession, engine: UUID, row: Any, circuit: Circuit, pause: float | None) -> bool:
    wait = None if pause is None else timedelta(seconds=pause)
    await statements.write_circuit(session, engine, asdict(circuit), pause=wait)
    if (row.state == "closed") is (circuit.state == "closed"):
        return False
    if circuit.state == "closed":
        await statements.hurry(session, engine)
    await statements.show_circuit(session, engine)
    return True


def _circuit(row: Any) -> Circuit:
    return Circuit(
        state=row.state,
        until=row.until,
        opened_at=row.opened_at,
        started_at=row.started_at,
        requests=row.requests,
        failures=row.failures,
        earlier_requests=row.earlier_requests,
        earlier_failures=row.earlier_failures,
    )
