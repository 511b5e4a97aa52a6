"""The guards of what is shown: a status is ours, and nobody fights for it."""

from __future__ import annotations

from guard import Guard

WITNESS = "operator/baton_operator/loops/witness.py"
MEND = "models/baton_models/statements/mend.py"
WITNESSING = "tests/unit/loops/test_witnessing.py::test_"
MENDING = "tests/integration/loops/test_mending.py::test_"
RESTATE = "operator/baton_operator/loops/restate.py"
RESTATING = "tests/integration/loops/test_restating.py::test_"
SHOWN = "operator/baton_operator/invariants/projection.py"
TELLING = "tests/integration/invariants/test_status_and_schema.py::test_"

SHOWING = (
    Guard(
        "the history of a refused Run says why",
        "operator/baton_operator/loops/admissions.py",
        '"status_reason": decision.reason',
        '"status_reason": "Failed"',
        ("tests/integration/loops/test_admitting.py::test_one_that_does_not_fit_keeps_nobody_waiting",),
    ),
    Guard(
        "the echo of a write is no suspicion",
        WITNESS,
        "        if uid in self._odd and self._odd[uid].found == digest:\n            del self._odd[uid]\n",
        "",
        (WITNESSING + "the_echo_of_a_write_is_no_suspicion",),
    ),
    Guard(
        "whoever writes over each repair is not fought",
        WITNESS,
        "SETTLE * 2 ** min(self._repairs(uid, self._clock()), 8)",
        "SETTLE",
        (WITNESSING + "repairs_of_one_run_come_ever_more_slowly",),
    ),
    Guard(
        "what was written over is shown anew",
        MEND,
        "SET shown = NULL, project_at = clock_timestamp()",
        "SET shown = r.shown",
        (MENDING + "a_status_that_is_not_ours_is_shown_anew",),
    ),
    Guard(
        "what a watch tells late is not repaired",
        "operator/baton_operator/loops/mend.py",
        "        if there.uid == run.uid and found != shown.digest:",
        "        if there.uid == run.uid:",
        (MENDING + "what_a_late_watch_told_is_not_believed",),
    ),
    Guard(
        "what another replica shows is not repaired",
        "operator/baton_operator/loops/mend.py",
        "        elif not shown.rests:\n            self._witness.later(suspicion)\n",
        "",
        (MENDING + "a_run_that_is_being_shown_is_looked_at_later",),
    ),
    Guard(
        "open Runs that another release showed are shown anew",
        RESTATE,
        "            if differing:\n                await make_due(session, differing)\n",
        "",
        (RESTATING + "open_runs_that_another_release_showed_are_shown_anew",),
    ),
    Guard(
        "an upgrade that changes no word writes nothing",
        RESTATE,
        " if row.shown != fingerprint(status_document(run_view(row)))",
        "",
        (RESTATING + "an_upgrade_that_changes_no_word_writes_nothing",),
    ),
    Guard(
        "two releases side by side do not fight for words",
        RESTATE,
        "        if passed == self._done:\n            return 0\n",
        "",
        (RESTATING + "nobody_is_fought",),
    ),
    Guard(
        "a Run that has ended keeps its words",
        SHOWN,
        "    if row.finished_at is None or fingerprint(status) != row.shown:",
        "    if True:",
        (TELLING + "an_ended_run_keeps_the_words_of_the_release_that_ended_it",),
    ),
    Guard(
        "words of somebody else are found on a Run that has ended",
        SHOWN,
        " or fingerprint(status) != row.shown:",
        ":",
        (TELLING + "words_that_baton_did_not_write_are_found",),
    ),
)
