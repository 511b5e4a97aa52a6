"""When an engine gets a rest, how long, and what ends it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from baton_operator.decide.circuit import (
    Circuit,
    Policy,
    Tally,
    judge,
    rested,
    tally_error,
    tally_outcomes,
)
from baton_operator.engines.base import Adopted, Created, Enqueued, NameGone, NotSent, Outcome, Rejected, Unknown
from baton_operator.engines.errors import (
    AuthExpiredError,
    EngineError,
    ForbiddenError,
    PermanentError,
    ProtocolDriftError,
    RetryableError,
    TargetNotFoundError,
    UnknownOutcomeError,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
POLICY = Policy(failure_ratio=0.5, minimum_requests=10, window=60.0, open_for=30.0)
REST = timedelta(seconds=30)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


OPEN = Circuit("open", NOON + REST, NOON)


@pytest.mark.parametrize(
    ("outcome", "requests", "failures", "pause"),
    [
        (Created("x"), 1, 0, None),
        (Adopted("x"), 1, 0, None),
        (Enqueued("x"), 1, 0, None),
        (Rejected("EngineRejected", "no", http_status=400), 1, 0, None),
        (Rejected("EngineRejected", "no", http_status=403, slow=True), 1, 0, None),
        (NameGone("x"), 1, 0, None),
        (Unknown("reset"), 1, 1, None),
        (Unknown("bad gateway", http_status=502), 1, 1, None),
        (NotSent("no connection"), 1, 1, None),
        (NotSent("later", http_status=503, retry_after=7.0), 1, 1, 7.0),
        (NotSent("too many", http_status=429, retry_after=9.0), 1, 0, 9.0),
        (NotSent("the credential", http_status=401, auth=True), 0, 0, None),
        (NotSent("the lease", counts=False), 0, 0, None),
    ],
)
def test_what_a_submit_says_of_its_engine(outcome: Outcome, requests: int, failures: int, pause: float | None) -> None:
    """A refusal is an answer; a lease and a credential are none; what nobody knows is a failure."""
    assert tally_outcomes([outcome]) == Tally(requests, failures, pause)


@pytest.mark.parametrize(
    ("error", "tally"),
    [
        (RetryableError("no answer within 10 s"), Tally(1, 1)),
        (RetryableError("down", http_status=500), Tally(1, 1)),
        (RetryableError("later", http_status=503, retry_after=5.0), Tally(1, 1, 5.0)),
        (RetryableError("too many", http_status=429, retry_after=5.0), Tally(1, 0, 5.0)),
        (ProtocolDriftError("a login page", http_status=200), Tally(1, 1)),
        (UnknownOutcomeError("cut"), Tally(1, 1)),
        (AuthExpiredError("401", http_status=401), Tally()),
        (ForbiddenError("403", http_status=403), Tally()),
        (TargetNotFoundError("404", http_status=404), Tally()),
        (PermanentError("the spec"), Tally()),
    ],
)
def test_what_a_failed_read_says_of_its_engine(error: EngineError, tally: Tally) -> None:
    """The 300 s after which a permission is worth another try are no wish of the engine's."""
    assert tally_error(error) == tally


def test_enough_failures_open_it() -> None:
    """Half of at least ten, in this case: the rest begins."""
    circuit = judge(Circuit(), Tally(5, 0), POLICY, now=NOON)
    assert circuit.state == "closed"
    assert judge(circuit, Tally(5, 5), POLICY, now=after(1)) == Circuit("open", after(31), after(1))


def test_too_few_requests_prove_nothing() -> None:
    assert judge(Circuit(), Tally(9, 9), POLICY, now=NOON).state == "closed"


def test_too_few_failures_are_borne() -> None:
    """The ratio is reached at the half, not before it."""
    assert judge(Circuit(), Tally(101, 50), POLICY, now=NOON).state == "closed"
    assert judge(Circuit(), Tally(100, 50), POLICY, now=NOON).state == "open"


def test_what_is_long_ago_does_not_count() -> None:
    """Nine failures of this morning and one of noon open nothing."""
    circuit = judge(Circuit(), Tally(9, 9), POLICY, now=after(-7200))
    assert judge(circuit, Tally(1, 1), POLICY, now=NOON).state == "closed"


def test_the_window_slides() -> None:
    """Failures on both sides of a window's end count together, as far as they are among the latest."""
    circuit = judge(Circuit(), Tally(1), POLICY, now=NOON)
    circuit = judge(circuit, Tally(8, 8), POLICY, now=after(59))
    assert judge(circuit, Tally(4, 4), POLICY, now=after(61)).state == "open"
    assert judge(circuit, Tally(4, 4), POLICY, now=after(110)).state == "closed"


@pytest.mark.parametrize(("seconds", "through"), [(0, 0), (29.9, 0), (30, 1), (3600, 1)])
def test_after_its_rest_one_submit_tries(seconds: float, through: int) -> None:
    """Half-open, too: none while a trial is under way, one when it was given up."""
    assert OPEN.lets_through(after(seconds)) == through
    assert replace(OPEN, state="half-open").lets_through(after(seconds)) == through


def test_closed_it_has_no_limit_of_its_own() -> None:
    assert Circuit().lets_through(NOON) is None


def test_a_trial_that_fares_well_closes_it() -> None:
    """And everything before it is forgotten: one failure more does not open it again."""
    half = replace(OPEN, state="half-open", until=after(60))
    closed = judge(half, Tally(1, 0, trial=True), POLICY, now=after(31))
    assert closed == Circuit(started_at=after(31))
    assert judge(closed, Tally(1, 1), POLICY, now=after(32)).state == "closed"


def test_a_trial_that_fails_begins_the_next_rest() -> None:
    """It has been open since the first failure."""
    half = replace(OPEN, state="half-open", until=after(60))
    assert judge(half, Tally(1, 1, trial=True), POLICY, now=after(31)) == Circuit("open", after(61), NOON)


def test_a_trial_that_tells_nothing_makes_room_for_another() -> None:
    """The lease ran out before it was sent."""
    half = replace(OPEN, state="half-open", until=after(60))
    assert judge(half, Tally(trial=True), POLICY, now=after(31)).lets_through(after(31)) == 1


@pytest.mark.parametrize("state", ["open", "half-open"])
@pytest.mark.parametrize("tally", [Tally(50), Tally(50, 50)])
def test_what_was_sent_before_it_opened_moves_nothing(state: str, tally: Tally) -> None:
    """Late answers neither end the rest nor make it longer."""
    circuit = replace(OPEN, state=state)
    assert judge(circuit, tally, POLICY, now=after(5)) == circuit


@pytest.mark.parametrize(
    ("circuit", "seconds", "waiting", "state"),
    [
        (OPEN, 31, False, "closed"),
        (OPEN, 31, True, "open"),
        (OPEN, 29, False, "open"),
        (replace(OPEN, state="half-open"), 31, False, "closed"),
        (Circuit(), 31, True, "closed"),
    ],
)
def test_where_nothing_waits_a_probe_ends_the_rest(
    circuit: Circuit, seconds: float, *, waiting: bool, state: str
) -> None:
    """Else an engine that nobody needs would be shown as failing for ever."""
    assert rested(circuit, waiting=waiting, now=after(seconds)).state == state


def test_a_policy_is_read_with_the_defaults_of_the_custom_resource() -> None:
    assert Policy.read({}) == Policy(0.5, 20, 60.0, 60.0)
    given_ = {"failureRatio": "0.25", "minimumRequests": 4, "window": "5m", "openFor": "10s"}
    assert Policy.read({"circuitBreaker": given_}) == Policy(0.25, 4, 300.0, 10.0)


batches = st.lists(
    st.tuples(
        st.floats(0, 90),
        st.builds(lambda n, share: Tally(n, round(n * share)), st.integers(0, 30), st.floats(0, 1)),
    ),
    max_size=40,
)


@given(batches)
def test_it_opens_only_on_a_failure_among_enough(steps: list[tuple[float, Tally]]) -> None:
    """Whatever comes when: never on successes, and never on too few."""
    circuit, now, seen = Circuit(), NOON, []
    for wait, tally in steps:
        now += timedelta(seconds=wait)
        seen.append((now, tally))
        circuit = judge(circuit, tally, POLICY, now=now)
        if circuit.state == "closed":
            continue
        near = [each for at, each in seen if (now - at).total_seconds() <= 2 * POLICY.window]
        note(f"{near}")
        assert tally.failures
        assert sum(each.requests for each in near) >= POLICY.minimum_requests
        return
