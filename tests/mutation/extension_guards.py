"""The guards of extensions' tables: declared before they are used, and changed by runs alone where they are managed."""

from __future__ import annotations

from guard import Guard

ACCESS = "models/baton_models/access.py"
MODELS = "models/baton_models/extension.py"
REGISTRY = "models/baton_models/registry.py"
REVISION = "migrations/baton_migrations/engine/versions/0012_extensions.py"
SECURITY = "tests/integration/extensions/test_row_level_security.py::test_"
MANAGED = "tests/integration/extensions/test_managed_models.py::test_"
SESSION = "tests/integration/extensions/test_session_guard.py::test_"
UNIT = "tests/unit/models/test_extension_models.py::test_"
KNOWN = "tests/unit/models/test_data_model_registry.py::test_"
PROBE = "operator/baton_operator/loops/probe.py"
HOOKS_KNOWN = "tests/integration/loops/test_hooks_known.py::test_"

EXTENSIONS = (
    Guard(
        "extensions: row-level security binds the owner",
        REVISION,
        "ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        "ENABLE ROW LEVEL SECURITY",
        (SECURITY + "a_table_that_was_not_declared_is_refused",),
    ),
    Guard(
        "extensions: an empty table is refused too",
        REVISION,
        "OR tableoid = CASE WHEN baton_declared(%2$L) THEN 0::oid END)'",
        ")'",
        (SECURITY + "a_table_that_was_not_declared_is_refused",),
    ),
    Guard(
        "extensions: a scan asks once",
        REVISION,
        "USING ((SELECT baton_declared(%2$L))\n",
        "USING (baton_declared(%2$L)\n",
        (SECURITY + "a_scan_pays_once",),
    ),
    Guard(
        "extensions: the policy follows a renamed table",
        REVISION,
        "  IF coalesce(position(format('baton_declared(%L::text)', table_name) IN found.rule), 0) = 0 THEN\n",
        "  IF found.rule IS NULL THEN\n",
        (SECURITY + "the_guard_is_repeatable_and_follows_the_table",),
    ),
    Guard(
        "extensions: TRUNCATE asks as well",
        REVISION,
        "  PERFORM baton_declared(TG_TABLE_NAME);\n",
        "",
        (SECURITY + "a_table_that_was_not_declared_is_refused",),
    ),
    Guard(
        "managed rows: the run is PROCESSING",
        REVISION,
        "  IF NOT FOUND OR me.status <> 'PROCESSING' THEN\n",
        "  IF NOT FOUND THEN\n",
        (MANAGED + "a_run_that_is_not_processing_writes_nothing",),
    ),
    Guard(
        "managed rows: a run changes its own row only",
        REVISION,
        "    IF OLD.workflow_instance_id <> me.id THEN\n      RAISE",
        "    IF false THEN\n      RAISE",
        (MANAGED + "a_run_may_change_its_own_row_and_no_other",),
    ),
    Guard(
        "managed rows: the columns of the chain stay",
        REVISION,
        "       OR NEW.action IS DISTINCT FROM OLD.action THEN\n",
        "       AND false THEN\n",
        (MANAGED + "the_columns_of_the_chain_are_batons",),
    ),
    Guard(
        "managed rows: the columns of the chain are not given",
        REVISION,
        "     OR coalesce(NEW.action, me.action) IS DISTINCT FROM me.action THEN\n",
        "     AND false THEN\n",
        (MANAGED + "the_columns_of_the_chain_are_batons",),
    ),
    Guard(
        "managed rows: an ancestor without a row is left out",
        REVISION,
        "NOT EXISTS (SELECT FROM %1$I t WHERE t.workflow_instance_id = l.id)\n",
        "false\n",
        (MANAGED + "an_ancestor_without_a_row_is_left_out",),
    ),
    Guard(
        "managed rows: one child each",
        REVISION,
        "    IF linked IS DISTINCT FROM me.id THEN\n",
        "    IF false THEN\n",
        (MANAGED + "a_row_has_one_child", MANAGED + "of_two_children_at_once_one_is_refused"),
    ),
    Guard(
        "managed rows: none is deleted",
        REVISION,
        "  IF TG_OP IN ('DELETE', 'TRUNCATE') THEN\n",
        "  IF TG_OP IN ('TRUNCATE') THEN\n    NULL; ELSIF TG_OP = 'DELETE' THEN RETURN OLD; ELSIF false THEN\n",
        (MANAGED + "a_run_may_change_its_own_row_and_no_other",),
    ),
    Guard(
        "managed rows: each write is noted",
        REVISION,
        "baton_managed_noted AFTER INSERT OR UPDATE ON",
        "baton_managed_noted AFTER INSERT ON",
        (MANAGED + "the_audit_says_who_when_and_by_which_run",),
    ),
    Guard(
        "the session guard sees statements",
        ACCESS,
        '            event.listen(connection, "before_execute", self._statement)\n',
        '            event.listen(connection, "before_execute", lambda *_: None)\n',
        (SESSION + "an_undeclared_model_is_refused",),
    ),
    Guard(
        "the session guard sees eager loads",
        ACCESS,
        '        yield "loaded_as_persistent", self._instance\n',
        "",
        (SESSION + "eager_loads_are_refused",),
    ),
    Guard(
        "the session guard keeps Baton's own tables",
        ACCESS,
        "        if table in Base.metadata.tables:\n",
        "        if not table:\n",
        (SESSION + "batons_own_tables_are_refused",),
    ),
    Guard(
        "a model's names fit into PostgreSQL",
        MODELS,
        "    if size > MAX_IDENTIFIER_BYTES:\n",
        "    if size > 10 * MAX_IDENTIFIER_BYTES:\n",
        (UNIT + "a_name_that_postgresql_would_cut",),
    ),
    Guard(
        "a namespace has no underscore",
        MODELS,
        'NAMESPACE = re.compile(r"[a-z][a-z0-9]{0,19}")',
        'NAMESPACE = re.compile(r"[a-z][a-z0-9_]{0,19}")',
        (UNIT + "a_namespace_that_no_extension_can_have",),
    ),
    Guard(
        "one table has one class",
        MODELS,
        "    if name in Base.metadata.tables:\n",
        "    if name is None:\n",
        (UNIT + "a_clash_names_both_classes",),
    ),
    Guard(
        "an entry point is called as its namespace",
        REGISTRY,
        "        if foreign is not None:\n",
        "        if foreign is None and found is None:\n",
        (KNOWN + "a_model_of_another_namespace_names_both",),
    ),
    Guard(
        "broken mappers break their own package only",
        MODELS,
        "    if namespace in _bases:\n        _bases[namespace].registry.dispose()\n",
        "",
        (KNOWN + "a_relationship_to_nothing_breaks_its_own_package_only",),
    ),
    Guard(
        "a foreign key to nothing is of its own package only",
        REGISTRY,
        "            registry._resolve(name)\n",
        "            pass\n",
        (KNOWN + "a_foreign_key_to_nothing_breaks_its_own_package_only",),
    ),
    Guard(
        "what was given up has no tables that others must sort",
        MODELS,
        "        Base.metadata.remove(table)\n    return InvalidModelError(reason)\n",
        "        pass\n    return InvalidModelError(reason)\n",
        (KNOWN + "what_a_package_leaves_behind_that_broke_later_breaks_nobody",),
    ),
    Guard(
        "what was given up is no package whose models were deleted",
        REGISTRY,
        "                check_kept(point.name)\n",
        "",
        (KNOWN + "a_relationship_to_nothing_breaks_its_own_package_only",),
    ),
    Guard(
        "an Automation is told of a hook that is not installed",
        "operator/baton_operator/engines/directory.py",
        "    for event, task in hooks.items():\n",
        "    for event, task in ():\n",
        (
            "tests/integration/worker/data/test_declared_models.py::test_an_automation_is_told_of_a_hook_that_is_not_installed",
        ),
    ),
    Guard(
        "an Automation of another engine is told of a hook that is not installed",
        PROBE,
        "judge_problems([*problems, *(lacking or ())])",
        "judge_problems(problems)",
        (HOOKS_KNOWN + "hooks_and_data_models_that_are_not_installed_are_told",),
    ),
    Guard(
        "a hook that is not installed hides no weaker guarantee",
        PROBE,
        "        return [replace(each, blocking=False) for each in found]",
        "        return found",
        (HOOKS_KNOWN + "what_the_engine_says_of_its_target_comes_first",),
    ),
    Guard(
        "a slow package keeps no check from the engine",
        PROBE,
        "asyncio.timeout(LIST_WITHIN)",
        "asyncio.timeout(None)",
        (HOOKS_KNOWN + "a_slow_package_keeps_nobody_from_the_engine",),
    ),
)
