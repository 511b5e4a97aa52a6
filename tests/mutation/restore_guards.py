"""The guards of a restored database."""

from __future__ import annotations

from guard import Guard

LIVES = "models/baton_models/statements/lives.py"
RELEASE = "models/baton_models/statements/release.py"
ATTEMPTS = "operator/baton_operator/decide/attempts.py"
DECIDE = "tests/unit/decide/test_restored_attempts.py::test_"
RESTORING = "tests/integration/loops/test_restoring.py::test_"
SPINE = "tests/cluster/spine/test_spine_restored.py::test_"

RESTORE = (
    Guard(
        "restored: a deleted Run starts nothing",
        "operator/baton_operator/loops/changes.py",
        " or row.run_cancel_requested_at is not None",
        "",
        (
            RESTORING + "a_run_that_was_deleted_since_starts_nothing",
            "tests/integration/loops/test_deleting.py::test_what_never_arrived_is_not_sent_for_a_run_that_is_gone",
        ),
    ),
    Guard(
        "restored: what waits is looked for",
        LIVES,
        "d.state IN ('INTENT', 'SENT', 'AMBIGUOUS', 'HALTED') AND {_OUTSIDE",
        "d.state IN ('SENT', 'AMBIGUOUS', 'HALTED') AND {_OUTSIDE",
        (RESTORING + "what_was_sent_since_is_found_and_followed",),
    ),
    Guard(
        "restored: a request of the old world may still arrive",
        ATTEMPTS,
        "restored_at + allowance + lag)",
        "restored_at)",
        (DECIDE + "a_request_of_the_old_world_may_still_arrive",),
    ),
    Guard(
        "restored: what the engine may have forgotten is held",
        ATTEMPTS,
        "    evidence_until = attempt.first_sent_at + memory - allowance\n",
        "    evidence_until = restored_at + memory\n",
        (DECIDE + "an_engine_that_forgets_sooner_proves_nothing",),
    ),
    Guard(
        "restored: what cannot be found is not sent",
        ATTEMPTS,
        "(attempt.is_doubted and attempt.is_findable)",
        "attempt.is_doubted",
        (DECIDE + "what_cannot_be_found_is_not_sent",),
    ),
    Guard(
        "restored: what was never sent is sent, whatever the engine offers",
        ATTEMPTS,
        " or (attempt.is_doubted and attempt.is_findable)",
        "",
        (DECIDE + "what_is_not_there_and_was_never_seen_to_be_sent_is_sent",),
    ),
    Guard(
        "restored: a retry that may have been sent is looked for",
        "models/baton_models/statements/settle.py",
        "r.restored_at IS NOT NULL AND (i.finished_at",
        "false AND (i.finished_at",
        (RESTORING + "a_retry_that_was_sent_since_is_found",),
    ),
    Guard(
        "restored: a retry that nobody can have sent is not",
        "models/baton_models/statements/settle.py",
        "i.finished_at < r.restored_at + interval '1 minute'",
        "true",
        (RESTORING + "a_retry_that_begins_after_the_restore_is_sent_at_once",),
    ),
    Guard(
        "restored: units that were not let go yet are looked for",
        RELEASE,
        '_DOUBTED = """{run}.doubts > 0',
        '_DOUBTED = """{run}.doubts > 1000',
        (RESTORING + "units_are_looked_for_until_the_first_ones_turn_out_unsent",),
    ),
    Guard(
        "restored: the doubt about units has an end",
        "models/baton_models/statements/record.py",
        "greatest(r.doubts - n.taken, 0)",
        "greatest(r.doubts, 0)",
        (RESTORING + "units_are_looked_for_until_the_first_ones_turn_out_unsent",),
    ),
    Guard(
        "restored: what was refused makes nothing behind it certain",
        "models/baton_models/statements/record.py",
        ' and row.state in {"ACKED", "ENQUEUED"}]',
        "]",
        (RESTORING + "what_is_refused_makes_nothing_behind_it_certain",),
    ),
    Guard(
        "restored: a Run that lost its row is looked for",
        "models/baton_models/statements/admit.py",
        "  ON l.began_at > r.born_at",
        "  ON false",
        (RESTORING + "a_run_without_a_row_that_is_older_than_the_restore_is_looked_for",),
    ),
    Guard(
        "restored: what Embedded did is gone",
        LIVES,
        " AND e.type <> 'Embedded')\"",
        ')"',
        (RESTORING + "what_embedded_did_is_gone_with_the_database",),
    ),
    Guard(
        "restored: what a status says was sent is not sent again",
        LIVES,
        "SET state = 'AMBIGUOUS', sends = 2,",
        "SET state = 'AMBIGUOUS', sends = 0,",
        (RESTORING + "what_a_known_restore_explains_is_no_news",),
    ),
    Guard(
        "restored: what is known is no news",
        LIVES,
        ' or life.cause == "Started" or life.began_at < told_at:',
        " or life.cause:",
        (RESTORING + "what_a_known_restore_explains_is_no_news",),
    ),
    Guard(
        "restored: a copy is refused",
        LIVES,
        "here is not None and life.identity != here:",
        "here is not None and life.identity == '':",
        (RESTORING + "a_copy_of_the_database_is_refused_until_somebody_says_that_it_counts",),
    ),
    Guard(
        "restored: the Runs are asked before anything is written",
        "operator/baton_operator/app.py",
        "            if await self._lives.compare():\n",
        "            if True:\n",
        (SPINE + "a_restore_that_nobody_mentions_is_seen_by_the_runs",),
    ),
    Guard(
        "restored: nobody works on it meanwhile",
        "operator/baton_operator/cli/database.py",
        "            await _refuse_while_at_work(session)\n",
        "",
        ("tests/integration/cli/test_restored_command.py::test_it_is_refused_while_somebody_works_on_the_database",),
    ),
)
