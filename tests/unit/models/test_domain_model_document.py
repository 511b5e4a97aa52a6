"""The models carry what the domain model's document says, row by row: names, types, defaults, constraints, cascades."""

import pytest
from sqlalchemy import Index, Table, UniqueConstraint
from sqlalchemy.dialects import postgresql
from sqlalchemy.orm import RelationshipProperty, configure_mappers

import baton_models
from baton_models import Base

DIALECT = postgresql.dialect()

UUID, TEXT, INT, BOOL, JSONB, TIME = "UUID", "TEXT", "INTEGER", "BOOLEAN", "JSONB", "TIMESTAMP WITH TIME ZONE"
STATUS, STRING = "execution_status", "VARCHAR"
NULL, NOT_NULL = True, False

KEY = [("id", UUID, NOT_NULL, "baton_uuid7()")]
TIMESTAMPS = [("created_at", TIME, NOT_NULL, "now()"), ("updated_at", TIME, NOT_NULL, "now()")]
AUDIT = [("created_by", "VARCHAR(100)", NULL, None), ("updated_by", "VARCHAR(100)", NULL, None)]
VERSION = [("version", INT, NOT_NULL, "1")]
SOFT_DELETE = [("is_active", BOOL, NOT_NULL, "true")]
TRACKING = [("status", STATUS, NOT_NULL, None), ("started_at", TIME, NULL, None), ("finished_at", TIME, NULL, None)]
RETRYABLE = [("attempt_count", INT, NOT_NULL, "0"), ("max_attempts", INT, NULL, None)]
ENTITY = KEY + TIMESTAMPS + AUDIT + VERSION + SOFT_DELETE

COLUMNS = {
    "AutomationModel": [
        *ENTITY,
        ("name", "VARCHAR(200)", NOT_NULL, None),
        ("description", TEXT, NULL, None),
        ("batch_schema", JSONB, NULL, None),
        ("item_schema", JSONB, NULL, None),
    ],
    "BatchModel": [
        *ENTITY,
        ("automation_id", UUID, NOT_NULL, None),
        ("name", "VARCHAR(200)", NOT_NULL, None),
        ("payload", JSONB, NULL, None),
    ],
    "ItemModel": [
        *ENTITY,
        ("batch_id", UUID, NOT_NULL, None),
        ("sequence_number", INT, NOT_NULL, None),
        ("payload", JSONB, NULL, None),
    ],
    "RunModel": [
        *ENTITY,
        *TRACKING,
        ("automation_id", UUID, NOT_NULL, None),
        ("correlation_id", "VARCHAR(100)", NULL, None),
        ("cancellation_reason", TEXT, NULL, None),
        ("error_summary", TEXT, NULL, None),
    ],
    "BatchExecutionModel": [
        *ENTITY,
        *TRACKING,
        ("run_id", UUID, NOT_NULL, None),
        ("batch_id", UUID, NOT_NULL, None),
    ],
    "ItemExecutionModel": [
        *ENTITY,
        *TRACKING,
        *RETRYABLE,
        ("run_id", UUID, NOT_NULL, None),
        ("batch_execution_id", UUID, NOT_NULL, None),
        ("item_id", UUID, NOT_NULL, None),
        ("result_payload", JSONB, NULL, None),
        ("error_message", STRING, NULL, None),
    ],
    "ItemStateHistoryModel": [
        *KEY,
        ("item_execution_id", UUID, NOT_NULL, None),
        ("previous_status", STATUS, NULL, None),
        ("new_status", STATUS, NOT_NULL, None),
        ("changed_at", TIME, NOT_NULL, "now()"),
        ("created_at", TIME, NOT_NULL, "now()"),
        ("created_by", "VARCHAR(100)", NULL, None),
    ],
    "EngineModel": [
        *ENTITY,
        ("name", "VARCHAR(100)", NOT_NULL, None),
        ("type", "VARCHAR(50)", NOT_NULL, None),
    ],
    "OrchestrationInstanceModel": [
        *ENTITY,
        *TRACKING,
        ("engine_id", UUID, NOT_NULL, None),
        ("external_id", "VARCHAR(200)", NOT_NULL, None),
        ("duration_seconds", INT, NULL, None),
        ("instance_metadata", JSONB, NULL, None),
    ],
    "RunOrchestrationModel": [
        *ENTITY,
        ("run_id", UUID, NOT_NULL, None),
        ("orchestration_instance_id", UUID, NOT_NULL, None),
        ("attached_at", TIME, NOT_NULL, None),
    ],
}

# Model → columns of an index, in their order. Where the document says "unique" of a name that can be put out of use,
# the index is partial and carries the tenant.
INDEXES = {
    "AutomationModel": [("name",), ("is_active",)],
    "BatchModel": [("automation_id",), ("is_active",)],
    "ItemModel": [("batch_id",), ("is_active",)],
    "RunModel": [("automation_id",), ("correlation_id",), ("started_at", "status"), ("is_active",), ("status",)],
    "BatchExecutionModel": [("run_id",), ("batch_id",), ("status",), ("is_active",)],
    "ItemExecutionModel": [("run_id",), ("batch_execution_id",), ("status",), ("item_id",), ("is_active",)],
    "ItemStateHistoryModel": [("item_execution_id",), ("item_execution_id", "changed_at")],
    "EngineModel": [("is_active",)],
    "OrchestrationInstanceModel": [("engine_id",), ("status", "started_at"), ("is_active",), ("status",)],
    "RunOrchestrationModel": [("run_id",), ("orchestration_instance_id",), ("is_active",)],
}

UNIQUE = {
    "AutomationModel": [("ix_automation_name_active", ("tenant_id", "name"), "is_active")],
    "BatchModel": [("uq_batch_automation_id_name", ("automation_id", "name"), "is_active")],
    "ItemModel": [("uq_item_batch_id_sequence_number", ("batch_id", "sequence_number"), "is_active")],
    "BatchExecutionModel": [("uq_batch_execution_run_id_batch_id", ("run_id", "batch_id"), None)],
    "ItemExecutionModel": [("uq_item_execution_run_id_item_id", ("run_id", "item_id"), None)],
    "ItemStateHistoryModel": [
        ("uq_item_state_history_item_execution_id_seq", ("item_execution_id", "seq"), None),
    ],
    "EngineModel": [("uq_engine_tenant_id_name", ("tenant_id", "name"), "is_active")],
    "OrchestrationInstanceModel": [
        ("uq_orchestration_instance_engine_id_external_id", ("engine_id", "external_id"), None),
    ],
    "RunOrchestrationModel": [
        (
            "uq_run_orchestration_run_id_orchestration_instance_id",
            ("run_id", "orchestration_instance_id"),
            None,
        ),
    ],
}

# Parent, its collection, child, the child's way back, the child's foreign key.
CASCADES = [
    ("AutomationModel", "batches", "BatchModel", "automation", "automation_id"),
    ("AutomationModel", "runs", "RunModel", "automation", "automation_id"),
    ("BatchModel", "items", "ItemModel", "batch", "batch_id"),
    ("BatchModel", "executions", "BatchExecutionModel", "batch", "batch_id"),
    ("RunModel", "batch_executions", "BatchExecutionModel", "run", "run_id"),
    ("RunModel", "item_executions", "ItemExecutionModel", "run", "run_id"),
    ("RunModel", "orchestration", "RunOrchestrationModel", "run", "run_id"),
    ("BatchExecutionModel", "item_executions", "ItemExecutionModel", "batch_execution", "batch_execution_id"),
    ("ItemExecutionModel", "state_history", "ItemStateHistoryModel", "item_execution", "item_execution_id"),
    ("EngineModel", "instances", "OrchestrationInstanceModel", "engine", "engine_id"),
    (
        "OrchestrationInstanceModel",
        "runs",
        "RunOrchestrationModel",
        "orchestration_instance",
        "orchestration_instance_id",
    ),
]


def model(name: str) -> type[Base]:
    return getattr(baton_models, name)


def table(name: str) -> Table:
    return model(name).__table__


def relationship(model_name: str, attribute: str) -> RelationshipProperty:
    configure_mappers()
    return model(model_name).__mapper__.relationships[attribute]


@pytest.mark.parametrize(
    ("name", "column", "kind", "nullable", "default"),
    [(name, *row) for name, rows in COLUMNS.items() for row in rows],
    ids=[f"{name}.{row[0]}" for name, rows in COLUMNS.items() for row in rows],
)
def test_a_column_is_as_the_document_says(name, column, kind, nullable, default):
    found = table(name).c[column]
    given = None if found.server_default is None else str(found.server_default.arg)
    assert (found.type.compile(DIALECT), found.nullable, given) == (kind, nullable, default)


@pytest.mark.parametrize(
    ("name", "columns"), [(name, columns) for name, rows in INDEXES.items() for columns in rows], ids=str
)
def test_an_index_of_the_document_exists(name, columns):
    whole = {
        tuple(c.name for c in i.columns)
        for i in table(name).indexes
        if i.dialect_options["postgresql"]["where"] is None
    }
    assert columns in whole


@pytest.mark.parametrize(
    ("name", "constraint"), [(name, row) for name, rows in UNIQUE.items() for row in rows], ids=str
)
def test_a_unique_rule_of_the_document_exists(name, constraint):
    assert constraint in unique_rules(table(name))


def unique_rules(of: Table) -> set[tuple[str, tuple[str, ...], str | None]]:
    constraints = [c for c in of.constraints if isinstance(c, UniqueConstraint)]
    indexes = [i for i in of.indexes if i.unique]
    return {(str(rule.name), tuple(c.name for c in rule.columns), predicate(rule)) for rule in [*constraints, *indexes]}


def predicate(rule: UniqueConstraint | Index) -> str | None:
    where = rule.dialect_options["postgresql"]["where"] if isinstance(rule, Index) else None
    return None if where is None else str(where)


@pytest.mark.parametrize(("parent", "collection", "child", "back", "key"), CASCADES, ids=str)
def test_a_cascade_of_the_document_goes_through_orm_and_database(parent, collection, child, back, key):
    down = relationship(parent, collection)
    up = relationship(child, back)
    (foreign_key,) = table(child).c[key].foreign_keys
    assert down.mapper.class_ is model(child)
    assert down.back_populates == back
    assert up.back_populates == collection
    assert down.cascade.delete
    assert down.cascade.delete_orphan
    assert foreign_key.ondelete == "CASCADE"
    assert foreign_key.column is table(parent).c.id


def test_items_of_a_batch_come_in_their_order():
    (order,) = relationship("BatchModel", "items").order_by
    assert order.name == "sequence_number"


@pytest.mark.parametrize("name", [name for name, rows in COLUMNS.items() if VERSION[0] in rows])
def test_every_versioned_model_compares_its_version(name):
    mapper = model(name).__mapper__
    assert mapper.version_id_col is table(name).c.version


def test_history_has_neither_version_nor_soft_delete():
    assert {"version", "is_active", "updated_at", "updated_by"}.isdisjoint(table("ItemStateHistoryModel").c.keys())


def test_table_names_are_singular_and_models_end_in_model():
    configure_mappers()
    models = {mapper.class_.__name__ for mapper in Base.registry.mappers}
    assert all(name.endswith("Model") for name in models)
    assert {table(name).name for name in COLUMNS} == {
        "automation",
        "batch",
        "item",
        "run",
        "batch_execution",
        "item_execution",
        "item_state_history",
        "engine",
        "orchestration_instance",
        "run_orchestration",
    }
