"""
Whose custom resource is held back by Baton's finalizer, and which is to be let go.

It is held only while work is under way that a deletion would cancel (``deletionPolicy: Cancel``): not before something
was handed over, and not after the end. That it may be there is written down before it is put there.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

#: An end is shown before the object is let go, if that takes no longer than this; and however an engine or a loop is
#: stuck, nobody waits longer than the cancel's own deadline and these few seconds.
_OVER = """
  (r.finished_at IS NOT NULL AND (r.project_at IS NULL OR r.finished_at < clock_timestamp() - interval '10 s')
   OR r.cancel_requested_at + make_interval(secs => r.cancel_timeout_seconds) + interval '10 s' < clock_timestamp())
"""

_CLAIM = text(f"""
WITH unheld AS (
  SELECT r.id, false AS over FROM run r
  WHERE r.cancel_on_delete AND r.guard IS NULL AND r.status IN ('PROCESSING', 'RETRYING')
    AND r.cancel_requested_at IS NULL AND r.is_active
  LIMIT :limit FOR UPDATE SKIP LOCKED
), known AS (
  SELECT r.id, {_OVER} AS over FROM run r
  WHERE r.guard IS NOT NULL AND coalesce(r.guard_at, '-infinity') <= clock_timestamp()
    AND (r.guard = 'wanted' OR {_OVER})
  LIMIT :limit FOR UPDATE SKIP LOCKED
), due AS (
  SELECT id, over FROM unheld UNION ALL SELECT id, coalesce(over, false) FROM known
)
UPDATE run r SET guard = CASE WHEN due.over THEN r.guard ELSE 'wanted' END, guard_at = clock_timestamp() + :lease_for
FROM due WHERE r.id = due.id
RETURNING r.id, r.tenant_id AS namespace, r.name, r.uid, due.over, r.guard_at AS lease
""")

_RECORD = text("""
UPDATE run r SET guard = v.guard, guard_at = v.lease + v.again_in
FROM unnest(CAST(:ids AS uuid[]), CAST(:leases AS timestamptz[]), CAST(:guards AS text[]),
            CAST(:again_in AS interval[])) AS v(id, lease, guard, again_in)
WHERE r.id = v.id AND r.guard_at = v.lease
""")


async def claim(session: AsyncSession, *, lease_for: Any, limit: int) -> Sequence[Any]:
    """Claim Runs whose finalizer is to be put there, or (``over``) to be taken away."""
    return (await session.execute(_CLAIM, {"lease_for": lease_for, "limit": limit})).all()


async def record(session: AsyncSession, rows: Sequence[tuple[UUID, Any, str | None, Any]]) -> None:
    """Write what is there now: (run, lease of the claim, guard, how long after the lease to come again or None)."""
    ids, leases, guards, again_in = zip(*rows, strict=True)
    values = {"ids": list(ids), "leases": list(leases), "guards": list(guards), "again_in": list(again_in)}
    await session.execute(_RECORD, values)
