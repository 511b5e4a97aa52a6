"""Counters of what has ended: each run is counted, and told once, by whichever process marks it, whoever ended it."""

from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_operator.loops import run_lines
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts
from baton_operator.loops.spans import SpanTeller
from baton_operator.traces import Traces

BATCH = 500
#: Seconds between two looks for runs that have ended.
INTERVAL = 2.0
#: Ends in the words of a Run's phase; only items are skipped.
OUTCOMES = {"COMPLETED": "Succeeded", "FAILED": "Failed", "CANCELLED": "Cancelled", "SKIPPED": "Skipped"}

_COUNT = text("""
WITH ended AS (
  SELECT id FROM run WHERE finished_at IS NOT NULL AND NOT counted ORDER BY finished_at LIMIT :limit
  FOR UPDATE SKIP LOCKED
), marked AS (
  UPDATE run r SET counted = true FROM ended WHERE r.id = ended.id
  RETURNING r.id, r.tenant_id, r.name, r.uid, r.trace_context, r.automation_id, r.engine_id, r.status, r.status_reason,
            r.accepted_reason, r.created_at, r.started_at, r.finished_at
)
SELECT m.*, a.name AS automation, coalesce(e.tenant_id || '/' || e.name, '') AS engine, p.units,
       p.completed, p.failed, p.cancelled, p.skipped,
       (SELECT count(*) FROM dispatch_attempt d WHERE d.run_id = m.id AND d.sends > 0) AS attempts
FROM marked m JOIN automation a ON a.id = m.automation_id LEFT JOIN engine e ON e.id = m.engine_id
LEFT JOIN run_progress p ON p.run_id = m.id
""")


class CountLoop:
    """
    Marks ended runs, counts those that it marked and tells their traces.

    A kill in between loses counts and traces, never adds any.
    """

    name = "count"
    pace = 1.0

    def __init__(self, parts: Parts, traces: Traces | None = None) -> None:
        self.bell = Bell()
        self._teller = SpanTeller(parts.store, traces) if traces else None
        self._store = parts.store
        self._metrics = parts.metrics

    async def turn(self) -> float:
        """Count what has ended since."""
        rows = await self._store.run(self._mark)
        for row in rows:
            self._count(row)
        if self._teller and rows:
            await self._teller.tell([row.id for row in rows])
        return 0.0 if len(rows) == BATCH else INTERVAL

    @staticmethod
    async def _mark(session: AsyncSession) -> list[Any]:
        return list((await session.execute(_COUNT, {"limit": BATCH})).all())

    def _count(self, row: Any) -> None:
        outcome = OUTCOMES[row.status]
        of_automation = {"namespace": row.tenant_id, "automation": row.automation}
        of_run = {**of_automation, "engine": row.engine}
        reason = row.status_reason if row.accepted_reason == "Accepted" else row.accepted_reason
        self._metrics.runs_finished.labels(**of_run, outcome=outcome, reason=reason or "").inc()
        run_lines.finished(row, outcome=outcome, reason=reason or "")
        if row.started_at:
            self._metrics.run_duration.labels(**of_run).observe((row.finished_at - row.started_at).total_seconds())
            waited = (row.started_at - row.created_at).total_seconds()
            self._metrics.run_queue_duration.labels(**of_run).observe(max(waited, 0.0))
        if row.units == "Item":
            for status, word in OUTCOMES.items():
                counter = self._metrics.items_finished.labels(**of_automation, outcome=word)
                counter.inc(getattr(row, status.lower()))
            self._metrics.item_attempts.labels(**of_automation, outcome=outcome).inc(row.attempts)
