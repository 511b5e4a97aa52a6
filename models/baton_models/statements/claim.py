"""
Claiming attempts under the engine's row lock: counting what is in flight and claiming are one step (R10).

Who is served, where there is less room than work: the namespace with the fewest attempts in flight; among those with
as many, the next one after the namespace that was served last. Priority orders the attempts of one namespace, it never
puts one namespace before another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

#: Whether anything may be sent to an engine now, but for its limits; the aliases are e and h.
MAY_TAKE = """
e.is_active AND NOT e.suspend AND h.ready_reason = 'ProbeSucceeded' AND h.stalled_reason IS NULL
  AND h.authenticated_reason IS DISTINCT FROM 'CredentialsRejected'
  AND coalesce(h.paused_until, '-infinity') <= clock_timestamp()
  AND (h.circuit_state = 'closed' OR coalesce(h.circuit_until, '-infinity') <= clock_timestamp())
"""

#: How many executions an engine may have at once, and how many of them one namespace; the alias is e. Where others may
#: use it nobody gets the last tenth, unless its owner says so.
AT_ONCE = "coalesce(CAST(e.spec #>> '{limits,maxInFlight}' AS int), 50)"
AT_ONCE_FOR_ONE = f"""
coalesce(CAST(e.spec #>> '{{limits,maxInFlightPerNamespace}}' AS int),
         {AT_ONCE} - CASE WHEN e.spec ? 'allowedNamespaces' THEN {AT_ONCE} / 10 ELSE 0 END)
"""

ENGINES_WITH_WORK = text(f"""
SELECT h.engine_id FROM engine_health h JOIN engine e ON e.id = h.engine_id
WHERE {MAY_TAKE}
  AND EXISTS (SELECT 1 FROM dispatch_attempt d JOIN run r ON r.id = d.run_id AND r.state = 'Active'
              WHERE d.engine_id = h.engine_id AND d.state = 'INTENT' AND d.due_at <= clock_timestamp())
""")

_LOCK = text(f"""
SELECT e.id, h.restart_epoch, h.memory_seconds, {AT_ONCE} AS at_once, {AT_ONCE_FOR_ONE} AS at_once_for_one,
       e.tenant_id AS namespace, e.name, e.type, e.generation, e.spec,
       clock_timestamp() AS now, h.last_tenant, h.circuit_state, h.circuit_until,
       coalesce(h.paused_until, '-infinity') > clock_timestamp() AS is_paused,
       h.bucket_tokens, CAST(extract(epoch FROM clock_timestamp() - h.bucket_at) AS float) AS bucket_seconds
FROM engine_health h JOIN engine e ON e.id = h.engine_id
WHERE h.engine_id = :engine FOR UPDATE OF h
""")

_PROBE_NOW = text("""
UPDATE engine_health SET next_probe_at = least(next_probe_at, clock_timestamp()) WHERE engine_id = :engine
""")

#: An attempt with all that its request is made of.
WORK = """
SELECT d.id, d.run_id, d.batch_execution_id, d.item_execution_id, d.attempt_no, d.token, d.fingerprint, d.sends,
       d.tries, d.absences, d.first_sent_at, d.engine_epoch, d.last_look_at, d.visible_after,
       d.evidence_until, d.refusal, d.engine_id, d.cancel_requested_at, d.handle, d.settled, r.definition_id, r.uid,
       r.name AS run_name, r.status::text AS run_status, r.tenant_id,
       r.parameters, r.correlation_id, r.trace_context, r.run_timeout_seconds, r.created_at AS run_created_at,
       r.restored_at, r.cancel_requested_at AS run_cancel_requested_at,
       b.name AS batch_name, b.payload AS batch_payload, i.payload AS item_payload, i.sequence_number,
       a.name AS automation_name, a.target_reason
FROM dispatch_attempt d
JOIN run r ON r.id = d.run_id
JOIN automation a ON a.id = r.automation_id
LEFT JOIN batch_execution be ON be.id = d.batch_execution_id
LEFT JOIN batch b ON b.id = be.batch_id
LEFT JOIN item_execution ie ON ie.id = d.item_execution_id
LEFT JOIN item i ON i.id = ie.item_id
"""

#: Namespaces with work are found by one step in the index each, however much they have; of each, its most urgent
#: attempts. ``place`` is how many a namespace would have in flight with this one. What belongs to a suspended run is
#: passed over.
_PICK = text(f"""
WITH RECURSIVE held AS (
  SELECT tenant_id, count(*) AS n FROM dispatch_attempt
  WHERE engine_id = :engine AND state IN ('SENT', 'ENQUEUED', 'ACKED', 'AMBIGUOUS', 'HALTED') GROUP BY tenant_id
), tenants AS (
  (SELECT tenant_id FROM dispatch_attempt WHERE engine_id = :engine AND state = 'INTENT' ORDER BY tenant_id LIMIT 1)
  UNION ALL
  SELECT (SELECT a.tenant_id FROM dispatch_attempt a
          WHERE a.engine_id = :engine AND a.state = 'INTENT' AND a.tenant_id > t.tenant_id
          ORDER BY a.tenant_id LIMIT 1)
  FROM tenants t WHERE t.tenant_id IS NOT NULL
), due AS (
  SELECT d.id, t.tenant_id, coalesce(h.n, 0) + row_number() OVER (
           PARTITION BY t.tenant_id ORDER BY d.priority DESC, d.due_at, d.id) AS place
  FROM tenants t LEFT JOIN held h ON h.tenant_id = t.tenant_id CROSS JOIN LATERAL (
    SELECT a.id, a.priority, a.due_at FROM dispatch_attempt a JOIN run r ON r.id = a.run_id AND r.state = 'Active'
    WHERE a.engine_id = :engine AND a.tenant_id = t.tenant_id AND a.state = 'INTENT' AND a.due_at <= clock_timestamp()
    ORDER BY a.priority DESC, a.due_at
    LIMIT least(CAST(:limit AS bigint), greatest(CAST(:per_namespace AS bigint) - coalesce(h.n, 0), 0))) d
), picked AS (
  SELECT id, row_number() OVER (ORDER BY place, tenant_id <= CAST(:last_tenant AS text), tenant_id) AS turn
  FROM due ORDER BY turn
  LIMIT greatest(least(CAST(:limit AS bigint), :max_in_flight - coalesce((SELECT sum(n) FROM held), 0)), 0)
)
{WORK} JOIN picked ON picked.id = d.id
WHERE d.state = 'INTENT'
ORDER BY picked.turn
FOR UPDATE OF d SKIP LOCKED
""")

#: Attempts become SENT and their units PROCESSING in one statement; it commits before any byte leaves.
_SEND = text("""
WITH sent AS (
  UPDATE dispatch_attempt d SET state = 'SENT', lease_token = :lease, lease_until = clock_timestamp() + :lease_for,
         sends = d.sends + 1, tries = d.tries + 1, first_sent_at = coalesce(d.first_sent_at, clock_timestamp()),
         last_sent_at = clock_timestamp(), fingerprint = v.fingerprint, absences = 0, last_look_at = NULL,
         visible_after = clock_timestamp() + :lease_for + :margin,
         evidence_until = coalesce(d.evidence_until, clock_timestamp() + :memory - :lease_for),
         engine_epoch = CASE WHEN d.first_sent_at IS NULL THEN :epoch ELSE d.engine_epoch END,
         due_at = clock_timestamp() + :lease_for, updated_at = clock_timestamp()
  FROM unnest(CAST(:ids AS uuid[]), CAST(:fingerprints AS text[])) AS v(id, fingerprint)
  WHERE d.id = v.id AND d.state = 'INTENT'
  RETURNING d.id, d.run_id, d.batch_execution_id, d.item_execution_id, d.visible_after, d.evidence_until
), items AS (
  UPDATE item_execution i SET status = 'PROCESSING', status_reason = 'Dispatched', version = i.version + 1,
         attempt_count = i.attempt_count + 1, started_at = coalesce(i.started_at, clock_timestamp()),
         updated_at = clock_timestamp()
  FROM sent WHERE i.id = sent.item_execution_id AND i.status IN ('PENDING', 'RETRYING')
), batches AS (
  UPDATE batch_execution b SET status = 'PROCESSING', status_reason = 'Dispatched', version = b.version + 1,
         started_at = coalesce(b.started_at, clock_timestamp()), updated_at = clock_timestamp()
  FROM (SELECT DISTINCT batch_execution_id FROM sent) s
  WHERE b.id = s.batch_execution_id AND b.status IN ('PENDING', 'RETRYING')
), runs AS (
  UPDATE run r SET status = 'PROCESSING', status_reason = 'Dispatched', version = r.version + 1,
         started_at = coalesce(r.started_at, clock_timestamp()), updated_at = clock_timestamp(),
         deadline_at = coalesce(r.deadline_at, clock_timestamp() + make_interval(secs => r.run_timeout_seconds))
  FROM (SELECT DISTINCT run_id FROM sent) s WHERE r.id = s.run_id AND r.status IN ('PENDING', 'RETRYING')
), bucket AS (
  UPDATE engine_health SET bucket_tokens = :tokens - (SELECT count(*) FROM sent), bucket_at = :now,
         last_tenant = coalesce(CAST(:last_tenant AS text), last_tenant),
         circuit_state = CASE WHEN CAST(:trial AS boolean) THEN 'half-open' ELSE circuit_state END,
         circuit_until = CASE WHEN CAST(:trial AS boolean) THEN clock_timestamp() + :lease_for ELSE circuit_until END
  WHERE engine_id = :engine
)
SELECT id, visible_after, evidence_until FROM sent
""")


@dataclass(frozen=True, slots=True)
class Limits:
    """What an Engine allows at once, altogether and to one namespace, and submits a second."""

    max_in_flight: int
    per_namespace: int
    rate: float
    burst: int

    def tokens(self, held: float, elapsed: float | None) -> float:
        """Say what a bucket holds that held *held* tokens *elapsed* seconds ago; None for a new one, which is full."""
        return float(self.burst) if elapsed is None else min(float(self.burst), held + self.rate * max(elapsed, 0.0))


async def engines_with_work(session: AsyncSession) -> Sequence[UUID]:
    """Find engines that may be sent to and have attempts that are due."""
    return list((await session.execute(ENGINES_WITH_WORK)).scalars())


async def lock_engine(session: AsyncSession, engine: UUID) -> Any:
    """Take the engine's row lock and read its spec, bucket, circuit and turn; None if the engine is gone."""
    return (await session.execute(_LOCK, {"engine": engine})).one_or_none()


async def probe_now(session: AsyncSession, engine: UUID) -> None:
    """Have an engine probed at once."""
    await session.execute(_PROBE_NOW, {"engine": engine})


async def pick(
    session: AsyncSession, engine: UUID, limits: Limits, *, limit: int, last_tenant: str | None = None
) -> Sequence[Any]:
    """
    Pick up to *limit* due attempts, fairly among namespaces, with all that a request is made of.

    Args:
        last_tenant: The namespace that was served last, as `lock_engine` gives it.

    Returns:
        The attempts, in the order in which their namespaces are served.
    """
    values = {
        "engine": engine,
        "limit": limit,
        "per_namespace": limits.per_namespace,
        "max_in_flight": limits.max_in_flight,
        "last_tenant": last_tenant or "",
    }
    return (await session.execute(_PICK, values)).all()


async def mark_sent(
    session: AsyncSession,
    engine: UUID,
    *,
    ids: Sequence[UUID],
    fingerprints: Sequence[str],
    lease: UUID,
    lease_for: Any,
    margin: Any,
    memory: Any,
    epoch: str | None,
    tokens: float,
    now: datetime,
    last_tenant: str | None = None,
    trial: bool = False,
) -> dict[UUID, Any]:
    """
    Claim *ids* under *lease*.

    Args:
        lease_for: How long the lease lasts (timedelta).
        margin: Freeze allowance, network delay and list lag (timedelta): absence is evidence only after it.
        memory: How long the engine remembers (timedelta), less freeze allowance and network delay.
        tokens: What the engine's bucket held at *now*.
        last_tenant: The namespace of the last of *ids*; None leaves the turn where it is.
        trial: Whether the circuit is not closed and lets these through to see how they fare.

    Returns:
        The claimed rows by id, with ``visible_after`` and ``evidence_until``.
    """
    answer = await session.execute(
        _SEND,
        {
            "engine": engine,
            "ids": list(ids),
            "fingerprints": list(fingerprints),
            "lease": lease,
            "lease_for": lease_for,
            "margin": margin,
            "memory": memory,
            "epoch": epoch,
            "tokens": tokens,
            "now": now,
            "last_tenant": last_tenant,
            "trial": trial,
        },
    )
    return {row.id: row for row in answer}
