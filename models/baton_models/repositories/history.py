"""Questions about the history of items, which nobody can change."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn
from uuid import UUID

from baton_models.execution import ItemStateHistoryModel
from baton_models.repositories.base import Repository


class ItemStateHistoryRepository(Repository[ItemStateHistoryModel]):
    """What happened to one tenant's items; written by the database alone."""

    model = ItemStateHistoryModel
    filters = frozenset({"item_execution_id", "new_status", "reason"})
    use_versioning = False
    use_soft_delete = False

    async def list_by_item_execution(
        self, item_execution_id: UUID, *, after_seq: int | None = None, limit: int = 100
    ) -> Sequence[ItemStateHistoryModel]:
        """List an item's changes of status, oldest first."""
        question = self._filtered({"item_execution_id": item_execution_id})
        return await self._page(question, ItemStateHistoryModel.seq, after=after_seq, limit=limit)

    async def get_latest_by_item_execution(self, item_execution_id: UUID) -> ItemStateHistoryModel | None:
        """Find an item's last change of status."""
        question = self._filtered({"item_execution_id": item_execution_id})
        return await self._one(question.order_by(ItemStateHistoryModel.seq.desc()).limit(1))

    async def add(self, row: ItemStateHistoryModel) -> NoReturn:
        """Refuse: the triggers write history."""
        raise NotImplementedError("history is written by the database, for every change of a status")

    async def update(self, row_id: UUID, values: Mapping[str, Any], *, expected_version: int | None = None) -> NoReturn:
        """Refuse: history is written once."""
        raise NotImplementedError("history is written once and never changed")

    async def delete(self, row_id: UUID) -> NoReturn:
        """Refuse: history goes with the run that it belongs to, by ``baton purge``."""
        raise NotImplementedError("history goes only with the run that it belongs to")

    async def deactivate(self, row_id: UUID, *, expected_version: int | None = None) -> NoReturn:
        """Refuse: history is never put out of use."""
        raise NotImplementedError("history is never put out of use")
