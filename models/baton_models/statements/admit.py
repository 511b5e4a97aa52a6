"""Taking Runs in: one insert for all of a batch, and their batches and items."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.statements.release import AS_KNOWN, ATTEMPT_COLUMNS

#: One row for each Run; the columns are the keys of the documents passed. A uid that is there already is left alone.
#: Whole runs that nothing holds back get their first attempt in the same statement. A Run that is older than a restore
#: of the database had a row perhaps: what is Embedded was lost with the row, anything else is doubted.
_RUNS = text(f"""
WITH born AS (
INSERT INTO run (id, automation_id, definition_id, engine_id, tenant_id, uid, generation, name, correlation_id, per,
                 state, max_parallel, sequential, max_failures, max_attempts, accepted_reason, accepted_message,
                 parameters, priority, token_hex, queue_deadline_at, run_timeout_seconds, cancel_timeout_seconds,
                 trace_context, created_by, submitted_before, restored_at, restored_from, doubts, cancel_on_delete,
                 guard, guard_at, parent_run_id, action, status, status_reason, error_summary, finished_at, project_at,
                 released_at)
SELECT r.id, r.automation_id, r.definition_id, r.engine_id, r.tenant_id, r.uid, r.generation, r.name, r.correlation_id,
       r.per, r.state, r.max_parallel, r.sequential, r.max_failures, r.max_attempts, r.accepted_reason,
       r.accepted_message, r.parameters, r.priority, r.token_hex, now() + make_interval(secs => r.queued_seconds),
       r.run_timeout_seconds, r.cancel_timeout_seconds, r.trace_context, r.created_by, r.submitted_before,
       l.began_at, CASE WHEN l.began_at IS NOT NULL THEN greatest(l.known_until, r.born_at) END,
       CASE WHEN l.began_at IS NULL THEN 0 WHEN r.per = 'Run' THEN 1 ELSE r.max_parallel END,
       coalesce(r.cancel_on_delete, false), r.guard, CASE WHEN r.guard IS NOT NULL THEN now() END,
       r.parent_run_id, r.action, r.status, r.status_reason,
       r.accepted_message, CASE WHEN r.status = 'FAILED' THEN now() END,
       now() + make_interval(secs => CASE WHEN r.status = 'FAILED' THEN 0 ELSE :linger END),
       CASE WHEN r.released THEN now() END
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r(
       id uuid, automation_id uuid, definition_id uuid, engine_id uuid, tenant_id text, uid text, generation int,
       name text, correlation_id text, per text, state text, max_parallel int, sequential boolean, max_failures int,
       max_attempts int, accepted_reason text, accepted_message text, parameters jsonb, priority int, token_hex text,
       queued_seconds float, run_timeout_seconds int, cancel_timeout_seconds int, trace_context text, created_by text,
       submitted_before boolean, cancel_on_delete boolean, guard text, parent_run_id uuid, action text,
       status execution_status, status_reason text, released boolean, born_at timestamptz)
LEFT JOIN engine e ON e.id = r.engine_id
LEFT JOIN (SELECT began_at, known_until FROM database_life WHERE cause <> 'Started' ORDER BY began_at DESC LIMIT 1) l
  ON l.began_at > r.born_at AND e.type <> 'Embedded'
ON CONFLICT (uid) DO NOTHING
RETURNING *
), going AS (
{ATTEMPT_COLUMNS}
SELECT r.id, NULL, NULL, r.engine_id, r.tenant_id, 1, 'baton-' || r.token_hex || '-a1', r.priority, clock_timestamp(),
       {AS_KNOWN.format(run="r")}
FROM born r WHERE r.per = 'Run' AND r.released_at IS NOT NULL
)
SELECT id FROM born
""")

_OWN_BATCHES = text("""
INSERT INTO batch (id, automation_id, name, payload, position, is_active)
SELECT b.id, b.automation_id, b.name, b.payload, b.position, false
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS b(id uuid, automation_id uuid, name text, payload jsonb, position int)
""")

_OWN_ITEMS = text("""
INSERT INTO item (batch_id, sequence_number, payload, is_active)
SELECT i.batch_id, i.sequence_number, i.payload, false
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS i(batch_id uuid, sequence_number int, payload jsonb)
""")

_PROGRESS = text("""
INSERT INTO run_progress (run_id, units) SELECT * FROM unnest(CAST(:runs AS uuid[]), CAST(:units AS text[]))
""")

_BATCH_EXECUTIONS = text("""
INSERT INTO batch_execution (id, run_id, batch_id, position, token_hex, status, status_reason)
SELECT b.id, b.run_id, b.batch_id, b.position, b.token_hex, 'PENDING', 'Queued'
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS b(id uuid, run_id uuid, batch_id uuid, position int, token_hex text)
""")

_ITEM_EXECUTIONS = text("""
INSERT INTO item_execution (run_id, batch_execution_id, item_id, sequence_number, token_hex, max_attempts, status,
                            status_reason)
SELECT b.run_id, b.id, i.id, i.sequence_number, t.token_hex, r.max_attempts, 'PENDING', 'Queued'
FROM unnest(CAST(:batch_executions AS uuid[]), CAST(:numbers AS int[]), CAST(:hexes AS text[]))
     AS t(batch_execution_id, sequence_number, token_hex)
JOIN batch_execution b ON b.id = t.batch_execution_id
JOIN run r ON r.id = b.run_id
JOIN item i ON i.batch_id = b.batch_id AND i.sequence_number = t.sequence_number
""")


_ACTOR = text("SELECT set_config('baton.actor', :actor, true)")


async def act_as(session: AsyncSession, actor: str | None) -> None:
    """Have the history say that *actor* makes the changes that follow in this transaction."""
    await session.execute(_ACTOR, {"actor": actor or ""})


async def insert_runs(session: AsyncSession, rows: Sequence[dict[str, Any]], *, linger: float) -> set[UUID]:
    """
    Insert Runs whose uid is new.

    Args:
        rows: One document a Run; see the column list of the statement.
        linger: Seconds that the first status patch waits, so that Accepted and Submitted are one.

    Returns:
        The ids of those that were new; the others were there already.
    """
    answer = await session.execute(_RUNS, {"rows": orjson.dumps(rows).decode(), "linger": linger})
    return set(answer.scalars())


async def insert_own_batches(
    session: AsyncSession, batches: Sequence[dict[str, Any]], items: Sequence[dict[str, Any]]
) -> None:
    """Insert batches that Runs bring themselves; they are born out of use, so nobody lists them as an automation's."""
    await session.execute(_OWN_BATCHES, {"rows": orjson.dumps(batches).decode()})
    if items:
        await session.execute(_OWN_ITEMS, {"rows": orjson.dumps(items).decode()})


async def insert_units(
    session: AsyncSession,
    *,
    runs: Sequence[UUID],
    units: Sequence[str],
    batch_executions: Sequence[dict[str, Any]],
    items: tuple[Sequence[UUID], Sequence[int], Sequence[str]],
) -> None:
    """
    Insert what Runs fan out into, with their counters.

    Args:
        runs: Runs that fan out.
        units: ``Batch`` or ``Item`` for each of them.
        batch_executions: One document each: id, run_id, batch_id, position, token_hex.
        items: Columns: batch execution, sequence number, token stem.
    """
    await session.execute(_PROGRESS, {"runs": list(runs), "units": list(units)})
    await session.execute(_BATCH_EXECUTIONS, {"rows": orjson.dumps(batch_executions).decode()})
    if items[0]:
        await session.execute(
            _ITEM_EXECUTIONS,
            {"batch_executions": list(items[0]), "numbers": list(items[1]), "hexes": list(items[2])},
        )
