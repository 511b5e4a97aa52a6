"""Questions about runs, and the batches and items within them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import func, select

from baton_models.execution import BatchExecutionModel, ItemExecutionModel, RunModel
from baton_models.repositories.base import Repository
from baton_models.status import RUNNING, ExecutionStatus


class RunRepository(Repository[RunModel]):
    """Runs of one tenant."""

    model = RunModel
    filters = frozenset(
        {"automation_id", "engine_id", "uid", "name", "correlation_id", "status", "status_reason", "parent_run_id"}
    )
    updatable = frozenset({"cancellation_reason", "error_summary", "priority", "state", "project_at", "updated_by"})

    async def get_by_correlation_id(self, correlation_id: str) -> RunModel | None:
        """Find the youngest run that somebody outside knows by this id."""
        question = self._filtered({"correlation_id": correlation_id}).order_by(RunModel.id.desc()).limit(1)
        return await self._one(question)

    async def list_by_automation(
        self, automation_id: UUID, *, after: UUID | None = None, limit: int = 100
    ) -> Sequence[RunModel]:
        """List the runs of an automation, in use or not: history stays readable."""
        return await self.list({"automation_id": automation_id}, after=after, limit=limit)

    async def list_by_status(
        self, status: ExecutionStatus, *, after: UUID | None = None, limit: int = 100
    ) -> Sequence[RunModel]:
        """List the runs that stand there."""
        return await self.list({"status": status}, after=after, limit=limit)

    async def find_running(self, *, after: UUID | None = None, limit: int = 100) -> Sequence[RunModel]:
        """List the runs that were handed over and have not come to an end."""
        return await self.list({"status": RUNNING}, after=after, limit=limit)


class BatchExecutionRepository(Repository[BatchExecutionModel]):
    """Batches within one tenant's runs."""

    model = BatchExecutionModel
    filters = frozenset({"run_id", "batch_id", "status", "status_reason"})
    updatable = frozenset({"error_message", "updated_by"})

    async def get_by_run_and_batch(self, run_id: UUID, batch_id: UUID) -> BatchExecutionModel | None:
        """Find what became of a batch in a run."""
        return await self._one(self._filtered({"run_id": run_id, "batch_id": batch_id}))

    async def list_by_run(
        self, run_id: UUID, *, after: UUID | None = None, limit: int = 100
    ) -> Sequence[BatchExecutionModel]:
        """List the batches of a run."""
        return await self.list({"run_id": run_id}, after=after, limit=limit)

    async def list_by_batch(
        self, batch_id: UUID, *, after: UUID | None = None, limit: int = 100
    ) -> Sequence[BatchExecutionModel]:
        """List the runs' executions of a batch."""
        return await self.list({"batch_id": batch_id}, after=after, limit=limit)


class ItemExecutionRepository(Repository[ItemExecutionModel]):
    """Items within one tenant's runs."""

    model = ItemExecutionModel
    filters = frozenset({"run_id", "batch_execution_id", "item_id", "status", "status_reason"})
    updatable = frozenset({"result_payload", "error_message", "max_attempts", "updated_by"})

    async def get_by_run_and_item(self, run_id: UUID, item_id: UUID) -> ItemExecutionModel | None:
        """Find what became of an item in a run."""
        return await self._one(self._filtered({"run_id": run_id, "item_id": item_id}))

    async def list_by_batch_execution(
        self, batch_execution_id: UUID, *, after: UUID | None = None, limit: int = 100
    ) -> Sequence[ItemExecutionModel]:
        """List the items of a batch within a run."""
        return await self.list({"batch_execution_id": batch_execution_id}, after=after, limit=limit)

    async def list_pending_by_run(
        self, run_id: UUID, *, after: UUID | None = None, limit: int = 100
    ) -> Sequence[ItemExecutionModel]:
        """List the items of a run that wait."""
        return await self.list({"run_id": run_id, "status": ExecutionStatus.PENDING}, after=after, limit=limit)

    async def list_failed_by_run(
        self, run_id: UUID, *, after: UUID | None = None, limit: int = 100
    ) -> Sequence[ItemExecutionModel]:
        """List the items of a run that failed."""
        return await self.list({"run_id": run_id, "status": ExecutionStatus.FAILED}, after=after, limit=limit)

    async def count_by_status(self, run_id: UUID) -> Mapping[ExecutionStatus, int]:
        """Count a run's items by their status; what does not occur is 0."""
        rows = self._filtered({"run_id": run_id}).subquery()
        question = select(rows.c.status, func.count().label("number")).group_by(rows.c.status)
        found = {row.status: row.number for row in await self.session.execute(question)}
        return {status: found.get(status, 0) for status in ExecutionStatus}
