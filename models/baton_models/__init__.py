"""
What is stored, and the questions asked of it.

Law of this room: SQLAlchemy only. No HTTP, no kopf, no Kubernetes; nothing connects or reads the environment at
import; only ``database`` makes SQLAlchemy engines; the caller owns every transaction.
"""

from baton_models.access import TASK_SETTINGS, Access, guard
from baton_models.audit import ManagedAuditModel
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
from baton_models.extension import WorkflowManagedMixin, extension_model_base
from baton_models.extension_guards import attach_extensions
from baton_models.guards import attach
from baton_models.lives import DatabaseLifeModel
from baton_models.monitoring import InvariantCheckModel
from baton_models.orchestration import (
    EngineHealthModel,
    EngineModel,
    InstanceStateHistoryModel,
    OrchestrationInstanceModel,
    RunOrchestrationModel,
)
from baton_models.registry import DataModelRegistry, register_data_model
from baton_models.status import FINISHED, RUNNING, TRANSITIONS, ExecutionStatus

__all__ = [
    "FINISHED",
    "IN_FLIGHT",
    "RUNNING",
    "TASK_SETTINGS",
    "TRANSITIONS",
    "Access",
    "AttemptState",
    "AutomationModel",
    "Base",
    "BatchExecutionModel",
    "BatchModel",
    "DataModelRegistry",
    "DatabaseLifeModel",
    "DispatchAttemptModel",
    "EmbeddedTaskModel",
    "EngineHealthModel",
    "EngineModel",
    "ExecutionStatus",
    "InstanceStateHistoryModel",
    "InvariantCheckModel",
    "ItemExecutionModel",
    "ItemModel",
    "ItemStateHistoryModel",
    "KeyedBase",
    "ManagedAuditModel",
    "OrchestrationInstanceModel",
    "RunModel",
    "RunOrchestrationModel",
    "RunProgressModel",
    "RunStateHistoryModel",
    "SchemaCompatModel",
    "WorkflowDefinitionModel",
    "WorkflowManagedMixin",
    "extension_model_base",
    "guard",
    "new_id",
    "register_data_model",
]

attach(Base.metadata)
attach_extensions(Base.metadata)
