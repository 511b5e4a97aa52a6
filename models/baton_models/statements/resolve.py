"""What a person says of attempts that nobody else can decide about: adopt, send again, give up."""

from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_HELD = text("""
SELECT d.id, d.token, d.attempt_no AS attempt, b.name AS batch, i.sequence_number AS item, d.engine_id,
       e.tenant_id || '/' || e.name AS engine, d.sends, d.first_sent_at, d.last_sent_at, d.last_look_at,
       d.visible_after, coalesce(d.visible_after > clock_timestamp(), false) AS too_early, d.error AS message,
       d.cancel_requested_at IS NOT NULL AS cancelled
FROM dispatch_attempt d JOIN engine e ON e.id = d.engine_id
LEFT JOIN batch_execution be ON be.id = d.batch_execution_id LEFT JOIN batch b ON b.id = be.batch_id
LEFT JOIN item_execution ie ON ie.id = d.item_execution_id LEFT JOIN item i ON i.id = ie.item_id
WHERE d.run_id = :run AND d.state = 'HALTED' ORDER BY be.position, i.sequence_number, d.id
""")

#: Before its absence could be evidence, a request may still arrive: nothing is sent beside it (R12).
_TAKE = text("""
UPDATE dispatch_attempt SET lease_token = :lease, lease_until = clock_timestamp() + interval '1 minute'
WHERE id = :attempt AND state = 'HALTED'
  AND (NOT CAST(:to_send AS boolean)
       OR coalesce(visible_after, '-infinity') <= clock_timestamp() AND cancel_requested_at IS NULL)
RETURNING id
""")

_OWNER = text("""
SELECT r.tenant_id || '/' || r.name AS run FROM orchestration_instance i
JOIN run_orchestration o ON o.orchestration_instance_id = i.id JOIN run r ON r.id = o.run_id
WHERE i.engine_id = :engine AND i.external_id = :external_id LIMIT 1
""")

_SAY = text("UPDATE run SET updated_by = left(CAST(:actor AS text), 100) WHERE id = :run")


async def held(session: AsyncSession, run: UUID) -> list[dict[str, Any]]:
    """Read what is held of a run, in the order of its units, with the moment from which it may be sent again."""
    return [dict(row) for row in (await session.execute(_HELD, {"run": run})).mappings()]


async def take(session: AsyncSession, attempt: UUID, *, lease: UUID, to_send: bool) -> bool:
    """
    Hold a halted attempt for the rest of the transaction, so that a decision about it can be recorded.

    Args:
        to_send: Whether it is to be sent again: refused while an earlier request may still arrive (rule R12), and where
            it is to end.

    Returns:
        Whether it is still halted, and may be decided so.
    """
    values = {"attempt": attempt, "lease": lease, "to_send": to_send}
    return (await session.execute(_TAKE, values)).one_or_none() is not None


async def owner(session: AsyncSession, engine: UUID, external_id: str) -> str | None:
    """Name the run to which an execution belongs already; None if it belongs to none."""
    name: str | None = await session.scalar(_OWNER, {"engine": engine, "external_id": external_id})
    return name


async def note_decider(session: AsyncSession, run: UUID, actor: str) -> None:
    """Write down who decided about *run*."""
    await session.execute(_SAY, {"run": run, "actor": actor})
