"""The guards of the hand-over: the rules R1 to R13 of the dispatch protocol, and the limits."""

from __future__ import annotations

from guard import Guard

ATTEMPTS = "operator/baton_operator/decide/attempts.py"
CLAIM = "models/baton_models/statements/claim.py"
RECORD = "models/baton_models/statements/record.py"
RELEASE = "models/baton_models/statements/release.py"
HTTP = "operator/baton_operator/engines/http.py"
DECIDE = "tests/unit/decide/test_attempts.py::test_"
LATE = "tests/integration/guards/test_late_writers.py::test_"
CLAIMING = "tests/integration/loops/test_claiming.py::test_"
RELEASING = "tests/integration/loops/test_releasing.py::test_"
CANCEL = "models/baton_models/statements/cancel.py"
CANCELLING = "tests/integration/loops/test_cancelling.py::test_"
DELETING = "tests/integration/loops/test_deleting.py::test_"
DUPLICATES = "tests/integration/loops/test_duplicates.py::test_"
FOLLOWING = "tests/integration/loops/test_following.py::test_"
ARGO = "tests/contract/test_argo_contract.py::TestFakeArgo::test_"

DISPATCH = (
    Guard(
        "find before a resend",
        ATTEMPTS,
        "            return Look(attempt.visible_after or now, 0, message, refusal=message if refused else None)\n",
        "            return Resend(now, proven=False, message=message)\n",
        (LATE + "an_unknown_outcome_is_looked_for_and_found_before_anything_is_sent", DECIDE + "after_a_submit"),
    ),
    Guard(
        "a name that is another's is told from other refusals",
        "operator/baton_operator/loops/changes.py",
        'HTTPStatus.CONFLICT.value if reason == "NameTaken" else None',
        "None",
        ("tests/integration/loops/test_taken_names.py::test_a_name_that_is_anothers_is_said",),
    ),
    Guard(
        "R1 what was sent stays counted",
        CLAIM,
        "sends = d.sends + 1, tries",
        "sends = d.sends, tries",
        (LATE + "r1_what_was_ever_sent_stays_counted",),
    ),
    Guard(
        "R2 the lease covers the whole request",
        "operator/baton_operator/loops/dispatch.py",
        "        return boottime() + deadline <= self.begun + self.lease_for.total_seconds()",
        "        return True",
        (CLAIMING + "r2_nothing_is_sent_when_the_lease_may_not_cover_the_request",),
    ),
    Guard(
        "R2 asked directly before the first byte",
        HTTP,
        "        if self.before_send is not None and not self.before_send():\n            raise _LeaseLapsedError\n",
        "",
        (ARGO + "nothing_is_sent_after_the_lease",),
    ),
    Guard(
        "R3 a look is judged by its own time",
        ATTEMPTS,
        "    if attempt.visible_after and looked_at < attempt.visible_after:\n"
        '        return Look(attempt.visible_after, 0, "not there yet")\n',
        "",
        (DECIDE + "r3_a_look_is_judged_by_its_own_time",),
    ),
    Guard(
        "R4 a resend that was not sent says nothing of the first",
        ATTEMPTS,
        "        case NotSent(message=message, retry_after=after) if attempt.sends <= 1:",
        "        case NotSent(message=message, retry_after=after):",
        (DECIDE + "r4_a_resend_that_was_not_sent_says_nothing_of_the_first",),
    ),
    Guard(
        "R5 the refusal of a resend says nothing of the first",
        ATTEMPTS,
        "        case Rejected(reason, message, slow=False) if attempt.sends <= 1:",
        "        case Rejected(reason, message, slow=False):",
        (DECIDE + "r5_the_refusal_of_a_resend_says_nothing_of_the_first",),
    ),
    Guard(
        "a resend that is refused fails nothing before absence is evidence",
        ATTEMPTS,
        "    if epoch != attempt.epoch:\n",
        "    if attempt.refusal is not None:\n"
        '        return Refuse("EngineRejected", attempt.refusal)\n'
        "    if epoch != attempt.epoch:\n",
        (DECIDE + "r5_a_resend_that_is_refused_fails_the_unit_once_nothing_of_the_first_is_there",),
    ),
    Guard(
        "a resend that is refused comes to its end",
        ATTEMPTS,
        "        if attempt.refusal is not None:\n",
        "        if attempt.refusal is attempt:\n",
        ("tests/integration/loops/test_recording.py::test_a_resend_that_is_refused_comes_to_its_end",),
    ),
    Guard(
        "R6 what may still arrive is not cancelled clean",
        ATTEMPTS,
        "    match sighting:\n        case Found(",
        "    if attempt.cancelled and not isinstance(sighting, (Found, Foreign)):\n        return Abandon()\n"
        "    match sighting:\n        case Found(",
        (DECIDE + "r6_what_may_still_arrive_is_not_cancelled_clean",),
    ),
    Guard(
        "R7 every execution of a token is ours",
        ATTEMPTS,
        "native, adopted=True, others=others)\n        case Enqueued(handle):\n            return Queue(handle)\n",
        "native, adopted=True)\n        case Enqueued(handle):\n            return Queue(handle)\n",
        (DECIDE + "after_a_look",),
    ),
    Guard(
        "R7 each execution of a token has its row",
        RECORD,
        "FROM kept k CROSS JOIN LATERAL jsonb_to_recordset(k.others) AS o(",
        "FROM kept k CROSS JOIN LATERAL jsonb_to_recordset(CAST('[]' AS jsonb)) AS o(",
        (DUPLICATES + "r7_what_a_look_finds_twice_is_followed_twice",),
    ),
    Guard(
        "R7 what is started again later is followed",
        "operator/baton_operator/loops/track.py",
        "            if each.token in counting\n",
        "            if each.token not in counting\n",
        (DUPLICATES + "r7_what_an_engine_starts_again_later_is_followed",),
    ),
    Guard(
        "R7 a retry waits for every execution of the old token",
        "operator/baton_operator/loops/settle.py",
        "            waits = row.goes_on and isinstance(step, Retry)\n",
        "            waits = False\n",
        (DUPLICATES + "r7_a_retry_waits_until_everything_under_the_old_token_has_ended",),
    ),
    Guard(
        "R7 the later of two ends sees both",
        "models/baton_models/statements/settle.py",
        "WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id FOR NO KEY UPDATE\n",
        "WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id\n",
        (DUPLICATES + "the_later_of_two_that_end_at_once_closes_the_attempt",),
    ),
    Guard(
        "R7 every execution of a token is cancelled",
        CANCEL,
        "(i.id = h.orchestration_instance_id OR i.duplicate_of_id = h.orchestration_instance_id)",
        "i.id = h.orchestration_instance_id",
        (DUPLICATES + "r7_all_are_cancelled",),
    ),
    Guard(
        "R6 what was held is looked for again once it is given up",
        CANCEL,
        "       state = CASE WHEN state = 'HALTED' THEN 'AMBIGUOUS' ELSE state END\n",
        "       state = state\n",
        (CANCELLING + "r6_what_was_held_is_looked_for_again_and_cancelled_when_it_turns_up",),
    ),
    Guard(
        "a life of a few looks settles what it found",
        "operator/baton_operator/loops/resolve.py",
        "LOOKS = 20\n",
        "LOOKS = 100\n",
        ("tests/integration/loops/test_recording.py::test_lives_of_a_few_looks_settle_what_they_found",),
    ),
    Guard(
        "R12 nothing is sent again while a request may still arrive",
        "models/baton_models/statements/resolve.py",
        "       OR coalesce(visible_after, '-infinity') <= clock_timestamp() AND cancel_requested_at IS NULL)",
        "       OR cancel_requested_at IS NULL)",
        ("tests/integration/loops/test_resolving.py::test_r12_nothing_is_sent_again_while_a_request_may_still_arrive",),
    ),
    Guard(
        "what cannot be found again is not sent again",
        "operator/baton_operator/loops/bounds.py",
        "    return bool(wanted and is_findable(target_reason))",
        "    return bool(wanted)",
        (FOLLOWING + "nothing_is_sent_again_where_it_could_not_be_found",),
    ),
    Guard(
        "a dropped handle ends its unit",
        "operator/baton_operator/loops/changes.py",
        '            return UnitMove(*unit, "CANCELLED", "NotBuilt", _text(message) or None)',
        "            return None",
        (FOLLOWING + "what_the_engine_dropped_is_cancelled",),
    ),
    Guard(
        "a deletion cancels whoever took the finalizer away",
        "operator/baton_operator/loops/intake_runs.py",
        "        await self._end(session, [row.id for row in rows if row.cancel_on_delete])\n",
        "",
        (DELETING + "the_rows_cancel_whoever_took_the_finalizer_away",),
    ),
    Guard(
        "nobody is held longer than the cancel's deadline",
        "models/baton_models/statements/guard.py",
        "   OR r.cancel_requested_at + make_interval(secs => r.cancel_timeout_seconds) + interval '10 s'"
        " < clock_timestamp())",
        "  )",
        (DELETING + "loops_that_stand_still_hold_nobody_beyond_the_deadline",),
    ),
    Guard(
        "R8 absence after a restart is no evidence",
        ATTEMPTS,
        "    if epoch != attempt.epoch:\n",
        "    if epoch is None and attempt.epoch == 0:\n",
        (DECIDE + "r8_absence_after_a_restart_is_no_evidence",),
    ),
    Guard(
        "R8 the look's own epoch wins",
        ATTEMPTS,
        "epoch=epoch if told is None else told",
        "epoch=epoch or told",
        (DECIDE + "r8_the_looks_own_epoch_wins",),
    ),
    Guard(
        "a look proves no more than it shows",
        ATTEMPTS,
        "    if memory is None or attempt.first_sent_at is None:\n",
        "    if memory != attempt.first_sent_at or True:\n",
        (DECIDE + "a_look_that_reaches_less_far_back_proves_less",),
    ),
    Guard(
        "R6 what was given up is looked for",
        ATTEMPTS,
        "        return _look_on(attempt, step, looked_at=looked_at)\n",
        "        return step\n",
        (DECIDE + "r6_what_was_given_up_is_looked_for_as_long_as_the_engine_remembers",),
    ),
    Guard(
        "a handle that is forgotten says nothing of the work",
        ATTEMPTS,
        "            visible_after = max(attempt.visible_after or asked_at, asked_at + lag)\n",
        "            visible_after = asked_at\n",
        (DECIDE + "a_handle_that_is_forgotten_says_nothing_of_the_work",),
    ),
    Guard(
        "R9 absence counts twice",
        ATTEMPTS,
        "    if absences < 2:",
        "    if absences < 1:",
        (DECIDE + "r9_absence_counts_twice_a_settle_time_apart",),
    ),
    Guard(
        "R9 a settle time apart",
        ATTEMPTS,
        "looked_at - attempt.last_look_at >= settle",
        "looked_at >= attempt.last_look_at",
        (DECIDE + "r9_absence_counts_twice_a_settle_time_apart",),
    ),
    Guard(
        "R9 a lag apart where the engine has a queue of its own",
        ATTEMPTS,
        "settle=settle if idempotency.is_keyed else max(settle, lag),",
        "settle=settle,",
        (DECIDE + "after_a_look",),
    ),
    Guard(
        "absence proves nothing once the engine may have forgotten",
        ATTEMPTS,
        "    if ends and looked_at >= ends:\n",
        "    if ends is attempt:\n",
        (DECIDE + "what_an_engine_may_have_forgotten_is_not_sent_again",),
    ),
    Guard(
        "R10 counting and claiming are one step",
        CLAIM,
        "WHERE h.engine_id = :engine FOR UPDATE OF h\n",
        "WHERE h.engine_id = :engine\n",
        ("tests/integration/guards/test_claims_side_by_side.py::test_r10_a_claim_waits_for_the_one_that_counts",),
    ),
    Guard(
        "maxInFlight",
        CLAIM,
        "greatest(least(CAST(:limit AS bigint), :max_in_flight - coalesce((SELECT sum(n) FROM held), 0)), 0)",
        "greatest(least(CAST(:limit AS bigint), :max_in_flight * 100), 0)",
        ("tests/integration/loops/test_fair_share.py::test_p7_replicas_that_claim_at_once_keep_both_limits",),
    ),
    Guard(
        "maxInFlightPerNamespace",
        CLAIM,
        "greatest(CAST(:per_namespace AS bigint) - coalesce(h.n, 0), 0)",
        "greatest(CAST(:per_namespace AS bigint) * 100, 0)",
        (CLAIMING + "a_namespaces_own_limit",),
    ),
    Guard(
        "a suspended Engine is not sent to",
        CLAIM,
        "e.is_active AND NOT e.suspend AND h.ready_reason",
        "e.is_active AND h.ready_reason",
        (CLAIMING + "an_engine_that_may_not_be_sent_to_keeps_its_runs_waiting",),
    ),
    Guard(
        "R11 nothing is written under a lost lease",
        RECORD,
        "d.lease_token = :lease AND d.state",
        "d.state",
        (LATE + "r11_a_process_that_lost_its_lease_records_nothing",),
    ),
    Guard(
        "R11 nothing is written of a state that has passed",
        RECORD,
        " AND d.state = CAST(:held AS attempt_state)\n",
        " AND CAST(:held AS attempt_state) IS NOT NULL\n",
        (LATE + "r11_a_process_records_nothing_of_a_state_that_has_passed",),
    ),
    Guard(
        "what is held is not looked for",
        RECORD,
        "    AND d.due_at <= clock_timestamp() AND coalesce(d.lease_until, '-infinity') <= clock_timestamp()\n",
        "    AND d.due_at <= clock_timestamp()\n",
        (LATE + "what_is_held_is_not_looked_for",),
    ),
    Guard(
        "R13 a name that was taken and then gone may have been ours",
        ATTEMPTS,
        "        case NameGone(message):\n            return Hold(message)",
        "        case NameGone(message):\n            return Resend(now, proven=True, message=message)",
        (DECIDE + "r13_a_name_that_was_taken_and_then_gone_may_have_been_ours",),
    ),
    Guard(
        "maxParallel",
        RELEASE,
        "         r.max_parallel - (SELECT count(*)",
        "         r.max_parallel * 100 - (SELECT count(*)",
        (RELEASING + "no_more_than_max_parallel_are_out",),
    ),
    Guard(
        "batches one after the other",
        RELEASE,
        "i.status = 'PENDING' AND (NOT t.sequential OR b.position = t.front)",
        "i.status = 'PENDING'",
        (RELEASING + "batches_one_after_the_other",),
    ),
    Guard(
        "concurrency.max",
        RELEASE,
        "  SELECT a.id AS automation_id, a.max_active - (",
        "  SELECT a.id AS automation_id, a.max_active * 100 - (",
        (RELEASING + "only_so_many_runs_of_an_automation_at_a_time",),
    ),
    Guard(
        "places are counted and taken under a lock",
        RELEASE,
        "ORDER BY a.id FOR NO KEY UPDATE",
        "ORDER BY a.id",
        (RELEASING + "concurrent_admissions_never_take_the_same_place",),
    ),
    Guard(
        "a probe that came late says nothing",
        "models/baton_models/statements/track.py",
        "  AND coalesce(probed_at, '-infinity') <= CAST(:held_until AS timestamptz) - {_ASK_CLAIM}\n",
        "",
        (LATE + "a_process_that_was_frozen_in_a_probe_says_nothing_of_the_engine",),
    ),
)
