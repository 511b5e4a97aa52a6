"""What engines execute for us, attempts to hand over, and the queue of Baton's own engine."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004_handover"
down_revision = "0003_executions"
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
ATTEMPT_STATE = postgresql.ENUM(
    "INTENT",
    "SENT",
    "ENQUEUED",
    "ACKED",
    "AMBIGUOUS",
    "HALTED",
    "REJECTED",
    "CLOSED",
    name="attempt_state",
    create_type=False,
)


def upgrade() -> None:
    """What engines execute for us, attempts to hand over, and the queue of Baton's own engine."""
    _orchestration_instance()
    _orchestration_instance_indexes()
    _run_orchestration()
    _run_orchestration_indexes()
    _dispatch_attempt()
    _dispatch_attempt_indexes()
    _embedded_task()
    _embedded_task_indexes()


def _orchestration_instance() -> None:
    op.create_table(
        "orchestration_instance",
        sa.Column("engine_id", sa.Uuid(), nullable=False),
        sa.Column("external_id", sa.String(length=200), nullable=False),
        sa.Column("duration_seconds", sa.Integer(), nullable=True),
        sa.Column("instance_metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("native_status", sa.String(length=100), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lost_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("reopened_at", sa.DateTime(timezone=True), nullable=True),
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
            ["engine_id"], ["engine.id"], name=op.f("fk_orchestration_instance_engine_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orchestration_instance")),
        sa.UniqueConstraint("engine_id", "external_id", name=op.f("uq_orchestration_instance_engine_id_external_id")),
    )


def _orchestration_instance_indexes() -> None:
    op.create_index(op.f("ix_orchestration_instance_engine_id"), "orchestration_instance", ["engine_id"], unique=False)
    op.create_index(op.f("ix_orchestration_instance_is_active"), "orchestration_instance", ["is_active"], unique=False)
    op.create_index(
        "ix_orchestration_instance_live",
        "orchestration_instance",
        ["engine_id", "next_poll_at"],
        unique=False,
        postgresql_where=sa.text("status IN ('PENDING', 'PROCESSING', 'RETRYING')"),
    )
    op.create_index(op.f("ix_orchestration_instance_status"), "orchestration_instance", ["status"], unique=False)
    op.create_index(
        "ix_orchestration_instance_status_started_at", "orchestration_instance", ["status", "started_at"], unique=False
    )


def _run_orchestration() -> None:
    op.create_table(
        "run_orchestration",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("orchestration_instance_id", sa.Uuid(), nullable=False),
        sa.Column("attached_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("updated_by", sa.String(length=100), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["orchestration_instance_id"],
            ["orchestration_instance.id"],
            name=op.f("fk_run_orchestration_orchestration_instance_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_orchestration_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_orchestration")),
        sa.UniqueConstraint(
            "run_id", "orchestration_instance_id", name=op.f("uq_run_orchestration_run_id_orchestration_instance_id")
        ),
    )


def _run_orchestration_indexes() -> None:
    op.create_index(op.f("ix_run_orchestration_is_active"), "run_orchestration", ["is_active"], unique=False)
    op.create_index(
        op.f("ix_run_orchestration_orchestration_instance_id"),
        "run_orchestration",
        ["orchestration_instance_id"],
        unique=False,
    )
    op.create_index(op.f("ix_run_orchestration_run_id"), "run_orchestration", ["run_id"], unique=False)


def _dispatch_attempt() -> None:
    op.create_table(
        "dispatch_attempt",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("batch_execution_id", sa.Uuid(), nullable=True),
        sa.Column("item_execution_id", sa.Uuid(), nullable=True),
        sa.Column("engine_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.String(length=63), server_default=sa.text("''"), nullable=False),
        sa.Column("attempt_no", sa.Integer(), nullable=False),
        sa.Column("token", sa.String(length=45), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("state", ATTEMPT_STATE, server_default=sa.text("'INTENT'"), nullable=False),
        sa.Column("priority", sa.SmallInteger(), server_default=sa.text("100"), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_token", sa.Uuid(), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sends", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("first_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("visible_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("evidence_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("engine_epoch", sa.String(length=100), nullable=True),
        sa.Column("absences", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handle", sa.Text(), nullable=True),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("orchestration_instance_id", sa.Uuid(), nullable=True),
        sa.Column("http_status", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_due_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_deadline_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("settled", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["batch_execution_id"],
            ["batch_execution.id"],
            name=op.f("fk_dispatch_attempt_batch_execution_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["engine_id"], ["engine.id"], name=op.f("fk_dispatch_attempt_engine_id"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["item_execution_id"],
            ["item_execution.id"],
            name=op.f("fk_dispatch_attempt_item_execution_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["orchestration_instance_id"],
            ["orchestration_instance.id"],
            name=op.f("fk_dispatch_attempt_orchestration_instance_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_dispatch_attempt_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispatch_attempt")),
        sa.UniqueConstraint(
            "run_id",
            "batch_execution_id",
            "item_execution_id",
            "attempt_no",
            name="uq_dispatch_attempt_unit_attempt_no",
            postgresql_nulls_not_distinct=True,
        ),
        sa.UniqueConstraint("token", name=op.f("uq_dispatch_attempt_token")),
    )


def _dispatch_attempt_indexes() -> None:
    op.create_index(
        op.f("ix_dispatch_attempt_batch_execution_id"), "dispatch_attempt", ["batch_execution_id"], unique=False
    )
    op.create_index(
        "ix_dispatch_attempt_cancel_due_at",
        "dispatch_attempt",
        ["cancel_due_at"],
        unique=False,
        postgresql_where=sa.text("cancel_due_at IS NOT NULL"),
    )
    op.create_index(
        "ix_dispatch_attempt_due",
        "dispatch_attempt",
        ["engine_id", sa.literal_column("priority DESC"), "due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'INTENT'"),
    )
    op.create_index(op.f("ix_dispatch_attempt_engine_id"), "dispatch_attempt", ["engine_id"], unique=False)
    op.create_index(
        "ix_dispatch_attempt_in_flight",
        "dispatch_attempt",
        ["engine_id", "tenant_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('SENT', 'ENQUEUED', 'ACKED', 'AMBIGUOUS', 'HALTED')"),
    )
    op.create_index(
        op.f("ix_dispatch_attempt_item_execution_id"), "dispatch_attempt", ["item_execution_id"], unique=False
    )
    op.create_index(
        op.f("ix_dispatch_attempt_orchestration_instance_id"),
        "dispatch_attempt",
        ["orchestration_instance_id"],
        unique=False,
    )
    op.create_index(
        "ix_dispatch_attempt_unclear",
        "dispatch_attempt",
        ["engine_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('SENT', 'AMBIGUOUS')"),
    )


def _embedded_task() -> None:
    op.create_table(
        "embedded_task",
        sa.Column("engine_id", sa.Uuid(), nullable=False),
        sa.Column("token", sa.String(length=45), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("task", sa.String(length=200), nullable=False),
        sa.Column("arguments", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("state", sa.String(length=10), server_default=sa.text("'queued'"), nullable=False),
        sa.Column("worker", sa.String(length=200), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("on_crash", sa.String(length=10), server_default=sa.text("'fail'"), nullable=False),
        sa.Column("timeout_seconds", sa.Integer(), nullable=True),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("logs", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["engine_id"], ["engine.id"], name=op.f("fk_embedded_task_engine_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_embedded_task")),
        sa.UniqueConstraint("token", name=op.f("uq_embedded_task_token")),
    )


def _embedded_task_indexes() -> None:
    op.create_index(op.f("ix_embedded_task_engine_id"), "embedded_task", ["engine_id"], unique=False)
    op.create_index(
        "ix_embedded_task_queued",
        "embedded_task",
        ["engine_id", "id"],
        unique=False,
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_embedded_task_running",
        "embedded_task",
        ["lease_until"],
        unique=False,
        postgresql_where=sa.text("state = 'running'"),
    )
