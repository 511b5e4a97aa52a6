"""What a task's end means for its instance, item and run: what the track loop would say, in the task's own commit."""

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_operator.engines.base import Observation
from baton_operator.loops.definitions import Definitions
from baton_operator.loops.news import SETTLED
from baton_operator.loops.settle import Settler, Verdict

# Locked: the worker knows the end, so a look of the track loop at the same moment must not make it come late.
_INSTANCE = text(
    """
    SELECT i.id, i.version FROM dispatch_attempt a
    JOIN orchestration_instance i ON i.id = a.orchestration_instance_id
    WHERE a.token = :token FOR UPDATE OF i
    """
)

_TELL = text("SELECT pg_notify(:channel, '')")


class UnitSettlement:
    """Settles by the loops' own `Settler`; what it does not find is left to the track loop."""

    def __init__(self, settler: Settler) -> None:
        self._settler = settler

    async def __call__(self, session: AsyncSession, token: str, seen: Observation) -> None:
        """Move what belongs to *token*, in the caller's transaction."""
        row = (await session.execute(_INSTANCE, {"token": token})).one_or_none()
        if row is None:
            return
        await self._settler.settle(session, [_ended(row.id, row.version, seen)])
        await session.execute(_TELL, {"channel": SETTLED})


def _ended(instance_id: UUID, version: int, seen: Observation) -> Verdict:
    return Verdict(
        instance_id,
        version,
        seen.status,
        seen.reason,
        seen.native,
        message=seen.message,
        started_at=seen.started_at,
        finished_at=seen.finished_at,
        duration=seen.duration,
        result=seen.result,
    )


def unit_settlement() -> UnitSettlement:
    """Make the settlement of one process."""
    return UnitSettlement(Settler(Definitions()))
