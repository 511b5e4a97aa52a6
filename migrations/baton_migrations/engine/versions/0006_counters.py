"""Counters of runs, kept by triggers over their batches and items."""

from alembic import op

revision = "0006_counters"
down_revision = "0005_history"
branch_labels = None
depends_on = None

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "0.1.0"


#: Functions and triggers, in their order.
STATEMENTS = (
    """
CREATE OR REPLACE FUNCTION baton_batch_execution_counted() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  WITH moved AS MATERIALIZED (
    SELECT run_id, sum(n) AS total,
           sum(n) FILTER (WHERE status = 'PENDING') AS pending,
           sum(n) FILTER (WHERE status IN ('PROCESSING', 'RETRYING')) AS running,
           sum(n) FILTER (WHERE status = 'COMPLETED') AS completed,
           sum(n) FILTER (WHERE status = 'FAILED') AS failed,
           sum(n) FILTER (WHERE status = 'CANCELLED') AS cancelled,
           sum(n) FILTER (WHERE status = 'SKIPPED') AS skipped
    FROM (SELECT run_id, status, 1 AS n FROM new_rows) AS r
    GROUP BY run_id
  ), locked AS MATERIALIZED (
    SELECT p.id, m.* FROM moved m JOIN run_progress p ON p.run_id = m.run_id AND p.units = 'Batch'
    WHERE m.total <> 0 OR m.pending <> 0 OR m.running <> 0 OR m.completed <> 0 OR m.failed <> 0
       OR m.cancelled <> 0 OR m.skipped <> 0
    ORDER BY p.run_id FOR NO KEY UPDATE OF p
  )
  UPDATE run_progress p
  SET version = p.version + 1,
      total = p.total + l.total,
      pending = p.pending + coalesce(l.pending, 0),
      running = p.running + coalesce(l.running, 0),
      completed = p.completed + coalesce(l.completed, 0),
      failed = p.failed + coalesce(l.failed, 0),
      cancelled = p.cancelled + coalesce(l.cancelled, 0),
      skipped = p.skipped + coalesce(l.skipped, 0)
  FROM locked l WHERE p.id = l.id;
  RETURN NULL;
END
$$
""",
    """
CREATE OR REPLACE FUNCTION baton_batch_execution_recounted() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  WITH moved AS MATERIALIZED (
    SELECT run_id, sum(n) AS total,
           sum(n) FILTER (WHERE status = 'PENDING') AS pending,
           sum(n) FILTER (WHERE status IN ('PROCESSING', 'RETRYING')) AS running,
           sum(n) FILTER (WHERE status = 'COMPLETED') AS completed,
           sum(n) FILTER (WHERE status = 'FAILED') AS failed,
           sum(n) FILTER (WHERE status = 'CANCELLED') AS cancelled,
           sum(n) FILTER (WHERE status = 'SKIPPED') AS skipped
    FROM (SELECT run_id, status, 1 AS n FROM new_rows UNION ALL SELECT run_id, status, -1 FROM old_rows) AS r
    GROUP BY run_id
  ), locked AS MATERIALIZED (
    SELECT p.id, m.* FROM moved m JOIN run_progress p ON p.run_id = m.run_id AND p.units = 'Batch'
    WHERE m.total <> 0 OR m.pending <> 0 OR m.running <> 0 OR m.completed <> 0 OR m.failed <> 0
       OR m.cancelled <> 0 OR m.skipped <> 0
    ORDER BY p.run_id FOR NO KEY UPDATE OF p
  )
  UPDATE run_progress p
  SET version = p.version + 1,
      total = p.total + l.total,
      pending = p.pending + coalesce(l.pending, 0),
      running = p.running + coalesce(l.running, 0),
      completed = p.completed + coalesce(l.completed, 0),
      failed = p.failed + coalesce(l.failed, 0),
      cancelled = p.cancelled + coalesce(l.cancelled, 0),
      skipped = p.skipped + coalesce(l.skipped, 0)
  FROM locked l WHERE p.id = l.id;
  RETURN NULL;
END
$$
""",
    """
CREATE OR REPLACE TRIGGER baton_batch_execution_counted
AFTER INSERT ON batch_execution
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION baton_batch_execution_counted()
""",
    """
CREATE OR REPLACE TRIGGER baton_batch_execution_recounted
AFTER UPDATE ON batch_execution
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION baton_batch_execution_recounted()
""",
    """
CREATE OR REPLACE FUNCTION baton_item_execution_counted() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  WITH moved AS MATERIALIZED (
    SELECT run_id, sum(n) AS total,
           sum(n) FILTER (WHERE status = 'PENDING') AS pending,
           sum(n) FILTER (WHERE status IN ('PROCESSING', 'RETRYING')) AS running,
           sum(n) FILTER (WHERE status = 'COMPLETED') AS completed,
           sum(n) FILTER (WHERE status = 'FAILED') AS failed,
           sum(n) FILTER (WHERE status = 'CANCELLED') AS cancelled,
           sum(n) FILTER (WHERE status = 'SKIPPED') AS skipped
    FROM (SELECT run_id, status, 1 AS n FROM new_rows) AS r
    GROUP BY run_id
  ), locked AS MATERIALIZED (
    SELECT p.id, m.* FROM moved m JOIN run_progress p ON p.run_id = m.run_id AND p.units = 'Item'
    WHERE m.total <> 0 OR m.pending <> 0 OR m.running <> 0 OR m.completed <> 0 OR m.failed <> 0
       OR m.cancelled <> 0 OR m.skipped <> 0
    ORDER BY p.run_id FOR NO KEY UPDATE OF p
  )
  UPDATE run_progress p
  SET version = p.version + 1,
      total = p.total + l.total,
      pending = p.pending + coalesce(l.pending, 0),
      running = p.running + coalesce(l.running, 0),
      completed = p.completed + coalesce(l.completed, 0),
      failed = p.failed + coalesce(l.failed, 0),
      cancelled = p.cancelled + coalesce(l.cancelled, 0),
      skipped = p.skipped + coalesce(l.skipped, 0)
  FROM locked l WHERE p.id = l.id;
  RETURN NULL;
END
$$
""",
    """
CREATE OR REPLACE FUNCTION baton_item_execution_recounted() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  WITH moved AS MATERIALIZED (
    SELECT run_id, sum(n) AS total,
           sum(n) FILTER (WHERE status = 'PENDING') AS pending,
           sum(n) FILTER (WHERE status IN ('PROCESSING', 'RETRYING')) AS running,
           sum(n) FILTER (WHERE status = 'COMPLETED') AS completed,
           sum(n) FILTER (WHERE status = 'FAILED') AS failed,
           sum(n) FILTER (WHERE status = 'CANCELLED') AS cancelled,
           sum(n) FILTER (WHERE status = 'SKIPPED') AS skipped
    FROM (SELECT run_id, status, 1 AS n FROM new_rows UNION ALL SELECT run_id, status, -1 FROM old_rows) AS r
    GROUP BY run_id
  ), locked AS MATERIALIZED (
    SELECT p.id, m.* FROM moved m JOIN run_progress p ON p.run_id = m.run_id AND p.units = 'Item'
    WHERE m.total <> 0 OR m.pending <> 0 OR m.running <> 0 OR m.completed <> 0 OR m.failed <> 0
       OR m.cancelled <> 0 OR m.skipped <> 0
    ORDER BY p.run_id FOR NO KEY UPDATE OF p
  )
  UPDATE run_progress p
  SET version = p.version + 1,
      total = p.total + l.total,
      pending = p.pending + coalesce(l.pending, 0),
      running = p.running + coalesce(l.running, 0),
      completed = p.completed + coalesce(l.completed, 0),
      failed = p.failed + coalesce(l.failed, 0),
      cancelled = p.cancelled + coalesce(l.cancelled, 0),
      skipped = p.skipped + coalesce(l.skipped, 0)
  FROM locked l WHERE p.id = l.id;
  RETURN NULL;
END
$$
""",
    """
CREATE OR REPLACE TRIGGER baton_item_execution_counted
AFTER INSERT ON item_execution
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION baton_item_execution_counted()
""",
    """
CREATE OR REPLACE TRIGGER baton_item_execution_recounted
AFTER UPDATE ON item_execution
REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION baton_item_execution_recounted()
""",
)


def upgrade() -> None:
    """Counters of runs, kept by triggers over their batches and items."""
    for statement in STATEMENTS:
        op.execute(statement)
