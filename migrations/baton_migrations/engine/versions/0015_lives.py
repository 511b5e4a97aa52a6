"""The lives of the database, and which runs a restore has made uncertain."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015_lives"
down_revision = "0014_monitoring"
branch_labels = None
depends_on = None

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "0.1.0"


def upgrade() -> None:
    """The lives of the database, and which runs a restore has made uncertain."""
    op.create_table(
        "database_life",
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("cause", sa.String(length=20), nullable=False),
        sa.Column("actor", sa.String(length=100), nullable=True),
        sa.Column("identity", sa.String(length=60), nullable=True),
        sa.Column("known_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "epochs",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'::jsonb"),
            nullable=False,
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_database_life")),
        sa.UniqueConstraint("began_at", name=op.f("uq_database_life_began_at")),
    )
    op.add_column("run", sa.Column("restored_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("run", sa.Column("restored_from", sa.DateTime(timezone=True), nullable=True))
    op.add_column("run", sa.Column("doubts", sa.Integer(), server_default=sa.text("0"), nullable=False))
