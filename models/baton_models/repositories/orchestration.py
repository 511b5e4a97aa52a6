"""Questions about engines, what they execute, and the links to runs."""

from collections.abc import Sequence
from uuid import UUID

from baton_models.orchestration import EngineModel, OrchestrationInstanceModel, RunOrchestrationModel
from baton_models.repositories.base import Repository
from baton_models.status import RUNNING, ExecutionStatus


class EngineRepository(Repository[EngineModel]):
    """Engines of one tenant."""

    model = EngineModel
    filters = frozenset({"name", "type", "uid", "suspend"})
    updatable = frozenset({"suspend", "project_at", "updated_by"})

    async def get_by_name(self, name: str) -> EngineModel | None:
        """Find the engine that has the name now."""
        return await self._one(self._filtered({"name": name}))

    async def list_by_type(
        self, engine_type: str, *, after: UUID | None = None, limit: int = 100
    ) -> Sequence[EngineModel]:
        """List the engines in use of one type, e.g. ``argo``."""
        return await self.list({"type": engine_type}, after=after, limit=limit)


class OrchestrationInstanceRepository(Repository[OrchestrationInstanceModel]):
    """What engines execute for one tenant's runs."""

    model = OrchestrationInstanceModel
    filters = frozenset({"engine_id", "external_id", "status", "status_reason"})
    updatable = frozenset({"instance_metadata", "duration_seconds", "url", "updated_by"})

    async def get_by_engine_and_external(self, engine_id: UUID, external_id: str) -> OrchestrationInstanceModel | None:
        """Find an execution by the engine's own id."""
        return await self._one(self._filtered({"engine_id": engine_id, "external_id": external_id}))

    async def list_by_engine(
        self, engine_id: UUID, *, after: UUID | None = None, limit: int = 100
    ) -> Sequence[OrchestrationInstanceModel]:
        """List an engine's executions."""
        return await self.list({"engine_id": engine_id}, after=after, limit=limit)

    async def list_by_status(
        self, status: ExecutionStatus, *, after: UUID | None = None, limit: int = 100
    ) -> Sequence[OrchestrationInstanceModel]:
        """List the executions that stand there."""
        return await self.list({"status": status}, after=after, limit=limit)

    async def list_running(
        self, *, after: UUID | None = None, limit: int = 100
    ) -> Sequence[OrchestrationInstanceModel]:
        """List the executions that have not come to an end."""
        return await self.list({"status": RUNNING}, after=after, limit=limit)


class RunOrchestrationRepository(Repository[RunOrchestrationModel]):
    """Links between one tenant's runs and what engines execute."""

    model = RunOrchestrationModel
    filters = frozenset({"run_id", "orchestration_instance_id"})
    updatable = frozenset({"updated_by"})

    async def get_by_run_and_instance(self, run_id: UUID, instance_id: UUID) -> RunOrchestrationModel | None:
        """Find the link between a run and an execution."""
        return await self._one(self._filtered({"run_id": run_id, "orchestration_instance_id": instance_id}))

    async def list_by_run(
        self, run_id: UUID, *, after: UUID | None = None, limit: int = 100
    ) -> Sequence[RunOrchestrationModel]:
        """List a run's links."""
        return await self.list({"run_id": run_id}, after=after, limit=limit)

    async def list_by_instance(
        self, instance_id: UUID, *, after: UUID | None = None, limit: int = 100
    ) -> Sequence[RunOrchestrationModel]:
        """List an execution's links."""
        return await self.list({"orchestration_instance_id": instance_id}, after=after, limit=limit)
