"""
The questions that people's tools ask of the store, one class per aggregate; the caller owns the transaction.

Law of this room: every question takes the tenant, lists are paged by keyset, what a caller may filter by or change is
listed. The loops' set-based statements are in ``baton_models.statements``.
"""

from baton_models.repositories.base import MAX_PAGE, Repository
from baton_models.repositories.definition import AutomationRepository, BatchRepository, ItemRepository
from baton_models.repositories.execution import BatchExecutionRepository, ItemExecutionRepository, RunRepository
from baton_models.repositories.history import ItemStateHistoryRepository
from baton_models.repositories.orchestration import (
    EngineRepository,
    OrchestrationInstanceRepository,
    RunOrchestrationRepository,
)

__all__ = [
    "MAX_PAGE",
    "AutomationRepository",
    "BatchExecutionRepository",
    "BatchRepository",
    "EngineRepository",
    "ItemExecutionRepository",
    "ItemRepository",
    "ItemStateHistoryRepository",
    "OrchestrationInstanceRepository",
    "Repository",
    "RunOrchestrationRepository",
    "RunRepository",
]
