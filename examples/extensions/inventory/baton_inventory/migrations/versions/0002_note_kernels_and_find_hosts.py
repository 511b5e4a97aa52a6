"""Note kernels and find hosts by region."""

import sqlalchemy as sa
from alembic import op

revision = "0002_note_kernels_and_find_hosts"
down_revision = "0001_hosts_and_scans"
branch_labels = None
depends_on = None

#: The oldest release of this package that works with the tables as they are after this revision.
readable_since = "0.1.0"


def upgrade() -> None:
    """Note kernels and find hosts by region."""
    op.add_column("ext_inventory_host", sa.Column("kernel", sa.String(length=50), nullable=True))
    op.create_index("ix_ext_inventory_host_region", "ext_inventory_host", ["region"], unique=False)
