"""A database of the test's own with an engine and an automation, and runs that are made and moved in one line."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from baton_models import (
    AttemptState,
    AutomationModel,
    Base,
    BatchExecutionModel,
    BatchModel,
    DispatchAttemptModel,
    EngineHealthModel,
    EngineModel,
    ExecutionStatus,
    ItemExecutionModel,
    ItemModel,
    OrchestrationInstanceModel,
    RunModel,
    RunOrchestrationModel,
    RunProgressModel,
    WorkflowDefinitionModel,
)
from baton_models.database import DatabaseConfig


@dataclass
class Rows:
    """What is in the database; every change is committed at once."""

    database: DatabaseConfig
    tenant: str
    engine: UUID
    automation: UUID

    def run(self, name: str, uid: str | None = None, **values: Any) -> UUID:
        """Make a run that is due to be shown."""
        with self.database.get_session() as session:
            made = RunModel(
                tenant_id=self.tenant,
                name=name,
                uid=uid or str(uuid.uuid4()),
                automation_id=self.automation,
                engine_id=self.engine,
                token_hex=uuid.uuid4().hex,
                **{"status": ExecutionStatus.PENDING, "status_reason": "Queued", **values},
            )
            session.add(made)
            session.flush()
            session.execute(text("UPDATE run SET project_at = clock_timestamp() WHERE id = :id"), {"id": made.id})
            session.commit()
            return made.id

    def submit(self, run: UUID, external_id: str, **values: Any) -> None:
        """Store an attempt that the engine took."""
        with self.database.get_session() as session:
            instance = OrchestrationInstanceModel(
                engine_id=self.engine,
                external_id=external_id,
                status=ExecutionStatus.PROCESSING,
                native_status="Running",
                url=f"https://engine.example/{external_id}",
            )
            session.add(instance)
            session.flush()
            session.add_all(
                [
                    RunOrchestrationModel(
                        run_id=run, orchestration_instance_id=instance.id, attached_at=instance.created_at
                    ),
                    self._attempt(run, state=AttemptState.ACKED, orchestration_instance_id=instance.id, **values),
                ]
            )
            session.commit()

    def attempt(self, run: UUID, **values: Any) -> None:
        """Store an attempt."""
        with self.database.get_session() as session:
            session.add(self._attempt(run, **values))
            session.commit()

    def fan_out(self, run: UUID, failed: list[str]) -> None:
        """Give a run one batch whose items have failed with these words."""
        with self.database.get_session() as session:
            batch = BatchModel(automation_id=self.automation, name=f"b-{uuid.uuid4().hex[:6]}")
            batch.items = [ItemModel(sequence_number=place, payload={}) for place in range(len(failed))]
            session.add(batch)
            session.flush()
            session.add(RunProgressModel(run_id=run, units="Item"))
            session.flush()
            part = BatchExecutionModel(run_id=run, batch_id=batch.id, status=ExecutionStatus.PROCESSING)
            session.add(part)
            session.flush()
            for item, message in zip(batch.items, failed, strict=True):
                session.add(
                    ItemExecutionModel(
                        run_id=run,
                        batch_execution_id=part.id,
                        item_id=item.id,
                        sequence_number=item.sequence_number,
                        status=ExecutionStatus.FAILED,
                        error_message=message,
                    )
                )
            session.commit()

    def change(self, statement: str, **values: Any) -> None:
        """Run one statement."""
        with self.database.get_session() as session:
            session.execute(text(statement), values)
            session.commit()

    def value(self, statement: str, **values: Any) -> Any:
        """Read one row, or its only column."""
        with self.database.get_session() as session:
            row = session.execute(text(statement), values).one()
            return row[0] if len(row) == 1 else row

    def end(self, run: UUID, status: str, reason: str, message: str | None = None) -> None:
        """Let a run come to its end, as settling does."""
        self.change(
            "UPDATE run SET status = 'PROCESSING', started_at = clock_timestamp() "
            "WHERE id = :id AND status = 'PENDING'",
            id=run,
        )
        self.change(
            "UPDATE run SET status = CAST(:status AS execution_status), status_reason = :reason, "
            "error_summary = :message, version = version + 1, finished_at = clock_timestamp(), "
            "project_at = clock_timestamp() WHERE id = :id",
            id=run,
            status=status,
            reason=reason,
            message=message,
        )

    def _attempt(self, run: UUID, **values: Any) -> DispatchAttemptModel:
        defaults = {"attempt_no": 1, "token": f"baton-{uuid.uuid4().hex}-a1"}
        return DispatchAttemptModel(run_id=run, engine_id=self.engine, tenant_id=self.tenant, **{**defaults, **values})


@pytest.fixture
async def rows(new_database: Callable[..., str]) -> AsyncIterator[Rows]:
    """An engine and an automation in a database of the test's own."""
    database = DatabaseConfig(new_database())
    Base.metadata.create_all(database.sa_engine)
    tenant = "team-a"
    with database.get_session() as session:
        engine = EngineModel(tenant_id=tenant, uid=str(uuid.uuid4()), name="tasks", type="Embedded", spec={})
        engine.health = EngineHealthModel(ready_reason="ProbeSucceeded", authenticated_reason="TokenAccepted")
        automation = AutomationModel(
            tenant_id=tenant, uid=str(uuid.uuid4()), name="patch", spec={}, ready_reason="Valid"
        )
        session.add_all([engine, automation])
        session.flush()
        session.add(WorkflowDefinitionModel(automation_id=automation.id, name="patch", version=3, definition_json={}))
        session.commit()
        made = Rows(database, tenant, engine.id, automation.id)
    yield made
    database.dispose_engine()
    await database.dispose_async_engine()
