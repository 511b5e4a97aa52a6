"""Gauges that are read from the rows, one set-based query each, however often they are scraped."""

from collections.abc import Mapping, Sequence

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.statements.claim import AT_ONCE, AT_ONCE_FOR_ONE, MAY_TAKE
from baton_operator.loops.loop import Bell
from baton_operator.loops.parts import Parts
from baton_operator.metrics import SnapshotGauge

#: Seconds between two readings.
INTERVAL = 10.0

_RUNS = text("""
SELECT r.tenant_id, a.name,
       CASE WHEN r.cancel_requested_at IS NOT NULL THEN 'Cancelling' WHEN r.state = 'Suspended' THEN 'Suspended'
            WHEN r.status = 'PENDING' THEN 'Queued' ELSE 'Running' END AS phase, count(*)
FROM run r JOIN automation a ON a.id = r.automation_id
WHERE r.status IN ('PENDING', 'PROCESSING', 'RETRYING') GROUP BY 1, 2, 3
""")
_ENGINES = text(f"""
SELECT e.tenant_id || '/' || e.name AS engine, e.type, coalesce(h.ready_reason = 'ProbeSucceeded', false) AS up,
       coalesce(h.circuit_state <> 'closed', false) AS open,
       {AT_ONCE} AS limit,
       count(d.id) AS in_flight, count(d.id) FILTER (WHERE d.state = 'HALTED') AS held
FROM engine e LEFT JOIN engine_health h ON h.engine_id = e.id
LEFT JOIN dispatch_attempt d ON d.engine_id = e.id AND d.state IN ('SENT', 'ENQUEUED', 'ACKED', 'AMBIGUOUS', 'HALTED')
WHERE e.is_active GROUP BY e.id, h.id
""")
#: What waits for room at an engine, for its recovery or for a person is no backlog: nobody could take it now.
_BACKLOG = text(f"""
WITH taken AS (
  SELECT engine_id, tenant_id, count(*) AS n FROM dispatch_attempt
  WHERE state IN ('SENT', 'ENQUEUED', 'ACKED', 'AMBIGUOUS', 'HALTED') GROUP BY engine_id, tenant_id
), open AS (
  SELECT e.id, {AT_ONCE_FOR_ONE} AS for_one FROM engine e JOIN engine_health h ON h.engine_id = e.id
  WHERE {MAY_TAKE} AND {AT_ONCE} > coalesce((SELECT sum(n) FROM taken WHERE engine_id = e.id), 0)
)
SELECT 'dispatch' AS loop, count(*) AS n, extract(epoch FROM min(d.due_at)) AS oldest
FROM dispatch_attempt d JOIN open ON open.id = d.engine_id JOIN run r ON r.id = d.run_id AND r.state = 'Active'
LEFT JOIN taken ON taken.engine_id = d.engine_id AND taken.tenant_id = d.tenant_id
WHERE d.state = 'INTENT' AND d.due_at <= clock_timestamp()
  AND open.for_one > coalesce(taken.n, 0)
UNION ALL
SELECT 'project', count(*), extract(epoch FROM min(project_at)) FROM run
WHERE project_at <= clock_timestamp() AND coalesce(project_lease, '-infinity') <= clock_timestamp()
UNION ALL
SELECT 'track', count(*), extract(epoch FROM min(h.next_poll_at)) FROM engine_health h
WHERE h.next_poll_at <= clock_timestamp() AND h.ready_reason = 'ProbeSucceeded'
  AND coalesce(h.paused_until, '-infinity') <= clock_timestamp()
  AND EXISTS (SELECT 1 FROM orchestration_instance i
              WHERE i.engine_id = h.engine_id AND i.status IN ('PENDING', 'PROCESSING', 'RETRYING'))
""")
_CHECKED = text("""
SELECT invariant, violations, extract(epoch FROM checked_at) AS checked_at FROM invariant_check
WHERE checked_at IS NOT NULL
""")


class GaugeLoop:
    """Reads the gauges; every replica reads the same, so dashboards show them with `max by`."""

    name = "gauges"
    pace = 1.0

    def __init__(self, parts: Parts) -> None:
        self.bell = Bell()
        self._store = parts.store
        self._metrics = parts.metrics

    async def turn(self) -> float:
        """Read all of them."""
        await self._store.run(self._read)
        pool = self._store.database.async_sa_engine.pool
        self._metrics.db_pool_in_use.set(pool.checkedout())  # type: ignore[attr-defined]
        self._metrics.db_pool_limit.set(self._store.database.pool_size + self._store.database.max_overflow)
        return INTERVAL

    async def _read(self, session: AsyncSession) -> None:
        runs = (await session.execute(_RUNS)).all()
        self._metrics.runs.replace({(row[0], row[1], row[2]): row[3] for row in runs})
        engines = (await session.execute(_ENGINES)).all()
        columns: Sequence[tuple[SnapshotGauge, str]] = (
            (self._metrics.engine_up, "up"),
            (self._metrics.engine_circuit_open, "open"),
            (self._metrics.engine_inflight, "in_flight"),
            (self._metrics.engine_inflight_limit, "limit"),
        )
        for gauge, column in columns:
            gauge.replace({(row.engine, row.type): float(getattr(row, column)) for row in engines})
        self._metrics.submissions_held.replace({(row.engine,): float(row.held) for row in engines})
        backlog = (await session.execute(_BACKLOG)).all()
        self._metrics.backlog.replace({(row.loop,): float(row.n) for row in backlog})
        oldest: Mapping[tuple[str, ...], float] = {(row.loop,): float(row.oldest) for row in backlog if row.oldest}
        self._metrics.backlog_oldest.replace(oldest)
        checked = (await session.execute(_CHECKED)).all()
        self._metrics.invariant_violations.replace({(row.invariant,): float(row.violations) for row in checked})
        self._metrics.invariant_checked.replace({(row.invariant,): float(row.checked_at) for row in checked})
