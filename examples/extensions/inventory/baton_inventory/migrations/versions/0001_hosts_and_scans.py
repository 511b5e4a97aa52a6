"""Hosts and scans."""

import sqlalchemy as sa
from alembic import op

revision = "0001_hosts_and_scans"
down_revision = None
branch_labels = None
depends_on = None

#: The oldest release of this package that works with the tables as they are after this revision.
readable_since = "0.1.0"


def upgrade() -> None:
    """Hosts and scans."""
    op.create_table(
        "ext_inventory_host",
        sa.Column("name", sa.String(length=63), nullable=False),
        sa.Column("region", sa.String(length=20), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("scanned_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ext_inventory_host")),
    )
    op.create_table(
        "ext_inventory_scan_log",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("run_name", sa.String(length=63), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("hosts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_ext_inventory_scan_log")),
    )
