"""I3: the history is whole and true."""

from collections.abc import Iterable
from typing import ClassVar

from baton_models.status import TRANSITIONS
from baton_operator.invariants.violation import Rule, RuledInvariant

#: history table, the column that names its owner, the owner's table
_HISTORIES = (
    ("run_state_history", "run_id", "run"),
    ("item_state_history", "item_execution_id", "item_execution"),
    ("instance_state_history", "orchestration_instance_id", "orchestration_instance"),
)
_TAMPERED = "restore the rows from a backup: history is written by triggers alone, so somebody changed it by hand"
_LEGAL = ", ".join(f"('{old.value}', '{new.value}')" for old, following in TRANSITIONS.items() for new in following)


def _chains(table: str, owner: str, owner_table: str) -> Rule:
    return Rule(
        f"""
        SELECT '{owner_table} ' || owner || ', change ' || seq AS subject, CASE
            WHEN seq <> place THEN 'is change number ' || place
            WHEN previous_status IS DISTINCT FROM before THEN 'says that it was ' || coalesce(previous_status::text,
                 'nothing') || ' before, the change before it says ' || coalesce(before::text, 'nothing')
            WHEN changed_at < changed_before THEN 'is dated before the change before it'
            ELSE 'went from ' || previous_status || ' to ' || new_status || ', which is not legal' END AS found
        FROM (SELECT {owner} AS owner, seq, previous_status, new_status, changed_at,
                     row_number() OVER w AS place, lag(new_status) OVER w AS before,
                     lag(changed_at) OVER w AS changed_before
              FROM {table} WINDOW w AS (PARTITION BY {owner} ORDER BY seq)) AS h
        WHERE seq <> place OR previous_status IS DISTINCT FROM before OR changed_at < changed_before
           OR (previous_status IS NOT NULL
               AND (previous_status::text, new_status::text) NOT IN ({_LEGAL}))
        """,
        _TAMPERED,
    )


def _ends(table: str, owner: str, owner_table: str) -> Rule:
    return Rule(
        f"""
        SELECT '{owner_table} ' || o.id AS subject,
               'is ' || o.status || ', its history ends with ' || coalesce(h.new_status::text, 'nothing') AS found
        FROM {owner_table} o LEFT JOIN LATERAL
             (SELECT new_status FROM {table} WHERE {owner} = o.id ORDER BY seq DESC LIMIT 1) AS h ON true
        WHERE h.new_status IS DISTINCT FROM o.status
        """,
        "see whether the history's triggers are enabled; the changes made meanwhile are not recorded",
    )


def _watched(tables: Iterable[str]) -> Rule:
    names = ", ".join(f"'{each}'" for each in tables)
    return Rule(
        f"""
        SELECT 'trigger ' || t.tgname || ' on ' || c.relname AS subject, 'is disabled' AS found
        FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE NOT t.tgisinternal AND t.tgenabled = 'D' AND n.nspname = current_schema() AND c.relname IN ({names})
        UNION ALL
        SELECT 'table ' || c.relname, 'has no trigger: changes of status are not recorded, or can be altered'
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE c.relname IN ({names}) AND n.nspname = current_schema()
          AND NOT EXISTS (SELECT 1 FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
        """,
        "enable it with ALTER TABLE … ENABLE TRIGGER, or run `baton migrate --check` to see what is missing",
    )


class HistoryWhole(RuledInvariant):
    """Every change is there, numbered 1 to n, each beginning where the one before ended, and each legal."""

    number: ClassVar[str] = "I3"
    promise: ClassVar[str] = "the history is whole and true"
    rules: ClassVar[tuple[Rule, ...]] = (
        *(_chains(*each) for each in _HISTORIES),
        *(_ends(*each) for each in _HISTORIES),
        _watched(name for history, _, owner in _HISTORIES for name in (history, owner)),
    )
