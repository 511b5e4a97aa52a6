"""The guards of the monitoring: ends are counted once, checks are shared and bounded, gauges say what could be done."""

from __future__ import annotations

from guard import Guard

PERIODIC = "operator/baton_operator/invariants/periodic.py"
GAUGES = "operator/baton_operator/loops/gauges.py"
CHECKING = "tests/integration/invariants/test_periodic_checks.py::test_"
MEASURING = "tests/integration/loops/test_measuring.py::test_"
VIEWING = "tests/integration/store/test_run_history_view.py::test_"
COUNT = "operator/baton_operator/loops/count.py"
COUNTING = "tests/integration/loops/test_counting.py::test_"
RUN_LINES = "tests/integration/loops/test_run_lines.py::test_"

MONITORING = (
    Guard(
        "what is not committed is not told",
        "operator/baton_operator/loops/run_lines.py",
        '    event.listen(session.sync_session, "after_commit", lambda _: say(), once=True)',
        "    say()",
        (RUN_LINES + "what_is_not_committed_is_not_told",),
    ),
    Guard(
        "an end that one replica marks is not counted by another",
        COUNT,
        "  FOR UPDATE SKIP LOCKED\n",
        "",
        (COUNTING + "what_another_replica_is_about_to_mark_is_left_to_it",),
    ),
    Guard(
        "an end that was marked is not counted again",
        COUNT,
        "finished_at IS NOT NULL AND NOT counted ORDER BY",
        "finished_at IS NOT NULL ORDER BY",
        (COUNTING + "a_count_that_is_lost_with_its_process_is_not_counted_again",),
    ),
    Guard(
        "one replica checks for all",
        PERIODIC,
        "WHERE due_at <= clock_timestamp() AND invariant",
        "WHERE invariant",
        (CHECKING + "what_one_replica_has_checked_no_other_checks_again_and_all_show_it",),
    ),
    Guard(
        "a check that takes too long rests",
        PERIODIC,
        '"rest": PATIENCE * REST}',
        '"rest": 0.0}',
        (CHECKING + "a_check_that_takes_too_long_is_given_up_and_rests",),
    ),
    Guard(
        "what is broken is asked about again soon",
        PERIODIC,
        "BROKEN_INTERVAL if found else INTERVAL",
        "INTERVAL",
        (CHECKING + "a_broken_invariant_is_shown_logged_and_asked_about_again_soon",),
    ),
    Guard(
        "what waits for its engine is no backlog",
        GAUGES,
        "WHERE {MAY_TAKE} AND {AT_ONCE} > coalesce",
        "WHERE {AT_ONCE} > coalesce",
        (MEASURING + "what_waits_for_its_engine_or_a_person_is_no_backlog",),
    ),
    Guard(
        "what waits for its namespace's place is no backlog",
        GAUGES,
        "open.for_one > coalesce(taken.n, 0)",
        "open.for_one > 0",
        (MEASURING + "what_waits_for_its_engine_or_a_person_is_no_backlog",),
    ),
    Guard(
        "a time range narrows the history",
        "migrations/baton_migrations/engine/versions/0014_monitoring.py",
        "LEFT JOIN run_state_history n ON n.run_id = h.run_id AND n.seq = h.seq + 1\n",
        "LEFT JOIN (SELECT run_id, seq, lead(changed_at) OVER (PARTITION BY run_id ORDER BY seq) AS changed_at\n"
        "           FROM run_state_history) n ON n.run_id = h.run_id AND n.seq = h.seq\n",
        (VIEWING + "a_time_range_is_applied_to_the_runs_before_their_history_is_joined",),
    ),
)
