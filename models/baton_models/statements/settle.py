"""Moving instances, attempts, units and runs on: guarded by version and status, history by the triggers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.statements.release import RESTORED_EPOCH


@dataclass(frozen=True, slots=True)
class InstanceMove:
    """
    What became of one instance, guarded by the version that was read.

    Attributes:
        duplicate_of_id: The execution that counts, where this one is the engine's own duplicate.
    """

    id: UUID
    version: int
    status: str
    reason: str
    native: str
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration: int | None = None
    url: str | None = None
    duplicate_of_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class UnitMove:
    """
    What becomes of one unit of work: an item, a batch or a whole run, whichever of the keys is the innermost.

    Attributes:
        retry_no: Number of the attempt that comes next, where it is tried again.
        retry_at: When.
        via_processing: The unit was never dispatched: it passes PROCESSING on its way, two history rows.
    """

    attempt_id: UUID
    run_id: UUID
    batch_execution_id: UUID | None
    item_execution_id: UUID | None
    status: str
    reason: str
    message: str | None = None
    result: Any = None
    retry_no: int | None = None
    retry_at: datetime | None = None
    via_processing: bool = False


#: Whoever ends a duplicate waits for whoever ends the execution that counts, and the other way round: the later of the
#: two sees that all has ended. In the order of the keys.
_LOCK_COUNTING = text("""
SELECT id FROM orchestration_instance WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE
""")

_INSTANCES = text("""
UPDATE orchestration_instance i
SET status = v.status, version = i.version + 1,
    status_reason = CASE WHEN i.duplicate_of_id IS NULL THEN v.reason ELSE 'EngineDuplicated' END,
    native_status = left(v.native, 100),
    started_at = coalesce(v.started_at, i.started_at, CASE WHEN v.status <> 'PENDING' THEN clock_timestamp() END),
    finished_at = CASE WHEN v.status IN ('COMPLETED', 'FAILED', 'CANCELLED')
                       THEN coalesce(v.finished_at, clock_timestamp()) END,
    duration_seconds = coalesce(v.duration, i.duration_seconds), url = coalesce(v.url, i.url),
    lost_since = NULL, next_poll_at = NULL, updated_at = clock_timestamp()
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(id uuid, version int, status execution_status, reason text,
     native text, started_at timestamptz, finished_at timestamptz, duration int, url text)
WHERE i.id = v.id AND i.version = v.version AND i.status IN ('PENDING', 'PROCESSING', 'RETRYING')
RETURNING i.id, i.status
""")

#: What has ended was running before, also where nobody saw it: no history leaves PROCESSING out.
_PASS = text("""
UPDATE orchestration_instance i SET status = 'PROCESSING', status_reason = 'Running', version = i.version + 1,
       started_at = coalesce(v.started_at, clock_timestamp()), updated_at = clock_timestamp()
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(id uuid, version int, status execution_status,
     started_at timestamptz)
WHERE i.id = v.id AND i.version = v.version AND i.status = 'PENDING' AND v.status IN ('COMPLETED', 'FAILED')
RETURNING i.id
""")

#: An attempt is over when every execution under its token has ended (R7), in whatever order they did. Its unit's end is
#: that of the one that counts: until the others have ended, too, the attempt stays open, and the unit as well where it
#: is to be tried again.
_CLOSE = text("""
WITH reached AS (
  SELECT DISTINCT o.id, o.status, o.status_reason,
         EXISTS (SELECT 1 FROM orchestration_instance x WHERE x.duplicate_of_id = o.id
                 AND x.status IN ('PENDING', 'PROCESSING', 'RETRYING')) AS goes_on
  FROM orchestration_instance i JOIN orchestration_instance o ON o.id = coalesce(i.duplicate_of_id, i.id)
  WHERE i.id = ANY(CAST(:instances AS uuid[])) AND o.status IN ('COMPLETED', 'FAILED', 'CANCELLED')
)
UPDATE dispatch_attempt d SET state = CASE WHEN o.goes_on THEN d.state ELSE 'CLOSED' END, due_at = NULL,
       cancel_due_at = CASE WHEN o.goes_on THEN d.cancel_due_at END, updated_at = clock_timestamp()
FROM run r, reached o WHERE d.orchestration_instance_id = o.id AND d.state <> 'CLOSED' AND r.id = d.run_id
RETURNING d.id, d.orchestration_instance_id AS instance_id, d.run_id, d.batch_execution_id, d.item_execution_id,
          d.attempt_no, d.settled, d.error, d.cancel_requested_at, r.cancel_cause, r.definition_id, r.max_attempts,
          r.tenant_id, r.name AS run_name, r.uid, r.trace_context, o.goes_on, o.status, o.status_reason,
          clock_timestamp() AS now
""")

_WAIT = text("""
UPDATE dispatch_attempt d SET settled = v.settled, error = coalesce(v.error, d.error)
FROM unnest(CAST(:ids AS uuid[]), CAST(:settled AS boolean[]), CAST(:errors AS text[])) AS v(id, settled, error)
WHERE d.id = v.id
""")

_VALUES = """
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(run_id uuid, batch_execution_id uuid, item_execution_id uuid,
     status execution_status, reason text, message text, result jsonb)
"""

_ITEMS = text(f"""
UPDATE item_execution u SET status = v.status, status_reason = v.reason, error_message = v.message,
       result_payload = coalesce(v.result, u.result_payload), version = u.version + 1, updated_at = clock_timestamp(),
       finished_at = CASE WHEN v.status NOT IN ('PROCESSING', 'RETRYING') THEN clock_timestamp() END
{_VALUES} WHERE u.id = v.item_execution_id AND u.status IN ('PENDING', 'PROCESSING', 'RETRYING')
""")

_BATCHES = text(f"""
UPDATE batch_execution u SET status = v.status, status_reason = v.reason, error_message = v.message,
       result_payload = coalesce(v.result, u.result_payload), version = u.version + 1, updated_at = clock_timestamp(),
       finished_at = CASE WHEN v.status NOT IN ('PROCESSING', 'RETRYING') THEN clock_timestamp() END
{_VALUES} WHERE u.id = v.batch_execution_id AND v.item_execution_id IS NULL
  AND u.status IN ('PENDING', 'PROCESSING', 'RETRYING')
""")

_RUNS = text(f"""
UPDATE run u SET status = v.status, status_reason = v.reason,
       error_summary = CASE WHEN v.status = 'COMPLETED' THEN NULL ELSE coalesce(v.message, u.error_summary) END,
       version = u.version + 1, updated_at = clock_timestamp(), project_at = clock_timestamp(),
       finished_at = CASE WHEN v.status NOT IN ('PROCESSING', 'RETRYING') THEN clock_timestamp() END
{_VALUES} WHERE u.id = v.run_id AND v.batch_execution_id IS NULL
  AND u.status IN ('PENDING', 'PROCESSING', 'RETRYING')
""")

#: Where the attempt before had ended when the database was restored, or nobody knows when it did, this one may have
#: been sent before: it is looked for first.
_RETRIES = text(f"""
WITH next AS (
  SELECT d.*, r.engine_id AS to_engine_id, r.restored_at, r.restored_from, v.retry_no, v.retry_at,
         r.restored_at IS NOT NULL AND (i.finished_at IS NULL OR i.status_reason = 'Lost'
                                        OR i.finished_at < r.restored_at + interval '1 minute') AS is_doubted
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(attempt_id uuid, retry_no int, retry_at timestamptz)
  JOIN dispatch_attempt d ON d.id = v.attempt_id JOIN run r ON r.id = d.run_id
  LEFT JOIN orchestration_instance i ON i.id = d.orchestration_instance_id
)
INSERT INTO dispatch_attempt (run_id, batch_execution_id, item_execution_id, engine_id, tenant_id, attempt_no, token,
                              priority, due_at, state, first_sent_at, engine_epoch)
SELECT n.run_id, n.batch_execution_id, n.item_execution_id, n.to_engine_id, n.tenant_id, n.retry_no,
       regexp_replace(n.token, '-a[0-9]+$', '-a' || n.retry_no), n.priority, n.retry_at,
       CAST(CASE WHEN n.is_doubted THEN 'AMBIGUOUS' ELSE 'INTENT' END AS attempt_state),
       CASE WHEN n.is_doubted THEN n.restored_from END,
       CASE WHEN n.is_doubted THEN {RESTORED_EPOCH.format(run="n")} END
FROM next n
ON CONFLICT DO NOTHING
""")

_NATIVE = text("""
UPDATE run r SET native_status = left(v.native, 100),
       project_at = least(r.project_at, clock_timestamp() + :later)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(id uuid, native text)
JOIN dispatch_attempt d ON d.orchestration_instance_id = v.id
WHERE r.id = d.run_id AND r.per = 'Run' AND r.native_status IS DISTINCT FROM left(v.native, 100)
""")


def _rows(values: Sequence[Any]) -> str:
    return orjson.dumps([{name: getattr(each, name) for name in each.__dataclass_fields__} for each in values]).decode()


async def move_instances(session: AsyncSession, moves: Sequence[InstanceMove], *, later: Any) -> set[UUID]:
    """
    Move instances whose version still fits; whole runs show the engine's word with the next patch, or *later*.

    Returns:
        The ids that moved; somebody else moved the others: read again, decide again.
    """
    duplicates = {move.duplicate_of_id for move in moves if move.duplicate_of_id}
    if duplicates:
        await session.execute(_LOCK_COUNTING, {"ids": sorted(duplicates)})
    passed = set((await session.execute(_PASS, {"rows": _rows(moves)})).scalars())
    rows = _rows([replace(move, version=move.version + 1) if move.id in passed else move for move in moves])
    moved = {row.id for row in await session.execute(_INSTANCES, {"rows": rows})}
    if moved:
        shown = _rows([move for move in moves if move.id in moved])
        await session.execute(_NATIVE, {"rows": shown, "later": later})
    return moved


async def close_attempts(session: AsyncSession, instances: Sequence[UUID]) -> Sequence[Any]:
    """
    Close the attempts of instances that ended, where nothing else under their tokens goes on.

    Returns:
        The attempts whose counting execution has ended: with ``goes_on`` those that stay open for a duplicate.
    """
    return (await session.execute(_CLOSE, {"instances": list(instances)})).all()


async def leave_open(session: AsyncSession, rows: Sequence[tuple[UUID, bool, str | None]]) -> None:
    """Write of attempts that stay open for a duplicate: (attempt, whether its unit has its end, the message)."""
    ids, settled, errors = zip(*rows, strict=True)
    await session.execute(_WAIT, {"ids": list(ids), "settled": list(settled), "errors": list(errors)})


async def move_units(session: AsyncSession, moves: Sequence[UnitMove]) -> None:
    """Move units of work; store the next attempts of those that are tried again."""
    via = [move for move in moves if move.via_processing]
    for batch in (_passing(via), moves):
        if not batch:
            continue
        rows = _rows(batch)
        if any(move.item_execution_id for move in batch):
            await session.execute(_ITEMS, {"rows": rows})
        if any(move.batch_execution_id and not move.item_execution_id for move in batch):
            await session.execute(_BATCHES, {"rows": rows})
        if any(move.batch_execution_id is None for move in batch):
            await session.execute(_RUNS, {"rows": rows})
    retries = [move for move in moves if move.retry_no]
    if retries:
        await session.execute(_RETRIES, {"rows": _rows(retries)})


def _passing(moves: Sequence[UnitMove]) -> Sequence[UnitMove]:
    """Make the step to PROCESSING of units that end before they were dispatched."""
    return [
        replace(move, status="PROCESSING", reason="Dispatched", message=None, retry_no=None, via_processing=False)
        for move in moves
    ]
