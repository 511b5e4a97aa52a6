"""What follows for batches and runs when their units have moved: roll up, stop after too many failures, finish."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

#: Batches whose items have all ended. A batch that fails has at least one item that failed.
_BATCHES = text("""
WITH ended AS (
  SELECT b.id, b.status AS was,
         CASE WHEN EXISTS (SELECT 1 FROM item_execution i WHERE i.batch_execution_id = b.id AND i.status = 'FAILED')
              THEN 'FAILED'::text
              WHEN EXISTS (SELECT 1 FROM item_execution i WHERE i.batch_execution_id = b.id
                           AND i.status = 'COMPLETED') THEN 'COMPLETED'
              WHEN EXISTS (SELECT 1 FROM item_execution i WHERE i.batch_execution_id = b.id
                           AND i.status = 'CANCELLED') THEN 'CANCELLED'
              ELSE 'SKIPPED' END AS becomes
  FROM batch_execution b JOIN run r ON r.id = b.run_id
  WHERE b.run_id = ANY(CAST(:runs AS uuid[])) AND r.per = 'Item' AND b.status IN ('PENDING', 'PROCESSING', 'RETRYING')
    AND NOT EXISTS (SELECT 1 FROM item_execution i WHERE i.run_id = b.run_id AND i.batch_execution_id = b.id
                    AND i.status IN ('PENDING', 'PROCESSING', 'RETRYING'))
)
UPDATE batch_execution b SET version = b.version + 1, finished_at = clock_timestamp(), updated_at = clock_timestamp(),
       status = CAST(CASE WHEN e.becomes = 'SKIPPED' AND e.was <> 'PENDING' THEN 'CANCELLED' ELSE e.becomes END
                     AS execution_status),
       status_reason = CASE e.becomes WHEN 'FAILED' THEN 'Failed' WHEN 'COMPLETED' THEN 'Succeeded'
                                      WHEN 'CANCELLED' THEN 'Cancelled' ELSE 'Skipped' END
FROM ended e WHERE b.id = e.id
""")

_MARK = text("""
UPDATE run SET project_at = coalesce(least(project_at, clock_timestamp() + :later), clock_timestamp() + :later)
WHERE id = ANY(CAST(:runs AS uuid[])) AND status IN ('PENDING', 'PROCESSING', 'RETRYING')
""")

_OVER = text("""
UPDATE run r SET cancel_requested_at = clock_timestamp(), cancel_cause = 'Failed', version = r.version + 1,
       error_summary = coalesce(r.error_summary, format('%s of %s failed; %s may (dispatch.maxFailures)',
                                                        p.failed, p.total, r.max_failures)),
       updated_at = clock_timestamp()
FROM run_progress p
WHERE r.id = ANY(CAST(:runs AS uuid[])) AND p.run_id = r.id AND r.status IN ('PENDING', 'PROCESSING', 'RETRYING')
  AND r.cancel_requested_at IS NULL AND r.max_failures IS NOT NULL AND p.failed > r.max_failures
RETURNING r.id
""")

_DONE = text("""
SELECT r.id, r.status, r.cancel_cause, r.max_failures, r.error_summary, p.total, p.completed, p.failed, p.cancelled,
       p.skipped
FROM run r JOIN run_progress p ON p.run_id = r.id
WHERE r.id = ANY(CAST(:runs AS uuid[])) AND r.status IN ('PENDING', 'PROCESSING', 'RETRYING')
  AND p.pending = 0 AND p.running = 0
""")

_FINISH = text("""
UPDATE run r SET status = v.status, status_reason = v.reason, error_summary = coalesce(v.message, r.error_summary),
       version = r.version + 1, finished_at = clock_timestamp(), updated_at = clock_timestamp(),
       project_at = clock_timestamp()
FROM unnest(CAST(:ids AS uuid[]), CAST(:statuses AS execution_status[]), CAST(:reasons AS text[]),
            CAST(:messages AS text[])) AS v(id, status, reason, message)
WHERE r.id = v.id AND r.status IN ('PENDING', 'PROCESSING', 'RETRYING')
""")

#: A run that fails before anything of it was sent passes PROCESSING on its way.
_START = text("""
UPDATE run SET status = 'PROCESSING', status_reason = 'Dispatched', version = version + 1,
       updated_at = clock_timestamp()
WHERE id = ANY(CAST(:ids AS uuid[])) AND status = 'PENDING'
""")

_ALSO_WAITING = text("""
SELECT DISTINCT ON (w.automation_id) w.id FROM run r
JOIN automation a ON a.id = r.automation_id AND a.max_active IS NOT NULL
JOIN run w ON w.automation_id = a.id AND w.status = 'PENDING' AND w.released_at IS NULL
WHERE r.id = ANY(CAST(:runs AS uuid[]))
""")


async def roll_up(session: AsyncSession, runs: Sequence[UUID]) -> None:
    """End batches whose items have all ended."""
    await session.execute(_BATCHES, {"runs": list(runs)})


async def mark_for_projection(session: AsyncSession, runs: Sequence[UUID], *, later: Any) -> None:
    """Have the progress of runs shown, *later* at the latest (timedelta)."""
    await session.execute(_MARK, {"runs": list(runs), "later": later})


async def stop_failing(session: AsyncSession, runs: Sequence[UUID]) -> Sequence[UUID]:
    """Mark runs with more failures than they may have; returns those that were marked now."""
    return list((await session.execute(_OVER, {"runs": list(runs)})).scalars())


async def finished_units(session: AsyncSession, runs: Sequence[UUID]) -> Sequence[Any]:
    """Find runs none of whose units is open, with their counters."""
    return (await session.execute(_DONE, {"runs": list(runs)})).all()


async def finish_runs(session: AsyncSession, ends: Sequence[tuple[UUID, str, str, str | None]]) -> None:
    """End runs: (id, status, reason, message)."""
    failing = [each for each, status, *_ in ends if status == "FAILED"]
    if failing:
        await session.execute(_START, {"ids": failing})
    ids, statuses, reasons, messages = zip(*ends, strict=True)
    values = {"ids": list(ids), "statuses": list(statuses), "reasons": list(reasons), "messages": list(messages)}
    await session.execute(_FINISH, values)


async def neighbours_waiting(session: AsyncSession, runs: Sequence[UUID]) -> Sequence[UUID]:
    """Find one waiting Run for each automation whose places may have become free."""
    return list((await session.execute(_ALSO_WAITING, {"runs": list(runs)})).scalars())
