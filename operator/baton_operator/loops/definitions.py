"""Definitions by their key: read once, kept, since a stored version of an Automation never changes."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models import AutomationModel, WorkflowDefinitionModel
from baton_operator.decide.definition import Definition, read_definition

#: Definitions kept at most; the one used longest ago goes first.
CAPACITY = 1000


class Definitions:
    """A cache of read definitions."""

    def __init__(self) -> None:
        self._known: OrderedDict[UUID, Definition] = OrderedDict()

    async def get(self, session: AsyncSession, ids: Iterable[UUID]) -> Mapping[UUID, Definition]:
        """Read those of *ids* that are not known yet, in one statement; return all of them."""
        wanted = set(ids)
        missing = wanted - self._known.keys()
        if missing:
            rows = await session.execute(
                select(
                    WorkflowDefinitionModel.id,
                    WorkflowDefinitionModel.definition_json,
                    AutomationModel.tenant_id,
                    AutomationModel.name,
                )
                .join(AutomationModel, AutomationModel.id == WorkflowDefinitionModel.automation_id)
                .where(WorkflowDefinitionModel.id.in_(missing))
            )
            for key, document, namespace, name in rows:
                self.keep(key, read_definition(document, namespace, name))
        for key in wanted & self._known.keys():
            self._known.move_to_end(key)
        return {key: self._known[key] for key in wanted}

    def keep(self, key: UUID, definition: Definition) -> None:
        """Remember one that was just read."""
        self._known[key] = definition
        while len(self._known) > CAPACITY:
            self._known.popitem(last=False)
