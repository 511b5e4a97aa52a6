"""
Showing rows: claiming what has moved since it was shown, reading all that a status document needs, recording it.

A claim writes a moment in the future, the lease, to ``project_lease`` and to ``project_at``. Whoever moves a row
meanwhile writes an earlier moment over ``project_at`` (``now()``, or ``least(project_at, now() + …)``; never
``coalesce(project_at, …)``, which would keep the lease), and the record then leaves that alone: the row is shown once
more. ``project_lease`` is nobody else's: while it lasts no other process shows the row, or an older status could
arrive after a newer one and stay. A claim is committed before anything is shown; it ends by itself when the lease has
come, and then records nothing.

Claim and read are two statements of one transaction: the read must see what was committed while the claim waited for
its rows, or an older state would be shown and the newer one forgotten.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

#: How long a claim holds; what became of a process that died with one is shown no later.
LEASE = timedelta(seconds=15)

#: What has ended goes first, and at once; the rest at most once in ``:interval``.
_CLAIM_RUNS = text("""
WITH due AS (
  SELECT id, project_at AS due_at, clock_timestamp() + CAST(:lease AS interval) AS lease FROM run
  WHERE project_at <= clock_timestamp() AND coalesce(project_lease, '-infinity') <= clock_timestamp()
    AND (finished_at IS NOT NULL
         OR coalesce(projected_at, CASE WHEN CAST(:busy AS boolean) THEN created_at END, '-infinity')
            <= clock_timestamp() - CAST(:interval AS interval))
  ORDER BY (finished_at IS NULL), project_at LIMIT :limit
  FOR UPDATE SKIP LOCKED
)
UPDATE run r SET project_at = due.lease, project_lease = due.lease
FROM due WHERE r.id = due.id
RETURNING r.id, due.due_at
""")

_READ_RUNS = text("""
SELECT r.id, r.tenant_id AS namespace, r.name, r.uid, r.generation, r.version, r.status, r.status_reason, r.state,
       r.accepted_reason, r.accepted_message, r.error_summary, r.cancellation_reason, r.cancel_requested_at,
       r.created_at, r.started_at, r.finished_at, r.released_at, r.project_lease AS lease, r.shown, r.cr_deleted_at,
       r.automation_id, r.engine_id, e.tenant_id AS engine_namespace, e.name AS engine_name,
       p.total, p.completed, p.failed, p.running,
       t.highest, t.accepted_at, t.held_at, t.name_taken_at, t.error, t.again_at,
       CASE WHEN t.waits THEN h.circuit_opened_at END AS rests_since,
       coalesce(e.spec #>> '{circuitBreaker,openFor}', '60s') AS rests_for,
       x.external_id, x.url, x.native_status, x.status_reason AS external_reason, x.executions,
       f.failures
FROM run r
LEFT JOIN engine e ON e.id = r.engine_id
LEFT JOIN engine_health h ON h.engine_id = r.engine_id
LEFT JOIN run_progress p ON p.run_id = r.id
LEFT JOIN LATERAL (
  SELECT max(d.attempt_no) AS highest,
         min(CASE WHEN d.handle IS NOT NULL THEN d.first_sent_at ELSE i.created_at END)
           FILTER (WHERE d.state IN ('ACKED', 'ENQUEUED') OR d.orchestration_instance_id IS NOT NULL) AS accepted_at,
         min(coalesce(d.last_look_at, d.last_sent_at, d.created_at)) FILTER (WHERE d.state = 'HALTED') AS held_at,
         min(d.last_sent_at) FILTER (WHERE d.state = 'REJECTED' AND d.http_status = 409) AS name_taken_at,
         (array_agg(d.error ORDER BY d.id DESC) FILTER (WHERE d.state = 'INTENT' AND d.error IS NOT NULL))[1] AS error,
         min(d.due_at) FILTER (WHERE d.state = 'INTENT' AND d.error IS NOT NULL) AS again_at,
         bool_or(d.state = 'INTENT') AS waits
  FROM dispatch_attempt d LEFT JOIN orchestration_instance i ON i.id = d.orchestration_instance_id
  WHERE d.run_id = r.id) t ON true
LEFT JOIN LATERAL (
  SELECT i.external_id, i.url, i.native_status, count(*) OVER () AS executions,
         CASE WHEN i.status IN ('PENDING', 'PROCESSING', 'RETRYING') THEN i.status_reason END AS status_reason
  FROM run_orchestration o JOIN orchestration_instance i ON i.id = o.orchestration_instance_id
  WHERE o.run_id = r.id ORDER BY i.duplicate_of_id IS NOT NULL, i.id DESC LIMIT 1) x ON true
LEFT JOIN LATERAL (
  SELECT jsonb_agg(jsonb_build_array(u.batch, u.item, u.message) ORDER BY u.finished_at, u.id) AS failures FROM (
    SELECT * FROM (
      SELECT i.id, b.name AS batch, i.sequence_number AS item, left(i.error_message, 1000) AS message, i.finished_at
      FROM item_execution i JOIN batch_execution be ON be.id = i.batch_execution_id JOIN batch b ON b.id = be.batch_id
      WHERE i.run_id = r.id AND i.status = 'FAILED' AND r.per = 'Item'
      UNION ALL
      SELECT be.id, b.name, NULL, left(be.error_message, 1000), be.finished_at
      FROM batch_execution be JOIN batch b ON b.id = be.batch_id
      WHERE be.run_id = r.id AND be.status = 'FAILED' AND r.per = 'Batch') every_one
    ORDER BY finished_at DESC, id DESC LIMIT 10) u) f ON true
WHERE r.id = ANY(CAST(:ids AS uuid[]))
""")

_CLAIM_DEFINITION = """
WITH due AS (
  SELECT id, clock_timestamp() + CAST(:lease AS interval) AS lease FROM {table}
  WHERE project_at <= clock_timestamp() AND coalesce(project_lease, '-infinity') <= clock_timestamp()
    AND coalesce(projected_at, '-infinity') <= clock_timestamp() - CAST(:interval AS interval)
    AND is_active AND uid IS NOT NULL
  ORDER BY project_at LIMIT :limit FOR UPDATE SKIP LOCKED
)
UPDATE {table} d SET project_at = due.lease, project_lease = due.lease
FROM due WHERE d.id = due.id RETURNING d.id
"""

_READ_ENGINES = text("""
SELECT e.id, e.tenant_id AS namespace, e.name, e.uid, e.generation, e.project_lease AS lease, e.shown,
       h.ready_reason, h.authenticated_reason, h.stalled_reason, h.message, h.native_version, h.capabilities,
       h.submission_guarantee, coalesce(h.circuit_state <> 'closed', false) AS is_circuit_open,
       coalesce(e.spec #>> '{circuitBreaker,openFor}', '60s') AS circuit_rest,
       (SELECT count(*) FROM dispatch_attempt d WHERE d.engine_id = e.id
          AND d.state IN ('SENT', 'ENQUEUED', 'ACKED', 'AMBIGUOUS', 'HALTED')) AS in_flight
FROM engine e LEFT JOIN engine_health h ON h.engine_id = e.id
WHERE e.id = ANY(CAST(:ids AS uuid[]))
""")

_READ_AUTOMATIONS = text("""
SELECT a.id, a.tenant_id AS namespace, a.name, a.uid, a.generation, a.project_lease AS lease, a.shown, a.suspend,
       a.ready_reason, a.ready_message, a.target_reason, a.target_message,
       (SELECT max(w.version) FROM workflow_definitions w WHERE w.automation_id = a.id AND w.is_active) AS version,
       (SELECT count(*) FROM run r WHERE r.automation_id = a.id
          AND r.status IN ('PENDING', 'PROCESSING', 'RETRYING')) AS active,
       l.name AS last_name, l.status AS last_status, l.finished_at AS last_finished_at, h.submission_guarantee,
       coalesce(a.spec #> '{retry,retryOn}' @> '["Lost"]' AND (a.spec #>> '{retry,maxAttempts}')::int > 1, false)
         AS repeats_lost
FROM automation a LEFT JOIN engine_health h ON h.engine_id = a.engine_id
LEFT JOIN LATERAL (
  SELECT r.name, r.status, r.finished_at FROM run r WHERE r.automation_id = a.id AND r.finished_at IS NOT NULL
  ORDER BY r.finished_at DESC, r.id DESC LIMIT 1) l ON true
WHERE a.id = ANY(CAST(:ids AS uuid[]))
""")

_RECORD_RUNS = text("""
UPDATE run r SET
  project_at = CASE WHEN r.project_at = v.lease THEN clock_timestamp() + v.again_in ELSE r.project_at END,
  project_lease = NULL,
  projected_version = coalesce(v.version, r.projected_version),
  projected_at = CASE WHEN v.written THEN clock_timestamp() ELSE r.projected_at END,
  shown = coalesce(v.shown, r.shown)
FROM unnest(CAST(:ids AS uuid[]), CAST(:leases AS timestamptz[]), CAST(:again_in AS interval[]),
            CAST(:versions AS int[]), CAST(:shown AS text[]), CAST(:written AS boolean[]))
     AS v(id, lease, again_in, version, shown, written)
WHERE r.id = v.id AND r.project_lease = v.lease
""")

_RECORD_DEFINITION = """
UPDATE {table} d SET
  project_at = CASE WHEN d.project_at = v.lease THEN clock_timestamp() + v.again_in ELSE d.project_at END,
  project_lease = NULL,
  projected_at = CASE WHEN v.written THEN clock_timestamp() ELSE d.projected_at END,
  shown = coalesce(v.shown, d.shown)
FROM unnest(CAST(:ids AS uuid[]), CAST(:leases AS timestamptz[]), CAST(:again_in AS interval[]),
            CAST(:shown AS text[]), CAST(:written AS boolean[])) AS v(id, lease, again_in, shown, written)
WHERE d.id = v.id AND d.project_lease = v.lease
"""

_TOUCH = """
WITH quiet AS (
  SELECT id FROM {table} WHERE id = ANY(CAST(:ids AS uuid[])) AND is_active AND uid IS NOT NULL
    AND (project_at IS NULL OR project_at > clock_timestamp())
  ORDER BY id FOR UPDATE
)
UPDATE {table} d SET project_at = clock_timestamp() FROM quiet WHERE d.id = quiet.id
"""

_RESTING = """
SELECT id FROM {table}
WHERE project_at IS NULL AND is_active AND uid IS NOT NULL AND id > coalesce(CAST(:after AS uuid), '{first}')
ORDER BY id LIMIT :limit
"""

Definition = Literal["engine", "automation"]

_CLAIMS = {table: text(_CLAIM_DEFINITION.format(table=table)) for table in ("engine", "automation")}
_RESTS = {table: text(_RESTING.format(table=table, first=UUID(int=0))) for table in ("engine", "automation")}
_READS = {"engine": _READ_ENGINES, "automation": _READ_AUTOMATIONS}
_TOUCHES = {table: text(_TOUCH.format(table=table)) for table in ("engine", "automation")}
_RECORDS = {table: text(_RECORD_DEFINITION.format(table=table)) for table in ("engine", "automation")}


@dataclass(frozen=True, slots=True)
class Shown:
    """
    What became of showing one claimed row.

    Attributes:
        lease: ``project_at`` as the claim wrote it.
        again_in: When it is to be tried again; None where it shows the truth, or never will.
        version: The row's version that is shown; None where it was not.
        digest: SHA-256 of the document that is shown; None where it was not.
        written: Whether the API server was asked to write: it paces the next time.
    """

    id: UUID
    lease: datetime
    again_in: timedelta | None = None
    version: int | None = None
    digest: str | None = None
    written: bool = False


async def claim_runs(
    session: AsyncSession, *, limit: int, interval: timedelta, busy: bool = False
) -> tuple[Sequence[Any], dict[UUID, datetime]]:
    """
    Claim up to *limit* runs that are to be shown and that nobody else holds; the caller commits.

    Args:
        interval: How far two writes of one run lie apart at least, unless it has ended.
        busy: Whether a run's first write waits as long, from its admission: its end may come before.

    Returns:
        The runs with all that their status needs, and since when each of them was due.
    """
    values = {"limit": limit, "interval": interval, "busy": busy, "lease": LEASE}
    due = {row.id: row.due_at for row in await session.execute(_CLAIM_RUNS, values)}
    if not due:
        return (), due
    return (await session.execute(_READ_RUNS, {"ids": list(due)})).all(), due


async def read_run(session: AsyncSession, run: UUID) -> Any:
    """Read what one run's status needs, claiming nothing; None if there is no such run."""
    return (await session.execute(_READ_RUNS, {"ids": [run]})).one_or_none()


async def read_runs(session: AsyncSession, runs: Sequence[UUID]) -> Sequence[Any]:
    """Read what the status of each of *runs* needs, claiming nothing."""
    return (await session.execute(_READ_RUNS, {"ids": list(runs)})).all()


async def record_runs(session: AsyncSession, shown: Sequence[Shown]) -> None:
    """Say what became of claimed runs; what moved meanwhile stays due."""
    await session.execute(
        _RECORD_RUNS,
        {
            "ids": [each.id for each in shown],
            "leases": [each.lease for each in shown],
            "again_in": [each.again_in for each in shown],
            "versions": [each.version for each in shown],
            "shown": [each.digest for each in shown],
            "written": [each.written for each in shown],
        },
    )


async def touch_definitions(session: AsyncSession, table: Definition, ids: Sequence[UUID]) -> None:
    """Make engines or automations due because their runs moved; their counters are part of what they show."""
    await session.execute(_TOUCHES[table], {"ids": sorted(ids)})


async def claim_definitions(
    session: AsyncSession, table: Definition, *, limit: int, interval: timedelta
) -> Sequence[Any]:
    """
    Claim up to *limit* engines or automations that are to be shown, with all that their status needs.

    Args:
        interval: How far two writes of one of them lie apart at least, whichever processes make them.
    """
    values = {"limit": limit, "lease": LEASE, "interval": interval}
    claimed = (await session.execute(_CLAIMS[table], values)).all()
    if not claimed:
        return ()
    return (await session.execute(_READS[table], {"ids": [row.id for row in claimed]})).all()


async def read_definitions(session: AsyncSession, table: Definition, ids: Sequence[UUID]) -> Sequence[Any]:
    """Read engines or automations with all that their status needs, by their keys; claims nothing."""
    rows = await session.execute(_READS[table], {"ids": list(ids)})
    return sorted(rows.all(), key=lambda row: row.id)


async def read_resting(session: AsyncSession, table: Definition, *, after: UUID | None, limit: int) -> Sequence[Any]:
    """Read a page of the engines or automations about which nothing is due to be shown, in the order of their keys."""
    ids = (await session.scalars(_RESTS[table], {"after": after, "limit": limit})).all()
    return await read_definitions(session, table, ids) if ids else ()


async def record_definitions(session: AsyncSession, table: Definition, shown: Sequence[Shown]) -> None:
    """Say what became of claimed engines or automations; what moved meanwhile stays due."""
    await session.execute(
        _RECORDS[table],
        {
            "ids": [each.id for each in shown],
            "leases": [each.lease for each in shown],
            "again_in": [each.again_in for each in shown],
            "shown": [each.digest for each in shown],
            "written": [each.written for each in shown],
        },
    )
