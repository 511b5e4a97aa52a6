"""The history of every status, kept by triggers."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005_history"
down_revision = "0004_handover"
branch_labels = None
depends_on = None

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "0.1.0"

EXECUTION_STATUS = postgresql.ENUM(
    "PENDING",
    "PROCESSING",
    "COMPLETED",
    "FAILED",
    "CANCELLED",
    "SKIPPED",
    "RETRYING",
    name="execution_status",
    create_type=False,
)


#: Functions and triggers, in their order.
STATEMENTS = (
    """
CREATE OR REPLACE FUNCTION baton_history_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' AND pg_trigger_depth() > 1 THEN
    RETURN NULL;
  END IF;
  RAISE EXCEPTION '% on % is refused: history is written once', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'restrict_violation',
          HINT = 'Rows go with the execution that they belong to, by baton purge.';
END
$$
""",
    """
CREATE OR REPLACE FUNCTION baton_run_state_history_born() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO run_state_history (run_id, seq, new_status, reason, changed_at, created_by)
  SELECT id, 1, status, status_reason, clock_timestamp(), left(NULLIF(current_setting('baton.actor', true), ''), 100)
  FROM new_rows;
  RETURN NULL;
END
$$
""",
    """
CREATE OR REPLACE FUNCTION baton_run_state_history_moved() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  INSERT INTO run_state_history
    (run_id, seq, previous_status, new_status, reason, changed_at, created_by)
  SELECT n.id, coalesce(l.seq, 0) + 1, l.new_status, n.status, n.status_reason,
         greatest(l.changed_at, clock_timestamp()), left(NULLIF(current_setting('baton.actor', true), ''), 100)
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
CREATE OR REPLACE TRIGGER baton_run_state_history_born
AFTER INSERT ON run
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION baton_run_state_history_born()
""",
    """
CREATE OR REPLACE TRIGGER baton_run_state_history_moved
AFTER UPDATE ON run
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION baton_run_state_history_moved()
""",
    """
CREATE OR REPLACE TRIGGER baton_run_state_history_guard
BEFORE UPDATE OR DELETE OR TRUNCATE ON run_state_history
FOR EACH STATEMENT EXECUTE FUNCTION baton_history_guard()
""",
    """
CREATE OR REPLACE FUNCTION baton_item_state_history_born() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO item_state_history (item_execution_id, seq, new_status, reason, changed_at, created_by)
  SELECT id, 1, status, status_reason, clock_timestamp(), left(NULLIF(current_setting('baton.actor', true), ''), 100)
  FROM new_rows;
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
         greatest(l.changed_at, clock_timestamp()), left(NULLIF(current_setting('baton.actor', true), ''), 100)
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
    """
CREATE OR REPLACE TRIGGER baton_item_state_history_born
AFTER INSERT ON item_execution
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION baton_item_state_history_born()
""",
    """
CREATE OR REPLACE TRIGGER baton_item_state_history_moved
AFTER UPDATE ON item_execution
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION baton_item_state_history_moved()
""",
    """
CREATE OR REPLACE TRIGGER baton_item_state_history_guard
BEFORE UPDATE OR DELETE OR TRUNCATE ON item_state_history
FOR EACH STATEMENT EXECUTE FUNCTION baton_history_guard()
""",
    """
CREATE OR REPLACE FUNCTION baton_instance_state_history_born() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO instance_state_history (orchestration_instance_id, seq, new_status, reason, changed_at, created_by)
  SELECT id, 1, status, status_reason, clock_timestamp(), left(NULLIF(current_setting('baton.actor', true), ''), 100)
  FROM new_rows;
  RETURN NULL;
END
$$
""",
    """
CREATE OR REPLACE FUNCTION baton_instance_state_history_moved() RETURNS trigger LANGUAGE plpgsql
SET enable_seqscan = off SET enable_bitmapscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  INSERT INTO instance_state_history
    (orchestration_instance_id, seq, previous_status, new_status, reason, changed_at, created_by)
  SELECT n.id, coalesce(l.seq, 0) + 1, l.new_status, n.status, n.status_reason,
         greatest(l.changed_at, clock_timestamp()), left(NULLIF(current_setting('baton.actor', true), ''), 100)
  FROM new_rows n
  LEFT JOIN LATERAL (
    SELECT h.seq, h.new_status, h.changed_at FROM instance_state_history h
    WHERE h.orchestration_instance_id = n.id ORDER BY h.seq DESC LIMIT 1
  ) l ON true
  WHERE l.new_status IS DISTINCT FROM n.status;
  RETURN NULL;
END
$$
""",
    """
CREATE OR REPLACE TRIGGER baton_instance_state_history_born
AFTER INSERT ON orchestration_instance
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION baton_instance_state_history_born()
""",
    """
CREATE OR REPLACE TRIGGER baton_instance_state_history_moved
AFTER UPDATE ON orchestration_instance
REFERENCING NEW TABLE AS new_rows
FOR EACH STATEMENT EXECUTE FUNCTION baton_instance_state_history_moved()
""",
    """
CREATE OR REPLACE TRIGGER baton_instance_state_history_guard
BEFORE UPDATE OR DELETE OR TRUNCATE ON instance_state_history
FOR EACH STATEMENT EXECUTE FUNCTION baton_history_guard()
""",
)


def upgrade() -> None:
    """The history of every status, kept by triggers."""
    _item_state_history()
    _item_state_history_indexes()
    _run_state_history()
    _instance_state_history()
    for statement in STATEMENTS:
        op.execute(statement)


def _item_state_history() -> None:
    op.create_table(
        "item_state_history",
        sa.Column("item_execution_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("previous_status", EXECUTION_STATUS, nullable=True),
        sa.Column("new_status", EXECUTION_STATUS, nullable=False),
        sa.Column("reason", sa.String(length=50), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["item_execution_id"],
            ["item_execution.id"],
            name=op.f("fk_item_state_history_item_execution_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_state_history")),
        sa.UniqueConstraint("item_execution_id", "seq", name=op.f("uq_item_state_history_item_execution_id_seq")),
    )


def _item_state_history_indexes() -> None:
    op.create_index(
        op.f("ix_item_state_history_item_execution_id"), "item_state_history", ["item_execution_id"], unique=False
    )
    op.create_index(
        "ix_item_state_history_item_execution_id_changed_at",
        "item_state_history",
        ["item_execution_id", "changed_at"],
        unique=False,
    )


def _run_state_history() -> None:
    op.create_table(
        "run_state_history",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("previous_status", EXECUTION_STATUS, nullable=True),
        sa.Column("new_status", EXECUTION_STATUS, nullable=False),
        sa.Column("reason", sa.String(length=50), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], name=op.f("fk_run_state_history_run_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_run_state_history")),
        sa.UniqueConstraint("run_id", "seq", name=op.f("uq_run_state_history_run_id_seq")),
    )


def _instance_state_history() -> None:
    op.create_table(
        "instance_state_history",
        sa.Column("orchestration_instance_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("previous_status", EXECUTION_STATUS, nullable=True),
        sa.Column("new_status", EXECUTION_STATUS, nullable=False),
        sa.Column("reason", sa.String(length=50), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("created_by", sa.String(length=100), nullable=True),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["orchestration_instance_id"],
            ["orchestration_instance.id"],
            name=op.f("fk_instance_state_history_orchestration_instance_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_instance_state_history")),
        sa.UniqueConstraint(
            "orchestration_instance_id", "seq", name=op.f("uq_instance_state_history_orchestration_instance_id_seq")
        ),
    )
