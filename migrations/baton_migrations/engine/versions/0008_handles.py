"""Executions that an engine made itself from one request, and handles to be followed."""

import sqlalchemy as sa
from alembic import op

revision = "0008_handles"
down_revision = "0007_run_history"
branch_labels = None
depends_on = None

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "0.1.0"


def upgrade() -> None:
    """Executions that an engine made itself from one request, and handles to be followed."""
    op.add_column("orchestration_instance", sa.Column("duplicate_of_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_orchestration_instance_duplicate_of_id"),
        "orchestration_instance",
        "orchestration_instance",
        ["duplicate_of_id"],
        ["id"],
        ondelete="CASCADE",
    )
    op.create_index(
        op.f("ix_orchestration_instance_duplicate_of_id"),
        "orchestration_instance",
        ["duplicate_of_id"],
        postgresql_where=sa.text("duplicate_of_id IS NOT NULL"),
    )
    op.create_index(
        op.f("ix_dispatch_attempt_handles"),
        "dispatch_attempt",
        ["engine_id", "next_poll_at"],
        postgresql_where=sa.text("state = 'ENQUEUED'"),
    )
