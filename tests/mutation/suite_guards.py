"""What the conformance suite must miss in an adapter, shown on the example; and what an adapter's target rests on."""

from __future__ import annotations

from guard import Guard

EXAMPLE = "examples/adapter/baton_jobserver/adapter.py"
CONTRACT = "tests/contract/test_example_adapter.py::TestContract::test_"
HOSTILE = "tests/contract/test_example_adapter.py::TestHostileAnswers::test_"

SUITE = (
    Guard(
        "the suite: an adapter compares who has our name",
        EXAMPLE,
        '        if job.labels.get("fingerprint") != request.fingerprint:\n',
        "        if request.fingerprint is None:\n",
        (CONTRACT + "a_foreigner_under_our_name_is_refused",),
    ),
    Guard(
        "the suite: an adapter asks for the lease",
        EXAMPLE,
        "replace(call, before_send=request.before_send)",
        "replace(call)",
        (CONTRACT + "nothing_is_sent_after_the_lease", CONTRACT + "the_lease_is_asked_for_each_send"),
    ),
    Guard(
        "the suite: an adapter does not take a proxy's 404 for absence",
        EXAMPLE,
        "        if answer.status == HTTPStatus.NOT_FOUND and not ours:\n            raise",
        "        if answer.status == HTTPStatus.NOT_FOUND and ours is None:\n            raise",
        (HOSTILE + "a_404_of_a_proxy_is_no_absence",),
    ),
    Guard(
        "the suite: all requests of a submit share one deadline",
        EXAMPLE,
        "max(ends - asyncio.get_running_loop().time(), 0.1)",
        "30.0",
        (HOSTILE + "a_second_send_keeps_its_deadline",),
    ),
    Guard(
        "the suite: observing costs pages, not references",
        EXAMPLE,
        "pages, cursor = pages + 1, page.next",
        'pages, cursor = pages + 1, page.next or ("" if pages < len(references) else None)',
        (CONTRACT + "the_cost_of_observing_is_pages",),
    ),
    Guard(
        "a custom target belongs to installed adapters only",
        "operator/baton_operator/decide/definition.py",
        "return engine_type not in ARMS.values() if arm == CUSTOM else",
        "return True if arm == CUSTOM else",
        ("tests/unit/decide/test_definition.py::test_a_target_fits_its_type_of_engine",),
    ),
    Guard(
        "definitions at rest are compared with what they show",
        "operator/baton_operator/loops/project_definitions.py",
        "if _digest(table, row) != row.shown)",
        "if row.shown is None)",
        ("tests/cluster/project/test_project_loop.py::test_counters_that_were_lost_with_a_process_are_found",),
    ),
)
