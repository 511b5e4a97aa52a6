"""Counting transitions in the process that made them, once they are committed: counters are summed across replicas."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.statements.settle import UnitMove
from baton_operator.decide.definition import Definition
from baton_operator.metrics import Metrics


class Counting:
    """Turns finished runs and units into metrics, after the commit and only if there is one."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def runs(self, session: AsyncSession, ended: Sequence[Any], known: Mapping[UUID, Definition]) -> None:
        """Count runs that ended in this transaction."""
        self._after_commit(session, lambda: [self._run(row, known[row.definition_id]) for row in ended])

    def units(self, session: AsyncSession, moves: Sequence[UnitMove], known: Mapping[UUID, Definition]) -> None:
        """Count items that ended, or are tried again, in this transaction."""
        items = [move for move in moves if move.item_execution_id]
        if items:
            self._after_commit(session, lambda: [self._item(move, known[move.definition_id]) for move in items])

    def _run(self, row: Any, definition: Definition) -> None:
        labels = {
            "namespace": definition.namespace,
            "automation": definition.automation,
            "engine": "/".join(definition.engine),
        }
        self._metrics.runs_finished.labels(**labels, outcome=row.status.capitalize(), reason=row.status_reason).inc()
        if row.started_at:
            self._metrics.run_duration.labels(**labels).observe((row.finished_at - row.started_at).total_seconds())
            queued = (row.started_at - row.created_at).total_seconds()
            self._metrics.run_queue_duration.labels(**labels).observe(max(queued, 0.0))

    def _item(self, move: UnitMove, definition: Definition) -> None:
        labels = {
            "namespace": definition.namespace,
            "automation": definition.automation,
            "outcome": move.status.capitalize(),
        }
        self._metrics.item_attempts.labels(**labels).inc()
        if move.retry_no is None:
            self._metrics.items_finished.labels(**labels).inc()

    @staticmethod
    def _after_commit(session: AsyncSession, count: Callable[[], object]) -> None:
        event.listen(session.sync_session, "after_commit", lambda _: count(), once=True)
