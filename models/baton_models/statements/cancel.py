"""Ending what is under way: requested, sent, confirmed by observation, or unconfirmed when its time is up."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.statements.record import read_held
from baton_models.statements.release import LOCK_PROGRESS

_REQUEST = text("""
UPDATE run r SET cancel_requested_at = clock_timestamp(), cancel_cause = :cause, version = r.version + 1,
       status_reason = 'Cancelling', cancellation_reason = coalesce(r.cancellation_reason, v.reason),
       cancel_requested_by = v.actor, updated_by = coalesce(v.actor, r.updated_by),
       project_at = clock_timestamp() + :linger, updated_at = clock_timestamp()
FROM unnest(CAST(:ids AS uuid[]), CAST(:reasons AS text[]), CAST(:actors AS text[])) AS v(id, reason, actor)
WHERE r.id = v.id AND r.status IN ('PENDING', 'PROCESSING', 'RETRYING') AND r.cancel_requested_at IS NULL
RETURNING r.id
""")

#: Attempts that were never sent end at once; what may be out is asked to end, unless the custom resource is just gone.
#: What is held is looked for once more: now its absence may be all that is wanted.
_UNSENT = text("""
UPDATE dispatch_attempt d SET state = 'CLOSED', due_at = NULL, updated_at = clock_timestamp()
WHERE d.run_id = ANY(CAST(:runs AS uuid[])) AND d.state = 'INTENT' AND d.sends = 0
RETURNING d.id, d.run_id, d.batch_execution_id, d.item_execution_id
""")

_OUT = text("""
UPDATE dispatch_attempt d SET cancel_requested_at = clock_timestamp(), cancel_due_at = clock_timestamp(),
       cancel_deadline_at = clock_timestamp() + make_interval(secs => r.cancel_timeout_seconds),
       state = CASE WHEN d.state IN ('INTENT', 'HALTED') THEN 'AMBIGUOUS' ELSE d.state END,
       due_at = CASE WHEN d.state IN ('INTENT', 'HALTED') THEN clock_timestamp() ELSE d.due_at END,
       updated_at = clock_timestamp()
FROM run r
WHERE d.run_id = ANY(CAST(:runs AS uuid[])) AND r.id = d.run_id AND d.cancel_requested_at IS NULL
  AND d.state IN ('INTENT', 'SENT', 'ENQUEUED', 'ACKED', 'AMBIGUOUS', 'HALTED')
""")

#: Units that no attempt stands for any more: waiting ones, and those whose only open attempt was never sent.
_UNITS = """
UPDATE {table} u SET status = CAST(CASE WHEN u.status = 'PENDING' AND :skip THEN 'SKIPPED' ELSE 'CANCELLED' END
                                   AS execution_status),
       status_reason = CASE WHEN u.status = 'PENDING' AND :skip THEN 'Skipped' ELSE :reason END,
       version = u.version + 1, finished_at = clock_timestamp(), updated_at = clock_timestamp()
WHERE u.run_id = ANY(CAST(:runs AS uuid[])) AND u.status IN ('PENDING', 'PROCESSING', 'RETRYING')
  AND NOT EXISTS (SELECT 1 FROM dispatch_attempt d WHERE d.{key} = u.id AND d.state NOT IN ('CLOSED', 'REJECTED'))
  AND EXISTS (SELECT 1 FROM run r WHERE r.id = u.run_id AND r.per = '{per}')
"""
_ITEM_UNITS = text(_UNITS.format(table="item_execution", key="item_execution_id", per="Item"))
_BATCH_UNITS = text(_UNITS.format(table="batch_execution", key="batch_execution_id", per="Batch"))

_WHOLE = text("""
UPDATE run u SET status = CAST(:status AS execution_status), status_reason = :reason, version = u.version + 1,
       finished_at = CASE WHEN CAST(:status AS text) = 'PROCESSING' THEN NULL ELSE clock_timestamp() END,
       updated_at = clock_timestamp(), project_at = clock_timestamp()
WHERE u.id = ANY(CAST(:runs AS uuid[])) AND u.per = 'Run' AND u.status = ANY(CAST(:before AS execution_status[]))
  AND NOT EXISTS (SELECT 1 FROM dispatch_attempt d WHERE d.run_id = u.id AND d.state NOT IN ('CLOSED', 'REJECTED'))
""")

_ENGINES_DUE = text("SELECT DISTINCT engine_id FROM dispatch_attempt WHERE cancel_due_at <= clock_timestamp()")

#: Every execution under the token that goes on is told (R7), the one that counts first.
_DUE = text("""
WITH due AS (
  SELECT id FROM dispatch_attempt WHERE engine_id = :engine AND cancel_due_at <= clock_timestamp()
  ORDER BY cancel_due_at LIMIT :limit FOR UPDATE SKIP LOCKED
), held AS (
  UPDATE dispatch_attempt d SET cancel_due_at = clock_timestamp() + :lease_for
  FROM due WHERE d.id = due.id RETURNING d.*
)
SELECT h.id, h.engine_id, h.run_id, h.batch_execution_id, h.item_execution_id, h.token, h.state, h.attempt_no,
       h.cancel_deadline_at, h.settled, r.definition_id, r.cancel_cause, r.cancellation_reason,
       clock_timestamp() AS now,
       ARRAY(SELECT i.external_id FROM orchestration_instance i
             WHERE (i.id = h.orchestration_instance_id OR i.duplicate_of_id = h.orchestration_instance_id)
               AND i.status IN ('PENDING', 'PROCESSING', 'RETRYING')
             ORDER BY i.duplicate_of_id NULLS FIRST, i.id) AS external_ids
FROM held h JOIN run r ON r.id = h.run_id
""")

_SENT = text("""
WITH told AS (
  UPDATE dispatch_attempt d SET cancel_sent_at = CASE WHEN v.sent THEN clock_timestamp() ELSE d.cancel_sent_at END,
         cancel_due_at = v.due_at, error = coalesce(v.error, d.error),
         next_poll_at = CASE WHEN v.sent AND d.state = 'ENQUEUED' THEN clock_timestamp() ELSE d.next_poll_at END
  FROM unnest(CAST(:ids AS uuid[]), CAST(:sent AS boolean[]), CAST(:dues AS timestamptz[]), CAST(:errors AS text[]))
       AS v(id, sent, due_at, error)
  WHERE d.id = v.id AND d.state NOT IN ('CLOSED', 'REJECTED')
  RETURNING d.engine_id, v.sent
)
UPDATE engine_health h SET next_poll_at = clock_timestamp()
FROM (SELECT DISTINCT engine_id FROM told WHERE sent) t WHERE h.engine_id = t.engine_id
""")

_UNCONFIRMED = text("""
UPDATE dispatch_attempt SET settled = true, cancel_due_at = clock_timestamp() + :again,
       due_at = CASE WHEN state = 'HALTED' THEN clock_timestamp() + :again ELSE due_at END,
       state = CASE WHEN state = 'HALTED' THEN 'AMBIGUOUS' ELSE state END
WHERE id = ANY(CAST(:ids AS uuid[])) AND NOT settled AND state NOT IN ('CLOSED', 'REJECTED')
RETURNING id, run_id, batch_execution_id, item_execution_id
""")


async def request(
    session: AsyncSession,
    ids: Sequence[UUID],
    *,
    cause: str,
    reasons: Sequence[str | None],
    actors: Sequence[str | None],
    linger: Any,
) -> Sequence[UUID]:
    """Ask for the end of runs that have not ended; returns those for which it is new."""
    values = {"ids": list(ids), "cause": cause, "reasons": list(reasons), "actors": list(actors), "linger": linger}
    return list((await session.execute(_REQUEST, values)).scalars())


async def stop_units(session: AsyncSession, runs: Sequence[UUID], *, cause: str) -> None:
    """
    Stop what *runs* have not handed over, and have what is out cancelled.

    Waits for whoever is letting units of them go at this moment: these units are seen, too.

    After too many failures (``Failed``) and after a deletion (``Deleted``, work goes on as an orphan) what is out is
    left alone.
    """
    values: dict[str, Any] = {"runs": list(runs)}
    await session.execute(LOCK_PROGRESS, values)
    await session.execute(_UNSENT, values)
    if cause not in {"Failed", "Deleted"}:
        await session.execute(_OUT, values)
    reason = "TimedOut" if cause == "TimedOut" else "Cancelled"
    for statement in (_ITEM_UNITS, _BATCH_UNITS):
        await session.execute(statement, {**values, "reason": reason, "skip": cause == "Failed"})
    if cause == "TimedOut":
        await session.execute(_WHOLE, {**values, "status": "PROCESSING", "reason": reason, "before": ["PENDING"]})
    status = "FAILED" if cause == "TimedOut" else "CANCELLED"
    open_states = ["PENDING", "PROCESSING", "RETRYING"]
    await session.execute(_WHOLE, {**values, "status": status, "reason": reason, "before": open_states})


async def engines_due(session: AsyncSession) -> Sequence[UUID]:
    """Find engines with cancels that are due."""
    return list((await session.execute(_ENGINES_DUE)).scalars())


async def claim_due(
    session: AsyncSession, engine: UUID, *, lease_for: Any, limit: int
) -> tuple[Sequence[Any], dict[UUID, Any]]:
    """
    Claim cancels of one engine that are due to be sent, or whose time is up.

    Returns:
        The attempts, with the ids of what goes on under their tokens; and of those that have only a handle, all that a
        request is made of.
    """
    rows = (await session.execute(_DUE, {"engine": engine, "lease_for": lease_for, "limit": limit})).all()
    handles = await read_held(session, [row.id for row in rows if row.state == "ENQUEUED"])
    return rows, {each.id: each for each in handles}


async def record_sent(session: AsyncSession, rows: Sequence[tuple[UUID, bool, datetime | None, str | None]]) -> None:
    """Write down what engines said to cancels: (attempt, whether it was taken, when to act next, error)."""
    ids, sent, dues, errors = zip(*rows, strict=True)
    await session.execute(_SENT, {"ids": list(ids), "sent": list(sent), "dues": list(dues), "errors": list(errors)})


async def give_up(session: AsyncSession, ids: Sequence[UUID], *, again: Any) -> Sequence[Any]:
    """
    Settle units whose cancel was not confirmed in time; their attempts stay tracked, and cancelled when found.

    What was held is looked for again (R6): no decision can change the unit's end any more.
    """
    return (await session.execute(_UNCONFIRMED, {"ids": list(ids), "again": again})).all()
