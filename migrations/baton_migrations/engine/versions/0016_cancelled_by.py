"""Whoever asked for a cancel is named in the history when it ends what it was asked for."""

import sqlalchemy as sa
from alembic import op

revision = "0016_cancelled_by"
down_revision = "0015_lives"
branch_labels = None
depends_on = None

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "0.1.0"

#: Functions of triggers that stand already. Where an older release took the request, nobody is named, as before.
STATEMENTS = (
    """
CREATE OR REPLACE FUNCTION baton_run_state_history_moved() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  INSERT INTO run_state_history
    (run_id, seq, previous_status, new_status, reason, changed_at, created_by)
  SELECT n.id, coalesce(l.seq, 0) + 1, l.new_status, n.status, n.status_reason,
         greatest(l.changed_at, clock_timestamp()), coalesce(
           left(NULLIF(current_setting('baton.actor', true), ''), 100),
           CASE WHEN n.status = 'CANCELLED' THEN n.cancel_requested_by END)
  FROM new_rows n
  LEFT JOIN LATERAL (
    SELECT h.seq, h.new_status, h.changed_at FROM run_state_history h
    WHERE h.run_id = n.id ORDER BY h.seq DESC LIMIT 1
  ) l ON true
  WHERE l.new_status IS DISTINCT FROM n.status;
  RETURN NULL;
END
$$
""",
    """
CREATE OR REPLACE FUNCTION baton_item_state_history_moved() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  INSERT INTO item_state_history
    (item_execution_id, seq, previous_status, new_status, reason, changed_at, created_by)
  SELECT n.id, coalesce(l.seq, 0) + 1, l.new_status, n.status, n.status_reason,
         greatest(l.changed_at, clock_timestamp()), coalesce(
           left(NULLIF(current_setting('baton.actor', true), ''), 100),
           CASE WHEN n.status = 'CANCELLED' THEN (SELECT r.cancel_requested_by FROM run r WHERE r.id = n.run_id) END)
  FROM new_rows n
  LEFT JOIN LATERAL (
    SELECT h.seq, h.new_status, h.changed_at FROM item_state_history h
    WHERE h.item_execution_id = n.id ORDER BY h.seq DESC LIMIT 1
  ) l ON true
  WHERE l.new_status IS DISTINCT FROM n.status;
  RETURN NULL;
END
$$
""",
)


def upgrade() -> None:
    """Whoever asked for a cancel is named in the history when it ends what it was asked for."""
    op.add_column("run", sa.Column("cancel_requested_by", sa.String(length=100), nullable=True))
    for statement in STATEMENTS:
        op.execute(statement)
