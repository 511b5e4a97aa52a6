"""What becomes of a unit when its attempt has ended, and of a run when its units have: the whole tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from baton_models.status import ExecutionStatus
from baton_operator.decide.definition import RetryPolicy
from baton_operator.decide.outcomes import End, Retry, after_attempt, run_end

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
COMPLETED, FAILED, CANCELLED = ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED
STOPS = (None, "Cancelled", "TimedOut", "Failed", "Deleted")


def ended(
    status: ExecutionStatus,
    reason: str,
    number: int = 1,
    *,
    stopping: str | None = None,
    retry_on: tuple[str, ...] = ("Failed", "EngineError"),
) -> Retry | End:
    policy = RetryPolicy(max_attempts=3, initial=10, factor=3, maximum=60, retry_on=frozenset(retry_on))
    return after_attempt(status, reason, number, policy, stopping=stopping, now=NOON)


@pytest.mark.parametrize("stopping", STOPS)
def test_what_has_succeeded_has_succeeded(stopping: str | None) -> None:
    """Also where it was to be stopped: the engine was faster."""
    assert ended(COMPLETED, "Succeeded", stopping=stopping) == End(COMPLETED, "Succeeded")


FAILURES = [
    ("Failed", ("Failed", "EngineError"), True),
    ("TaskError", ("Failed",), True),
    ("TaskError", ("EngineError",), False),
    ("EngineError", ("Failed", "EngineError"), True),
    ("EngineError", ("Failed",), False),
    ("Lost", ("Failed", "EngineError"), False),
    ("Lost", ("Lost",), True),
    ("TimedOut", ("Failed", "EngineError", "Lost"), False),
    ("EngineRejected", ("Failed", "EngineError", "Lost"), False),
]


@pytest.mark.parametrize(("reason", "retry_on", "again"), FAILURES)
def test_a_failure_is_tried_again_only_where_the_policy_names_it(
    reason: str, retry_on: tuple[str, ...], again: bool
) -> None:
    """Lost work above all: it may still run."""
    expected = Retry(2, NOON + timedelta(seconds=10)) if again else End(FAILED, reason)
    assert ended(FAILED, reason, retry_on=retry_on) == expected


def test_attempts_are_limited_and_lie_further_and_further_apart() -> None:
    assert ended(FAILED, "Failed", 1) == Retry(2, NOON + timedelta(seconds=10))
    assert ended(FAILED, "Failed", 2) == Retry(3, NOON + timedelta(seconds=30))
    assert ended(FAILED, "Failed", 3) == End(FAILED, "Failed")


@pytest.mark.parametrize(("number", "expected"), [(1, 10), (2, 30), (3, 60), (400, 60)])
def test_the_delay_is_capped(number: int, expected: float) -> None:
    """Also where the power itself is greater than any float."""
    assert RetryPolicy(initial=10.0, factor=3.0, maximum=60.0).delay(number) == expected
    assert RetryPolicy(initial=10.0, factor=99_999_999.0, maximum=60.0).delay(100) == 60


@pytest.mark.parametrize(
    ("stopping", "expected"),
    [
        ("Cancelled", End(CANCELLED, "Cancelled")),
        ("TimedOut", End(CANCELLED, "TimedOut")),
        ("Failed", End(FAILED, "Failed")),
        ("Deleted", End(FAILED, "Failed")),
    ],
)
def test_nothing_is_tried_again_while_the_run_is_stopped(stopping: str, expected: End) -> None:
    """What was told to end and failed was ended; what was left alone failed by itself."""
    assert ended(FAILED, "Failed", stopping=stopping) == expected


@pytest.mark.parametrize(
    ("stopping", "expected"),
    [
        (None, End(CANCELLED, "Cancelled")),
        ("Cancelled", End(CANCELLED, "Cancelled")),
        ("TimedOut", End(CANCELLED, "TimedOut")),
        ("Failed", End(CANCELLED, "Cancelled")),
        ("Deleted", End(CANCELLED, "Cancelled")),
    ],
)
def test_what_somebody_cancelled_in_the_engine_is_not_tried_again(stopping: str | None, expected: End) -> None:
    assert ended(CANCELLED, "", stopping=stopping) == expected


@pytest.mark.parametrize(
    ("failed", "cancelled", "allowed", "cause", "expected"),
    [
        (0, 0, 0, None, End(COMPLETED, "Succeeded")),
        (1, 0, 0, None, End(FAILED, "Failed")),
        (1, 0, 1, None, End(COMPLETED, "Succeeded")),
        (99, 0, None, None, End(COMPLETED, "Succeeded")),
        (2, 0, 1, "Failed", End(FAILED, "Failed")),
        (0, 1, 0, "Cancelled", End(CANCELLED, "Cancelled")),
        (0, 0, 0, "Cancelled", End(COMPLETED, "Succeeded")),
        (1, 1, 0, "Cancelled", End(FAILED, "Failed")),
        (0, 1, 0, "Deleted", End(CANCELLED, "Cancelled")),
        (0, 1, 0, None, End(FAILED, "Failed")),
        (0, 0, 0, "TimedOut", End(FAILED, "TimedOut")),
        (1, 1, 5, "TimedOut", End(FAILED, "TimedOut")),
    ],
)
def test_how_a_run_ends(failed: int, cancelled: int, allowed: int | None, cause: str | None, expected: End) -> None:
    """Time first, then failures beyond what is allowed, then what was cancelled."""
    assert run_end(failed=failed, cancelled=cancelled, allowed=allowed, cause=cause) == expected
