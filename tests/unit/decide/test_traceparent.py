"""W3C trace context: what is taken, what is made, and that it is the same each time."""

from __future__ import annotations

import pytest

from baton_operator.decide.traceparent import TraceParent, row_span_id, run_span_id, trace_context

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{PARENT}-01"


def test_what_was_given_is_kept() -> None:
    assert TraceParent.parse(GIVEN) == TraceParent(TRACE, PARENT, True)
    assert trace_context(GIVEN, "uid") == GIVEN
    assert trace_context(GIVEN[:-2] + "00", "uid") == GIVEN[:-2] + "00"


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    assert trace_context(f"cc-{TRACE}-{PARENT}-09-what-comes", "uid") == GIVEN


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "hello",
        GIVEN.upper(),
        f" {GIVEN}",
        f"{GIVEN}\n",
        f"{GIVEN}-more",
        f"cc-{TRACE}-{PARENT}-01more",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}",
        "x" * 5000,
    ],
)
def test_what_is_invalid_is_replaced(text: str | None) -> None:
    """The trace that is made belongs to the Run's uid, names the Run's own span and is valid itself."""
    assert TraceParent.parse(text) is None
    made = TraceParent.parse(trace_context(text, "uid-1"))
    assert made is not None
    assert made.parent_id == run_span_id("uid-1")
    assert made.is_sampled


def test_ids_are_fixed_and_apart() -> None:
    """A second process tells the same span under the same id; two things never share one."""
    assert trace_context(None, "uid-1") == trace_context("nonsense", "uid-1")
    ids = {run_span_id("a"), run_span_id("b"), row_span_id("a"), row_span_id("b")}
    assert len(ids) == 4
    assert trace_context(None, "a") != trace_context(None, "b")
    assert run_span_id("uid-1") == "b13ae164ca28ef1c"
