"""Why the engine refused the last send of an attempt, while nobody knows what became of the earlier ones."""

import sqlalchemy as sa
from alembic import op

revision = "0017_refusal"
down_revision = "0016_cancelled_by"
branch_labels = None
depends_on = None

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "0.1.0"


def upgrade() -> None:
    """Why the engine refused the last send of an attempt, while nobody knows what became of the earlier ones."""
    op.add_column("dispatch_attempt", sa.Column("refusal", sa.Text(), nullable=True))
