"""Requests."""

import sqlalchemy as sa
from alembic import op

revision = "0001_requests"
down_revision = None
branch_labels = None
depends_on = None

#: The oldest release of this package that works with the tables as they are after this revision.
readable_since = "0.1.0"


def upgrade() -> None:
    """Requests."""
    op.create_table(
        "ext_approvals_purchase_request",
        sa.Column("workflow_instance_id", sa.Uuid(), server_default=sa.text("baton_current_run()"), nullable=False),
        sa.Column("parent_workflow_instance_id", sa.Uuid(), nullable=True),
        sa.Column("child_workflow_instance_id", sa.Uuid(), nullable=True),
        sa.Column("action", sa.String(length=50), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("item", sa.String(length=200), nullable=False),
        sa.Column("amount", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("decided_by", sa.String(length=100), nullable=True),
        sa.ForeignKeyConstraint(
            ["parent_workflow_instance_id"],
            ["ext_approvals_purchase_request.workflow_instance_id"],
            name=op.f("fk_ext_approvals_purchase_request_parent_workflow_instance_id"),
        ),
        sa.PrimaryKeyConstraint("workflow_instance_id", name=op.f("pk_ext_approvals_purchase_request")),
        sa.UniqueConstraint(
            "parent_workflow_instance_id", name=op.f("uq_ext_approvals_purchase_request_parent_workflow_instance_id")
        ),
    )
