"""Letting units of work go: a unit may be dispatched once an attempt of it is stored as INTENT."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

#: Not FOR UPDATE: the foreign keys of Runs that were just inserted hold the row, and two would wait for each other.
_LOCK_AUTOMATIONS = text("""
SELECT a.id FROM automation a
WHERE a.max_active IS NOT NULL AND a.id IN (SELECT automation_id FROM run WHERE id = ANY(CAST(:runs AS uuid[])))
ORDER BY a.id FOR NO KEY UPDATE
""")

#: The custom resource says Submitted: what goes whole was sent then, and so was something of what fans out.
_KNOWN = "{run}.submitted_before AND ({run}.per = 'Run' OR {run}.restored_at IS NULL)"
#: A restored database does not know whether it was. Units of a run go in their order, so few are doubtful. A run that
#: goes whole gets its place sooner after a restore than it did before it, as what has ended takes none: one that gets
#: it much later had none before.
_DOUBTED = """{run}.doubts > 0 AND ({run}.per <> 'Run' OR clock_timestamp() < {run}.restored_at
                    + greatest({run}.restored_at - {run}.restored_from, interval '1 hour'))"""
#: The engine's restart epoch when the database knew it last.
RESTORED_EPOCH = """(SELECT l.epochs ->> CAST({run}.engine_id AS text) FROM database_life l
                 WHERE l.began_at = {run}.restored_at)"""
#: A unit that may have been sent before its row was lost is looked for first. Where that is known, nobody knows how
#: often, and its absence is no evidence; where it is only doubted, absence is evidence as far as the engine remembers.
AS_KNOWN = f"""CAST(CASE WHEN {_KNOWN} OR {_DOUBTED} THEN 'AMBIGUOUS' ELSE 'INTENT' END AS attempt_state),
       CASE WHEN {_KNOWN} THEN 2 ELSE 0 END,
       CASE WHEN {_KNOWN} THEN clock_timestamp() WHEN {_DOUBTED} THEN {{run}}.restored_from END,
       CASE WHEN {_KNOWN} THEN clock_timestamp() END,
       CASE WHEN {_DOUBTED} THEN {RESTORED_EPOCH} END"""
ATTEMPT_COLUMNS = """
INSERT INTO dispatch_attempt (run_id, batch_execution_id, item_execution_id, engine_id, tenant_id, attempt_no,
                              token, priority, due_at, state, sends, first_sent_at, evidence_until, engine_epoch)"""

#: Runs take a place of their automation, the most urgent first, the oldest first among equals. Runs of an automation
#: without a limit always get one.
_TAKE_PLACES = text("""
WITH open_places AS (
  SELECT a.id AS automation_id, a.max_active - (
           SELECT count(*) FROM run o WHERE o.automation_id = a.id AND o.released_at IS NOT NULL
             AND o.status IN ('PENDING', 'PROCESSING', 'RETRYING')) AS n
  FROM automation a WHERE a.id = ANY(CAST(:limited AS uuid[]))
), chosen AS (
  SELECT r.id FROM run r JOIN automation a ON a.id = r.automation_id
  WHERE r.id = ANY(CAST(:runs AS uuid[])) AND a.max_active IS NULL AND r.released_at IS NULL
    AND r.status = 'PENDING' AND r.state = 'Active' AND r.cancel_requested_at IS NULL
  UNION ALL
  SELECT w.id FROM open_places p CROSS JOIN LATERAL (
    SELECT r.id FROM run r WHERE r.automation_id = p.automation_id AND r.released_at IS NULL
      AND r.status = 'PENDING' AND r.state = 'Active' AND r.cancel_requested_at IS NULL
    ORDER BY r.priority DESC, r.id LIMIT greatest(p.n, 0)) w
)
UPDATE run SET released_at = clock_timestamp() FROM chosen WHERE run.id = chosen.id
RETURNING run.id, run.per
""")

_WHOLE_RUNS = text(f"""
{ATTEMPT_COLUMNS}
SELECT r.id, NULL, NULL, r.engine_id, r.tenant_id, 1, 'baton-' || r.token_hex || '-a1', r.priority, clock_timestamp(),
       {AS_KNOWN.format(run="r")}
FROM run r
WHERE r.id = ANY(CAST(:runs AS uuid[])) AND r.per = 'Run' AND r.status = 'PENDING' AND r.released_at IS NOT NULL
  AND r.state = 'Active' AND r.cancel_requested_at IS NULL
ON CONFLICT DO NOTHING
""")

#: The order of the locks is the order of the keys, as in the trigger that counts.
LOCK_PROGRESS = text("""
SELECT run_id FROM run_progress WHERE run_id = ANY(CAST(:runs AS uuid[])) ORDER BY run_id FOR UPDATE
""")

_ROOM = f"""
WITH room AS (
  SELECT r.id, r.engine_id, r.tenant_id, r.priority, r.sequential, r.per, r.submitted_before, r.restored_at,
         r.restored_from, r.doubts,
         r.max_parallel - (SELECT count(*) FROM dispatch_attempt d
                           WHERE d.run_id = r.id AND d.state NOT IN ('CLOSED', 'REJECTED') AND NOT d.settled) AS n,
         (SELECT min(b.position) FROM batch_execution b
          WHERE b.run_id = r.id AND b.status IN ('PENDING', 'PROCESSING', 'RETRYING')) AS front
  FROM run r
  WHERE r.id = ANY(CAST(:runs AS uuid[])) AND r.per = :per AND r.released_at IS NOT NULL AND r.state = 'Active'
    AND r.status IN ('PENDING', 'PROCESSING', 'RETRYING') AND r.cancel_requested_at IS NULL
)
{ATTEMPT_COLUMNS}
"""

_ITEMS = text(
    _ROOM
    + f"""
SELECT t.id, u.batch_execution_id, u.id, t.engine_id, t.tenant_id, 1, 'baton-' || u.token_hex || '-a1', t.priority,
       clock_timestamp(), {AS_KNOWN.format(run="t")}
FROM room t CROSS JOIN LATERAL (
  SELECT i.id, i.batch_execution_id, i.token_hex
  FROM item_execution i JOIN batch_execution b ON b.id = i.batch_execution_id
  WHERE i.run_id = t.id AND i.status = 'PENDING' AND (NOT t.sequential OR b.position = t.front)
    AND NOT EXISTS (SELECT 1 FROM dispatch_attempt d WHERE d.item_execution_id = i.id)
  ORDER BY b.position, i.sequence_number LIMIT greatest(t.n, 0)) u
ON CONFLICT DO NOTHING
"""
)

_BATCHES = text(
    _ROOM
    + f"""
SELECT t.id, u.id, NULL, t.engine_id, t.tenant_id, 1, 'baton-' || u.token_hex || '-a1', t.priority, clock_timestamp(),
       {AS_KNOWN.format(run="t")}
FROM room t CROSS JOIN LATERAL (
  SELECT b.id, b.token_hex FROM batch_execution b
  WHERE b.run_id = t.id AND b.status = 'PENDING' AND (NOT t.sequential OR b.position = t.front)
    AND NOT EXISTS (SELECT 1 FROM dispatch_attempt d WHERE d.batch_execution_id = b.id)
  ORDER BY b.position LIMIT greatest(t.n, 0)) u
ON CONFLICT DO NOTHING
"""
)

#: Runs that nothing limits and that have no place; of a limited automation one Run, where a place is free; runs that
#: fan out and have room; whole runs with a place and without an attempt.
_WITH_ROOM = text("""
(SELECT r.id FROM run r JOIN automation a ON a.id = r.automation_id
 WHERE r.status = 'PENDING' AND r.state = 'Active' AND r.released_at IS NULL AND r.cancel_requested_at IS NULL
   AND a.max_active IS NULL LIMIT :limit)
UNION ALL
(SELECT DISTINCT ON (a.id) r.id FROM automation a JOIN run r ON r.automation_id = a.id
 WHERE r.status = 'PENDING' AND r.state = 'Active' AND r.released_at IS NULL AND r.cancel_requested_at IS NULL
   AND a.max_active > (SELECT count(*) FROM run o WHERE o.automation_id = a.id AND o.released_at IS NOT NULL
                         AND o.status IN ('PENDING', 'PROCESSING', 'RETRYING'))
 LIMIT :limit)
UNION ALL
(SELECT r.id FROM run r JOIN run_progress p ON p.run_id = r.id
 WHERE r.status IN ('PENDING', 'PROCESSING', 'RETRYING') AND r.state = 'Active' AND r.released_at IS NOT NULL
   AND r.cancel_requested_at IS NULL
   AND least(r.max_parallel, p.pending) > (SELECT count(*) FROM dispatch_attempt d WHERE d.run_id = r.id
                                             AND d.state NOT IN ('CLOSED', 'REJECTED') AND NOT d.settled)
 LIMIT :limit)
UNION ALL
(SELECT r.id FROM run r
 WHERE r.status = 'PENDING' AND r.state = 'Active' AND r.released_at IS NOT NULL AND r.cancel_requested_at IS NULL
   AND r.per = 'Run' AND NOT EXISTS (SELECT 1 FROM dispatch_attempt d WHERE d.run_id = r.id)
 LIMIT :limit)
""")


async def release(session: AsyncSession, runs: Sequence[UUID]) -> None:
    """
    Store an INTENT for every unit of *runs* that may go now.

    Kept: ``concurrency.max`` of their automations (a place that became free may go to another Run of the same
    automation), ``maxParallel``, the order of batches, ``state: Suspended``.
    """
    if not runs:
        return
    limited = list((await session.execute(_LOCK_AUTOMATIONS, {"runs": list(runs)})).scalars())
    placed = (await session.execute(_TAKE_PLACES, {"runs": list(runs), "limited": limited})).all()
    every = sorted({*runs, *(row.id for row in placed)})
    await session.execute(_WHOLE_RUNS, {"runs": every})
    fanned = list((await session.execute(LOCK_PROGRESS, {"runs": every})).scalars())
    if fanned:
        await session.execute(_ITEMS, {"runs": fanned, "per": "Item"})
        await session.execute(_BATCHES, {"runs": fanned, "per": "Batch"})


async def runs_with_room(session: AsyncSession, *, limit: int) -> Sequence[UUID]:
    """Find Runs that may have units to be let go: what a crash between two transactions left behind."""
    return list((await session.execute(_WITH_ROOM, {"limit": limit})).scalars())
