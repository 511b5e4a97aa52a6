"""What an observation, or the lack of one, means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_models.status import ExecutionStatus
from baton_operator.decide.tracking import Gone, Missed, Seen, forward, judge_missing, next_poll, observed
from baton_operator.engines.base import Observation

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
APART = timedelta(seconds=30)
PENDING, PROCESSING = ExecutionStatus.PENDING, ExecutionStatus.PROCESSING
running = Observation("x", PROCESSING, "Running", "Running")


def test_what_a_direct_look_finds_is_there() -> None:
    """Also where it was missing before."""
    assert judge_missing(running, None, now=NOON, confirmation=APART) == Seen(running)
    assert judge_missing(running, NOON - timedelta(hours=1), now=NOON, confirmation=APART) == Seen(running)


def test_one_miss_is_not_gone() -> None:
    assert judge_missing(None, None, now=NOON, confirmation=APART) == Missed(NOON, NOON + APART)


def test_two_misses_too_close_are_one() -> None:
    """The second look does not move the first one's time."""
    since = NOON - APART + timedelta(milliseconds=1)
    assert judge_missing(None, since, now=NOON, confirmation=APART) == Missed(since, since + APART)


def test_two_misses_far_enough_apart_are_lost() -> None:
    assert judge_missing(None, NOON - APART, now=NOON, confirmation=APART) == Gone()


@pytest.mark.parametrize("status", list(ExecutionStatus))
@pytest.mark.parametrize("seen", list(ExecutionStatus))
def test_an_instance_never_goes_back(status: ExecutionStatus, seen: ExecutionStatus) -> None:
    """An engine that shows as queued what was running shows its cache."""
    assert forward(status, seen) is (status if seen is PENDING else seen)


@pytest.mark.parametrize(
    ("status", "native", "was_missing", "news"),
    [
        (PROCESSING, "Running", False, False),
        (PROCESSING, "Running", True, True),
        (PROCESSING, "Pending", False, True),
        (PROCESSING, None, False, True),
        (PENDING, "Running", False, True),
    ],
)
def test_only_news_are_written(status: ExecutionStatus, native: str | None, was_missing: bool, news: bool) -> None:
    """An observation that says what the row says costs no write."""
    assert observed(status, native, running, was_missing=was_missing) is news


CALM = {
    "interval": 10.0,
    "idle_interval": 60.0,
    "quiet": 0.0,
    "failures": 0,
    "is_resting": False,
    "asked": None,
    "spread": 0.0,
}


@pytest.mark.parametrize(
    ("changed", "seconds"),
    [
        ({}, 10),
        ({"quiet": 40}, 10),
        ({"quiet": 120}, 30),
        ({"quiet": 240}, 60),
        ({"quiet": float("inf")}, 60),
        ({"failures": 1}, 20),
        ({"failures": 2}, 40),
        ({"failures": 99}, 60),
        ({"is_resting": True}, 60),
        ({"asked": 5.0}, 10),
        ({"asked": 300.0}, 300),
        ({"spread": 1.0}, 11),
        ({"spread": -1.0}, 9),
        ({"idle_interval": 5.0, "quiet": 999}, 10),
    ],
)
def test_polls_are_as_far_apart_as_things_are_quiet(changed: dict[str, float], seconds: float) -> None:
    """Close together while things move; ever further apart while nothing does, and while the engine fails or rests."""
    assert next_poll(**{**CALM, **changed}) == pytest.approx(seconds)


@given(
    interval=st.floats(1, 3600),
    idle_interval=st.floats(1, 3600),
    quiet=st.floats(0, 1e9),
    failures=st.integers(0, 10_000),
    is_resting=st.booleans(),
    spread=st.floats(-1, 1),
)
def test_no_poll_is_sooner_or_later_than_an_engines_spec_says(
    interval: float, idle_interval: float, quiet: float, failures: int, *, is_resting: bool, spread: float
) -> None:
    """But for a tenth, by which they are spread."""
    wait = next_poll(
        interval=interval,
        idle_interval=idle_interval,
        quiet=quiet,
        failures=failures,
        is_resting=is_resting,
        asked=None,
        spread=spread,
    )
    assert 0.89 * interval <= wait <= 1.11 * max(interval, idle_interval)
