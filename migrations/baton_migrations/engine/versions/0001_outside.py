"""Engines, what is known of them, and which release works with which revision."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001_outside"
down_revision = None
branch_labels = None
depends_on = None

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "0.1.0"


def upgrade() -> None:
    """Engines, what is known of them, and which release works with which revision."""
    op.execute("""
CREATE OR REPLACE FUNCTION baton_uuid7() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT (overlay(lpad(to_hex(floor(date_part('epoch', clock_timestamp()) * 4096000)::bigint), 15, '0')
                  PLACING '7' FROM 13 FOR 0)
          || substr(gen_random_uuid()::text, 20))::uuid
$$
""")
    op.execute("""
CREATE TYPE execution_status AS ENUM
  ('PENDING', 'PROCESSING', 'COMPLETED', 'FAILED', 'CANCELLED', 'SKIPPED', 'RETRYING')
""")
    op.execute("""
CREATE TYPE attempt_state AS ENUM ('INTENT', 'SENT', 'ENQUEUED', 'ACKED', 'AMBIGUOUS', 'HALTED', 'REJECTED', 'CLOSED')
""")
    _schema_compat()
    _engine()
    _engine_indexes()
    _engine_health()


def _schema_compat() -> None:
    op.create_table(
        "schema_compat",
        sa.Column("chain", sa.String(length=63), nullable=False),
        sa.Column("revision", sa.String(length=64), nullable=False),
        sa.Column("readable_since", sa.String(length=20), nullable=False),
        sa.Column("applied_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("chain", "revision", name=op.f("pk_schema_compat")),
    )


def _engine() -> None:
    op.create_table(
        "engine",
        sa.Column("tenant_id", sa.String(length=63), server_default=sa.text("''"), nullable=False),
        sa.Column("uid", sa.String(length=63), nullable=True),
        sa.Column("generation", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("type", sa.String(length=50), nullable=False),
        sa.Column(
            "spec", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'::jsonb"), nullable=False
        ),
        sa.Column("suspend", sa.Boolean(), server_default=sa.text("false"), nullable=False),
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
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engine")),
        sa.UniqueConstraint("uid", name=op.f("uq_engine_uid")),
    )


def _engine_indexes() -> None:
    op.create_index(op.f("ix_engine_is_active"), "engine", ["is_active"], unique=False)
    op.create_index(
        "ix_engine_project_at",
        "engine",
        ["project_at"],
        unique=False,
        postgresql_where=sa.text("project_at IS NOT NULL"),
    )
    op.create_index(
        "uq_engine_tenant_id_name", "engine", ["tenant_id", "name"], unique=True, postgresql_where=sa.text("is_active")
    )


def _engine_health() -> None:
    op.create_table(
        "engine_health",
        sa.Column("engine_id", sa.Uuid(), nullable=False),
        sa.Column("ready_reason", sa.String(length=50), nullable=True),
        sa.Column("authenticated_reason", sa.String(length=50), nullable=True),
        sa.Column("stalled_reason", sa.String(length=50), nullable=True),
        sa.Column("message", sa.Text(), nullable=True),
        sa.Column("native_version", sa.String(length=100), nullable=True),
        sa.Column(
            "capabilities",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'::jsonb"),
            nullable=False,
        ),
        sa.Column("submission_guarantee", sa.String(length=20), nullable=True),
        sa.Column("restart_epoch", sa.String(length=100), nullable=True),
        sa.Column("memory_seconds", sa.Integer(), nullable=True),
        sa.Column("probed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("probe_failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_probe_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("bucket_tokens", sa.Float(), server_default=sa.text("0"), nullable=False),
        sa.Column("bucket_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("circuit_state", sa.String(length=10), server_default=sa.text("'closed'"), nullable=False),
        sa.Column("circuit_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("window_started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("window_requests", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("window_failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("paused_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["engine_id"], ["engine.id"], name=op.f("fk_engine_health_engine_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_engine_health")),
        sa.UniqueConstraint("engine_id", name=op.f("uq_engine_health_engine_id")),
    )
