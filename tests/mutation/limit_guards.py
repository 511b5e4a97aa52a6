"""The guards of what replicas keep together: fair shares, circuit, pause, and how often an engine is asked."""

from __future__ import annotations

from guard import Guard

CIRCUIT = "operator/baton_operator/decide/circuit.py"
CLAIM = "models/baton_models/statements/claim.py"
DISPATCH_LOOP = "operator/baton_operator/loops/dispatch.py"
TRACK = "models/baton_models/statements/track.py"
PROJECTION = "models/baton_models/statements/projection.py"
DECIDE = "tests/unit/decide/test_circuit.py::test_"
BREAKING = "tests/integration/loops/test_circuit_breaking.py::test_"
SHARING = "tests/integration/loops/test_fair_share.py::test_"

LIMITS = (
    Guard(
        "whoever has the fewest in flight is next",
        CLAIM,
        "  SELECT d.id, t.tenant_id, coalesce(h.n, 0) + row_number()",
        "  SELECT d.id, t.tenant_id, row_number()",
        (SHARING + "slots_that_free_go_to_whoever_has_the_fewest",),
    ),
    Guard(
        "among those with as many, the next in turn",
        CLAIM,
        "ORDER BY place, tenant_id <= CAST(:last_tenant AS text), tenant_id)",
        "ORDER BY place, CAST(:last_tenant AS text), tenant_id)",
        (SHARING + "priority_orders_a_tenants_own_work_only",),
    ),
    Guard(
        "a namespace's own limit counts what it has in flight",
        CLAIM,
        "greatest(CAST(:per_namespace AS bigint) - coalesce(h.n, 0), 0)",
        "greatest(CAST(:per_namespace AS bigint), 0)",
        (SHARING + "a_tenant_at_its_own_limit_leaves_the_rest_to_the_others",),
    ),
    Guard(
        "a crash leaves little to a person",
        DISPATCH_LOOP,
        "        size = self._settings.batch_size if adapter.idempotency.is_keyed else IN_DOUBT\n",
        "        size = self._settings.batch_size\n",
        ("tests/integration/loops/test_claiming.py::test_a_crash_leaves_little_to_a_person",),
    ),
    Guard(
        "a tenth of a shared engine is there for others",
        CLAIM,
        "CASE WHEN e.spec ? 'allowedNamespaces' THEN",
        "CASE WHEN e.spec ? 'forbiddenNamespaces' THEN",
        (SHARING + "a_tenth_of_an_engine_that_others_may_use_is_there_for_them",),
    ),
    Guard(
        "a namespace is found by a step in the index",
        CLAIM,
        "    WHERE a.engine_id = :engine AND a.tenant_id = t.tenant_id AND a.state = 'INTENT'",
        "    WHERE a.engine_id = :engine AND a.tenant_id || '' = t.tenant_id AND a.state = 'INTENT'",
        (SHARING + "a_claim_reads_what_it_takes_and_not_what_waits",),
    ),
    Guard(
        "an open circuit lets nothing through",
        CIRCUIT,
        "        return TRIALS if self.until is None or self.until <= now else 0\n",
        "        return None\n",
        (
            BREAKING + "a_claim_that_began_before_it_opened_sends_nothing_after",
            DECIDE + "after_its_rest_one_submit_tries",
        ),
    ),
    Guard(
        "half-open, one submit tries",
        CLAIM,
        "circuit_state = CASE WHEN CAST(:trial AS boolean) THEN 'half-open' ELSE circuit_state END",
        "circuit_state = circuit_state",
        (BREAKING + "after_the_rest_one_submit_tries_and_closes_it",),
    ),
    Guard(
        "while a trial is under way, no other is",
        CLAIM,
        "circuit_until = CASE WHEN CAST(:trial AS boolean) THEN clock_timestamp() + :lease_for ELSE circuit_until END",
        "circuit_until = circuit_until",
        (BREAKING + "after_the_rest_one_submit_tries_and_closes_it",),
    ),
    Guard(
        "too few requests prove nothing",
        CIRCUIT,
        "    return requests >= policy.minimum_requests and failures",
        "    return failures",
        (DECIDE + "too_few_requests_prove_nothing",),
    ),
    Guard(
        "refusals say nothing against an engine",
        CIRCUIT,
        "            is_failure = status is None or status >= HTTPStatus.INTERNAL_SERVER_ERROR\n",
        "            is_failure = True\n",
        (DECIDE + "what_a_submit_says_of_its_engine",),
    ),
    Guard(
        "late answers move no open circuit",
        CIRCUIT,
        "    if not tally.trial:\n        return circuit\n",
        "",
        (DECIDE + "what_was_sent_before_it_opened_moves_nothing",),
    ),
    Guard(
        "Retry-After pauses the engine",
        "models/baton_models/statements/health.py",
        "       paused_until = greatest(paused_until, clock_timestamp() + CAST(:pause AS interval))\n",
        "       paused_until = coalesce(paused_until, CAST(:until AS timestamptz) + CAST(:pause AS interval))\n",
        (BREAKING + "retry_after_pauses_the_engine_for_all",),
    ),
    Guard(
        "a pause is asked for under the lock",
        DISPATCH_LOOP,
        "        if row.is_paused:\n            return 0\n",
        "",
        (BREAKING + "a_claim_that_began_before_it_opened_sends_nothing_after",),
    ),
    Guard(
        "a pause holds polls back",
        TRACK,
        "    AND coalesce(h.paused_until, '-infinity') <= clock_timestamp()\n",
        "",
        (BREAKING + "a_pause_holds_polls_back",),
    ),
    Guard(
        "a changed spec ends rest and pause",
        "operator/baton_operator/loops/intake_definitions.py",
        "        await reset_limits(session, key)\n",
        "",
        (BREAKING + "a_changed_spec_ends_rest_and_pause",),
    ),
    Guard(
        "what backs off goes on when the engine is back",
        TRACK,
        "    if back:\n        await hurry(session, engine)\n",
        "",
        (BREAKING + "an_engine_that_is_back_is_sent_to_at_once",),
    ),
    Guard(
        "replicas keep one pace of status writes",
        PROJECTION,
        "    AND coalesce(projected_at, '-infinity') <= clock_timestamp() - CAST(:interval AS interval)\n",
        "",
        ("tests/integration/project/test_projection_statements.py::test_replicas_keep_one_pace_of_writing",),
    ),
    Guard(
        "an earlier look that was asked for meanwhile is kept",
        TRACK,
        "                      ELSE least(next_poll_at, clock_timestamp() + :again) END,",
        "                      ELSE clock_timestamp() + :again END,",
        ("tests/integration/loops/test_polling.py::test_what_was_started_during_a_poll_is_looked_at_soon",),
    ),
    Guard(
        "one question a poll, whatever the number of instances",
        "operator/baton_operator/loops/track.py",
        "        answer = await adapter.observe(list(references.values()))\n",
        "        for each in references.values():\n            answer = await adapter.observe([each])\n",
        ("tests/integration/loops/test_polling.py::test_one_question_a_poll_whatever_the_number",),
    ),
)
