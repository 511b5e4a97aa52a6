"""
The worker's questions to ``embedded_task``; every write is guarded by worker and state.

A worker's name is that of one child process and never given out twice, so a task that was taken from it (its lease ran
out) does not match its name any more: a late result is refused. All times are the database's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text

from baton_operator.decide.durations import seconds
from baton_operator.tasks import HookCall, Task

#: Seconds that a hook may take where the Automation does not say, and at most.
HOOK_TIMEOUT, HOOK_TIMEOUT_MOST = 30.0, 300.0

_TEXTS = ARRAY(Text)

# Only a task whose attempt is ACKED: its instance exists, so its end has a place to be written to.
_CLAIM = text(
    """
    WITH next AS MATERIALIZED (
        SELECT t.id, a.attempt_no, r.uid, r.name, r.tenant_id, r.trace_context, r.id AS run_id, r.parent_run_id,
               r.action, d.data_models
        FROM embedded_task t
        JOIN dispatch_attempt a ON a.token = t.token AND a.state = 'ACKED'
        JOIN run r ON r.id = a.run_id
        LEFT JOIN workflow_definitions d ON d.id = r.definition_id
        WHERE t.state = 'queued'
        ORDER BY t.id LIMIT 1
        FOR UPDATE OF t SKIP LOCKED
    )
    UPDATE embedded_task t
    SET state = 'running', worker = :worker, started_at = clock_timestamp(), updated_at = now(),
        lease_until = clock_timestamp() + make_interval(secs => :lease),
        on_crash = CASE WHEN t.task = ANY(:retried) THEN 'retry' ELSE 'fail' END
    FROM next WHERE t.id = next.id
    RETURNING t.id, t.token, t.task, t.arguments, t.timeout_seconds, t.logs,
              next.attempt_no, next.uid, next.name, next.tenant_id, next.trace_context, next.run_id,
              next.parent_run_id, next.action, next.data_models
    """
).bindparams(bindparam("retried", type_=_TEXTS))
# One after the other for each run: the next one only when those before it have ended.
_IN_TURN = """
            t.hook IS NOT NULL AND t.state = 'queued'
            AND NOT EXISTS (SELECT 1 FROM embedded_task e WHERE e.run_id = t.run_id AND e.hook_no < t.hook_no
                            AND e.state IN ('queued', 'running'))
"""
_CLAIM_HOOK = text(
    f"""
    WITH next AS MATERIALIZED (
        SELECT t.id, 1 AS attempt_no, r.uid, r.name, r.tenant_id, r.trace_context, r.id AS run_id, r.parent_run_id,
               r.action, d.data_models, d.hooks #>> ARRAY[t.hook, 'timeout'] AS hook_timeout
        FROM embedded_task t
        JOIN run r ON r.id = t.run_id
        LEFT JOIN workflow_definitions d ON d.id = r.definition_id
        WHERE {_IN_TURN}
        ORDER BY t.id LIMIT 1
        FOR UPDATE OF t SKIP LOCKED
    )
    UPDATE embedded_task t
    SET state = 'running', worker = :worker, started_at = clock_timestamp(), updated_at = now(),
        lease_until = clock_timestamp() + make_interval(secs => :lease)
    FROM next WHERE t.id = next.id
    RETURNING t.id, t.token, t.task, t.arguments, t.timeout_seconds, t.logs,
              next.attempt_no, next.uid, next.name, next.tenant_id, next.trace_context, next.run_id,
              next.parent_run_id, next.action, next.data_models, next.hook_timeout
    """
)
# What these two would take, and nothing else: a child that is started for anything else would find nothing to do.
_WAITING = text(
    f"""
    SELECT (SELECT count(*) FROM (
                SELECT FROM embedded_task t
                JOIN dispatch_attempt a ON a.token = t.token AND a.state = 'ACKED'
                WHERE t.state = 'queued' LIMIT :most) w) AS tasks,
           (SELECT count(*) FROM (
                SELECT FROM embedded_task t
                WHERE {_IN_TURN}
                LIMIT 1) w) AS hooks
    """
)
_RELEASE = text(
    """
    UPDATE embedded_task SET state = 'queued', worker = NULL, lease_until = NULL, started_at = NULL, updated_at = now()
    WHERE worker = :worker AND state = 'running'
    """
)
_HEARTBEAT = text(
    """
    UPDATE embedded_task SET lease_until = clock_timestamp() + make_interval(secs => :lease)
    WHERE worker = ANY(:workers) AND state = 'running'
    RETURNING id
    """
).bindparams(bindparam("workers", type_=_TEXTS))
_CANCELS = text(
    "SELECT id FROM embedded_task WHERE worker = ANY(:workers) AND state = 'running' AND cancel_requested"
).bindparams(bindparam("workers", type_=_TEXTS))
_HELD = text(
    """
    SELECT id, token, cancel_requested, on_crash, crashes, logs FROM embedded_task
    WHERE worker = :worker AND state = 'running' FOR UPDATE
    """
)
# A process that is frozen, or on a machine that is gone, cannot end its transaction itself: the locks of what its task
# has written would keep the next start of the same task waiting. Only our own role's sessions, which we may always end.
_END_SILENT = text(
    """
    SELECT pg_terminate_backend(s.pid, 1000)
    FROM embedded_task t
    JOIN pg_stat_activity s ON s.application_name = 'baton-task ' || substring(t.worker FROM '[^/]*$')
    WHERE t.state = 'running' AND t.lease_until < clock_timestamp()
      AND s.datname = current_database() AND s.usename = current_user
    """
)
_EXPIRED = text(
    """
    SELECT id, token, worker, cancel_requested, on_crash, crashes, logs FROM embedded_task
    WHERE state = 'running' AND lease_until < clock_timestamp()
    ORDER BY lease_until LIMIT 100 FOR UPDATE SKIP LOCKED
    """
)
_REQUEUE = text(
    """
    UPDATE embedded_task
    SET state = 'queued', worker = NULL, lease_until = NULL, started_at = NULL, logs = :logs, updated_at = now(),
        crashes = crashes + CAST(CAST(:crashed AS boolean) AS int)
    WHERE id = :id AND state = 'running'
    RETURNING pg_notify('baton_embedded', '')
    """
)


@dataclass(frozen=True, slots=True)
class Claim:
    """
    One task that this process is to run now.

    Attributes:
        timeout: Seconds it may run by its row; None for no limit.
        logs: What an earlier start of it has left, after a crash.
        data_models: What the Run's version of the Automation lets its tasks touch, by name.
        hook: Why it is called, if as a hook.
    """

    id: UUID
    token: str
    task: str
    arguments: Mapping[str, Any]
    timeout: float | None
    logs: str
    attempt: int
    run_uid: str
    run_name: str
    namespace: str
    traceparent: str | None
    run_id: UUID
    parent_run_id: UUID | None
    action: str | None
    data_models: Sequence[str]
    hook: HookCall | None = None


async def claim(session: AsyncSession, worker: str, *, lease: float, tasks: Mapping[str, Task]) -> Claim | None:
    """Take the oldest task that is waiting and that nobody else is taking; the caller commits."""
    retried = [each.name for each in tasks.values() if each.on_crash == "retry"]
    row = (await session.execute(_CLAIM, {"worker": worker, "lease": lease, "retried": retried})).one_or_none()
    return _claim(row, timeout=row.timeout_seconds) if row else None


async def claim_hook(session: AsyncSession, worker: str, *, lease: float) -> Claim | None:
    """Take the oldest hook whose turn it is and that nobody else is taking; the caller commits."""
    row = (await session.execute(_CLAIM_HOOK, {"worker": worker, "lease": lease})).one_or_none()
    if row is None:
        return None
    return _claim(row, timeout=_hook_timeout(row.hook_timeout), hook=HookCall(**row.arguments))


async def waiting(session: AsyncSession, *, most: int) -> tuple[int, int]:
    """Count the tasks that `claim` would take, up to *most*, and the hooks that `claim_hook` would, up to one."""
    row = (await session.execute(_WAITING, {"most": most})).one()
    return row.tasks, row.hooks


def _hook_timeout(text: str | None) -> float:
    try:
        return min(seconds(text), HOOK_TIMEOUT_MOST) if text else HOOK_TIMEOUT
    except ValueError:
        return HOOK_TIMEOUT


def _claim(row: Row[Any], *, timeout: float | None, hook: HookCall | None = None) -> Claim:
    return Claim(
        id=row.id,
        token=row.token,
        task=row.task,
        arguments=row.arguments,
        timeout=timeout,
        hook=hook,
        logs=row.logs,
        attempt=row.attempt_no,
        run_uid=row.uid or "",
        run_name=row.name,
        namespace=row.tenant_id,
        traceparent=row.trace_context,
        run_id=row.run_id,
        parent_run_id=row.parent_run_id,
        action=row.action,
        data_models=row.data_models or (),
    )


async def release(session: AsyncSession, worker: str) -> None:
    """Give back what *worker* has claimed without having begun it: a COMMIT went unanswered."""
    await session.execute(_RELEASE, {"worker": worker})


async def heartbeat(session: AsyncSession, workers: Sequence[str], *, lease: float) -> set[UUID]:
    """Prolong the leases of all tasks of *workers*; return the tasks, so that a lost one is noticed."""
    return set((await session.execute(_HEARTBEAT, {"workers": list(workers), "lease": lease})).scalars())


async def cancels(session: AsyncSession, workers: Sequence[str]) -> set[UUID]:
    """Return the running tasks of *workers* that are to end."""
    return set((await session.execute(_CANCELS, {"workers": list(workers)})).scalars())


async def held(session: AsyncSession, worker: str) -> Sequence[Row[Any]]:
    """Lock and return what a dead *worker* has left running: one task at most."""
    return (await session.execute(_HELD, {"worker": worker})).all()


def session_name(worker: str) -> str:
    """Give the name that the connections of the child *worker* have in ``pg_stat_activity``."""
    return f"baton-task {worker.rpartition('/')[2]}"


async def end_silent(session: AsyncSession) -> None:
    """End the sessions of workers who have fallen silent, and with them what their tasks have not committed."""
    await session.execute(_END_SILENT)


async def expired(session: AsyncSession) -> Sequence[Row[Any]]:
    """Lock and return tasks whose workers have fallen silent, 100 at most."""
    return (await session.execute(_EXPIRED)).all()


async def requeue(session: AsyncSession, task_id: UUID, logs: str, *, crashed: bool = False) -> None:
    """Let another worker begin a running task anew, under the same token; *crashed* counts that its worker died."""
    await session.execute(_REQUEUE, {"id": task_id, "logs": logs, "crashed": crashed})
