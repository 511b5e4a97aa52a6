"""Following handles: attempts that an engine has accepted and not given an id for."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.statements.record import read_engine, read_held

_ENGINES = text("""
SELECT DISTINCT d.engine_id FROM dispatch_attempt d JOIN engine_health h ON h.engine_id = d.engine_id
WHERE d.state = 'ENQUEUED' AND d.next_poll_at <= clock_timestamp()
  AND coalesce(d.lease_until, '-infinity') <= clock_timestamp() AND h.ready_reason = 'ProbeSucceeded'
  AND coalesce(h.paused_until, '-infinity') <= clock_timestamp()
""")

_HOLD = text("""
WITH due AS (
  SELECT d.id FROM dispatch_attempt d
  WHERE d.engine_id = :engine AND d.state = 'ENQUEUED' AND d.next_poll_at <= clock_timestamp()
    AND coalesce(d.lease_until, '-infinity') <= clock_timestamp()
  ORDER BY d.next_poll_at LIMIT :limit FOR UPDATE OF d SKIP LOCKED
)
UPDATE dispatch_attempt d SET lease_token = :lease, lease_until = clock_timestamp() + :lease_for
FROM due WHERE d.id = due.id RETURNING d.id
""")


async def engines_with_handles(session: AsyncSession) -> Sequence[UUID]:
    """Find engines that answer, do not want to be left alone, and have handles due that nobody asks about."""
    return list((await session.execute(_ENGINES)).scalars())


async def claim_handles(
    session: AsyncSession, engine: UUID, *, lease: UUID, lease_for: Any, limit: int
) -> tuple[Any, Sequence[Any]]:
    """
    Claim handles of one engine that are due to be asked about.

    The claim ends at its lease, at once where what was learned is recorded (`record`, held ``ENQUEUED``).

    Returns:
        The engine, and the attempts with all that a request is made of.
    """
    values = {"engine": engine, "lease": lease, "lease_for": lease_for, "limit": limit}
    ids = list((await session.execute(_HOLD, values)).scalars())
    return await read_engine(session, engine), await read_held(session, ids)
