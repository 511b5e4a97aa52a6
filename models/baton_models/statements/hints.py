"""What engines could tell hints about, and making a poll due because one has come."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

#: Definitions are looked for among so many of an engine's live instances: a stream need not know every namespace.
_SAMPLE = 1000

_HINTING = text("""
SELECT e.id, e.tenant_id AS namespace, e.name, e.type, e.generation, e.spec,
       ARRAY(SELECT DISTINCT sample.definition_id FROM (
               SELECT r.definition_id FROM orchestration_instance i
               JOIN dispatch_attempt d ON d.orchestration_instance_id = i.id JOIN run r ON r.id = d.run_id
               WHERE i.engine_id = e.id AND i.status IN ('PENDING', 'PROCESSING', 'RETRYING') LIMIT :sample
             ) sample WHERE sample.definition_id IS NOT NULL) AS definitions
FROM engine_health h JOIN engine e ON e.id = h.engine_id
WHERE h.ready_reason = 'ProbeSucceeded' AND h.capabilities @> '["Hints"]'
  AND EXISTS (SELECT 1 FROM orchestration_instance i
              WHERE i.engine_id = h.engine_id AND i.status IN ('PENDING', 'PROCESSING', 'RETRYING'))
""")

#: What rests because it failed, or because it asked for rest, is left alone.
_WAKE = text("""
UPDATE engine_health SET next_poll_at = clock_timestamp()
WHERE engine_id = :engine AND next_poll_at > clock_timestamp() AND poll_failures = 0
""")


async def hinting_engines(session: AsyncSession) -> Sequence[Any]:
    """Read the engines that can tell hints and execute something, with the definitions of what they execute."""
    return (await session.execute(_HINTING, {"sample": _SAMPLE})).all()


async def wake_poll(session: AsyncSession, engine: UUID) -> None:
    """Make the engine's next poll due now."""
    await session.execute(_WAKE, {"engine": engine})
