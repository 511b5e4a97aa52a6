"""Whose turn a poll or a probe is, and what is live."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.statements.health import hurry

#: Seconds that one probe or one check of a target may take altogether; its claim holds a little longer, so that nobody
#: else begins it again while it lasts, and a killed one is taken over soon.
ASK_WITHIN = 15
_ASK_CLAIM = f"interval '{ASK_WITHIN + 5} s'"
_ENGINE_COLUMNS = """e.id, e.tenant_id AS namespace, e.name, e.type, e.generation, e.spec"""

_POLLS = text(f"""
WITH due AS (
  SELECT h.engine_id FROM engine_health h
  WHERE coalesce(h.next_poll_at, '-infinity') <= clock_timestamp() AND h.ready_reason = 'ProbeSucceeded'
    AND coalesce(h.paused_until, '-infinity') <= clock_timestamp()
    AND EXISTS (SELECT 1 FROM orchestration_instance i
                WHERE i.engine_id = h.engine_id AND i.status IN ('PENDING', 'PROCESSING', 'RETRYING'))
  FOR UPDATE OF h SKIP LOCKED
), held AS (
  UPDATE engine_health h SET next_poll_at = clock_timestamp() + interval '30 s'
  FROM due WHERE h.engine_id = due.engine_id
  RETURNING h.engine_id, h.next_poll_at AS held_until, h.poll_failures, h.moved_at, h.circuit_state
)
SELECT {_ENGINE_COLUMNS}, held.held_until, held.poll_failures, held.circuit_state,
       CAST(extract(epoch FROM clock_timestamp() - held.moved_at) AS float) AS quiet
FROM held JOIN engine e ON e.id = held.engine_id
""")

#: An earlier look that somebody asked for meanwhile (a new instance, a cancel) is kept.
_POLLED = text("""
UPDATE engine_health SET
  next_poll_at = CASE WHEN next_poll_at = :held_until THEN clock_timestamp() + :again
                      ELSE least(next_poll_at, clock_timestamp() + :again) END,
  poll_failures = CASE WHEN CAST(:failed AS boolean) THEN poll_failures + 1 ELSE 0 END,
  moved_at = CASE WHEN CAST(:moved AS boolean) THEN clock_timestamp() ELSE moved_at END
WHERE engine_id = :engine
""")

_LIVE = text("""
SELECT i.id, i.external_id, i.version, i.status, i.native_status, i.lost_since, i.next_poll_at, i.duplicate_of_id,
       d.orchestration_instance_id, d.token, r.definition_id, d.cancel_requested_at IS NOT NULL AS cancelled,
       i.created_at, clock_timestamp() AS now
FROM orchestration_instance i
JOIN dispatch_attempt d ON d.orchestration_instance_id = coalesce(i.duplicate_of_id, i.id)
JOIN run r ON r.id = d.run_id
WHERE i.engine_id = :engine AND i.status IN ('PENDING', 'PROCESSING', 'RETRYING') AND i.id > :after
ORDER BY i.id LIMIT :limit
""")

_MISSING = text("""
UPDATE orchestration_instance i
SET lost_since = v.lost_since, next_poll_at = v.next_poll_at, updated_at = clock_timestamp()
FROM unnest(CAST(:ids AS uuid[]), CAST(:since AS timestamptz[]), CAST(:next AS timestamptz[]))
     AS v(id, lost_since, next_poll_at)
WHERE i.id = v.id AND i.status IN ('PENDING', 'PROCESSING', 'RETRYING')
""")

#: What is known already, under whatever attempt, stays as it is.
_DUPLICATED = text("""
WITH born AS (
  INSERT INTO orchestration_instance (id, engine_id, external_id, attempt, status, status_reason, native_status, url,
                                      duplicate_of_id)
  SELECT v.id, d.engine_id, v.external_id, d.attempt_no, 'PENDING', 'EngineDuplicated', left(v.native, 100), v.url,
         d.orchestration_instance_id
  FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(attempt_of uuid, id uuid, external_id text, url text, native text)
  JOIN dispatch_attempt d ON d.orchestration_instance_id = v.attempt_of
  ON CONFLICT (engine_id, external_id) DO NOTHING
  RETURNING id, external_id, duplicate_of_id
), linked AS (
  INSERT INTO run_orchestration (run_id, orchestration_instance_id, attached_at)
  SELECT d.run_id, born.id, clock_timestamp()
  FROM born JOIN dispatch_attempt d ON d.orchestration_instance_id = born.duplicate_of_id
  RETURNING run_id
), cancelled AS (
  UPDATE dispatch_attempt d SET cancel_due_at = clock_timestamp()
  FROM born WHERE d.orchestration_instance_id = born.duplicate_of_id AND d.cancel_due_at IS NOT NULL
), shown AS (
  UPDATE run SET project_at = clock_timestamp() FROM linked WHERE run.id = linked.run_id
)
SELECT external_id FROM born
""")

_PROBES = text(f"""
WITH due AS (
  SELECT h.engine_id FROM engine_health h JOIN engine e ON e.id = h.engine_id
  WHERE h.next_probe_at <= clock_timestamp()
    AND (e.is_active OR EXISTS (SELECT 1 FROM orchestration_instance i WHERE i.engine_id = e.id
                                AND i.status IN ('PENDING', 'PROCESSING', 'RETRYING')))
  LIMIT :limit FOR UPDATE OF h SKIP LOCKED
), held AS (
  UPDATE engine_health h SET next_probe_at = clock_timestamp() + {_ASK_CLAIM}
  FROM due WHERE h.engine_id = due.engine_id
  RETURNING h.engine_id, h.next_probe_at AS held_until, h.ready_reason, h.restart_epoch, h.probe_failures,
            h.circuit_state, h.native_version, h.capabilities, h.submission_guarantee, h.authenticated_reason,
            h.stalled_reason, h.message
)
SELECT {_ENGINE_COLUMNS}, held.held_until, held.ready_reason, held.restart_epoch, held.probe_failures,
       held.circuit_state, held.native_version, held.capabilities, held.submission_guarantee, held.authenticated_reason,
       held.stalled_reason, held.message,
       EXISTS (SELECT 1 FROM dispatch_attempt d WHERE d.engine_id = held.engine_id AND d.state = 'INTENT') AS waiting
FROM held JOIN engine e ON e.id = held.engine_id
""")

#: A claim that came later, or what another one has learned since, says more than what was begun before it.
_PROBED = text(f"""
UPDATE engine_health SET ready_reason = CAST(:ready AS text), authenticated_reason = :authenticated,
       stalled_reason = :stalled,
       message = :message, native_version = coalesce(CAST(:version AS text), native_version),
       restart_epoch = coalesce(CAST(:epoch AS text), restart_epoch),
       memory_seconds = coalesce(CAST(:memory AS int), memory_seconds),
       capabilities = CAST(:capabilities AS jsonb), submission_guarantee = :guarantee, probed_at = clock_timestamp(),
       probe_failures = CASE WHEN CAST(:ready AS text) = 'ProbeSucceeded' THEN 0 ELSE probe_failures + 1 END,
       poll_failures = CASE WHEN CAST(:back AS boolean) THEN 0 ELSE poll_failures END,
       next_poll_at = CASE WHEN CAST(:back AS boolean) THEN least(next_poll_at, clock_timestamp())
                           ELSE next_poll_at END,
       next_probe_at = clock_timestamp() + :again
WHERE engine_id = :engine AND next_probe_at <= :held_until
  AND coalesce(probed_at, '-infinity') <= CAST(:held_until AS timestamptz) - {_ASK_CLAIM}
RETURNING engine_id
""")

_SHOW_ENGINE = text("UPDATE engine SET project_at = clock_timestamp() WHERE id = :engine AND is_active")

_CHECKS = text(f"""
WITH due AS (
  SELECT a.id FROM automation a LEFT JOIN engine_health h ON h.engine_id = a.engine_id
  WHERE a.is_active AND a.next_check_at <= clock_timestamp()
    AND (a.engine_id IS NULL OR h.ready_reason = 'ProbeSucceeded')
  ORDER BY a.next_check_at LIMIT :limit FOR UPDATE OF a SKIP LOCKED
), held AS (
  UPDATE automation a SET next_check_at = clock_timestamp() + {_ASK_CLAIM} FROM due WHERE a.id = due.id
  RETURNING a.id, a.tenant_id, a.name, a.engine_id, a.generation, a.ready_reason, a.target_reason,
            a.target_message, a.spec
)
SELECT held.id AS automation_id, held.tenant_id AS automation_namespace, held.name AS automation_name,
       held.ready_reason, held.target_reason, held.target_message, held.spec AS automation_spec, {_ENGINE_COLUMNS}
FROM held LEFT JOIN engine e ON e.id = held.engine_id
""")

_CHECKED = text("""
UPDATE automation SET target_reason = CAST(:reason AS text), target_message = CAST(:message AS text),
       ready_reason = CAST(:ready AS text),
       ready_message = :ready_message, engine_id = coalesce(CAST(:engine AS uuid), engine_id),
       next_check_at = clock_timestamp() + :again,
       project_at = CASE WHEN target_reason IS DISTINCT FROM CAST(:reason AS text)
                           OR ready_reason IS DISTINCT FROM CAST(:ready AS text)
                           OR target_message IS DISTINCT FROM CAST(:message AS text)
                         THEN clock_timestamp() ELSE project_at END
WHERE id = :automation AND next_check_at > clock_timestamp()
""")


async def claim_polls(session: AsyncSession) -> Sequence[Any]:
    """Claim the engines whose live instances are due to be observed."""
    return (await session.execute(_POLLS)).all()


async def polled(
    session: AsyncSession, engine: UUID, *, held_until: datetime, again: Any, moved: bool, failed: bool
) -> None:
    """
    Say when an engine's instances are to be observed again, and how it went.

    Args:
        held_until: As `claim_polls` gave it.
        again: When to look again (timedelta).
        moved: Whether anything has moved.
        failed: Whether the engine could not be asked.
    """
    values = {"engine": engine, "held_until": held_until, "again": again, "moved": moved, "failed": failed}
    await session.execute(_POLLED, values)


async def live(session: AsyncSession, engine: UUID, *, after: UUID, limit: int) -> Sequence[Any]:
    """Read live instances of an engine by key, the ones behind *after*."""
    return (await session.execute(_LIVE, {"engine": engine, "after": after, "limit": limit})).all()


async def note_missing(session: AsyncSession, rows: Sequence[tuple[UUID, Any, Any]]) -> None:
    """Write down since when instances are missing and when to look again: (id, lost since, next look)."""
    ids, since, nexts = zip(*rows, strict=True)
    await session.execute(_MISSING, {"ids": list(ids), "since": list(since), "next": list(nexts)})


async def note_duplicates(session: AsyncSession, rows: Sequence[tuple[UUID, UUID, str, str | None, str]]) -> list[str]:
    """
    Store executions that an engine made by itself (R7): (the one that counts, new key, external id, url, native).

    Returns:
        The external ids of those that were not known yet.
    """
    names = ("attempt_of", "id", "external_id", "url", "native")
    document = orjson.dumps([dict(zip(names, row, strict=True)) for row in rows]).decode()
    return list((await session.execute(_DUPLICATED, {"rows": document})).scalars())


async def claim_probes(session: AsyncSession, *, limit: int) -> Sequence[Any]:
    """Claim engines that are due to be probed, each within ``ASK_WITHIN`` seconds."""
    return (await session.execute(_PROBES, {"limit": limit})).all()


async def record_probe(
    session: AsyncSession, engine: UUID, *, held_until: datetime, show: bool, back: bool, **values: Any
) -> bool:
    """
    Write what a probe learned; False where its claim was over, and another one has been made since.

    Args:
        held_until: As `claim_probes` gave it.
        show: Whether the Engine's status is to be written.
        back: Whether the engine answers again after it did not: what waits for it goes on at once.
        values: The columns that the probe decides.
    """
    written = await session.scalar(_PROBED, {"engine": engine, "held_until": held_until, "back": back, **values})
    if written is None:
        return False
    if back:
        await hurry(session, engine)
    if show:
        await session.execute(_SHOW_ENGINE, {"engine": engine})
    return True


async def claim_checks(session: AsyncSession, *, limit: int) -> Sequence[Any]:
    """Claim automations whose target is due to be validated, each within ``ASK_WITHIN`` seconds."""
    return (await session.execute(_CHECKS, {"limit": limit})).all()


async def record_check(session: AsyncSession, automation: UUID, **values: Any) -> None:
    """
    Write what the engine says of a target.

    Nothing is written where intake has made the automation due again meanwhile, because it or its engine has changed:
    what was checked is not what is there now.
    """
    await session.execute(_CHECKED, {"automation": automation, **values})
