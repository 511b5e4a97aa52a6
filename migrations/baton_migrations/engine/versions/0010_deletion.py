"""Runs whose work is cancelled when they are deleted, and who holds their objects meanwhile."""

import sqlalchemy as sa
from alembic import op

revision = "0010_deletion"
down_revision = "0009_limits"
branch_labels = None
depends_on = None

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "0.1.0"


def upgrade() -> None:
    """Runs whose work is cancelled when they are deleted, and who holds their objects meanwhile."""
    op.add_column("run", sa.Column("cancel_on_delete", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("run", sa.Column("guard", sa.String(length=10), nullable=True))
    op.add_column("run", sa.Column("guard_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(op.f("ix_run_guard_at"), "run", ["guard_at"], postgresql_where=sa.text("guard IS NOT NULL"))
    op.create_index(
        op.f("ix_run_unguarded"),
        "run",
        ["started_at"],
        postgresql_where=sa.text("cancel_on_delete AND guard IS NULL AND status IN ('PROCESSING', 'RETRYING')"),
    )
