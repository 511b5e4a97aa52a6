"""The rows of ended runs, read for their spans; only where traces are wanted."""

import asyncio
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_operator.decide.spans import run_spans
from baton_operator.loops.transactions import Store
from baton_operator.traces import Traces

#: Spans of one Run beside its own: nobody reads a trace that has more.
UNITS = 1000
#: Runs that are read at once.
RUNS = 20

_RUNS = text("""
SELECT r.id, r.uid, r.name, r.tenant_id, r.trace_context, r.status::text AS status, r.status_reason, r.error_summary,
       r.accepted_reason, r.accepted_message, r.created_at, r.finished_at, a.name AS automation,
       e.tenant_id || '/' || e.name AS engine
FROM run r JOIN automation a ON a.id = r.automation_id LEFT JOIN engine e ON e.id = r.engine_id
WHERE r.id = ANY(CAST(:ids AS uuid[])) AND r.trace_context IS NOT NULL
ORDER BY r.id
""")
_UNITS = text("""
SELECT u.* FROM unnest(CAST(:ids AS uuid[])) AS wanted(id) CROSS JOIN LATERAL (
  SELECT x.run_id, 1 AS level, 'batch' AS kind, x.id, CAST(NULL AS uuid) AS parent_id, x.started_at AS begun,
         x.finished_at AS ended, x.status::text AS status, x.status_reason AS reason, x.error_message AS message,
         b.name AS batch, x.position::int AS number, NULL AS token, NULL::int AS sends, NULL AS native, NULL AS url
  FROM batch_execution x JOIN batch b ON b.id = x.batch_id
  WHERE x.run_id = wanted.id AND x.started_at IS NOT NULL
  UNION ALL
  SELECT x.run_id, 2, 'item', x.id, x.batch_execution_id, x.started_at, x.finished_at, x.status::text,
         x.status_reason, x.error_message, NULL, x.sequence_number, NULL, NULL, NULL, NULL
  FROM item_execution x WHERE x.run_id = wanted.id AND x.started_at IS NOT NULL
  UNION ALL
  SELECT d.run_id, 3, 'attempt', d.id, coalesce(d.item_execution_id, d.batch_execution_id), d.first_sent_at,
         CASE WHEN d.state = 'REJECTED' THEN d.updated_at ELSE o.finished_at END,
         CASE WHEN d.state = 'REJECTED' THEN 'FAILED' ELSE o.status::text END, coalesce(o.status_reason, d.state::text),
         coalesce(d.error, ''), NULL, d.attempt_no, d.token, d.sends, o.native_status, o.url
  FROM dispatch_attempt d LEFT JOIN orchestration_instance o ON o.id = d.orchestration_instance_id
  WHERE d.run_id = wanted.id AND d.first_sent_at IS NOT NULL
  ORDER BY level, begun, id LIMIT :limit) u
ORDER BY u.run_id, u.level, u.begun, u.id
""")


class SpanTeller:
    """Tells the spans of runs that have ended."""

    def __init__(self, store: Store, traces: Traces) -> None:
        self._store = store
        self._traces = traces

    async def tell(self, ids: Sequence[UUID]) -> None:
        """Read and tell what these runs were, `RUNS` at a time; in between, others have their turn."""
        for first in range(0, len(ids), RUNS):
            runs, units = await self._read(ids[first : first + RUNS])
            for run in runs:
                self._traces.tell(run_spans(run, units.get(run.id, [])))
                await asyncio.sleep(0)

    async def _read(self, ids: Sequence[UUID]) -> tuple[Sequence[Any], dict[UUID, list[Any]]]:
        async def work(session: AsyncSession) -> tuple[Sequence[Any], Sequence[Any]]:
            runs = (await session.execute(_RUNS, {"ids": list(ids)})).all()
            return runs, (await session.execute(_UNITS, {"ids": list(ids), "limit": UNITS})).all()

        runs, units = await self._store.run(work)
        return runs, dict(_grouped(units))


def _grouped(units: Sequence[Any]) -> Iterator[tuple[UUID, list[Any]]]:
    for key, group in groupby(units, key=lambda each: each.run_id):
        yield key, list(group)
