"""
What a Run's way leaves in the log: a line at INFO for each step of the Run, at DEBUG for each attempt of it.

Lines are written once a step is committed, by whoever did it. They name the Run, never what it was given.
"""

import logging
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from baton_operator.decide.traceparent import TraceParent

logger = logging.getLogger(__name__)

#: A run that is in one of these begins, or begins anew, with what is claimed for it.
_BEFORE_START = frozenset({"PENDING", "RETRYING"})


def accepted(about: dict[str, Any], *, run_id: UUID, automation: str) -> None:
    """Say that a Run, named by `named`, got its row and goes on."""
    logger.info("run.accepted", extra={**about, "run_id": str(run_id), "automation": automation})


def refused(about: dict[str, Any], *, reason: str) -> None:
    """Say that a Run, named by `named`, was refused, and why."""
    logger.info("run.refused", extra={**about, "reason": reason})


def started(engine: str, attempts: Iterable[Any]) -> None:
    """
    Say which Runs begin, or begin anew, with these attempts; each Run once.

    Args:
        engine: As ``namespace/name``.
        attempts: Rows of `baton_models.statements.claim.pick`, as they were before they were claimed.
    """
    told: set[UUID] = set()
    for row in attempts:
        if row.run_status in _BEFORE_START and row.run_id not in told:
            told.add(row.run_id)
            logger.info("run.started", extra={**_of_attempt(row), "engine": engine, "automation": row.automation_name})


def sent(engine: str, row: Any, outcome: str, external_id: str | None) -> None:
    """Say what came of a request to start one attempt."""
    if logger.isEnabledFor(logging.DEBUG):
        where = {"batch": row.batch_name, "item": row.sequence_number, "external_id": external_id}
        known = {key: value for key, value in where.items() if value is not None}
        logger.debug("attempt.sent", extra={**_of_attempt(row), "engine": engine, "outcome": outcome, **known})


def ended(session: AsyncSession, row: Any, *, status: str, reason: str, retried: bool) -> None:
    """
    Say, once *session* has committed, how an attempt ended, and of a Run that is one unit that it is tried again.

    Args:
        session: The transaction in which it is recorded; where it is rolled back, nothing is said.
        row: One of `baton_models.statements.settle.close_attempts`.
        status: What the engine made of it.
        reason: Why.
        retried: Whether there is to be another attempt.
    """
    told = {**_of_attempt(row), "reason": reason}
    if logger.isEnabledFor(logging.DEBUG):
        _after_commit(session, lambda: logger.debug("attempt.ended", extra={**told, "status": status}))
    if retried and row.batch_execution_id is None:
        _after_commit(session, lambda: logger.info("run.retrying", extra=told))


def finished(row: Any, *, outcome: str, reason: str) -> None:
    """Say how a Run ended: a row that `CountLoop` marked, which no other replica marks."""
    about = named(row.tenant_id, row.name, row.uid, row.trace_context)
    known = {"run_id": str(row.id), "engine": row.engine or None, "automation": row.automation}
    logger.info("run.finished", extra={**about, **known, "outcome": outcome, "reason": reason})


def named(namespace: str, name: str, uid: str | None, context: str | None = None) -> dict[str, Any]:
    """Name a Run in the words of `baton_operator.logs`; *context* is its ``traceparent``."""
    trace = TraceParent.parse(context)
    about = {"namespace": namespace, "object_name": name, "kind": "Run", "uid": uid}
    return {**about, "trace_id": trace.trace_id if trace else None}


def _of_attempt(row: Any) -> dict[str, Any]:
    about = named(row.tenant_id, row.run_name, row.uid, row.trace_context)
    return {**about, "run_id": str(row.run_id), "attempt": row.attempt_no}


def _after_commit(session: AsyncSession, say: Callable[[], None]) -> None:
    event.listen(session.sync_session, "after_commit", lambda _: say(), once=True)
