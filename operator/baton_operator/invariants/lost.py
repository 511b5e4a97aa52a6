"""I1: nothing is lost."""

from typing import ClassVar

from baton_operator.invariants.cluster import age, conditions, name_of, uid_of
from baton_operator.invariants.violation import (
    ATTEMPT,
    CLOSED,
    FINISHED,
    INSTANCE,
    LATE,
    RUN,
    Evidence,
    Rule,
    RuledInvariant,
    Violation,
)

_WAKE = "set its due_at to now(), and report this: no loop would ever have acted on it"

_FORGOTTEN_ATTEMPTS = Rule(
    f"""
    SELECT {ATTEMPT} AS subject, 'is ' || a.state || ' with no due time and no live lease' AS found
    FROM dispatch_attempt a
    WHERE a.state IN ('INTENT', 'SENT', 'AMBIGUOUS') AND a.due_at IS NULL AND a.cancel_due_at IS NULL
      AND (a.lease_until IS NULL OR a.lease_until < now() - {LATE})
    """,
    _WAKE,
)

_UNLINKED_ATTEMPTS = Rule(
    f"""
    SELECT {ATTEMPT} AS subject, 'is ACKED, but no execution is linked to it' AS found
    FROM dispatch_attempt a
    WHERE a.state = 'ACKED' AND a.orchestration_instance_id IS NULL
    """,
    "look for the token in the engine and report this: the id of an accepted execution was not kept",
)

_UNPOLLED_HANDLES = Rule(
    f"""
    SELECT {ATTEMPT} AS subject, 'is ENQUEUED, but has no handle or no time of its next poll' AS found
    FROM dispatch_attempt a
    WHERE a.state = 'ENQUEUED' AND (a.handle IS NULL OR a.next_poll_at IS NULL)
    """,
    "set its next_poll_at to now(), and report this: no loop would ever have asked for its id",
)

_UNPOLLED_INSTANCES = Rule(
    f"""
    SELECT {INSTANCE} AS subject, 'is unfinished, but neither it nor its engine has a time of the next poll' AS found
    FROM orchestration_instance i LEFT JOIN engine_health h ON h.engine_id = i.engine_id
    WHERE i.status NOT IN {FINISHED} AND i.next_poll_at IS NULL AND h.next_poll_at IS NULL
      AND i.created_at < now() - {LATE}
    """,
    "set the engine's next_poll_at to now(), and report this: no loop would ever have looked at it",
)

_UNSETTLED_ENDS = Rule(
    f"""
    SELECT {ATTEMPT} AS subject,
           'its execution ended ' || i.status || ', but the attempt is still ' || a.state AS found
    FROM dispatch_attempt a JOIN orchestration_instance i ON i.id = a.orchestration_instance_id
    WHERE a.state NOT IN {CLOSED} AND i.status IN {FINISHED} AND i.updated_at < now() - {LATE}
      AND NOT EXISTS (SELECT 1 FROM orchestration_instance x
                      WHERE x.duplicate_of_id = i.id AND (x.status NOT IN {FINISHED} OR x.updated_at > now() - {LATE}))
    """,
    "report this: what the engine said was kept, but not what follows from it",
)

_IDLE_RUNS = Rule(
    f"""
    SELECT {RUN} AS subject, 'is ' || r.status || ', but nothing of it waits, is under way or is due' AS found
    FROM run r
    WHERE r.status NOT IN {FINISHED} AND r.updated_at < now() - {LATE}
      AND (r.status <> 'PENDING' OR r.cancel_requested_at IS NOT NULL)
      AND NOT EXISTS (SELECT 1 FROM dispatch_attempt a WHERE a.run_id = r.id AND a.state NOT IN {CLOSED})
      AND NOT EXISTS (SELECT 1 FROM batch_execution b
                      WHERE b.run_id = r.id AND b.status = 'PENDING' AND r.cancel_requested_at IS NULL)
      AND NOT EXISTS (SELECT 1 FROM item_execution x
                      WHERE x.run_id = r.id AND x.status = 'PENDING' AND r.cancel_requested_at IS NULL)
    """,
    "report this with `baton runs get`: its last step was recorded, but not its end",
)

_WAITING = "r.status = 'PENDING' AND r.state = 'Active' AND r.cancel_requested_at IS NULL"

_UNRELEASED_RUNS = Rule(
    f"""
    SELECT {RUN} AS subject, 'waits although ' || coalesce('only ' || busy.runs || ' of ' || t.max_active,
           'any number of') || ' Runs of its Automation are under way' AS found
    FROM run r JOIN automation t ON t.id = r.automation_id
    CROSS JOIN LATERAL (SELECT count(*) AS runs FROM run o WHERE o.automation_id = t.id
                        AND o.released_at IS NOT NULL AND o.status NOT IN {FINISHED}) AS busy
    WHERE {_WAITING} AND r.released_at IS NULL AND r.updated_at < now() - {LATE}
      AND (t.max_active IS NULL OR busy.runs < t.max_active)
    UNION ALL
    SELECT {RUN}, 'may go, but nothing of it is due'
    FROM run r
    WHERE {_WAITING} AND r.released_at < now() - {LATE}
      AND NOT EXISTS (SELECT 1 FROM dispatch_attempt a WHERE a.run_id = r.id)
    """,
    "see whether the loops dispatch and sweep turn (/healthz, baton_loop_errors_total); if they do, report this",
)

_IDLE_UNITS = Rule(
    f"""
    SELECT 'item execution ' || u.id || ' of run ' || u.run_id AS subject,
           'is ' || u.status || ', but no attempt of it is open' AS found
    FROM item_execution u JOIN run r ON r.id = u.run_id AND r.per = 'Item'
    WHERE u.status IN ('PROCESSING', 'RETRYING') AND u.updated_at < now() - {LATE}
      AND NOT EXISTS (SELECT 1 FROM dispatch_attempt a WHERE a.item_execution_id = u.id AND a.state NOT IN {CLOSED})
    UNION ALL
    SELECT 'batch execution ' || u.id || ' of run ' || u.run_id, 'is ' || u.status || ', but no attempt of it is open'
    FROM batch_execution u JOIN run r ON r.id = u.run_id AND r.per = 'Batch'
    WHERE u.status IN ('PROCESSING', 'RETRYING') AND u.updated_at < now() - {LATE}
      AND NOT EXISTS (SELECT 1 FROM dispatch_attempt a WHERE a.batch_execution_id = u.id AND a.state NOT IN {CLOSED})
    """,
    "report this with `baton runs get`: what its last attempt said was kept, but not what follows from it",
)

_STUCK_CANCELS = Rule(
    f"""
    SELECT {RUN} AS subject, 'was to end by ' || (r.cancel_requested_at
           + make_interval(secs => r.cancel_timeout_seconds))::timestamptz(0) || ', but is ' || r.status AS found
    FROM run r
    WHERE r.status NOT IN {FINISHED} AND r.cancel_requested_at IS NOT NULL
      AND r.cancel_requested_at + make_interval(secs => r.cancel_timeout_seconds) < now() - {LATE}
    """,
    "see whether the loops track and sweep turn (/healthz, baton_loop_errors_total); if they do, report this",
)


class NothingLost(RuledInvariant):
    """Every Run that was taken in has one row, and every unfinished row has somebody who will act on it."""

    number: ClassVar[str] = "I1"
    promise: ClassVar[str] = "nothing is lost"
    rules: ClassVar[tuple[Rule, ...]] = (
        _FORGOTTEN_ATTEMPTS,
        _UNLINKED_ATTEMPTS,
        _UNPOLLED_HANDLES,
        _UNPOLLED_INSTANCES,
        _UNSETTLED_ENDS,
        _IDLE_RUNS,
        _UNRELEASED_RUNS,
        _IDLE_UNITS,
        _STUCK_CANCELS,
    )

    async def beyond_rows(self, evidence: Evidence) -> list[Violation]:
        """Compare the API server's Runs with the rows, in both directions."""
        if evidence.cluster is None:
            return []
        return await self._without_row(evidence) + await self._without_object(evidence)

    async def _without_row(self, evidence: Evidence) -> list[Violation]:
        assert evidence.cluster is not None  # noqa: S101 - the caller asked
        old = [
            run
            for run in evidence.cluster.runs
            if age(run, evidence.cluster.listed_at) > evidence.bound
            and conditions(run).get("Accepted", {}).get("reason") != "AutomationNotFound"
        ]
        rows = await evidence.rows("SELECT uid FROM run WHERE uid = ANY(:uids)", uids=[uid_of(run) for run in old])
        known = {row.uid for row in rows}
        return [
            self.violation(
                f"Run {name_of(run)} (uid {uid_of(run)})",
                f"exists for {age(run, evidence.cluster.listed_at):.0f} s, but has no row",
                "see whether the loop intake turns and the watch is alive (/healthz); sweep admits it then",
            )
            for run in old
            if uid_of(run) not in known
        ]

    async def _without_object(self, evidence: Evidence) -> list[Violation]:
        assert evidence.cluster is not None  # noqa: S101 - the caller asked
        rows = await evidence.rows(
            f"""
            SELECT {RUN} AS subject, r.status FROM run r
            WHERE r.is_active AND r.cr_deleted_at IS NULL AND r.uid IS NOT NULL AND NOT (r.uid = ANY(:uids))
              AND r.created_at < cast(:listed_at AS timestamptz) - {LATE}
            """,
            uids=[uid_of(run) for run in evidence.cluster.runs],
            listed_at=evidence.cluster.listed_at,
        )
        return [
            self.violation(
                row.subject,
                f"is {row.status} and counts as there, but the API server has no such Run",
                "see whether the loop sweep turns: it compares the two",
            )
            for row in rows
        ]
