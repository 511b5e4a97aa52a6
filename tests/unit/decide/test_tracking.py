"""What an observation, or the lack of one, means."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from baton_models.status import ExecutionStatus
from baton_operator.decide.tracking import Gone, Missed, Seen, forward, judge_missing, observed
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
