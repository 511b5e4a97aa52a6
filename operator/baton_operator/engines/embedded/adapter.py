"""
Baton's own engine: registered Python tasks in the table ``embedded_task``, run by `baton-worker`.

Idempotency is UNIQUE_NAME: the token is a unique column. A submit is one INSERT, so its outcome is exact: until COMMIT
was asked for, nothing can have happened (`NotSent`, whatever broke); only a COMMIT without an answer is `Unknown`.
A worker takes a task only when its attempt is ACKED: then the instance exists that its end is to be written to.

Which tasks exist is asked of a `TaskDirectory`, because finding out runs users' code, and the operator runs none.
"""

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Row, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.types import Text, Uuid

from baton_models import ExecutionStatus, new_id
from baton_operator import VERSION
from baton_operator.engines.base import (
    Absent,
    Adopted,
    CancelMode,
    CancelOutcome,
    Capability,
    Created,
    EngineHealth,
    EngineSpec,
    Foreign,
    Found,
    Idempotency,
    NotSent,
    Observation,
    Observed,
    Outcome,
    Problem,
    Reference,
    Rejected,
    Sighting,
    SubmitRequest,
    Unknown,
)
from baton_operator.engines.directory import TaskDirectory, missing
from baton_operator.engines.embedded.log import TaskLog
from baton_operator.engines.errors import RetryableError
from baton_operator.engines.options import LogPage

#: Workers listen here: an empty payload says that there may be work, ``hook`` that there may be a hook to call,
#: ``cancel`` that something is to end.
CHANNEL = "baton_embedded"

MAX_MESSAGE = 1000

#: Lends a session, e.g. ``DatabaseConfig.get_async_session``.
Sessions = Callable[[], AbstractAsyncContextManager[AsyncSession]]

#: The whole table of states: Baton's word, and the reason beside it.
STATES: Mapping[str, tuple[ExecutionStatus, str]] = {
    "queued": (ExecutionStatus.PENDING, "Queued"),
    "running": (ExecutionStatus.PROCESSING, "Running"),
    "succeeded": (ExecutionStatus.COMPLETED, "Succeeded"),
    "failed": (ExecutionStatus.FAILED, "TaskError"),
    "cancelled": (ExecutionStatus.CANCELLED, "Cancelled"),
    "timedout": (ExecutionStatus.FAILED, "TimedOut"),
}

_INSERT = text(
    """
    INSERT INTO embedded_task (id, engine_id, token, fingerprint, task, arguments, timeout_seconds)
    SELECT new.id, :engine_id, new.token, new.fingerprint, new.task, new.arguments::jsonb, new.timeout::integer
    FROM unnest(:ids, :tokens, :fingerprints, :tasks, :arguments, :timeouts)
        AS new (id, token, fingerprint, task, arguments, timeout)
    ON CONFLICT (token) DO NOTHING
    RETURNING token
    """
).bindparams(
    bindparam("ids", type_=ARRAY(Uuid)),
    *(bindparam(name, type_=ARRAY(Text)) for name in ("tokens", "fingerprints", "tasks", "arguments", "timeouts")),
)
_TOKENS = bindparam("tokens", type_=ARRAY(Text))
_OWNERS = text("SELECT token, engine_id, fingerprint, state FROM embedded_task WHERE token = ANY(:tokens)").bindparams(
    _TOKENS
)
_OBSERVE = text(
    """
    SELECT token, state, started_at, finished_at, result, error
    FROM embedded_task WHERE engine_id = :engine_id AND token = ANY(:tokens)
    """
).bindparams(_TOKENS)
_CANCEL = text(
    """
    UPDATE embedded_task
    SET cancel_requested = true, updated_at = now(),
        state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,
        finished_at = CASE state WHEN 'queued' THEN clock_timestamp() END,
        error = CASE state WHEN 'queued' THEN :reason END
    WHERE engine_id = :engine_id AND token = :token AND state IN ('queued', 'running')
    RETURNING pg_notify(:channel, 'cancel')
    """
)
_STATE = text("SELECT state FROM embedded_task WHERE engine_id = :engine_id AND token = :token")
_LOGS = text("SELECT logs, state FROM embedded_task WHERE engine_id = :engine_id AND token = :token")


async def wake_workers(session: AsyncSession) -> None:
    """Let idle workers look for work when the caller's transaction commits: attempts were ACKED in it."""
    await session.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


def external_id(token: str) -> str:
    """Name the execution of *token* as `OrchestrationInstanceModel.external_id` does."""
    return f"embedded/{token}"


def observation(
    token: str,
    state: str,
    *,
    started_at: datetime | None,
    finished_at: datetime | None,
    result: Any = None,
    error: str | None = None,
) -> Observation:
    """Say how a task stands in Baton's vocabulary; the worker settles by the same words as the track loop sees."""
    status, reason = STATES.get(state, (ExecutionStatus.PROCESSING, "Running"))
    both = started_at is not None and finished_at is not None
    return Observation(
        external_id=external_id(token),
        status=status,
        reason=reason,
        native=state,
        message=(error or "")[:MAX_MESSAGE],
        started_at=started_at,
        finished_at=finished_at,
        duration=(finished_at - started_at).total_seconds() if both and started_at and finished_at else None,
        result=result,
        known=state in STATES,
    )


class EmbeddedAdapter:
    """The adapter of one Engine of type Embedded; it holds no connection of its own."""

    idempotency = Idempotency.UNIQUE_NAME
    capabilities = frozenset({Capability.CANCEL, Capability.BULK_STATUS, Capability.FIND_BY_TOKEN, Capability.LOGS})

    def __init__(self, spec: EngineSpec, sessions: Sessions, tasks: TaskDirectory) -> None:
        self._engine_id = spec.id
        self._sessions = sessions
        self._tasks = tasks

    async def probe(self) -> EngineHealth:
        """Ask the database for a sign of life; the version is Baton's own."""
        await self._rows(text("SELECT 1"))
        return EngineHealth(version=VERSION)

    async def validate(self, target: Mapping[str, Any], arguments: Sequence[str]) -> Sequence[Problem]:
        """Ask the directory for the task and whether it takes *arguments*, for its data models and its hooks' tasks."""
        wrong = await self._tasks.problem(str(target.get("task", "")), arguments)
        lacking = await missing(self._tasks, target.get("dataModels", ()), target.get("hooks", {}))
        return [wrong, *lacking] if wrong else lacking

    async def submit(self, request: SubmitRequest) -> Outcome:
        """Queue one task."""
        return (await self.submit_batch([request]))[0]

    async def submit_batch(self, requests: Sequence[SubmitRequest]) -> Sequence[Outcome]:
        """Queue many tasks by one INSERT and one COMMIT; where one breaks it, each goes alone."""
        outcomes: dict[int, Outcome] = {}
        until = asyncio.get_running_loop().time() + min(each.deadline for each in requests) / 2
        for index, each in enumerate(requests):
            problem = await self._problem(each, until)
            if problem:
                outcomes[index] = Rejected(problem.reason, problem.message)
            elif each.before_send and not each.before_send():
                outcomes[index] = NotSent("the lease does not cover a request any more", counts=False)
        rest = [index for index in range(len(requests)) if index not in outcomes]
        sent = await self._insert([requests[index] for index in rest])
        outcomes |= dict(zip(rest, sent, strict=True))
        return [outcomes[index] for index in range(len(requests))]

    async def _problem(self, request: SubmitRequest, until: float) -> Problem | None:
        """Ask for the task of *request*; who does not know it in time leaves it to the worker, and holds nobody up."""
        try:
            async with asyncio.timeout_at(until):
                return await self._tasks.problem(str(request.target.get("task", "")), None)
        except TimeoutError:
            return None

    async def _insert(self, requests: Sequence[SubmitRequest]) -> Sequence[Outcome]:
        if not requests:
            return []
        committing = False
        try:
            async with asyncio.timeout(min(each.deadline for each in requests)), self._sessions() as session:
                created = await session.execute(_INSERT, self._insert_values(requests))
                new = set(created.scalars())
                taken = [each.token for each in requests if each.token not in new]
                owners = (await session.execute(_OWNERS, {"tokens": taken})).all() if taken else []
                committing = True
                await session.commit()
        except (SQLAlchemyError, OSError, TimeoutError) as error:
            return await self._broken(requests, error, committing=committing)
        return self._outcomes(requests, new, {row.token: row for row in owners})

    def _insert_values(self, requests: Sequence[SubmitRequest]) -> dict[str, Any]:
        return {
            "engine_id": self._engine_id,
            "ids": [new_id() for _ in requests],
            "tokens": [each.token for each in requests],
            "fingerprints": [each.fingerprint for each in requests],
            "tasks": [str(each.target.get("task", "")) for each in requests],
            "arguments": [orjson.dumps(each.arguments).decode() for each in requests],
            "timeouts": [str(max(1, math.ceil(each.timeout))) if each.timeout else None for each in requests],
        }

    async def _broken(
        self, requests: Sequence[SubmitRequest], error: Exception, *, committing: bool
    ) -> Sequence[Outcome]:
        message = _first_line(error)
        if committing:
            return [Unknown(f"no answer to COMMIT: {message}")] * len(requests)
        if not _is_refusal(error):
            return [NotSent(message)] * len(requests)
        if len(requests) == 1:
            return [Rejected("EngineRejected", message)]
        return [outcome for each in requests for outcome in await self._insert([each])]

    def _outcomes(
        self, requests: Sequence[SubmitRequest], new: set[str], owners: Mapping[str, Row[Any]]
    ) -> Sequence[Outcome]:
        outcomes: list[Outcome] = []
        for each in requests:
            owner = owners.get(each.token)
            if each.token in new:
                new.discard(each.token)  # a second request for it in the same batch is an adoption
                outcomes.append(Created(external_id(each.token), native="queued"))
            elif owner is None or (owner.engine_id == self._engine_id and owner.fingerprint == each.fingerprint):
                outcomes.append(Adopted(external_id(each.token), native=owner.state if owner else "queued"))
            else:
                outcomes.append(Rejected("NameTaken", f"another task is queued as {each.token}"))
        return outcomes

    async def find(self, request: SubmitRequest) -> Sighting:
        """Look for the token; the column is unique, so there is one or none."""
        rows = await self._rows(_OWNERS, {"tokens": [request.token]})
        if not rows:
            return Absent()
        if rows[0].engine_id != self._engine_id or rows[0].fingerprint != request.fingerprint:
            return Foreign(external_id(request.token))
        return Found(external_id(request.token), native=rows[0].state)

    async def observe(self, references: Sequence[Reference]) -> Observed:
        """Read all of *references* in one statement."""
        tokens = [each.token for each in references]
        rows = await self._rows(_OBSERVE, {"engine_id": self._engine_id, "tokens": tokens}) if tokens else []
        seen = {row.token for row in rows}
        return Observed(
            observations=[_observed(row) for row in rows],
            missing=[each for each in references if each.token not in seen],
            pages=1 if tokens else 0,
        )

    async def look(self, reference: Reference) -> Observation | None:
        """Read one task."""
        rows = await self._rows(_OBSERVE, {"engine_id": self._engine_id, "tokens": [reference.token]})
        return _observed(rows[0]) if rows else None

    async def cancel(self, reference: Reference, mode: CancelMode, reason: str) -> CancelOutcome:  # noqa: ARG002
        """End a queued task at once, have a running one ended by its worker; what has ended stays as it is."""
        values = {"engine_id": self._engine_id, "token": reference.token}
        if await self._rows(_CANCEL, {**values, "reason": reason[:MAX_MESSAGE], "channel": CHANNEL}):
            return CancelOutcome.ACCEPTED
        ended = await self._rows(_STATE, values)
        return CancelOutcome.ALREADY_TERMINAL if ended else CancelOutcome.NOT_FOUND

    async def logs(self, reference: Reference, cursor: str | None) -> LogPage:
        """Read the kept lines from *cursor* on: the number of bytes written before."""
        rows = await self._rows(_LOGS, {"engine_id": self._engine_id, "token": reference.token})
        if not rows:
            return LogPage("", cursor, more=False)
        lines, following = TaskLog(rows[0].logs).read_from(cursor)
        return LogPage(lines, following, more=rows[0].state in {"queued", "running"})

    async def close(self) -> None:
        """Do nothing: the sessions belong to the caller."""

    async def _rows(self, statement: TextClause, values: Mapping[str, Any] | None = None) -> Sequence[Row[Any]]:
        try:
            async with self._sessions() as session:
                result = await session.execute(statement, values or {})
                rows = result.all()
                await session.commit()
        except (SQLAlchemyError, OSError) as error:
            raise RetryableError(_first_line(error)) from error
        return rows


def _observed(row: Row[Any]) -> Observation:
    return observation(
        row.token,
        row.state,
        started_at=row.started_at,
        finished_at=row.finished_at,
        result=row.result,
        error=row.error,
    )


def _is_refusal(error: Exception) -> bool:
    """Tell whether PostgreSQL refused the values themselves (classes 22 and 23), so that sending again is no use."""
    state = getattr(error.orig, "sqlstate", None) if isinstance(error, DBAPIError) else None
    return bool(state) and str(state)[:2] in {"22", "23"}


def _first_line(error: Exception) -> str:
    """Say what broke, without the statement and its values, which SQLAlchemy's own text holds."""
    cause = error.orig if isinstance(error, DBAPIError) and error.orig else error
    return (str(cause).splitlines() or [type(cause).__name__])[0][:MAX_MESSAGE] or type(cause).__name__
