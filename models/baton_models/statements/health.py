"""How an engine's requests fared, in its row: the circuit, the pause that it asked for, what waits for its return."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

_LOCK = text("""
SELECT h.circuit_state AS state, h.circuit_until AS until, h.circuit_opened_at AS opened_at,
       h.window_started_at AS started_at, h.window_requests AS requests, h.window_failures AS failures,
       h.earlier_requests, h.earlier_failures, clock_timestamp() AS now,
       EXISTS (SELECT 1 FROM dispatch_attempt d JOIN run r ON r.id = d.run_id AND r.state = 'Active'
               WHERE d.engine_id = h.engine_id AND d.state = 'INTENT' AND d.due_at <= clock_timestamp()) AS waiting
FROM engine_health h WHERE h.engine_id = :engine FOR UPDATE OF h
""")

_WRITE = text("""
UPDATE engine_health SET circuit_state = :state, circuit_until = :until, circuit_opened_at = :opened_at,
       window_started_at = :started_at, window_requests = :requests, window_failures = :failures,
       earlier_requests = :earlier_requests, earlier_failures = :earlier_failures,
       paused_until = greatest(paused_until, clock_timestamp() + CAST(:pause AS interval))
WHERE engine_id = :engine
""")

#: What is shown of an engine that rests: on itself, and on the Runs that wait for it.
_SHOW = text("""
WITH shown AS (
  UPDATE engine SET project_at = clock_timestamp() WHERE id = :engine AND is_active AND uid IS NOT NULL
)
UPDATE run SET project_at = clock_timestamp()
FROM (SELECT DISTINCT run_id FROM dispatch_attempt WHERE engine_id = :engine AND state = 'INTENT') waiting
WHERE run.id = waiting.run_id
""")

#: Their Runs say when they are sent again, so these are shown anew.
_HURRY = text("""
WITH hurried AS (
  UPDATE dispatch_attempt SET due_at = clock_timestamp(), tries = 0
  WHERE engine_id = :engine AND state = 'INTENT' AND tries > 0 AND due_at > clock_timestamp()
  RETURNING run_id
)
UPDATE run SET project_at = clock_timestamp() FROM (SELECT DISTINCT run_id FROM hurried) h WHERE run.id = h.run_id
""")

_RESET = text("""
UPDATE engine_health SET circuit_state = 'closed', circuit_until = NULL, circuit_opened_at = NULL,
       window_started_at = NULL, window_requests = 0, window_failures = 0, earlier_requests = 0, earlier_failures = 0,
       paused_until = NULL, poll_failures = 0, probe_failures = 0
WHERE engine_id = :engine
""")


async def lock_circuit(session: AsyncSession, engine: UUID) -> Any:
    """
    Take the engine's row lock and read its circuit; None if the engine is gone.

    Returns:
        Besides the circuit, ``now``, and whether anything is ``waiting`` to be sent.
    """
    return (await session.execute(_LOCK, {"engine": engine})).one_or_none()


async def write_circuit(session: AsyncSession, engine: UUID, circuit: Mapping[str, Any], *, pause: Any) -> None:
    """Write a circuit that was locked; *pause* (timedelta) never shortens a pause that holds, None leaves it."""
    await session.execute(_WRITE, {"engine": engine, **circuit, "pause": pause})


async def show_circuit(session: AsyncSession, engine: UUID) -> None:
    """Have the Engine shown, and every Run that waits for it."""
    await session.execute(_SHOW, {"engine": engine})


async def hurry(session: AsyncSession, engine: UUID) -> None:
    """Make due what backs off from an engine that is back; attempts that wait by ``spec.retry`` go on waiting."""
    await session.execute(_HURRY, {"engine": engine})


async def reset_limits(session: AsyncSession, engine: UUID) -> None:
    """Forget how requests fared: the Engine's spec is another one now."""
    await session.execute(_RESET, {"engine": engine})
    await hurry(session, engine)
    await show_circuit(session, engine)
