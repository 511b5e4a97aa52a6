"""What monitoring reads: the two histories as views that a time range narrows, and what was checked last."""

import sqlalchemy as sa
from alembic import op

revision = "0014_monitoring"
down_revision = "0013_hooks"
branch_labels = None
depends_on = None

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "0.1.0"

#: The views; the first one keeps its columns and gets more at its end.
STATEMENTS = (
    """
CREATE OR REPLACE VIEW baton_run_history AS
SELECT r.tenant_id, r.id AS run_id, r.name AS run, a.name AS automation, d.version AS automation_generation,
       e.name AS engine, e.type AS engine_type, r.correlation_id, r.created_by, r.created_at, r.started_at,
       r.finished_at, r.status AS run_status, r.status_reason AS run_reason,
       (SELECT count(*) FROM dispatch_attempt t WHERE t.run_id = r.id) AS attempts,
       h.seq, h.previous_status, h.new_status, h.reason, h.created_by AS changed_by, h.changed_at,
       n.changed_at AS left_at,
       n.changed_at - h.changed_at AS lasted,
       e.tenant_id AS engine_tenant_id, r.accepted_reason, r.native_status, r.action, r.parent_run_id,
       p.total AS units, p.failed AS units_failed
FROM run r
JOIN automation a ON a.id = r.automation_id
JOIN run_state_history h ON h.run_id = r.id
LEFT JOIN run_state_history n ON n.run_id = h.run_id AND n.seq = h.seq + 1
LEFT JOIN workflow_definitions d ON d.id = r.definition_id
LEFT JOIN engine e ON e.id = r.engine_id
LEFT JOIN run_progress p ON p.run_id = r.id
""",
    """
CREATE OR REPLACE VIEW baton_attempt_history AS
SELECT r.tenant_id, r.id AS run_id, r.name AS run, a.name AS automation, r.created_by, r.created_at,
       e.tenant_id AS engine_tenant_id, e.name AS engine, e.type AS engine_type,
       b.name AS batch, x.sequence_number AS item, t.attempt_no, t.token, t.state, t.sends, t.http_status,
       t.first_sent_at, i.external_id, i.url, i.status, i.status_reason AS reason, i.native_status,
       i.started_at, i.finished_at, i.finished_at - i.started_at AS lasted
FROM dispatch_attempt t
JOIN run r ON r.id = t.run_id
JOIN automation a ON a.id = r.automation_id
JOIN engine e ON e.id = t.engine_id
LEFT JOIN item_execution x ON x.id = t.item_execution_id
LEFT JOIN batch_execution f ON f.id = coalesce(t.batch_execution_id, x.batch_execution_id)
LEFT JOIN batch b ON b.id = f.batch_id
LEFT JOIN orchestration_instance i ON i.id = t.orchestration_instance_id
""",
)


def upgrade() -> None:
    """What monitoring reads: the two histories as views that a time range narrows, and what was checked last."""
    op.create_table(
        "invariant_check",
        sa.Column("invariant", sa.String(length=10), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("violations", sa.Integer(), nullable=True),
        sa.Column("seconds", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("invariant", name=op.f("pk_invariant_check")),
    )
    op.create_index("ix_run_created_at", "run", ["created_at"], unique=False, postgresql_using="brin")
    for statement in STATEMENTS:
        op.execute(statement)
