"""The guards of what tasks write: one COMMIT, chains without branches, hooks that are in nobody's way."""

from __future__ import annotations

from guard import Guard

TRANSACTION = "operator/baton_operator/worker/transaction.py"
SESSION = "operator/baton_operator/worker/task_session.py"
CHILD = "operator/baton_operator/worker/child.py"
CLAIMS = "operator/baton_operator/worker/claims.py"
PARENTS_FILE = "operator/baton_operator/loops/parents.py"
HOOKS_SQL = "migrations/baton_migrations/engine/versions/0013_hooks.py"
ONE = "tests/integration/worker/data/test_one_transaction.py::test_"
FAULTS = "tests/integration/worker/data/test_data_faults.py::test_"
DYING = "tests/integration/worker/test_dying_workers.py::test_"
DECLARED = "tests/integration/worker/data/test_declared_models.py::test_"
CALLED = "tests/integration/worker/data/test_hooks_called.py::test_"
HOOKING = "tests/integration/loops/test_hooking.py::test_"
PARENTS = "tests/integration/loops/test_parents.py::test_"

TASKS = (
    Guard(
        "a task does not commit on its connection",
        SESSION,
        '        _refuse("connection().commit", "leave it out")\n',
        "        super().commit()\n",
        (ONE + "a_task_cannot_end_it_on_its_connection_either",),
    ),
    Guard(
        "a failed task's rows are undone",
        TRANSACTION,
        "                await self._do(self._session.undo)\n",
        "                await self._do(self._session.keep)\n",
        (ONE + "a_failed_task_leaves_no_row_and_its_error_stays",),
    ),
    Guard(
        "what is checked at COMMIT only is checked while the task can fail by it",
        SESSION,
        '            self.connection().exec_driver_sql("SET CONSTRAINTS ALL IMMEDIATE")\n',
        "            self.connection()\n",
        (ONE + "what_is_checked_at_commit_only_fails_the_task_with_its_words",),
    ),
    Guard(
        "a task does not close its session",
        SESSION,
        '        _refuse("close", "leave it out, and do not use the session as a context manager")\n',
        "        super().close()\n",
        (ONE + "a_session_is_not_used_as_a_context_manager",),
    ),
    Guard(
        "a lost lease commits nothing",
        TRANSACTION,
        "connection.keep_all if stored else connection.undo_all",
        "connection.keep_all",
        (FAULTS + "a_task_that_is_somebody_elses_by_now_commits_nothing",),
    ),
    Guard(
        "a COMMIT without an answer is read back",
        CHILD,
        '            is_lost, is_stored = outcome.state == "succeeded", False\n',
        "            is_lost, is_stored = False, False\n",
        (FAULTS + "a_commit_that_never_arrived_fails_a_task_that_may_run_only_once",),
    ),
    Guard(
        "a task's session is fenced",
        TRANSACTION,
        "        self._fence.enter_context(guard(self._session, access))\n",
        "",
        (DECLARED + "what_was_not_declared_is_refused",),
    ),
    Guard(
        "a task's transaction says what was declared",
        TRANSACTION,
        'values = {"tables": self._access.setting,',
        'values = {"tables": "ext_acme_*",',
        (DECLARED + "what_was_not_declared_is_refused",),
    ),
    Guard(
        "a run that goes on is not followed",
        PARENTS_FILE,
        "    if not ExecutionStatus(parent.status).is_finished:\n",
        "    if False:\n",
        (PARENTS + "a_run_that_is_under_way_cannot_be_followed",),
    ),
    Guard(
        "replicas agree on who follows a run",
        PARENTS_FILE,
        "ORDER BY r.id FOR NO KEY UPDATE\n",
        "ORDER BY r.id\n",
        (PARENTS + "of_parallel_children_one_follows_and_the_others_are_refused",),
    ),
    Guard(
        "a hook waits for those before it",
        CLAIMS,
        "AND e.hook_no < t.hook_no\n",
        "AND e.hook_no < 0\n",
        (
            CALLED + "each_change_of_a_run_calls_its_hooks_in_their_order",
            HOOKING + "hooks_of_a_run_are_given_out_in_order",
        ),
    ),
    Guard(
        "a run starts once",
        HOOKS_SQL,
        "h.seq < n.seq AND h.new_status = 'PROCESSING')",
        "h.seq < 0 AND h.new_status = 'PROCESSING')",
        (HOOKING + "a_run_starts_once_however_often_it_is_tried",),
    ),
    Guard(
        "a refused run calls no hook",
        HOOKS_SQL,
        " AND r.accepted_reason = 'Accepted'\n",
        "\n",
        (HOOKING + "a_refused_run_calls_no_hook",),
    ),
    Guard(
        "an end of a hook is counted once",
        "operator/baton_operator/loops/hooks.py",
        "WHERE id = ANY(CAST(:ids AS uuid[])) AND NOT counted RETURNING id",
        "WHERE id = ANY(CAST(:ids AS uuid[])) AND counted RETURNING id",
        (HOOKING + "an_end_is_counted_once_by_whoever_marks_it",),
    ),
    Guard(
        "the session of a frozen task is ended by whoever takes it over",
        "operator/baton_operator/worker/aftermath.py",
        "        await claims.end_silent(session)\n",
        "",
        (FAULTS + "a_task_that_begins_anew_does_not_wait_for_its_frozen_self",),
    ),
    Guard(
        "a worker that is frozen in a transaction of its own loses it",
        "operator/baton_operator/worker/work.py",
        "        idle_in_transaction_ms=FROZEN_MS,\n",
        "",
        (DYING + "a_worker_that_is_frozen_in_a_transaction_of_its_own_loses_it",),
    ),
    Guard(
        "a program that is stopped while it imports ends at once",
        "operator/baton_operator/early_stop.py",
        "        signal.signal(number, lambda *_: os._exit(0))\n",
        "        pass\n",
        ("tests/unit/house/test_early_stop.py::test_a_stop_while_it_imports_ends_it_with_status_0",),
    ),
    Guard(
        "a task may pause in its transaction",
        TRANSACTION,
        "set_config('idle_in_transaction_session_timeout', '0', true)",
        "set_config('idle_in_transaction_session_timeout', '10s', true)",
        (ONE + "a_task_may_pause_in_its_transaction",),
    ),
)
