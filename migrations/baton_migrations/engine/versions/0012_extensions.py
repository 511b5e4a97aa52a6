"""Extensions' tables are declared before they are used, and runs alone change the managed ones."""

import sqlalchemy as sa
from alembic import op

revision = "0012_extensions"
down_revision = "0011_crashes"
branch_labels = None
depends_on = None

#: The oldest release that still reads and writes correctly once this revision is applied.
readable_since = "0.1.0"

#: Functions, a trigger and a view, in their order.
STATEMENTS = (
    """
CREATE OR REPLACE FUNCTION baton_current_run() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT NULLIF(current_setting('baton.run_id', true), '')::uuid
$$
""",
    """
CREATE OR REPLACE FUNCTION baton_declared(table_name text) RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
BEGIN
  IF ARRAY[table_name, 'ext_' || split_part(table_name, '_', 2) || '_*']
     && string_to_array(replace(current_setting('baton.data_models', true), ' ', ''), ',') THEN
    RETURN true;
  END IF;
  RAISE EXCEPTION 'table % was not declared', table_name
    USING ERRCODE = 'insufficient_privilege',
          HINT = format('A task: add its model to spec.dataModels of the Automation. '
                        'A person: SET baton.data_models = %L.', table_name);
END
$$
""",
    """
CREATE OR REPLACE FUNCTION baton_declared_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM baton_declared(TG_TABLE_NAME);
  RETURN NULL;
END
$$
""",
    """
CREATE OR REPLACE FUNCTION baton_ancestor(table_name text, run_id uuid) RETURNS uuid LANGUAGE plpgsql STABLE AS $$
DECLARE
  ancestor uuid;
BEGIN
  EXECUTE format('
    WITH RECURSIVE line(id, step) AS (
      SELECT r.parent_run_id, 1 FROM run r WHERE r.id = $1 AND r.parent_run_id IS NOT NULL
      UNION ALL
      SELECT r.parent_run_id, l.step + 1 FROM line l JOIN run r ON r.id = l.id
      WHERE r.parent_run_id IS NOT NULL AND NOT EXISTS (SELECT FROM %1$I t WHERE t.workflow_instance_id = l.id)
    )
    SELECT l.id FROM line l JOIN %1$I t ON t.workflow_instance_id = l.id ORDER BY l.step LIMIT 1', table_name)
    INTO ancestor USING run_id;
  RETURN ancestor;
END
$$
""",
    """
CREATE OR REPLACE FUNCTION baton_managed_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  me record;
  before record;
  ancestor uuid;
  linked uuid;
BEGIN
  IF TG_OP IN ('DELETE', 'TRUNCATE') THEN
    RAISE EXCEPTION '% on % is refused: its rows are kept', TG_OP, TG_TABLE_NAME
      USING ERRCODE = 'restrict_violation', HINT = 'A later run adds a row that corrects this one.';
  END IF;
  SELECT r.id, r.name, r.status, r.action INTO me FROM run r WHERE r.id = baton_current_run();
  IF NOT FOUND OR me.status <> 'PROCESSING' THEN
    RAISE EXCEPTION '% on % is refused: %', TG_OP, TG_TABLE_NAME,
      CASE WHEN baton_current_run() IS NULL THEN 'it is changed by tasks of a run only'
           WHEN me.id IS NULL THEN format('there is no run %s', baton_current_run())
           ELSE format('run %s is %s, not PROCESSING', me.name, me.status) END
      USING ERRCODE = 'insufficient_privilege', HINT = 'Apply a Run whose task writes it (parentRunRef, action).';
  END IF;

  IF TG_OP = 'UPDATE' THEN
    IF pg_trigger_depth() > 1 AND OLD.workflow_instance_id <> me.id THEN
      before := OLD;
      before.child_workflow_instance_id := me.id;
      IF OLD.child_workflow_instance_id IS NULL AND before *= NEW THEN
        RETURN NEW;
      END IF;
    END IF;
    IF OLD.workflow_instance_id <> me.id THEN
      RAISE EXCEPTION 'UPDATE on % is refused: run % may change its own row only', TG_TABLE_NAME, me.name
        USING ERRCODE = 'insufficient_privilege', HINT = 'Insert a row instead: it becomes the next of the chain.';
    END IF;
    IF (NEW.workflow_instance_id, NEW.created_at) IS DISTINCT FROM (OLD.workflow_instance_id, OLD.created_at)
       OR NEW.parent_workflow_instance_id IS DISTINCT FROM OLD.parent_workflow_instance_id
       OR NEW.child_workflow_instance_id IS DISTINCT FROM OLD.child_workflow_instance_id
       OR NEW.action IS DISTINCT FROM OLD.action THEN
      RAISE EXCEPTION 'UPDATE on % is refused: Baton keeps the columns of the chain', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation', HINT = 'Leave out the columns of WorkflowManagedMixin.';
    END IF;
    RETURN NEW;
  END IF;

  ancestor := baton_ancestor(TG_TABLE_NAME, me.id);
  IF coalesce(NEW.workflow_instance_id, me.id) <> me.id
     OR coalesce(NEW.created_at, now()) <> now()
     OR NEW.parent_workflow_instance_id <> ancestor
     OR (NEW.parent_workflow_instance_id IS NOT NULL AND ancestor IS NULL)
     OR NEW.child_workflow_instance_id IS NOT NULL
     OR coalesce(NEW.action, me.action) IS DISTINCT FROM me.action THEN
    RAISE EXCEPTION 'INSERT on % is refused: Baton fills the columns of the chain', TG_TABLE_NAME
      USING ERRCODE = 'restrict_violation', HINT = 'Leave out the columns of WorkflowManagedMixin.';
  END IF;
  NEW.workflow_instance_id := me.id;
  NEW.parent_workflow_instance_id := ancestor;
  NEW.action := me.action;
  NEW.created_at := now();
  IF ancestor IS NOT NULL THEN
    EXECUTE format('UPDATE %I SET child_workflow_instance_id = $1 WHERE workflow_instance_id = $2
                    AND child_workflow_instance_id IS NULL', TG_TABLE_NAME) USING me.id, ancestor;
    EXECUTE format('SELECT child_workflow_instance_id FROM %I WHERE workflow_instance_id = $1', TG_TABLE_NAME)
      INTO linked USING ancestor;
    IF linked IS DISTINCT FROM me.id THEN
      RAISE EXCEPTION 'INSERT on % is refused: row % has a child already: %', TG_TABLE_NAME, ancestor, linked
        USING ERRCODE = 'unique_violation', HINT = 'Refer to the newest run of the chain by parentRunRef.';
    END IF;
  END IF;
  RETURN NEW;
END
$$
""",
    """
CREATE OR REPLACE FUNCTION baton_managed_noted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO managed_audit (table_name, workflow_instance_id, operation, run_id, run_name, tenant_id, action, actor)
  SELECT TG_TABLE_NAME, NEW.workflow_instance_id, lower(TG_OP), r.id, r.name, r.tenant_id, r.action, r.created_by
  FROM run r WHERE r.id = baton_current_run() AND r.id = NEW.workflow_instance_id;
  RETURN NULL;
END
$$
""",
    """
CREATE OR REPLACE FUNCTION baton_guard_extension(table_name text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  relation CONSTANT regclass := format('%I', table_name)::regclass;
  managed boolean;
  found record;
BEGIN
  IF table_name !~ '^ext_[a-z][a-z0-9]{0,19}_.' THEN
    RAISE EXCEPTION '% is no table of an extension', table_name USING ERRCODE = 'invalid_parameter_value';
  END IF;
  SELECT relrowsecurity AND relforcerowsecurity AS forced INTO found FROM pg_class WHERE oid = relation;
  IF NOT found.forced THEN
    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', table_name);
  END IF;
  SELECT pg_get_expr(polqual, polrelid) AS rule INTO found FROM pg_policy
  WHERE polrelid = relation AND polname = 'baton_declared';
  IF coalesce(position(format('baton_declared(%L::text)', table_name) IN found.rule), 0) = 0 THEN
    IF found.rule IS NOT NULL THEN
      EXECUTE format('DROP POLICY baton_declared ON %I', table_name);
    END IF;
    EXECUTE format('CREATE POLICY baton_declared ON %1$I USING ((SELECT baton_declared(%2$L))
                    OR tableoid = CASE WHEN baton_declared(%2$L) THEN 0::oid END)', table_name, table_name);
  END IF;
  EXECUTE format('CREATE OR REPLACE TRIGGER baton_declared_truncate BEFORE TRUNCATE ON %I
                  FOR EACH STATEMENT EXECUTE FUNCTION baton_declared_truncate()', table_name);
  SELECT count(*) = 5 INTO managed FROM pg_attribute
  WHERE attrelid = relation AND NOT attisdropped AND attname IN ('workflow_instance_id', 'parent_workflow_instance_id',
    'child_workflow_instance_id', 'action', 'created_at');
  IF managed THEN
    EXECUTE format('CREATE OR REPLACE TRIGGER baton_managed_guard BEFORE INSERT OR UPDATE OR DELETE ON %I
                    FOR EACH ROW EXECUTE FUNCTION baton_managed_guard()', table_name);
    EXECUTE format('CREATE OR REPLACE TRIGGER baton_managed_kept BEFORE TRUNCATE ON %I
                    FOR EACH STATEMENT EXECUTE FUNCTION baton_managed_guard()', table_name);
    EXECUTE format('CREATE OR REPLACE TRIGGER baton_managed_noted AFTER INSERT OR UPDATE ON %I
                    FOR EACH ROW EXECUTE FUNCTION baton_managed_noted()', table_name);
    RETURN;
  END IF;
  FOR found IN SELECT tgname FROM pg_trigger
    WHERE tgrelid = relation AND tgname IN ('baton_managed_guard', 'baton_managed_kept', 'baton_managed_noted') LOOP
    EXECUTE format('DROP TRIGGER %I ON %I', found.tgname, table_name);
  END LOOP;
END
$$
""",
    """
CREATE OR REPLACE TRIGGER baton_managed_audit_guard
BEFORE UPDATE OR DELETE OR TRUNCATE ON managed_audit
FOR EACH STATEMENT EXECUTE FUNCTION baton_history_guard()
""",
    """
CREATE OR REPLACE VIEW baton_managed_audit AS
SELECT m.changed_at, m.actor, m.operation, m.table_name, m.workflow_instance_id, m.action, m.tenant_id,
       m.run_name AS run, m.run_id, r.status AS run_status, a.name AS automation
FROM managed_audit m
LEFT JOIN run r ON r.id = m.run_id
LEFT JOIN automation a ON a.id = r.automation_id
""",
)


def upgrade() -> None:
    """Extensions' tables are declared before they are used, and runs alone change the managed ones."""
    op.create_table(
        "managed_audit",
        sa.Column("table_name", sa.String(length=63), nullable=False),
        sa.Column("workflow_instance_id", sa.Uuid(), nullable=False),
        sa.Column("operation", sa.String(length=10), nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("run_name", sa.String(length=200), nullable=False),
        sa.Column("tenant_id", sa.String(length=63), nullable=False),
        sa.Column("action", sa.String(length=50), nullable=True),
        sa.Column("actor", sa.String(length=100), nullable=True),
        sa.Column(
            "changed_at", sa.DateTime(timezone=True), server_default=sa.text("clock_timestamp()"), nullable=False
        ),
        sa.Column("id", sa.Uuid(), server_default=sa.text("baton_uuid7()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_managed_audit")),
    )
    op.create_index(op.f("ix_managed_audit_run_id"), "managed_audit", ["run_id"], unique=False)
    op.create_index(
        "ix_managed_audit_row", "managed_audit", ["table_name", "workflow_instance_id", "changed_at"], unique=False
    )
    for statement in STATEMENTS:
        op.execute(statement)
