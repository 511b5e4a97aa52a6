"""Questions about automations, batches and items."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists

from baton_models.definition import AutomationModel, BatchModel, ItemModel
from baton_models.repositories.base import Repository


class AutomationRepository(Repository[AutomationModel]):
    """Automations of one tenant."""

    model = AutomationModel
    filters = frozenset({"name", "uid", "engine_id", "suspend", "ready_reason"})
    updatable = frozenset({"description", "batch_schema", "item_schema", "suspend", "max_active", "updated_by"})

    async def get_by_name(self, name: str) -> AutomationModel | None:
        """Find the automation that has the name now."""
        return await self._one(self._filtered({"name": name}))

    async def list_active(self, *, after: UUID | None = None, limit: int = 100) -> Sequence[AutomationModel]:
        """List the automations in use."""
        return await self.list(after=after, limit=limit)


def _automation_in_use() -> ColumnElement[bool]:
    return exists().where(AutomationModel.id == BatchModel.automation_id, AutomationModel.is_active)


class BatchRepository(Repository[BatchModel]):
    """Batches of one tenant's automations; those of an automation out of use are out of use too."""

    model = BatchModel
    filters = frozenset({"automation_id", "name"})
    updatable = frozenset({"updated_by"})

    def _in_use(self) -> ColumnElement[bool]:
        return and_(BatchModel.is_active, _automation_in_use())

    async def get_by_automation_and_name(self, automation_id: UUID, name: str) -> BatchModel | None:
        """Find the batch that has the name in the automation now."""
        return await self._one(self._filtered({"automation_id": automation_id, "name": name}))

    async def list_by_automation(
        self, automation_id: UUID, *, after: UUID | None = None, limit: int = 100
    ) -> Sequence[BatchModel]:
        """List the batches in use of an automation."""
        return await self.list({"automation_id": automation_id}, after=after, limit=limit)


class ItemRepository(Repository[ItemModel]):
    """Items of one tenant's batches; those of a batch out of use are out of use too."""

    model = ItemModel
    filters = frozenset({"batch_id", "sequence_number"})
    updatable = frozenset({"updated_by"})

    def _in_use(self) -> ColumnElement[bool]:
        batch_in_use = exists().where(BatchModel.id == ItemModel.batch_id, BatchModel.is_active, _automation_in_use())
        return and_(ItemModel.is_active, batch_in_use)

    async def get_by_batch_and_sequence(self, batch_id: UUID, sequence_number: int) -> ItemModel | None:
        """Find the item at a place of a batch, counted from 0."""
        return await self._one(self._filtered({"batch_id": batch_id, "sequence_number": sequence_number}))

    async def list_by_batch(
        self, batch_id: UUID, *, after_sequence: int | None = None, limit: int = 100
    ) -> Sequence[ItemModel]:
        """List the items in use of a batch, by their place."""
        question = self._filtered({"batch_id": batch_id})
        return await self._page(question, ItemModel.sequence_number, after=after_sequence, limit=limit)
