"""What became of hooks: each end is counted once, by whichever process marks it; a failure is an Event of its Run."""

import logging
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_operator.decide.run_events import NOTE
from baton_operator.decide.texts import fit
from baton_operator.kube.events import Regarding
from baton_operator.kube.writer import StatusWriter
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts

logger = logging.getLogger(__name__)

BATCH = 100
#: Seconds between two looks for hooks that have ended.
INTERVAL = 2.0
#: Ends in the words of a Run's phase.
OUTCOMES = {"succeeded": "Succeeded", "failed": "Failed", "timedout": "Failed", "cancelled": "Cancelled"}

_ENDED = text("""
SELECT t.id, t.token, t.hook, t.task, t.state, t.error, r.tenant_id, r.name, r.uid, r.cr_deleted_at,
       a.name AS automation
FROM embedded_task t JOIN run r ON r.id = t.run_id JOIN automation a ON a.id = r.automation_id
WHERE t.hook IS NOT NULL AND t.finished_at IS NOT NULL AND NOT t.counted ORDER BY t.finished_at LIMIT :limit
""")
_MARK = text("""
UPDATE embedded_task SET counted = true WHERE id = ANY(CAST(:ids AS uuid[])) AND NOT counted RETURNING id
""")


class HookLoop:
    """
    Tells of hooks that failed, then marks and counts what has ended.

    The Event comes first, since one that is posted twice is one: a kill in between tells it again, and loses no count.
    """

    name = "project"
    pace = 1.0

    def __init__(self, parts: Parts) -> None:
        self.bell = Bell()
        self._store = parts.store
        self._metrics = parts.metrics
        self._writer = StatusWriter(parts.kube, instance=parts.settings.replica)

    async def turn(self) -> float:
        """Tell of what has ended since."""
        rows = await self._store.run(self._read)
        if not rows:
            return INTERVAL
        for row in rows:
            if OUTCOMES[row.state] == "Failed":
                await self._tell(row)
        marked = await self._store.run(lambda session: self._mark(session, [row.id for row in rows]))
        for row in rows:
            if row.id in marked:
                self._count(row)
        return 0.0 if len(rows) == BATCH else INTERVAL

    @staticmethod
    async def _read(session: AsyncSession) -> list[Any]:
        return list((await session.execute(_ENDED, {"limit": BATCH})).all())

    @staticmethod
    async def _mark(session: AsyncSession, ids: list[UUID]) -> set[UUID]:
        return set((await session.execute(_MARK, {"ids": ids})).scalars())

    async def _tell(self, row: Any) -> None:
        if row.uid is None or row.cr_deleted_at is not None:
            return
        about = Regarding("Run", row.tenant_id, row.name, row.uid)
        note = fit(f"{row.hook} ({row.task}): {row.error or 'failed'}", NOTE)
        await self._writer.post(about, reason="HookFailed", key=row.token, severity="Warning", note=note)

    def _count(self, row: Any) -> None:
        outcome = OUTCOMES[row.state]
        if outcome == "Failed":
            run = f"{row.tenant_id}/{row.name}"
            logger.warning("hook.failed", extra={"run": run, "hook": row.hook, "task": row.task, "error": row.error})
        self._metrics.hooks_finished.labels(
            namespace=row.tenant_id, automation=row.automation, hook=row.hook, outcome=outcome
        ).inc()
