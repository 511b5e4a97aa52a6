"""
What is stored, and the questions asked of it.

Law of this room: SQLAlchemy only. No HTTP, no kopf, no Kubernetes; nothing connects or reads the environment at
import; only ``database`` makes SQLAlchemy engines; the caller owns every transaction.
"""

from baton_models.base import Base, KeyedBase, new_id
from baton_models.definition import AutomationModel, BatchModel, ItemModel, WorkflowDefinitionModel
from baton_models.dispatch import (
    IN_FLIGHT,
    AttemptState,
    DispatchAttemptModel,
    EmbeddedTaskModel,
    SchemaCompatModel,
)
from baton_models.execution import (
    BatchExecutionModel,
    ItemExecutionModel,
    ItemStateHistoryModel,
    RunModel,
    RunProgressModel,
    RunStateHistoryModel,
)
from baton_models.guards import attach
from baton_models.orchestration import (
    EngineHealthModel,
    EngineModel,
    InstanceStateHistoryModel,
    OrchestrationInstanceModel,
    RunOrchestrationModel,
)
from baton_models.status import FINISHED, RUNNING, TRANSITIONS, ExecutionStatus

__all__ = [
    "FINISHED",
    "IN_FLIGHT",
    "RUNNING",
    "TRANSITIONS",
    "AttemptState",
    "AutomationModel",
    "Base",
    "BatchExecutionModel",
    "BatchModel",
    "DispatchAttemptModel",
    "EmbeddedTaskModel",
    "EngineHealthModel",
    "EngineModel",
    "ExecutionStatus",
    "InstanceStateHistoryModel",
    "ItemExecutionModel",
    "ItemModel",
    "ItemStateHistoryModel",
    "KeyedBase",
    "OrchestrationInstanceModel",
    "RunModel",
    "RunOrchestrationModel",
    "RunProgressModel",
    "RunStateHistoryModel",
    "SchemaCompatModel",
    "WorkflowDefinitionModel",
    "new_id",
]

attach(Base.metadata)
