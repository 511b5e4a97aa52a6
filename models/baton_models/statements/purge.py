"""
Letting old runs go, with all that belongs to them.

Only what nobody can ask for any more: the run has ended and was counted, its custom resource is gone, and nothing of it
is, or may be, in an engine. Rows of extensions are not touched.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.dispatch import IN_FLIGHT, AttemptState

#: States of an attempt in which an engine may have work of it that no row knows.
_DOUBTFUL = ", ".join(f"'{state.value}'" for state in sorted(IN_FLIGHT - {AttemptState.ACKED}))

_OLD = f"""
r.finished_at < :before AND NOT r.is_active AND r.counted
AND NOT EXISTS (SELECT 1 FROM dispatch_attempt a WHERE a.run_id = r.id AND a.state IN ({_DOUBTFUL}))
AND NOT EXISTS (SELECT 1 FROM run_orchestration o JOIN orchestration_instance i ON i.id = o.orchestration_instance_id
                WHERE o.run_id = r.id AND i.finished_at IS NULL)
AND NOT EXISTS (SELECT 1 FROM embedded_task h WHERE h.run_id = r.id AND h.finished_at IS NULL)
"""

_SURVEY = text(f"""
SELECT r.tenant_id AS namespace, count(*) AS runs, min(r.finished_at) AS oldest, max(r.finished_at) AS newest
FROM run r WHERE {_OLD} GROUP BY r.tenant_id ORDER BY r.tenant_id
""")

_CHOOSE = text(f"SELECT r.id FROM run r WHERE {_OLD} ORDER BY r.id LIMIT :limit FOR UPDATE OF r SKIP LOCKED")

#: What engines made of the runs, with its history; the queue of Baton's own engine; then the runs, with theirs.
_STEPS = (
    text("""
    DELETE FROM orchestration_instance i USING run_orchestration o
    WHERE o.orchestration_instance_id = i.id AND o.run_id = ANY(:ids)
    """),
    text("DELETE FROM embedded_task t USING dispatch_attempt a WHERE t.token = a.token AND a.run_id = ANY(:ids)"),
    text("DELETE FROM run WHERE id = ANY(:ids)"),
)


async def survey(session: AsyncSession, *, before: datetime) -> Sequence[dict[str, Any]]:
    """Say how many runs that ended before a moment may go: for each namespace their number, the oldest, the newest."""
    return [dict(row) for row in (await session.execute(_SURVEY, {"before": before})).mappings()]


async def purge(session: AsyncSession, *, before: datetime, limit: int) -> int:
    """
    Delete up to *limit* runs that ended before a moment, with their attempts, executions and histories.

    Rows that somebody else holds are left for the next call. Needs the right to delete, which the operator's own role
    need not have.

    Returns:
        How many went; 0 when there are no more.
    """
    ids = list((await session.execute(_CHOOSE, {"before": before, "limit": limit})).scalars())
    for step in _STEPS if ids else ():
        await session.execute(step, {"ids": ids})
    return len(ids)
