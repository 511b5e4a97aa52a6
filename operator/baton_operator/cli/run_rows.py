"""The questions that `baton runs` asks the database: set-based, each tenant's own, newest first."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.status import ExecutionStatus
from baton_operator.cli.exits import NotFoundExit
from baton_operator.decide.run_status import RunView, phase

Row = Mapping[str, Any]

_RUN = """
SELECT r.id, r.uid, r.tenant_id AS namespace, r.name, t.name AS automation, d.version AS automation_version,
       e.tenant_id || '/' || e.name AS engine, r.per, r.state, r.status, r.native_status,
       CASE r.accepted_reason WHEN 'Accepted' THEN r.status_reason ELSE r.accepted_reason END AS reason,
       r.accepted_reason, r.accepted_message, r.error_summary AS message, r.cancellation_reason, r.correlation_id,
       r.priority, r.generation, r.created_by, r.updated_by, r.created_at, r.started_at, r.finished_at,
       coalesce(r.finished_at, now()) - r.started_at AS duration, r.cancel_requested_at,
       (r.cr_deleted_at IS NOT NULL OR NOT r.is_active) AS deleted, r.parameters, r.action,
       (SELECT above.name FROM run above WHERE above.id = r.parent_run_id) AS parent,
       p.total, p.completed, p.failed, p.running,
       (SELECT max(a.attempt_no) FROM dispatch_attempt a WHERE a.run_id = r.id) AS attempt
FROM run r JOIN automation t ON t.id = r.automation_id
LEFT JOIN workflow_definitions d ON d.id = r.definition_id
LEFT JOIN engine e ON e.id = r.engine_id
LEFT JOIN run_progress p ON p.run_id = r.id
"""

_LIST = f"""{_RUN}
WHERE (CAST(:namespace AS text) IS NULL OR r.tenant_id = :namespace)
  AND (CAST(:automation AS text) IS NULL OR t.name = :automation)
  AND (CAST(:statuses AS text[]) IS NULL OR r.status::text = ANY(:statuses))
  AND (CAST(:correlation AS text) IS NULL OR r.correlation_id = :correlation)
  AND (NOT :held OR EXISTS (SELECT 1 FROM dispatch_attempt a WHERE a.run_id = r.id AND a.state = 'HALTED'))
ORDER BY r.id DESC LIMIT :limit
"""

_BY_NAME = f"{_RUN} WHERE r.tenant_id = :namespace AND r.name = :name ORDER BY r.id DESC LIMIT 1"
_BY_KEY = f"{_RUN} WHERE r.id::text = :key OR r.uid = :key LIMIT 1"

_BATCHES = """
SELECT x.id, b.name, x.position, x.status, x.status_reason AS reason, x.error_message AS message, x.started_at,
       x.finished_at, b.payload
FROM batch_execution x JOIN batch b ON b.id = x.batch_id WHERE x.run_id = :run ORDER BY x.position, b.name
"""

_ITEMS = """
SELECT x.id, x.batch_execution_id, i.sequence_number AS item, x.status, x.status_reason AS reason,
       x.error_message AS message, x.started_at, x.finished_at, i.payload
FROM item_execution x JOIN item i ON i.id = x.item_id WHERE x.run_id = :run ORDER BY i.sequence_number
"""

_ATTEMPTS = """
SELECT a.id, a.batch_execution_id, a.item_execution_id, a.attempt_no AS attempt, a.token, a.state, a.error AS message,
       a.sends, a.due_at, a.first_sent_at, a.engine_id, a.fingerprint, i.external_id, i.url, i.status,
       i.status_reason AS reason, i.native_status, i.started_at, i.finished_at, i.duration_seconds,
       (SELECT jsonb_agg(jsonb_build_object('external_id', x.external_id, 'status', x.status) ORDER BY x.id)
        FROM orchestration_instance x WHERE x.duplicate_of_id = i.id) AS duplicates
FROM dispatch_attempt a LEFT JOIN orchestration_instance i ON i.id = a.orchestration_instance_id
WHERE a.run_id = :run ORDER BY a.attempt_no, a.id
"""

_HOOKS = """
SELECT hook, task, arguments ->> 'status' AS at, state, error AS message, crashes, started_at, finished_at, token
FROM embedded_task WHERE run_id = :run ORDER BY hook_no
"""

_HISTORY = """
SELECT h.seq, h.previous_status, h.new_status AS status, h.reason, h.created_by AS actor, h.changed_at AS at,
       coalesce(lead(h.changed_at) OVER (ORDER BY h.seq),
                CASE WHEN h.new_status::text <> ALL(:finished) THEN now() END) - h.changed_at AS lasted,
       CASE WHEN lead(h.seq) OVER (ORDER BY h.seq) IS NULL THEN CASE
         WHEN h.new_status = 'CANCELLED' THEN coalesce(r.cancellation_reason, r.error_summary)
         WHEN h.new_status IN ('FAILED', 'RETRYING') THEN r.error_summary END END AS message
FROM run_state_history h JOIN run r ON r.id = h.run_id WHERE h.run_id = :run ORDER BY h.seq
"""

_ITEM_HISTORY = """
SELECT b.name AS batch, i.sequence_number AS item, h.seq, h.previous_status, h.new_status AS status, h.reason,
       h.created_by AS actor, h.changed_at AS at,
       coalesce(lead(h.changed_at) OVER (PARTITION BY x.id ORDER BY h.seq),
                CASE WHEN h.new_status::text <> ALL(:finished) THEN now() END) - h.changed_at AS lasted,
       CASE WHEN lead(h.seq) OVER (PARTITION BY x.id ORDER BY h.seq) IS NULL
             AND h.new_status IN ('FAILED', 'RETRYING', 'CANCELLED', 'SKIPPED') THEN x.error_message END AS message
FROM item_state_history h JOIN item_execution x ON x.id = h.item_execution_id
JOIN batch_execution e ON e.id = x.batch_execution_id JOIN batch b ON b.id = e.batch_id JOIN item i ON i.id = x.item_id
WHERE x.run_id = :run ORDER BY e.position, i.sequence_number, h.seq
"""

_FINISHED = [status.value for status in ExecutionStatus if status.is_finished]


async def list_runs(
    session: AsyncSession,
    *,
    namespace: str | None,
    automation: str | None = None,
    statuses: Sequence[str] | None = None,
    correlation: str | None = None,
    held: bool = False,
    limit: int = 100,
) -> list[Row]:
    """
    List Runs, newest first; None for any. Runs whose custom resource is gone are there too.

    Args:
        held: Only those of which a submit waits for a person's decision.
    """
    values = {
        "namespace": namespace,
        "automation": automation,
        "statuses": list(statuses) if statuses else None,
        "correlation": correlation,
        "held": held,
        "limit": limit,
    }
    return [_with_phase(row) for row in await _ask(session, _LIST, **values)]


async def find_run(session: AsyncSession, namespace: str, name: str) -> Row:
    """
    Find one Run: the newest of that name, or the one with that uid or run id.

    Raises:
        NotFoundExit: There is none, or there never was.
    """
    rows = await _ask(session, _BY_NAME, namespace=namespace, name=name)
    if not rows and _is_key(name):
        rows = await _ask(session, _BY_KEY, key=name.lower())
    if not rows:
        raise NotFoundExit(
            f"no Run {name!r} in namespace {namespace!r}, now or in the history: "
            "name its own with -n NAMESPACE; see `baton runs list -A`"
        )
    return _with_phase(rows[0])


async def read_tree(session: AsyncSession, run: Row) -> dict[str, Any]:
    """Give *run* with its batches, their items, the attempts of each, and the hooks that were called."""
    batches = await _ask(session, _BATCHES, run=run["id"])
    items = await _ask(session, _ITEMS, run=run["id"])
    attempts = await _ask(session, _ATTEMPTS, run=run["id"])

    def of(key: str, unit: UUID) -> list[Row]:
        return [each for each in attempts if each[key] == unit]

    attempts_of_items: dict[UUID, list[Row]] = {}
    for each in attempts:
        attempts_of_items.setdefault(each["item_execution_id"], []).append(each)
    items_of: dict[UUID, list[Row]] = {}
    for item in items:
        whole = {**item, "attempts": attempts_of_items.get(item["id"], [])}
        items_of.setdefault(item["batch_execution_id"], []).append(whole)
    return {
        **run,
        "hooks": await _ask(session, _HOOKS, run=run["id"]),
        "attempts": [each for each in attempts if not each["batch_execution_id"]],
        "batches": [
            {
                **batch,
                "attempts": [each for each in of("batch_execution_id", batch["id"]) if not each["item_execution_id"]],
                "items": items_of.get(batch["id"], []),
            }
            for batch in batches
        ],
    }


async def read_attempts(session: AsyncSession, run: UUID) -> list[Row]:
    """Give all attempts of a run in their order, with batch, item and execution."""
    return await _ask(session, _ATTEMPTS, run=run)


async def read_history(session: AsyncSession, run: UUID, *, items: bool = False) -> list[Row]:
    """
    Give every change of a run's status, or of its items', with what it was before and how long it lasted.

    The last change has the message of the row, unless that went well: earlier ones are kept without theirs.
    """
    return await _ask(session, _ITEM_HISTORY if items else _HISTORY, run=run, finished=_FINISHED)


async def _ask(session: AsyncSession, statement: str, **values: Any) -> list[Row]:
    return [dict(row) for row in (await session.execute(text(statement), values)).mappings()]


def _is_key(name: str) -> bool:
    try:
        UUID(name)
    except ValueError:
        return False
    return True


def _with_phase(row: Row) -> Row:
    """Add the one word for people, by the same rule as the custom resource's."""
    view = RunView(
        id=row["id"],
        name=row["name"],
        generation=row["generation"],
        status=ExecutionStatus(row["status"]),
        status_reason=row["reason"],
        state=row["state"],
        created_at=row["created_at"],
        cancel_requested_at=row["cancel_requested_at"],
    )
    total, completed = row["total"], row["completed"]
    if total is None:
        total, completed = 1, int(view.status is ExecutionStatus.COMPLETED)
    return {**row, "phase": phase(view), "progress": f"{completed}/{total}"}
