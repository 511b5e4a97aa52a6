"""Recording what a submit or a look said: guarded by lease and state, so that a late process writes nothing (R11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from baton_models.statements.claim import WORK


@dataclass(frozen=True, slots=True)
class Duplicate:
    """One more execution under an attempt's token, which the engine started itself (rule R7)."""

    instance_id: UUID
    external_id: str
    url: str | None = None
    native: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """
    One attempt's new state.

    Attributes:
        instance_id: Key of the instance to be born, with ``external_id``; None where there is none.
        others: Further executions under the token, to be born with it.
        proven: Nothing of the attempt is out: it counts as never sent.
        http_status: 409 where the engine has another's work under the token: the Run's status tells it by that.
        next_poll_at: When its handle is to be asked about; None for at once.
        visible_after: From when on absence is evidence, where that has changed.
        refusal: Why the engine refused the send before; None leaves what is known of it.
    """

    id: UUID
    state: str
    due_at: datetime | None = None
    absences: int = 0
    looked_at: datetime | None = None
    proven: bool = False
    handle: str | None = None
    http_status: int | None = None
    error: str | None = None
    instance_id: UUID | None = None
    external_id: str | None = None
    url: str | None = None
    native: str | None = None
    next_poll_at: datetime | None = None
    visible_after: datetime | None = None
    refusal: str | None = None
    others: tuple[Duplicate, ...] = ()


#: What was to be sent again is not, where its end was asked for meanwhile: it is over if nothing of it is out, and
#: looked for if something may be.
_RECORD = text("""
WITH told AS (
  SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS v(
    id uuid, state attempt_state, due_at timestamptz, absences smallint, looked_at timestamptz, proven boolean,
    handle text, http_status int, error text, instance_id uuid, external_id text, url text, native text,
    next_poll_at timestamptz, visible_after timestamptz, refusal text, others jsonb)
), kept AS (
  UPDATE dispatch_attempt d SET due_at = v.due_at, absences = v.absences, last_look_at = v.looked_at,
         state = CASE WHEN v.state <> 'INTENT' OR d.cancel_requested_at IS NULL THEN v.state
                      WHEN v.proven THEN 'CLOSED' ELSE 'AMBIGUOUS' END,
         cancel_due_at = CASE WHEN v.state IN ('CLOSED', 'REJECTED') OR v.state = 'INTENT' AND v.proven THEN NULL
                              WHEN v.state = 'ACKED' AND d.cancel_due_at IS NOT NULL THEN clock_timestamp()
                              ELSE d.cancel_due_at END,
         handle = coalesce(v.handle, d.handle), http_status = coalesce(v.http_status, d.http_status),
         error = v.error, orchestration_instance_id = coalesce(v.instance_id, d.orchestration_instance_id),
         sends = CASE WHEN v.proven THEN 0 WHEN v.state IN ('ENQUEUED', 'ACKED', 'HALTED') THEN greatest(d.sends, 1)
                      ELSE d.sends END,
         first_sent_at = CASE WHEN v.proven THEN NULL ELSE d.first_sent_at END,
         evidence_until = CASE WHEN v.proven THEN NULL ELSE d.evidence_until END,
         next_poll_at = CASE WHEN v.state = 'ENQUEUED' THEN coalesce(v.next_poll_at, clock_timestamp()) END,
         visible_after = coalesce(v.visible_after, d.visible_after),
         refusal = CASE WHEN v.state = 'AMBIGUOUS' THEN coalesce(v.refusal, d.refusal) END,
         lease_token = NULL, lease_until = NULL, updated_at = clock_timestamp()
  FROM told v WHERE d.id = v.id AND d.lease_token = :lease AND d.state = CAST(:held AS attempt_state)
  RETURNING d.id, d.run_id, d.engine_id, d.attempt_no, d.batch_execution_id, d.item_execution_id,
            d.cancel_requested_at, d.settled, d.state, v.instance_id, v.external_id, v.url, v.native, v.others
), executions AS (
  SELECT run_id, engine_id, attempt_no, instance_id, external_id, url, native, CAST(NULL AS uuid) AS duplicate_of_id
  FROM kept WHERE instance_id IS NOT NULL
  UNION ALL
  SELECT k.run_id, k.engine_id, k.attempt_no, o.instance_id, o.external_id, o.url, o.native, k.instance_id
  FROM kept k CROSS JOIN LATERAL jsonb_to_recordset(k.others) AS o(
    instance_id uuid, external_id text, url text, native text)
), born AS (
  INSERT INTO orchestration_instance (id, engine_id, external_id, attempt, status, status_reason, native_status, url,
                                      duplicate_of_id)
  SELECT instance_id, engine_id, external_id, attempt_no, 'PENDING',
         CASE WHEN duplicate_of_id IS NULL THEN 'Dispatched' ELSE 'EngineDuplicated' END, left(native, 100), url,
         duplicate_of_id
  FROM executions
), linked AS (
  INSERT INTO run_orchestration (run_id, orchestration_instance_id, attached_at)
  SELECT run_id, instance_id, clock_timestamp() FROM executions
), shown AS (
  UPDATE run SET project_at = clock_timestamp() FROM (SELECT DISTINCT run_id FROM kept) k WHERE run.id = k.run_id
), polled AS (
  UPDATE engine_health h SET next_poll_at = least(h.next_poll_at, clock_timestamp() + :poll_in)
  FROM (SELECT DISTINCT engine_id FROM kept WHERE state IN ('ACKED', 'ENQUEUED')) k WHERE h.engine_id = k.engine_id
)
SELECT k.id, k.run_id, k.attempt_no, k.batch_execution_id, k.item_execution_id, k.cancel_requested_at, k.settled,
       k.state, r.cancel_cause, r.doubts
FROM kept k JOIN run r ON r.id = k.run_id
""")

#: A restored run has units that were never sent before: they were looked for, and an engine takes them now. What it
#: refuses now it may have refused before, and that made room for the next one.
_UNDOUBT = text("""
UPDATE run r SET doubts = greatest(r.doubts - n.taken, 0)
FROM (SELECT run_id, count(*) AS taken FROM dispatch_attempt WHERE id = ANY(CAST(:ids AS uuid[])) GROUP BY run_id) n
WHERE r.id = n.run_id
""")

#: Attempts whose fate nobody knows and that nobody holds: SENT whose lease ran out, AMBIGUOUS that are due. Units
#: of those that a restored database doubts are under way from now on.
_HOLD_UNCLEAR = text("""
WITH due AS (
  SELECT d.id FROM dispatch_attempt d
  WHERE d.engine_id = :engine AND d.state IN ('SENT', 'AMBIGUOUS')
    AND d.due_at <= clock_timestamp() AND coalesce(d.lease_until, '-infinity') <= clock_timestamp()
  ORDER BY d.due_at LIMIT :limit FOR UPDATE OF d SKIP LOCKED
), held AS (
  UPDATE dispatch_attempt d SET state = 'AMBIGUOUS', lease_token = :lease, lease_until = clock_timestamp() + :lease_for,
         visible_after = coalesce(d.visible_after, clock_timestamp())
  FROM due WHERE d.id = due.id RETURNING d.id, d.run_id, d.batch_execution_id, d.item_execution_id
), items AS (
  UPDATE item_execution i SET status = 'PROCESSING', status_reason = 'Dispatched', version = i.version + 1,
         attempt_count = i.attempt_count + 1, started_at = coalesce(i.started_at, clock_timestamp()),
         updated_at = clock_timestamp()
  FROM held WHERE i.id = held.item_execution_id AND i.status IN ('PENDING', 'RETRYING')
), batches AS (
  UPDATE batch_execution b SET status = 'PROCESSING', status_reason = 'Dispatched', version = b.version + 1,
         started_at = coalesce(b.started_at, clock_timestamp()), updated_at = clock_timestamp()
  FROM (SELECT DISTINCT batch_execution_id FROM held) h
  WHERE b.id = h.batch_execution_id AND b.status IN ('PENDING', 'RETRYING')
), runs AS (
  UPDATE run r SET status = 'PROCESSING', status_reason = 'Dispatched', version = r.version + 1,
         started_at = coalesce(r.started_at, clock_timestamp()), updated_at = clock_timestamp(),
         deadline_at = coalesce(r.deadline_at, clock_timestamp() + make_interval(secs => r.run_timeout_seconds))
  FROM (SELECT DISTINCT run_id FROM held) h WHERE r.id = h.run_id AND r.status IN ('PENDING', 'RETRYING')
)
SELECT id FROM held
""")
_HELD = text(f"{WORK} WHERE d.id = ANY(CAST(:ids AS uuid[]))")
_ENGINE = text("""
SELECT h.restart_epoch, h.memory_seconds, e.tenant_id AS namespace, e.name, e.type, e.generation, e.spec,
       clock_timestamp() AS now
FROM engine_health h JOIN engine e ON e.id = h.engine_id WHERE h.engine_id = :engine
""")

_ENGINES_WITH_UNCLEAR = text("""
SELECT DISTINCT d.engine_id FROM dispatch_attempt d JOIN engine_health h ON h.engine_id = d.engine_id
WHERE d.state IN ('SENT', 'AMBIGUOUS') AND d.due_at <= clock_timestamp()
  AND coalesce(d.lease_until, '-infinity') <= clock_timestamp()
  AND h.ready_reason = 'ProbeSucceeded'
""")


async def record(
    session: AsyncSession, changes: Sequence[Change], *, lease: UUID, held: str, poll_in: Any
) -> Sequence[Any]:
    """
    Write what became of attempts held under *lease* in state *held*; instances and links are born with it.

    Args:
        poll_in: When new instances are to be observed first (timedelta).

    Returns:
        The attempts that were still ours; the others were taken over, and nothing was written for them.
    """
    rows = orjson.dumps(list(changes)).decode()
    answer = await session.execute(_RECORD, {"rows": rows, "lease": lease, "held": held, "poll_in": poll_in})
    kept = answer.all()
    taken = [row.id for row in kept if row.doubts and row.attempt_no == 1 and row.state in {"ACKED", "ENQUEUED"}]
    if taken and held == "SENT":
        await session.execute(_UNDOUBT, {"ids": taken})
    return kept


async def engines_with_unclear(session: AsyncSession) -> Sequence[UUID]:
    """Find engines that answer and have attempts whose fate nobody knows."""
    return list((await session.execute(_ENGINES_WITH_UNCLEAR)).scalars())


async def claim_unclear(
    session: AsyncSession, engine: UUID, *, lease: UUID, lease_for: Any, limit: int
) -> tuple[Any, Sequence[Any]]:
    """Claim attempts of one engine whose fate nobody knows, to look for them; returns the engine and the attempts."""
    values = {"engine": engine, "lease": lease, "lease_for": lease_for, "limit": limit}
    ids = list((await session.execute(_HOLD_UNCLEAR, values)).scalars())
    return await read_engine(session, engine), await read_held(session, ids)


async def read_engine(session: AsyncSession, engine: UUID) -> Any:
    """Read an engine's spec and restart epoch, and the database's clock."""
    return (await session.execute(_ENGINE, {"engine": engine})).one()


async def read_held(session: AsyncSession, ids: Sequence[UUID]) -> Sequence[Any]:
    """Read attempts with all that a request is made of."""
    return (await session.execute(_HELD, {"ids": list(ids)})).all() if ids else ()
