"""Runs, their counters, batches and items."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003_executions"
down_revision = "0002_definitions"
branch_labels = None
depends_on = None

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "0.1.0"

EXECUTION_STATUS = postgresql.ENUM(
    "PENDING",
    "PROCESSING",
    "COMPLETED",
    "FAILED",
    "CANCELLED",
    "SKIPPED",
    "RETRYING",
    name="execution_status",
    create_type=False,
)


def upgrade() -> None:
    """Runs, their counters, batches and items."""
    _run()
    _run_indexes()
    _run_progress()
    _batch_execution()
    _batch_execution_indexes()
    _item_execution()
    _item_execution_indexes()


def _run() -> None:
    op.create_table(
        "run",
        sa.Column("automation_id", sa.Uuid(), nullable=False),
        sa.Column("definition_id", sa.Uuid(), nullable=True),
        sa.Column("engine_id", sa.Uuid(), nullable=True),
        sa.Column("tenant_id", sa.String(length=63), server_default=sa.text("''"), nullable=False),
        sa.Column("uid", sa.String(length=63), nullable=True),
        sa.Column("generation", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("name", sa.String(length=200), server_default=sa.text("''"), nullable=False),
        sa.Column("correlation_id", sa.String(length=100), nullable=True),
        sa.Column("cancellation_reason", sa.Text(), nullable=True),
        sa.Column("error_summary", sa.Text(), nullable=True),
        sa.Column("native_status", sa.String(length=100), nullable=True),
        sa.Column("per", sa.String(length=10), server_default=sa.text("'Run'"), nullable=False),
        sa.Column("state", sa.String(length=10), server_default=sa.text("'Active'"), nullable=False),
        sa.Column("max_parallel", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("sequential", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("max_failures", sa.Integer(), nullable=True),
        sa.Column("max_attempts", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("accepted_reason", sa.String(length=50), server_default=sa.text("'Accepted'"), nullable=False),
        sa.Column("accepted_message", sa.Text(), nullable=True),
        sa.Column(
            "parameters", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("priority", sa.Integer(), server_default=sa.text("100"), nullable=False),
        sa.Column("token_hex", sa.String(length=32), nullable=True),
        sa.Column("released_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("submitted_before", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("counted", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("queue_deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("run_timeout_seconds", sa.Integer(), nullable=True),
        sa.Column("cancel_timeout_seconds", sa.Integer(), server_default=sa.text("300"), nullable=False),
        sa.Column("deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_cause", sa.String(length=20), nullable=True),
        sa.Column("cr_deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("parent_run_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(length=50), nullable=True),
        sa.Column("trace_context", sa.String(length=100), nullable=True),
        sa.Column("project_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("project_lease", sa.DateTime(timezone=True), nullable=True),
        sa.Column("projected_version", sa.Integer(), nullable=True),
        sa.Column("projected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shown", sa.String(length=64), nullable=True),
        sa.Column("status", EXECUTION_STATUS, nullable=False),
        sa.Column("status_reason", sa.String(length=50), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("updated_by", sa.String(length=100), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["automation_id"], ["automation.id"], name=op.f("fk_run_automation_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["definition_id"], ["workflow_definitions.id"], name=op.f("fk_run_definition_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["engine_id"], ["engine.id"], name=op.f("fk_run_engine_id"), ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["parent_run_id"], ["run.id"], name=op.f("fk_run_parent_run_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run")),
        sa.UniqueConstraint("uid", name=op.f("uq_run_uid")),
    )


def _run_indexes() -> None:
    op.create_index(op.f("ix_run_automation_id"), "run", ["automation_id"], unique=False)
    op.create_index(op.f("ix_run_correlation_id"), "run", ["correlation_id"], unique=False)
    op.create_index(
        "ix_run_deadline_at",
        "run",
        ["deadline_at"],
        unique=False,
        postgresql_where=sa.text("deadline_at IS NOT NULL AND status IN ('PROCESSING', 'RETRYING')"),
    )
    op.create_index(op.f("ix_run_definition_id"), "run", ["definition_id"], unique=False)
    op.create_index(op.f("ix_run_engine_id"), "run", ["engine_id"], unique=False)
    op.create_index(op.f("ix_run_is_active"), "run", ["is_active"], unique=False)
    op.create_index(
        "ix_run_open",
        "run",
        ["automation_id", "priority", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('PENDING', 'PROCESSING', 'RETRYING')"),
    )
    op.create_index(
        "ix_run_project_at", "run", ["project_at"], unique=False, postgresql_where=sa.text("project_at IS NOT NULL")
    )
    op.create_index(
        "ix_run_queue_deadline_at",
        "run",
        ["queue_deadline_at"],
        unique=False,
        postgresql_where=sa.text("queue_deadline_at IS NOT NULL AND status = 'PENDING'"),
    )
    op.create_index("ix_run_started_at_status", "run", ["started_at", "status"], unique=False)
    op.create_index(op.f("ix_run_status"), "run", ["status"], unique=False)
    op.create_index("ix_run_tenant_id_name", "run", ["tenant_id", "name"], unique=False)
    op.create_index(
        "ix_run_uncounted",
        "run",
        ["finished_at"],
        unique=False,
        postgresql_where=sa.text("finished_at IS NOT NULL AND NOT counted"),
    )
    op.create_index(
        "uq_run_parent_run_id",
        "run",
        ["parent_run_id"],
        unique=True,
        postgresql_where=sa.text("parent_run_id IS NOT NULL"),
    )


def _run_progress() -> None:
    op.create_table(
        "run_progress",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("units", sa.String(length=10), nullable=False),
        sa.Column("total", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("pending", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("running", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("completed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failed", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("cancelled", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("skipped", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_progress_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_progress")),
        sa.UniqueConstraint("run_id", name=op.f("uq_run_progress_run_id")),
    )


def _batch_execution() -> None:
    op.create_table(
        "batch_execution",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("token_hex", sa.String(length=32), nullable=True),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.Column("result_payload", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("status", EXECUTION_STATUS, nullable=False),
        sa.Column("status_reason", sa.String(length=50), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("updated_by", sa.String(length=100), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_id"], ["batch.id"], name=op.f("fk_batch_execution_batch_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_batch_execution_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_execution")),
        sa.UniqueConstraint("run_id", "batch_id", name=op.f("uq_batch_execution_run_id_batch_id")),
    )


def _batch_execution_indexes() -> None:
    op.create_index(op.f("ix_batch_execution_batch_id"), "batch_execution", ["batch_id"], unique=False)
    op.create_index(op.f("ix_batch_execution_is_active"), "batch_execution", ["is_active"], unique=False)
    op.create_index(op.f("ix_batch_execution_run_id"), "batch_execution", ["run_id"], unique=False)
    op.create_index(op.f("ix_batch_execution_status"), "batch_execution", ["status"], unique=False)


def _item_execution() -> None:
    op.create_table(
        "item_execution",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("batch_execution_id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("sequence_number", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("token_hex", sa.String(length=32), nullable=True),
        sa.Column("result_payload", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error_message", sa.String(), nullable=True),
        sa.Column("status", EXECUTION_STATUS, nullable=False),
        sa.Column("status_reason", sa.String(length=50), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("max_attempts", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("updated_by", sa.String(length=100), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_execution_id"],
            ["batch_execution.id"],
            name=op.f("fk_item_execution_batch_execution_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_item_execution_item_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_item_execution_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_execution")),
        sa.UniqueConstraint("run_id", "item_id", name=op.f("uq_item_execution_run_id_item_id")),
    )


def _item_execution_indexes() -> None:
    op.create_index(
        op.f("ix_item_execution_batch_execution_id"), "item_execution", ["batch_execution_id"], unique=False
    )
    op.create_index(op.f("ix_item_execution_is_active"), "item_execution", ["is_active"], unique=False)
    op.create_index(op.f("ix_item_execution_item_id"), "item_execution", ["item_id"], unique=False)
    op.create_index(
        "ix_item_execution_open",
        "item_execution",
        ["run_id", "batch_execution_id", "sequence_number"],
        unique=False,
        postgresql_where=sa.text("status IN ('PENDING', 'PROCESSING', 'RETRYING')"),
    )
    op.create_index(op.f("ix_item_execution_run_id"), "item_execution", ["run_id"], unique=False)
    op.create_index(op.f("ix_item_execution_status"), "item_execution", ["status"], unique=False)
