"""I2: nothing happens twice."""

from collections import Counter
from typing import ClassVar

from baton_operator.invariants.violation import (
    ATTEMPT,
    CLOSED,
    FINISHED,
    INSTANCE,
    Evidence,
    Rule,
    RuledInvariant,
    Violation,
)

_COMPARE = "compare with the engine which executions ran, end the superfluous one there, and report this"
_UNIT = "a.run_id, a.batch_execution_id, a.item_execution_id"

_SHARED_INSTANCES = Rule(
    f"""
    SELECT {INSTANCE} AS subject, 'belongs to ' || count(*) || ' attempts: ' || string_agg(a.token, ', ') AS found
    FROM orchestration_instance i JOIN dispatch_attempt a ON a.orchestration_instance_id = i.id
    GROUP BY i.id HAVING count(*) > 1
    """,
    _COMPARE,
)

_UNOWNED_INSTANCES = Rule(
    f"""
    SELECT {INSTANCE} AS subject, 'belongs to no run' AS found
    FROM orchestration_instance i
    WHERE NOT EXISTS (SELECT 1 FROM run_orchestration o WHERE o.orchestration_instance_id = i.id)
    """,
    "find its token in the engine and link it to its run; report this",
)

_STRAY_DUPLICATES = Rule(
    f"""
    SELECT {INSTANCE} AS subject, 'was started by the engine itself beside ' || o.external_id
           || CASE WHEN o.engine_id <> i.engine_id THEN ', which is in another engine'
                   WHEN o.duplicate_of_id IS NOT NULL THEN ', which is no attempt''s own execution either'
                   ELSE ', but is not called EngineDuplicated' END AS found
    FROM orchestration_instance i JOIN orchestration_instance o ON o.id = i.duplicate_of_id
    WHERE o.engine_id <> i.engine_id OR o.duplicate_of_id IS NOT NULL OR i.status_reason <> 'EngineDuplicated'
    """,
    "report this: only what the engine started by itself is a duplicate",
)

_EARLY_RETRIES = Rule(
    f"""
    SELECT {ATTEMPT} AS subject,
           'was begun while ' || i.external_id || ' of attempt ' || e.attempt_no || ' was ' || i.status AS found
    FROM dispatch_attempt a JOIN dispatch_attempt e ON e.run_id = a.run_id
     AND e.batch_execution_id IS NOT DISTINCT FROM a.batch_execution_id
     AND e.item_execution_id IS NOT DISTINCT FROM a.item_execution_id AND e.attempt_no < a.attempt_no
    JOIN orchestration_instance i ON e.orchestration_instance_id = coalesce(i.duplicate_of_id, i.id)
    WHERE i.status NOT IN {FINISHED} AND i.created_at < a.created_at
    """,
    _COMPARE,
)

_CONCURRENT_ATTEMPTS = Rule(
    f"""
    SELECT 'run ' || a.run_id || coalesce(', item execution ' || a.item_execution_id,
           ', batch execution ' || a.batch_execution_id, '') AS subject,
           count(*) || ' attempts are open at once: ' || string_agg(a.token || ' ' || a.state, ', ') AS found
    FROM dispatch_attempt a
    WHERE a.state NOT IN {CLOSED} AND NOT a.settled
    GROUP BY {_UNIT} HAVING count(*) > 1
    """,
    _COMPARE,
)

_ALLOWED = "coalesce(x.max_attempts, r.max_attempts)"

_TOO_MANY_ATTEMPTS = Rule(
    f"""
    SELECT 'run ' || a.run_id || coalesce(', item execution ' || a.item_execution_id,
           ', batch execution ' || a.batch_execution_id, '') AS subject,
           'has ' || count(*) || ' attempts, ' || {_ALLOWED} || ' are allowed' AS found
    FROM dispatch_attempt a JOIN run r ON r.id = a.run_id LEFT JOIN item_execution x ON x.id = a.item_execution_id
    GROUP BY {_UNIT}, {_ALLOWED} HAVING count(*) > {_ALLOWED}
    """,
    "report this: a retry was started that the Automation does not allow",
)

_GAPS = Rule(
    f"""
    SELECT 'run ' || a.run_id || coalesce(', item execution ' || a.item_execution_id,
           ', batch execution ' || a.batch_execution_id, '') AS subject,
           'its attempts are numbered ' || string_agg(a.attempt_no::text, ', ' ORDER BY a.attempt_no) AS found
    FROM dispatch_attempt a
    GROUP BY {_UNIT} HAVING min(a.attempt_no) <> 1 OR max(a.attempt_no) <> count(*)
    """,
    "report this: an attempt was removed, so nobody can tell what was sent under its token",
)

_FOREIGN_TOKENS = Rule(
    f"""
    SELECT {ATTEMPT} AS subject, 'its token does not follow from its unit and number ' || a.attempt_no AS found
    FROM dispatch_attempt a JOIN run r ON r.id = a.run_id
    LEFT JOIN batch_execution b ON b.id = a.batch_execution_id
    LEFT JOIN item_execution x ON x.id = a.item_execution_id
    WHERE a.token IS DISTINCT FROM 'baton-' || CASE WHEN x.id IS NOT NULL THEN x.token_hex
          WHEN b.id IS NOT NULL THEN b.token_hex ELSE r.token_hex END || '-a' || a.attempt_no
    """,
    "report this: a restored database could not find its execution again",
)

_SENT_WITHOUT_INTENT = Rule(
    f"""
    SELECT {ATTEMPT} AS subject, 'is ' || a.state || ', but no send was recorded' AS found
    FROM dispatch_attempt a
    WHERE a.state IN ('SENT', 'ENQUEUED', 'ACKED', 'HALTED') AND (a.sends = 0 OR a.first_sent_at IS NULL)
    """,
    "report this: the intent must be kept before the first byte leaves",
)


class NothingTwice(RuledInvariant):
    """Each attempt was accepted once at most, and each unit has no more attempts than it may, one after the other."""

    number: ClassVar[str] = "I2"
    promise: ClassVar[str] = "nothing happens twice"
    rules: ClassVar[tuple[Rule, ...]] = (
        _SHARED_INSTANCES,
        _UNOWNED_INSTANCES,
        _STRAY_DUPLICATES,
        _EARLY_RETRIES,
        _CONCURRENT_ATTEMPTS,
        _TOO_MANY_ATTEMPTS,
        _GAPS,
        _FOREIGN_TOKENS,
        _SENT_WITHOUT_INTENT,
    )

    async def beyond_rows(self, evidence: Evidence) -> list[Violation]:
        """Compare the engine's own books with the rows."""
        if evidence.ledger is None:
            return []
        accepted = Counter(entry.token for entry in evidence.ledger if not entry.duplicated)
        twice = [
            self.violation(f"attempt {token}", f"the engine accepted it {times} times", _COMPARE)
            for token, times in accepted.items()
            if times > 1
        ]
        rows = await evidence.rows(
            """
            SELECT a.token, i.external_id FROM dispatch_attempt a
            JOIN orchestration_instance i ON a.orchestration_instance_id = coalesce(i.duplicate_of_id, i.id)
            WHERE a.token = ANY(:tokens)
            """,
            tokens=list(accepted),
        )
        linked = {(row.token, row.external_id) for row in rows}
        return twice + [
            self.violation(
                f"execution {entry.external_id} (token {entry.token})",
                "the engine accepted it, but no instance is linked to it",
                "report this: its end would never be seen",
            )
            for entry in evidence.ledger
            if entry.finished and (entry.token, entry.external_id) not in linked
        ]
