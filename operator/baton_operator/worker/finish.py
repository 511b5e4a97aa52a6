"""
How a task ends: its row and its unit's transition in one transaction, whoever ends it.

The child calls `finish` in the session that the task itself may have written to, the supervisor for a task whose child
is dead. Where the guard does not match, the task belongs to somebody else by now, and the caller rolls back.
"""

from dataclasses import dataclass
from typing import Any, Literal, Protocol
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_operator.engines.base import Observation
from baton_operator.engines.embedded.adapter import MAX_MESSAGE, observation

EndState = Literal["succeeded", "failed", "cancelled", "timedout"]

# The first guard is the worker's name: it is gone from the row as soon as the lease was taken away.
_FINISH = text(
    """
    UPDATE embedded_task
    SET state = :state, result = CAST(:result AS jsonb), error = :error, logs = coalesce(:logs, logs),
        lease_until = NULL, finished_at = greatest(started_at, clock_timestamp()), updated_at = now()
    WHERE id = :id AND worker = :worker AND state = 'running'
    RETURNING token, started_at, finished_at
    """
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """
    What became of a task.

    Attributes:
        result: Its JSON value, encoded; None unless it succeeded.
        error: Why it did not, for people.
        logs: All its lines; None leaves what is stored.
    """

    state: EndState
    result: bytes | None = None
    error: str | None = None
    logs: str | None = None


class Settle(Protocol):
    """Moves instance, item and run, within the caller's transaction, as the track loop would later."""

    async def __call__(self, session: AsyncSession, token: str, seen: Observation) -> None:
        """Record that the execution of *token* ended as *seen* says."""


async def finish(session: AsyncSession, task_id: UUID, worker: str, outcome: Outcome, settle: Settle) -> bool:
    """
    Store *outcome* and move the task's unit; the caller commits.

    Returns:
        Whether the task was still *worker*'s. If not, nothing may be committed.
    """
    error = outcome.error[:MAX_MESSAGE] if outcome.error else None
    values: dict[str, Any] = {
        "id": task_id,
        "worker": worker,
        "state": outcome.state,
        "result": outcome.result.decode() if outcome.result is not None else None,
        "error": error,
        "logs": outcome.logs,
    }
    row = (await session.execute(_FINISH, values)).one_or_none()
    if row is None:
        return False
    seen = observation(
        row.token,
        outcome.state,
        started_at=row.started_at,
        finished_at=row.finished_at,
        result=orjson.loads(outcome.result) if outcome.result is not None else None,
        error=error,
    )
    await settle(session, row.token, seen)
    return True
