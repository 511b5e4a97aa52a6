"""The guards: where each stands, what it becomes when it is switched off, and which tests must miss it."""

from __future__ import annotations

from airflow_guards import AIRFLOW
from argo_guards import ARGO as ARGO_WAYS
from chart_guards import CHART
from dispatch_guards import DISPATCH
from extension_guards import EXTENSIONS
from guard import Guard
from jenkins_guards import JENKINS
from limit_guards import LIMITS
from migration_guards import MIGRATIONS
from monitoring_guards import MONITORING
from purge_guards import PURGE
from restore_guards import RESTORE
from showing_guards import SHOWING
from suite_guards import SUITE
from supply_guards import SUPPLY_CHAIN
from task_guards import TASKS
from worker_guards import WORKERS

HTTP = "operator/baton_operator/engines/http.py"
HISTORY = "migrations/baton_migrations/engine/versions/0005_history.py"
LATE = "tests/integration/guards/test_late_writers.py::test_"
NAMES = "tests/integration/store/test_locking_and_names.py::test_"
HISTORIES = "tests/integration/store/test_history_triggers.py::test_"
CANCELLED_BY = "migrations/baton_migrations/engine/versions/0016_cancelled_by.py"
INTAKE = "operator/baton_operator/loops/intake_runs.py"
WHO = "tests/integration/loops/test_who_cancelled.py::test_"
REPOSITORIES = "tests/integration/store/test_repositories.py::test_"
CLIENT = "tests/contract/test_http_client.py::test_"
ARGO = "tests/contract/test_argo_contract.py::TestFakeArgo::test_"
HOSTILE = "tests/contract/test_argo_contract.py::TestHostileArgo::test_"

STORE = (
    Guard(
        "a stale verdict moves no instance",
        "models/baton_models/statements/settle.py",
        "WHERE i.id = v.id AND i.version = v.version AND i.status IN ('PENDING', 'PROCESSING', 'RETRYING')\n",
        "WHERE i.id = v.id AND i.status IN ('PENDING', 'PROCESSING', 'RETRYING')\n",
        (LATE + "a_stale_verdict_moves_nothing",),
    ),
    Guard(
        "the version guard of the models",
        "models/baton_models/mixins.py",
        '        return {"version_id_col": cls.version}',
        "        return {}",
        (NAMES + "a_stale_write_raises", NAMES + "a_stale_delete_raises"),
    ),
    Guard(
        "an older generation is no news",
        INTAKE,
        "if run.generation > row.generation]",
        "if run.generation]",
        (LATE + "an_older_generation_changes_nothing",),
    ),
    Guard(
        "history is written once",
        HISTORY,
        "  RAISE EXCEPTION '% on % is refused: history is written once', TG_OP, TG_TABLE_NAME\n"
        "    USING ERRCODE = 'restrict_violation',\n"
        "          HINT = 'Rows go with the execution that they belong to, by baton purge.';\n",
        "  RETURN NULL;\n",
        (HISTORIES + "history_cannot_be_changed",),
    ),
    Guard(
        "the database writes the history",
        HISTORY,
        "CREATE OR REPLACE TRIGGER baton_item_state_history_moved\nAFTER UPDATE ON item_execution",
        "CREATE OR REPLACE TRIGGER baton_item_state_history_moved\nAFTER DELETE ON item_execution",
        (HISTORIES + "birth_and_each_change_are_written_by_a_set_based_statement",),
    ),
    Guard(
        "who cancelled is named when an engine confirms",
        CANCELLED_BY,
        "           CASE WHEN n.status = 'CANCELLED' THEN n.cancel_requested_by END)\n",
        "           NULL)\n",
        (WHO + "whoever_asked_is_named_when_the_engine_confirms",),
    ),
    Guard(
        "who cancelled is named for the cancel alone",
        CANCELLED_BY,
        "           CASE WHEN n.status = 'CANCELLED' THEN n.cancel_requested_by END)\n",
        "           n.cancel_requested_by)\n",
        (WHO + "what_ended_by_itself_was_ended_by_nobody",),
    ),
    Guard(
        "who cancelled is not who changed the Run before",
        "models/baton_models/statements/cancel.py",
        "cancel_requested_by = v.actor, updated_by",
        "cancel_requested_by = coalesce(v.actor, r.updated_by), updated_by",
        (WHO + "who_changed_a_run_before_did_not_cancel_it",),
    ),
    Guard(
        "who cancelled is nobody where a deletion did",
        INTAKE,
        "        await statements.act_as(session, None)\n",
        "",
        (WHO + "two_people_in_one_batch_are_told_apart",),
    ),
    Guard(
        "a name in use is refused",
        "migrations/baton_migrations/engine/versions/0002_definitions.py",
        '        ["tenant_id", "name"],\n        unique=True,\n',
        '        ["tenant_id", "name"],\n        unique=False,\n',
        (NAMES + "a_name_in_use_is_refused",),
    ),
    Guard(
        "a name is free after a soft delete",
        "migrations/baton_migrations/engine/versions/0002_definitions.py",
        '        ["tenant_id", "name"],\n        unique=True,\n        postgresql_where=sa.text("is_active"),\n',
        '        ["tenant_id", "name"],\n        unique=True,\n',
        (NAMES + "a_name_is_free_again_after_a_soft_delete",),
    ),
    Guard(
        "a tenant sees its own rows only",
        "models/baton_models/repositories/base.py",
        "        return select(self.model).where(of_tenant(self.model, self.tenant_id))",
        "        return select(self.model)",
        (REPOSITORIES + "another_tenant_sees_nothing",),
    ),
    Guard(
        "payloads that PostgreSQL cannot keep are refused",
        "models/baton_models/payload.py",
        "    for complaint in _complaints(value, path, 0):\n        raise UncleanPayloadError(complaint)\n",
        "    return\n",
        ("tests/unit/models/test_payload.py::test_a_refusal_names_the_place_and_the_fix",),
    ),
    Guard(
        "what engines say is cleaned",
        "models/baton_models/payload.py",
        "    repaired, count = _UNKEEPABLE.subn(REPLACEMENT, text)\n",
        "    repaired, count = text, 0\n",
        ("tests/unit/models/test_payload.py::test_a_repaired_document_can_always_be_kept",),
    ),
)

ENGINES = (
    Guard(
        "proof that nothing was sent",
        HTTP,
        "            raise _LeaseLapsedError\n        self.sent = True\n",
        "            raise _LeaseLapsedError\n",
        (HOSTILE + "a_lost_answer_does_not_start_a_second_execution", CLIENT + "what_was_not_sent_is_known"),
    ),
    Guard(
        "redirects are not followed",
        HTTP,
        "client.send(request, stream=True, follow_redirects=False)",
        "client.send(request, stream=True, follow_redirects=True)",
        (HOSTILE + "no_credential_follows_a_redirect",),
    ),
    Guard(
        "a deadline is total",
        HTTP,
        "        with self._observed(call, watch):\n            async with asyncio.timeout(call.deadline):\n",
        "        with self._observed(call, watch):\n            async with asyncio.timeout(call.deadline * 4):\n",
        (HOSTILE + "a_deadline_is_total",),
    ),
    Guard(
        "an answer has a limit",
        HTTP,
        "            if size > call.limit:\n",
        "            if size > call.limit * 1000:\n",
        (HOSTILE + "memory_is_bounded",),
    ),
    Guard(
        "no loopback, no metadata service",
        "operator/baton_operator/engines/addresses.py",
        "        permitted = tuple(str(address) for address, why in refusals.items() if why is None)\n",
        "        permitted = tuple(str(address) for address in refusals)\n",
        ("tests/unit/engines/test_addresses.py::test_an_address_of_our_own_is_refused",),
    ),
    Guard(
        "a foreigner under our name is not adopted",
        "operator/baton_operator/engines/argo/workflow.py",
        "            and self.metadata.annotations.get(FINGERPRINT) == fingerprint\n",
        "",
        (
            "tests/unit/engines/test_argo_status.py::test_ours_is_known_by_both_marks",
            ARGO + "a_foreigner_under_our_name_is_refused",
        ),
    ),
    Guard(
        "an engine cannot make us repeat a secret",
        "operator/baton_operator/engines/credentials.py",
        "            text = text.replace(secret, REMOVED)\n",
        "            pass\n",
        ("tests/unit/engines/test_credentials.py::test_a_known_secret_is_taken_out_in_every_form",),
    ),
    Guard(
        "lost is confirmed twice",
        "operator/baton_operator/decide/tracking.py",
        "    if lost_since is not None and now - lost_since >= confirmation:\n",
        "    if lost_since is None or now - lost_since >= confirmation:\n",
        ("tests/unit/decide/test_tracking.py::test_one_miss_is_not_gone",),
    ),
)

BORDERS = (
    Guard(
        "a status never lands on another object of the same name",
        "operator/baton_operator/kube/client.py",
        '{"op": "test", "path": "/metadata/uid", "value": uid},\n            {"op": "add", "path": "/status"',
        '{"op": "add", "path": "/status"',
        ("tests/cluster/kube/test_kube_client.py::test_a_status_never_lands_on_another_object_of_the_same_name",),
    ),
    Guard(
        "no macro in an expression",
        "operator/baton_operator/decide/expressions.py",
        "    if used:\n",
        "    if used and False:\n",
        ("tests/unit/decide/test_expressions.py::test_what_cannot_be_read_is_refused",),
    ),
    Guard(
        "an expression has a length",
        "operator/baton_operator/decide/expressions.py",
        "MAX_EXPRESSION_BYTES = 2048",
        "MAX_EXPRESSION_BYTES = 2048000",
        ("tests/unit/decide/test_expressions.py::test_what_cannot_be_read_is_refused",),
    ),
    Guard(
        "ten thousand items and no more",
        "operator/baton_operator/decide/admission.py",
        "MAX_ITEMS = 10_000",
        "MAX_ITEMS = 10_001",
        ("tests/unit/decide/test_admission.py::test_a_refusal_names_the_field_and_the_fix",),
    ),
    Guard(
        "schemas fetch nothing",
        "operator/baton_operator/decide/schemas.py",
        '    raise ValueError(f"remote $ref {uri!r} is not fetched: put the definition into $defs")',
        "    return {}",
        ("tests/unit/decide/test_schemas.py::test_a_schema_that_cannot_be_used_is_refused",),
    ),
    Guard(
        "no credential in a log line",
        "operator/baton_operator/redaction.py",
        '    text = _USER_INFO.sub(rf"\\g<scheme>{REDACTED}@", text)\n',
        "",
        ("tests/unit/observability/test_redaction.py::test_a_canary_does_not_pass",),
    ),
    Guard(
        "what is cancelled is not tried again",
        "operator/baton_operator/decide/outcomes.py",
        '    if stopping in {"Cancelled", "TimedOut"}:\n        return End(ExecutionStatus.CANCELLED, stopping)\n',
        "",
        ("tests/unit/decide/test_outcomes.py::test_nothing_is_tried_again_while_the_run_is_stopped",),
    ),
    Guard(
        "attempts are limited",
        "operator/baton_operator/decide/outcomes.py",
        " and attempt_no < policy.max_attempts:",
        ":",
        ("tests/unit/decide/test_outcomes.py::test_attempts_are_limited_and_lie_further_and_further_apart",),
    ),
)

GUARDS = (
    DISPATCH
    + LIMITS
    + SUITE
    + STORE
    + ENGINES
    + BORDERS
    + EXTENSIONS
    + MIGRATIONS
    + CHART
    + MONITORING
    + PURGE
    + AIRFLOW
    + ARGO_WAYS
    + JENKINS
    + SHOWING
    + TASKS
    + WORKERS
    + RESTORE
    + SUPPLY_CHAIN
)
