"""
Sweep: what the others could have missed.

Every second: runs that are out of time, units that may be let go. After a start: Runs that show what another release
wrote. Every `sweep_interval`: the difference between the custom resources and the rows, for deletions and creations
that a watch did not bring.
"""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.statements import cancel, sweep
from baton_models.statements.release import release, runs_with_room
from baton_operator import faults
from baton_operator.kube.errors import KubeError
from baton_operator.kube.resources import AutomationSeen, EngineSeen, Kind, RunSeen, Seen
from baton_operator.loops.intake import IntakeLoop
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts
from baton_operator.loops.restate import Restatement

#: Names the advisory lock of this loop ("baton", "sweep").
LOCK = 0x6261746F6E02
BATCH = 500
_KINDS: Sequence[tuple[Kind, Callable[[Any], Seen]]] = (
    ("Engine", EngineSeen.parse),
    ("Automation", AutomationSeen.parse),
    ("Run", RunSeen.parse),
)
_NOW = text("SELECT clock_timestamp()")


class SweepLoop:
    """Repairs; one process at a time."""

    name = "sweep"
    pace = 0.5

    def __init__(self, parts: Parts, intake: IntakeLoop, followers: Sequence[Bell]) -> None:
        self.bell = Bell()
        self._store = parts.store
        self._settings = parts.settings
        self._kube = parts.kube
        self._settler = parts.settler
        self._intake = intake
        self._followers = followers
        self._restatement = Restatement(parts.store)
        self._compared_at: float | None = None

    async def turn(self) -> float:
        """Do what is due."""
        moved = await self._store.run(self._deadlines)
        faults.hit("sweep.deadlines.after")
        moved += await self._store.run(self._release)
        faults.hit("sweep.release.after")
        moved += await self._restatement.turn()
        if moved:
            for bell in self._followers:
                bell.ring()
        if self._compared_at is None or time.monotonic() - self._compared_at >= self._settings.sweep_interval:
            await self._compare()
            self._compared_at = time.monotonic()
        return 1.0

    async def _deadlines(self, session: AsyncSession) -> int:
        if not await sweep.take_turn(session, LOCK):
            return 0
        late = await sweep.out_of_time(session, limit=BATCH)
        if not late:
            return 0
        asked = await cancel.request(
            session,
            late,
            cause="TimedOut",
            reasons=["out of time (timeouts of the Automation)"] * len(late),
            actors=[None] * len(late),
            linger=timedelta(seconds=1),
        )
        await self._settler.stop(session, asked, cause="TimedOut")
        return len(asked)

    async def _release(self, session: AsyncSession) -> int:
        if not await sweep.take_turn(session, LOCK):
            return 0
        runs: Sequence[UUID] = await runs_with_room(session, limit=BATCH)
        await release(session, runs)
        return len(runs)

    async def _compare(self) -> None:
        """Offer what has no row or an older one; let go of rows whose object is gone."""
        for kind, parse in _KINDS:
            try:
                await self._compare_kind(kind, parse)
            except KubeError:
                return

    async def _compare_kind(self, kind: Kind, parse: Callable[[Any], Seen]) -> None:
        before = await self._store.run(self._database_now) - timedelta(seconds=10)
        there: set[str] = set()
        async for raw in self._objects(kind):
            seen = parse(raw)
            there.add(seen.uid)
            if not (seen.is_completed and kind == "Run") or (seen.is_guarded and seen.deleting_since):
                self._intake.offer(seen)
            elif isinstance(seen, RunSeen):
                self._intake.glance(seen)
        known = await self._store.run(
            lambda session: sweep.active_uids(session, kind, before=before, namespaces=self._settings.namespaces)
        )
        for uid in known - there:
            self._intake.offer(parse(_gone(uid)))

    async def _objects(self, kind: Kind) -> AsyncIterator[Any]:
        for namespace in self._settings.namespaces or (None,):
            async for page in self._kube.list(kind, namespace=namespace):
                for raw in page:
                    yield raw

    @staticmethod
    async def _database_now(session: AsyncSession) -> datetime:
        now: datetime = (await session.execute(_NOW)).scalar_one()
        return now.astimezone(UTC)


def _gone(uid: str) -> dict[str, Any]:
    """Make the event that a watch would have brought for the deletion of an object."""
    return {"type": "DELETED", "object": {"metadata": {"namespace": "", "name": "", "uid": uid}}}
