"""Statuses that are not what they should be: what was shown last, and showing it anew."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

#: While a lease runs, or just after a write, what is recorded as shown and what is there need not be the same.
_SHOWN = text("""
SELECT uid, shown, coalesce(project_lease, '-infinity') <= clock_timestamp()
       AND coalesce(projected_at, '-infinity') <= clock_timestamp() - CAST(:settled AS interval) AS rests
FROM run WHERE uid = ANY(CAST(:uids AS text[])) AND is_active
""")
_AGAIN = text("""
WITH odd AS (
  SELECT r.id FROM run r
  JOIN unnest(CAST(:uids AS text[]), CAST(:found AS text[])) AS v(uid, found) ON v.uid = r.uid
  WHERE r.shown <> v.found AND r.is_active AND coalesce(r.project_lease, '-infinity') <= clock_timestamp()
  ORDER BY r.id FOR UPDATE OF r
)
UPDATE run r SET shown = NULL, project_at = clock_timestamp() FROM odd WHERE r.id = odd.id RETURNING r.uid
""")
_OPEN = text("""
SELECT id FROM run
WHERE status IN ('PENDING', 'PROCESSING', 'RETRYING') AND project_at IS NULL AND shown IS NOT NULL AND is_active
  AND cr_deleted_at IS NULL
""")
_DUE = text("""
WITH resting AS (
  SELECT id FROM run WHERE id = ANY(CAST(:ids AS uuid[])) AND project_at IS NULL ORDER BY id FOR UPDATE
)
UPDATE run r SET project_at = clock_timestamp() FROM resting WHERE r.id = resting.id
""")


@dataclass(frozen=True, slots=True)
class LastShown:
    """
    What was written last as a Run's status.

    Attributes:
        digest: SHA-256 of the document; None where none was written, or it is to be written anew.
        rests: Whether nobody is showing the Run, or did so just now.
    """

    digest: str | None
    rests: bool


async def last_shown(session: AsyncSession, uids: Sequence[str], *, settled: timedelta) -> Mapping[str, LastShown]:
    """
    Read what was shown last of the Runs with *uids*; those without a row are left out.

    Args:
        settled: How long a write must be over for its Run to rest.
    """
    rows = await session.execute(_SHOWN, {"uids": list(uids), "settled": settled})
    return {row.uid: LastShown(row.shown, row.rests) for row in rows}


async def show_again(session: AsyncSession, found: Mapping[str, str]) -> set[str]:
    """
    Make Runs due whose status is not what was shown last.

    Args:
        found: Their uids, and SHA-256 of what is there instead.

    Returns:
        Those that are due now; a Run that somebody is showing is not among them.
    """
    uids = sorted(found)
    rows = await session.execute(_AGAIN, {"uids": uids, "found": [found[uid] for uid in uids]})
    return set(rows.scalars())


async def open_at_rest(session: AsyncSession) -> Sequence[UUID]:
    """Find the open runs that have been shown and about which nothing is due to be shown."""
    return (await session.scalars(_OPEN)).all()


async def make_due(session: AsyncSession, runs: Sequence[UUID]) -> None:
    """Have *runs* shown anew, as far as they are not due anyway."""
    await session.execute(_DUE, {"ids": list(runs)})
