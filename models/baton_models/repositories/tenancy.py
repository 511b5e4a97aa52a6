"""Whose a row is: the tenant stands on automation, engine, run and attempt; all below belong to theirs."""

from sqlalchemy import ColumnElement, and_, exists, or_
from sqlalchemy.orm import InstrumentedAttribute

from baton_models.base import KeyedBase
from baton_models.definition import AutomationModel, BatchModel, ItemModel, WorkflowDefinitionModel
from baton_models.dispatch import DispatchAttemptModel
from baton_models.execution import (
    BatchExecutionModel,
    ItemExecutionModel,
    ItemStateHistoryModel,
    RunModel,
    RunStateHistoryModel,
)
from baton_models.orchestration import (
    EngineModel,
    InstanceStateHistoryModel,
    OrchestrationInstanceModel,
    RunOrchestrationModel,
)

_OWN: dict[type[KeyedBase], InstrumentedAttribute[str]] = {
    AutomationModel: AutomationModel.tenant_id,
    EngineModel: EngineModel.tenant_id,
    RunModel: RunModel.tenant_id,
    DispatchAttemptModel: DispatchAttemptModel.tenant_id,
}

#: Which row another one belongs to: (the parent's table, the column that names it).
_PARENT: dict[type[KeyedBase], tuple[type[KeyedBase], InstrumentedAttribute[object]]] = {
    WorkflowDefinitionModel: (AutomationModel, WorkflowDefinitionModel.automation_id),
    BatchModel: (AutomationModel, BatchModel.automation_id),
    ItemModel: (BatchModel, ItemModel.batch_id),
    BatchExecutionModel: (RunModel, BatchExecutionModel.run_id),
    ItemExecutionModel: (RunModel, ItemExecutionModel.run_id),
    RunStateHistoryModel: (RunModel, RunStateHistoryModel.run_id),
    ItemStateHistoryModel: (ItemExecutionModel, ItemStateHistoryModel.item_execution_id),
    RunOrchestrationModel: (RunModel, RunOrchestrationModel.run_id),
    InstanceStateHistoryModel: (OrchestrationInstanceModel, InstanceStateHistoryModel.orchestration_instance_id),
}


def of_tenant(model: type[KeyedBase], tenant_id: str) -> ColumnElement[bool]:
    """
    Say of a row of *model* whether it belongs to *tenant_id*.

    An engine may serve several namespaces, so an instance belongs to the tenant of the run that is linked to it; the
    engine's own tenant has those that no run is linked to.
    """
    if model in _OWN:
        return _OWN[model] == tenant_id
    if model is OrchestrationInstanceModel:
        return _instance_of_tenant(tenant_id)
    parent, column = _PARENT[model]
    return exists().where(parent.id == column, of_tenant(parent, tenant_id))


def _instance_of_tenant(tenant_id: str) -> ColumnElement[bool]:
    linked = RunOrchestrationModel.orchestration_instance_id == OrchestrationInstanceModel.id
    by_run = exists().where(linked, of_tenant(RunOrchestrationModel, tenant_id))
    by_engine = exists().where(
        EngineModel.id == OrchestrationInstanceModel.engine_id, EngineModel.tenant_id == tenant_id
    )
    return or_(by_run, and_(by_engine, ~exists().where(linked)))
