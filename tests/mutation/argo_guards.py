"""The guards of Argo's second way, of its streams, and of what hints may do."""

from __future__ import annotations

from guard import Guard

OBJECTS = "operator/baton_operator/engines/argo/kubernetes.py"
ACCESS = "operator/baton_operator/engines/kube_access.py"
EVENTS = "operator/baton_operator/engines/argo/events.py"
HINTS = "operator/baton_operator/loops/hints.py"
FACTS = "tests/contract/test_argo_kubernetes_facts.py::test_"
STREAMS = "tests/contract/test_argo_hints.py::test_"
WAYS = "tests/unit/engines/test_kube_access.py::test_"
LOOP = "tests/integration/loops/test_hinting.py::test_"

ARGO = (
    Guard(
        "Argo: what ended since the look is not shut down",
        OBJECTS,
        'metadata: dict[str, Any] = {"resourceVersion": workflow.metadata.version}',
        "metadata: dict[str, Any] = {}",
        (FACTS + "what_ends_between_look_and_patch_stays_as_it_is",),
    ),
    Guard(
        "Argo: a 404 that names no object is no absence",
        OBJECTS,
        '        absent = said.reason == "NotFound" and bool(said.details.name)\n',
        '        absent = said.reason == "NotFound"\n',
        (FACTS + "a_cluster_without_argo_says_so",),
    ),
    Guard(
        "Argo: a list that expired is begun anew",
        OBJECTS,
        '                params.pop("continue", None)\n',
        "                return\n",
        (FACTS + "a_list_that_expires_is_begun_anew",),
    ),
    Guard(
        "Argo: an unknown template is not submitted",
        OBJECTS,
        '            return Rejected("TargetNotFound", str(error), http_status=error.http_status)\n',
        "            return None\n",
        (FACTS + "a_template_that_is_not_there_is_not_submitted",),
    ),
    Guard(
        "Argo: Baton's own identity is not lent",
        ACCESS,
        '        if not auth or list(auth) != ["serviceAccount"]:\n',
        "        if not auth:\n",
        (WAYS + "baton_lends_its_identity_to_nobody",),
    ),
    Guard(
        "Argo: a kubeconfig starts no program",
        ACCESS,
        '    _only(user, _USER_FIELDS, "users[].user")\n',
        "",
        (WAYS + "what_is_not_harmless_is_refused_by_name",),
    ),
    Guard(
        "Argo: a kubeconfig's server is verified",
        ACCESS,
        '    _only(cluster, _CLUSTER_FIELDS, "clusters[].cluster")\n',
        "",
        (WAYS + "what_is_not_harmless_is_refused_by_name",),
    ),
    Guard(
        "Argo: a line of a stream has a limit",
        "operator/baton_operator/engines/streams.py",
        "            if len(rest) > limit or any(len(line) > limit for line in lines):\n",
        "            if False:\n",
        (STREAMS + "a_line_without_an_end_is_not_collected",),
    ),
    Guard(
        "Argo: only a phase is news",
        EVENTS,
        "                    if moved is None or phases.get(moved.name) == moved.phase:\n",
        "                    if moved is None:\n",
        (STREAMS + "the_same_phase_again_is_no_news",),
    ),
    Guard(
        "hints: a busy engine is not polled for each event",
        HINTS,
        "        await asyncio.sleep(max(early, 0.0) + ",
        "        await asyncio.sleep(max(early, 0.0) * 0 + 0 * ",
        (LOOP + "many_hints_are_one_poll",),
    ),
    Guard(
        "hints: what failed is not hurried",
        "models/baton_models/statements/hints.py",
        " AND poll_failures = 0\n",
        "\n",
        (LOOP + "an_engine_that_fails_is_not_woken",),
    ),
    Guard(
        "hints: a stream that dies comes back after a rest",
        HINTS,
        " and now >= stream.next_at:\n",
        ":\n",
        (LOOP + "a_stream_that_dies_leaves_polling_as_it_was",),
    ),
    Guard(
        "hints: one that comes during a poll is not lost",
        "operator/baton_operator/loops/track.py",
        "                self._claimed_twice.add(row.id)",
        "                pass",
        (LOOP + "a_hint_during_a_poll_is_another_poll",),
    ),
)
