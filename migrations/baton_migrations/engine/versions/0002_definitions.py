"""Automations, their versions, batches and items."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002_definitions"
down_revision = "0001_outside"
branch_labels = None
depends_on = None

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "0.1.0"


def upgrade() -> None:
    """Automations, their versions, batches and items."""
    _automation()
    _automation_indexes()
    _workflow_definitions()
    _workflow_definitions_indexes()
    _batch()
    _batch_indexes()
    _item()
    _item_indexes()


def _automation() -> None:
    op.create_table(
        "automation",
        sa.Column("tenant_id", sa.String(length=63), server_default=sa.text("''"), nullable=False),
        sa.Column("uid", sa.String(length=63), nullable=True),
        sa.Column("generation", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("batch_schema", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("item_schema", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "spec", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("spec_hash", sa.String(length=64), nullable=True),
        sa.Column("engine_id", sa.Uuid(), nullable=True),
        sa.Column("suspend", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("max_active", sa.Integer(), nullable=True),
        sa.Column("ready_reason", sa.String(length=50), nullable=True),
        sa.Column("ready_message", sa.Text(), nullable=True),
        sa.Column("target_reason", sa.String(length=50), nullable=True),
        sa.Column("target_message", sa.Text(), nullable=True),
        sa.Column("next_check_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("project_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("project_lease", sa.DateTime(timezone=True), nullable=True),
        sa.Column("shown", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("updated_by", sa.String(length=100), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["engine_id"], ["engine.id"], name=op.f("fk_automation_engine_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_automation")),
        sa.UniqueConstraint("uid", name=op.f("uq_automation_uid")),
    )


def _automation_indexes() -> None:
    op.create_index(op.f("ix_automation_engine_id"), "automation", ["engine_id"], unique=False)
    op.create_index(op.f("ix_automation_is_active"), "automation", ["is_active"], unique=False)
    op.create_index(op.f("ix_automation_name"), "automation", ["name"], unique=False)
    op.create_index(
        "ix_automation_name_active",
        "automation",
        ["tenant_id", "name"],
        unique=True,
        postgresql_where=sa.text("is_active"),
    )
    op.create_index(
        "ix_automation_next_check_at",
        "automation",
        ["next_check_at"],
        unique=False,
        postgresql_where=sa.text("is_active"),
    )
    op.create_index(
        "ix_automation_project_at",
        "automation",
        ["project_at"],
        unique=False,
        postgresql_where=sa.text("project_at IS NOT NULL"),
    )


def _workflow_definitions() -> None:
    op.create_table(
        "workflow_definitions",
        sa.Column("automation_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition_json", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("updated_by", sa.String(length=100), nullable=True),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["automation_id"], ["automation.id"], name=op.f("fk_workflow_definitions_automation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workflow_definitions")),
        sa.UniqueConstraint("automation_id", "version", name=op.f("uq_workflow_definitions_automation_id_version")),
    )


def _workflow_definitions_indexes() -> None:
    op.create_index(op.f("ix_workflow_definitions_is_active"), "workflow_definitions", ["is_active"], unique=False)


def _batch() -> None:
    op.create_table(
        "batch",
        sa.Column("automation_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("position", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("content_hash", sa.String(length=64), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("updated_by", sa.String(length=100), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["automation_id"], ["automation.id"], name=op.f("fk_batch_automation_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )


def _batch_indexes() -> None:
    op.create_index(op.f("ix_batch_automation_id"), "batch", ["automation_id"], unique=False)
    op.create_index(op.f("ix_batch_is_active"), "batch", ["is_active"], unique=False)
    op.create_index(
        "uq_batch_automation_id_name",
        "batch",
        ["automation_id", "name"],
        unique=True,
        postgresql_where=sa.text("is_active"),
    )


def _item() -> None:
    op.create_table(
        "item",
        sa.Column("batch_id", sa.Uuid(), nullable=False),
        sa.Column("sequence_number", sa.Integer(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("updated_by", sa.String(length=100), nullable=True),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("is_active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_item_batch_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item")),
    )


def _item_indexes() -> None:
    op.create_index(op.f("ix_item_batch_id"), "item", ["batch_id"], unique=False)
    op.create_index(op.f("ix_item_is_active"), "item", ["is_active"], unique=False)
    op.create_index(
        "uq_item_batch_id_sequence_number",
        "item",
        ["batch_id", "sequence_number"],
        unique=True,
        postgresql_where=sa.text("is_active"),
    )
