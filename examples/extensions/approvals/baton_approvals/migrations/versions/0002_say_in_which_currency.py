"""Say in which currency."""

import sqlalchemy as sa
from alembic import op

revision = "0002_say_in_which_currency"
down_revision = "0001_requests"
branch_labels = None
depends_on = None

#: The oldest release of this package that works with the tables as they are after this revision.
readable_since = "0.1.0"


def upgrade() -> None:
    """Say in which currency."""
    op.add_column(
        "ext_approvals_purchase_request",
        sa.Column("currency", sa.String(length=3), server_default=sa.text("'EUR'"), nullable=False),
    )
