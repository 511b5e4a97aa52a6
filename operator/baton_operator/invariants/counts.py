"""I6: the counts are right."""

from typing import ClassVar

from baton_operator.invariants.violation import FINISHED, RUN, Rule, RuledInvariant

_REPORT = "report this: a trigger keeps these numbers, so somebody changed rows past it"

_COUNTED = """
    SELECT u.run_id, u.units, count(*) AS total,
           count(*) FILTER (WHERE u.status = 'PENDING') AS pending,
           count(*) FILTER (WHERE u.status IN ('PROCESSING', 'RETRYING')) AS running,
           count(*) FILTER (WHERE u.status = 'COMPLETED') AS completed,
           count(*) FILTER (WHERE u.status = 'FAILED') AS failed,
           count(*) FILTER (WHERE u.status = 'CANCELLED') AS cancelled,
           count(*) FILTER (WHERE u.status = 'SKIPPED') AS skipped
    FROM (SELECT run_id, 'Item' AS units, status FROM item_execution
          UNION ALL SELECT run_id, 'Batch', status FROM batch_execution) AS u
    GROUP BY u.run_id, u.units
"""
_NUMBERS = "total, {0}.pending, {0}.running, {0}.completed, {0}.failed, {0}.cancelled, {0}.skipped"

_PROGRESS = Rule(
    f"""
    SELECT {RUN} AS subject, 'its progress says ' || row(p.{_NUMBERS.format("p")}) || ', its units say '
           || row(c.{_NUMBERS.format("c")}) || ' (total, pending, running, completed, failed, cancelled, skipped)'
           AS found
    FROM run_progress p JOIN run r ON r.id = p.run_id
    LEFT JOIN ({_COUNTED}) AS c ON c.run_id = p.run_id AND c.units = p.units
    WHERE row(p.{_NUMBERS.format("p")}) IS DISTINCT FROM row(coalesce(c.total, 0), coalesce(c.pending, 0),
          coalesce(c.running, 0), coalesce(c.completed, 0), coalesce(c.failed, 0), coalesce(c.cancelled, 0),
          coalesce(c.skipped, 0))
    """,
    _REPORT,
)

_SUMS = Rule(
    f"""
    SELECT {RUN} AS subject, 'its progress does not add up: total ' || p.total || ', by status '
           || (p.pending + p.running + p.completed + p.failed + p.cancelled + p.skipped) AS found
    FROM run_progress p JOIN run r ON r.id = p.run_id
    WHERE p.total <> p.pending + p.running + p.completed + p.failed + p.cancelled + p.skipped
    """,
    _REPORT,
)

_ITEMS_OF_BATCHES = Rule(
    """
    SELECT 'batch execution ' || b.id || ' of run ' || b.run_id AS subject,
           count(DISTINCT t.id) || ' items were to be done, ' || count(DISTINCT x.id) || ' have an execution' AS found
    FROM batch_execution b JOIN run r ON r.id = b.run_id AND r.per = 'Item'
    JOIN item t ON t.batch_id = b.batch_id
    LEFT JOIN item_execution x ON x.batch_execution_id = b.id
    GROUP BY b.id HAVING count(DISTINCT t.id) <> count(DISTINCT x.id)
    """,
    "report this: items of an admitted batch are never added or left out",
)

_UNFINISHED_PARTS = Rule(
    f"""
    SELECT {RUN} AS subject,
           'ended ' || r.status || ', but ' || count(*) || ' of its batches or items have not' AS found
    FROM run r JOIN (SELECT run_id, status FROM item_execution UNION ALL SELECT run_id, status FROM batch_execution)
         AS u ON u.run_id = r.id
    WHERE r.status IN {FINISHED} AND u.status NOT IN {FINISHED}
    GROUP BY r.id HAVING count(*) > 0
    """,
    "report this with `baton runs get`: a run ends after its parts",
)

_ENDED_BATCHES = Rule(
    f"""
    SELECT 'batch execution ' || b.id || ' of run ' || b.run_id AS subject,
           'ended ' || b.status || ', but ' || count(*) || ' of its items have not' AS found
    FROM batch_execution b JOIN item_execution x ON x.batch_execution_id = b.id
    WHERE b.status IN {FINISHED} AND x.status NOT IN {FINISHED}
    GROUP BY b.id
    """,
    "report this with `baton runs get`: a batch ends after its items",
)

_CLOCKS = Rule(
    f"""
    SELECT {RUN} AS subject, 'is ' || r.status || ', finished at ' || coalesce(r.finished_at::text, 'no time') AS found
    FROM run r
    WHERE (r.status IN {FINISHED}) <> (r.finished_at IS NOT NULL)
    """,
    "report this: durations and retention are computed from it",
)


class CountsAddUp(RuledInvariant):
    """Items are as many as the sum by status, as there are executions, and as the batches' sums say."""

    number: ClassVar[str] = "I6"
    promise: ClassVar[str] = "the counts are right"
    rules: ClassVar[tuple[Rule, ...]] = (
        _PROGRESS,
        _SUMS,
        _ITEMS_OF_BATCHES,
        _UNFINISHED_PARTS,
        _ENDED_BATCHES,
        _CLOCKS,
    )
