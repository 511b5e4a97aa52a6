"""
What the database itself keeps of extensions: tables are declared before their use, managed ones are changed by runs.

`baton_guard_extension` puts the guards onto a table. ``create_all`` calls it for every ``ext_`` table that it makes,
the migrations after each revision of an extension's chain.

How the policy comes to refuse an empty table, too (all measured on PostgreSQL 16 and 18): PostgreSQL asks a policy
while it runs only where it finds a row. But it estimates how many rows pass when it plans, and evaluates a STABLE
function for that; so the second arm of the policy raises in the planner, and is never run, because the first, an
uncorrelated subquery that is asked once for each statement, is true then. A scan of a million rows pays once.

Row-level security binds every role but superusers and those with BYPASSRLS. It guards against mistakes, not against
malice: any session can set ``baton.data_models`` itself.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, MetaData, Table, event, text

from baton_models.guards import ddl

#: What the names of all extensions' tables begin with.
EXTENSION_PREFIX = "ext_"

CURRENT_RUN = """
CREATE OR REPLACE FUNCTION baton_current_run() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT NULLIF(current_setting('baton.run_id', true), '')::uuid
$$
"""

DECLARED = """
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
"""

TRUNCATED = """
CREATE OR REPLACE FUNCTION baton_declared_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM baton_declared(TG_TABLE_NAME);
  RETURN NULL;
END
$$
"""

#: The row that a row of a run continues: that of its nearest ancestor which has one.
ANCESTOR = """
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
"""

MANAGED = """
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
"""

NOTED = """
CREATE OR REPLACE FUNCTION baton_managed_noted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO managed_audit (table_name, workflow_instance_id, operation, run_id, run_name, tenant_id, action, actor)
  SELECT TG_TABLE_NAME, NEW.workflow_instance_id, lower(TG_OP), r.id, r.name, r.tenant_id, r.action, r.created_by
  FROM run r WHERE r.id = baton_current_run() AND r.id = NEW.workflow_instance_id;
  RETURN NULL;
END
$$
"""

GUARD_EXTENSION = """
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
"""

AUDIT_GUARD = """
CREATE OR REPLACE TRIGGER baton_managed_audit_guard
BEFORE UPDATE OR DELETE OR TRUNCATE ON managed_audit
FOR EACH STATEMENT EXECUTE FUNCTION baton_history_guard()
"""

#: Who changed which managed row when, by which run and action.
AUDIT_VIEW = """
CREATE OR REPLACE VIEW baton_managed_audit AS
SELECT m.changed_at, m.actor, m.operation, m.table_name, m.workflow_instance_id, m.action, m.tenant_id,
       m.run_name AS run, m.run_id, r.status AS run_status, a.name AS automation
FROM managed_audit m
LEFT JOIN run r ON r.id = m.run_id
LEFT JOIN automation a ON a.id = r.automation_id
"""

#: Functions, in their order; tables need not be there yet.
FUNCTIONS = (CURRENT_RUN, DECLARED, TRUNCATED, ANCESTOR, MANAGED, NOTED, GUARD_EXTENSION)


def statements() -> Iterator[str]:
    """Give the statements that need Baton's own tables, in their order; repeatable."""
    yield AUDIT_GUARD.strip()
    yield AUDIT_VIEW.strip()


def attach_extensions(metadata: MetaData) -> None:
    """Make ``create_all`` of *metadata* bring along what guards extensions' tables, and guard those that it makes."""
    for function in FUNCTIONS:
        event.listen(metadata, "before_create", ddl(function.strip()))
    for statement in statements():
        event.listen(metadata, "after_create", ddl(statement))
    event.listen(metadata, "after_create", _guard_created)


def guard_table(connection: Connection, table: str) -> None:
    """
    Put the guards onto one table of an extension, or bring them up to date; repeatable.

    Args:
        connection: In the transaction that made or changed the table, as its owner.
        table: Its name, ``ext_…``.
    """
    connection.execute(text("SELECT baton_guard_extension(:name)"), {"name": table})


def _guard_created(_metadata: MetaData, connection: Connection, *, tables: Sequence[Table], **_: Any) -> None:
    for table in tables:
        if table.name.startswith(EXTENSION_PREFIX):
            guard_table(connection, table.name)
