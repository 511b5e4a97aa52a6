"""How often a task has begun anew after the death of its worker."""

import sqlalchemy as sa
from alembic import op

revision = "0011_crashes"
down_revision = "0010_deletion"
branch_labels = None
depends_on = None

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "0.1.0"


def upgrade() -> None:
    """How often a task has begun anew after the death of its worker."""
    op.add_column("embedded_task", sa.Column("crashes", sa.SmallInteger(), server_default=sa.text("0"), nullable=False))
