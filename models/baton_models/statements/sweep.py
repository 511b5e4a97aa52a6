"""What the other loops could have missed: deadlines, and rows whose custom resource is gone or was never seen."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

#: Only one process sweeps at a time; the lock ends with its transaction.
_TURN = text("SELECT pg_try_advisory_xact_lock(:key)")

#: A run that waits in an engine's own queue, and of which nothing has begun, is still waiting.
_OUT_OF_TIME = text("""
SELECT id FROM run WHERE deadline_at <= clock_timestamp() AND status IN ('PROCESSING', 'RETRYING')
  AND cancel_requested_at IS NULL
UNION ALL
SELECT id FROM run WHERE queue_deadline_at <= clock_timestamp() AND status = 'PENDING'
  AND cancel_requested_at IS NULL
UNION ALL
SELECT DISTINCT r.id FROM dispatch_attempt d JOIN run r ON r.id = d.run_id
WHERE d.state = 'ENQUEUED' AND r.queue_deadline_at <= clock_timestamp() AND r.status = 'PROCESSING'
  AND r.cancel_requested_at IS NULL AND (r.deadline_at IS NULL OR r.deadline_at > clock_timestamp())
  AND NOT EXISTS (SELECT 1 FROM run_orchestration o WHERE o.run_id = r.id)
LIMIT :limit
""")

_UIDS = """
SELECT uid FROM {table} WHERE is_active AND uid IS NOT NULL AND created_at < :before
  AND (CAST(:namespaces AS text[]) = '{{}}' OR tenant_id = ANY(CAST(:namespaces AS text[])))
"""
_ACTIVE = {
    "Engine": text(_UIDS.format(table="engine")),
    "Automation": text(_UIDS.format(table="automation")),
    "Run": text(_UIDS.format(table="run")),
}


async def take_turn(session: AsyncSession, key: int) -> bool:
    """Take the lock named *key* until the transaction ends; False where another process has it."""
    return bool(await session.scalar(_TURN, {"key": key}))


async def out_of_time(session: AsyncSession, *, limit: int) -> Sequence[UUID]:
    """Find runs whose time is up and that nobody has stopped."""
    return list((await session.execute(_OUT_OF_TIME, {"limit": limit})).scalars())


async def active_uids(session: AsyncSession, kind: str, *, before: Any, namespaces: Sequence[str]) -> set[str]:
    """Read the uids of objects that are there by our rows, born *before* a moment."""
    answer = await session.execute(_ACTIVE[kind], {"before": before, "namespaces": list(namespaces)})
    return set(answer.scalars())
