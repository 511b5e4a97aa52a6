"""Hooks: tasks that an Automation has called beside its runs, queued by the history's own trigger."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013_hooks"
down_revision = "0012_extensions"
branch_labels = None
depends_on = None

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "0.1.0"

#: The function and its trigger.
STATEMENTS = (
    """
CREATE OR REPLACE FUNCTION baton_hooks_queued() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  INSERT INTO embedded_task (run_id, hook, hook_no, token, fingerprint, task, arguments, on_crash)
  SELECT n.run_id, e.event, n.seq * 3 + e.place,
         left('hook-' || replace(n.run_id::text, '-', '') || '-' || e.letter || n.seq, 45), '',
         left(d.hooks #>> ARRAY[e.event, 'task'], 200),
         jsonb_build_object('event', e.event, 'status', n.new_status, 'previous', n.previous_status,
                            'reason', n.reason, 'seq', n.seq),
         'retry'
  FROM new_rows n
  JOIN run r ON r.id = n.run_id
  JOIN workflow_definitions d ON d.id = r.definition_id
  CROSS JOIN (VALUES ('onStart', 0, 's'), ('onTransition', 1, 't'), ('onFinish', 2, 'f')) AS e(event, place, letter)
  WHERE d.hooks #>> ARRAY[e.event, 'task'] IS NOT NULL AND r.accepted_reason = 'Accepted'
    AND CASE e.event
          WHEN 'onStart' THEN n.new_status = 'PROCESSING' AND NOT EXISTS (
            SELECT 1 FROM run_state_history h
            WHERE h.run_id = n.run_id AND h.seq < n.seq AND h.new_status = 'PROCESSING')
          WHEN 'onFinish' THEN n.new_status IN ('COMPLETED', 'FAILED', 'CANCELLED', 'SKIPPED')
          ELSE true END
  ON CONFLICT (token) DO NOTHING;
  IF FOUND THEN
    PERFORM pg_notify('baton_embedded', 'hook');
  END IF;
  RETURN NULL;
END
$$
""",
    """
CREATE OR REPLACE TRIGGER baton_hooks_queued
AFTER INSERT ON run_state_history
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION baton_hooks_queued()
""",
)


def upgrade() -> None:
    """Hooks: tasks that an Automation has called beside its runs, queued by the history's own trigger."""
    _parts_of_definitions()
    op.alter_column("embedded_task", "engine_id", existing_type=sa.Uuid(), nullable=True)
    op.add_column("embedded_task", sa.Column("run_id", sa.Uuid(), nullable=True))
    op.add_column("embedded_task", sa.Column("hook", sa.String(length=20), nullable=True))
    op.add_column("embedded_task", sa.Column("hook_no", sa.Integer(), nullable=True))
    op.add_column("embedded_task", sa.Column("counted", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.create_foreign_key(
        op.f("fk_embedded_task_run_id"), "embedded_task", "run", ["run_id"], ["id"], ondelete="CASCADE"
    )
    _indexes()
    for statement in STATEMENTS:
        op.execute(statement)


def _parts_of_definitions() -> None:
    for column, field in (("data_models", "dataModels"), ("hooks", "hooks")):
        part = sa.Computed(f"definition_json -> '{field}'", persisted=True)
        op.add_column("workflow_definitions", sa.Column(column, postgresql.JSONB(), part, nullable=True))


def _indexes() -> None:
    op.create_index(
        "ix_embedded_task_run_id",
        "embedded_task",
        ["run_id", "hook_no"],
        unique=False,
        postgresql_where=sa.text("run_id IS NOT NULL"),
    )
    op.create_index(
        "ix_embedded_task_hooks_queued",
        "embedded_task",
        ["id"],
        unique=False,
        postgresql_where=sa.text("hook IS NOT NULL AND state = 'queued'"),
    )
    op.create_index(
        "ix_embedded_task_hooks_uncounted",
        "embedded_task",
        ["finished_at"],
        unique=False,
        postgresql_where=sa.text("hook IS NOT NULL AND finished_at IS NOT NULL AND NOT counted"),
    )
