"""I7: tenants do not touch each other."""

from typing import ClassVar

from baton_operator.invariants.violation import ATTEMPT, ITEM, RUN, Rule, RuledInvariant

_REPORT = "stop the operator and report this: a row of one namespace is reachable from another"

_FOREIGN_ATTEMPTS = Rule(
    f"""
    SELECT {ATTEMPT} AS subject, 'is of namespace ' || a.tenant_id || ', its run of ' || r.tenant_id AS found
    FROM dispatch_attempt a JOIN run r ON r.id = a.run_id WHERE a.tenant_id <> r.tenant_id
    """,
    _REPORT,
)

_FOREIGN_AUTOMATIONS = Rule(
    f"""
    SELECT {RUN} AS subject, 'uses the automation ' || t.tenant_id || '/' || t.name || ' of another namespace' AS found
    FROM run r JOIN automation t ON t.id = r.automation_id WHERE t.tenant_id <> r.tenant_id
    """,
    _REPORT,
)

_FOREIGN_PARENTS = Rule(
    f"""
    SELECT {RUN} AS subject, 'has the parent ' || p.tenant_id || '/' || p.name || ' of another namespace' AS found
    FROM run r JOIN run p ON p.id = r.parent_run_id WHERE p.tenant_id <> r.tenant_id
    """,
    _REPORT,
)

_UNALLOWED_ENGINES = Rule(
    f"""
    SELECT {RUN} AS subject,
           'has attempts at the engine ' || e.tenant_id || '/' || e.name || ', which allows no other namespace' AS found
    FROM run r JOIN engine e ON e.id = r.engine_id
    WHERE e.tenant_id <> r.tenant_id AND NOT (e.spec ? 'allowedNamespaces')
      AND EXISTS (SELECT 1 FROM dispatch_attempt a WHERE a.run_id = r.id AND a.created_at > e.updated_at)
    """,
    _REPORT,
)

_CROSSED_LINKS = Rule(
    f"""
    SELECT {RUN} AS subject, 'is linked to the execution ' || i.external_id || ', which an attempt of run '
           || a.run_id || ' started' AS found
    FROM run_orchestration o JOIN run r ON r.id = o.run_id
    JOIN orchestration_instance i ON i.id = o.orchestration_instance_id
    JOIN dispatch_attempt a ON a.orchestration_instance_id = coalesce(i.duplicate_of_id, i.id)
    WHERE a.run_id <> o.run_id
    """,
    _REPORT,
)

_CROSSED_ENGINES = Rule(
    f"""
    SELECT {ATTEMPT} AS subject, 'is for another engine than its execution ' || i.external_id AS found
    FROM dispatch_attempt a JOIN orchestration_instance i ON i.id = a.orchestration_instance_id
    WHERE a.engine_id <> i.engine_id
    """,
    _REPORT,
)

_CROSSED_BATCHES = Rule(
    """
    SELECT 'batch execution ' || b.id || ' of run ' || b.run_id AS subject,
           'executes the batch ' || d.name || ' of another automation' AS found
    FROM batch_execution b JOIN run r ON r.id = b.run_id JOIN batch d ON d.id = b.batch_id
    WHERE d.automation_id <> r.automation_id
    """,
    _REPORT,
)

_CROSSED_ITEMS = Rule(
    f"""
    SELECT {ITEM} AS subject, 'its batch execution or its item belongs to another run or batch' AS found
    FROM item_execution x JOIN batch_execution b ON b.id = x.batch_execution_id JOIN item t ON t.id = x.item_id
    WHERE x.run_id <> b.run_id OR t.batch_id <> b.batch_id
    """,
    _REPORT,
)

_CROSSED_VERSIONS = Rule(
    f"""
    SELECT {RUN} AS subject, 'pins a version of another automation' AS found
    FROM run r JOIN workflow_definitions d ON d.id = r.definition_id WHERE d.automation_id <> r.automation_id
    """,
    _REPORT,
)


class TenantsApart(RuledInvariant):
    """No row refers to a row of another namespace, but for engines that allow it."""

    number: ClassVar[str] = "I7"
    promise: ClassVar[str] = "tenants do not touch each other"
    rules: ClassVar[tuple[Rule, ...]] = (
        _FOREIGN_ATTEMPTS,
        _FOREIGN_AUTOMATIONS,
        _FOREIGN_PARENTS,
        _UNALLOWED_ENGINES,
        _CROSSED_LINKS,
        _CROSSED_ENGINES,
        _CROSSED_BATCHES,
        _CROSSED_ITEMS,
        _CROSSED_VERSIONS,
    )
