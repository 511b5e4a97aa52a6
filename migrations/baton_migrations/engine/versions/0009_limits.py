"""What replicas share about an engine's limits: whose turn it is, how requests fared, how often it is looked at."""

import sqlalchemy as sa
from alembic import op

revision = "0009_limits"
down_revision = "0008_handles"
branch_labels = None
depends_on = None

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "0.1.0"


def upgrade() -> None:
    """What replicas share about an engine's limits: whose turn it is, how requests fared, how often it is looked at."""
    for name in ("earlier_requests", "earlier_failures", "poll_failures"):
        op.add_column("engine_health", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False))
    for name in ("circuit_opened_at", "moved_at"):
        op.add_column("engine_health", sa.Column(name, sa.DateTime(timezone=True), nullable=True))
    op.add_column("engine_health", sa.Column("last_tenant", sa.String(length=63), nullable=True))
    for table in ("engine", "automation"):
        op.add_column(table, sa.Column("projected_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_dispatch_attempt_waiting",
        "dispatch_attempt",
        ["engine_id", "tenant_id", sa.text("priority DESC"), "due_at"],
        postgresql_where=sa.text("state = 'INTENT'"),
    )
    op.drop_index("ix_dispatch_attempt_due", "dispatch_attempt")
