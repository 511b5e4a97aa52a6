"""Engines as adapters see them, read by key."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models import EngineModel
from baton_operator.engines.base import EngineSpec


async def read_engines(session: AsyncSession, ids: Iterable[UUID]) -> Mapping[UUID, EngineSpec]:
    """Read the engines with these keys, in use or not: what they execute is followed to its end."""
    rows = await session.execute(
        select(
            EngineModel.id,
            EngineModel.tenant_id,
            EngineModel.name,
            EngineModel.type,
            EngineModel.generation,
            EngineModel.spec,
        ).where(EngineModel.id.in_(list(ids)))
    )
    return {row.id: EngineSpec(row.id, row.tenant_id, row.name, row.type, row.generation, row.spec) for row in rows}
