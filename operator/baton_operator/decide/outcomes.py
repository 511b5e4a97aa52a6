"""What becomes of a unit of work when its attempt has ended, and of a run when its units have."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from baton_models.status import ExecutionStatus
from baton_operator.decide.definition import RetryPolicy


@dataclass(frozen=True, slots=True)
class Retry:
    """The unit is tried again by a new attempt with a new token."""

    attempt_no: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class End:
    """The unit has its final outcome."""

    status: ExecutionStatus
    reason: str


#: Which of the closed list's reasons `retryOn` means by each of its words.
_RETRY_WORD = {"Failed": "Failed", "TaskError": "Failed", "EngineError": "EngineError", "Lost": "Lost"}


def after_attempt(
    status: ExecutionStatus,
    reason: str,
    attempt_no: int,
    policy: RetryPolicy,
    *,
    stopping: str | None,
    now: datetime,
) -> Retry | End:
    """
    Say what follows for the unit from its attempt's end.

    Args:
        status: How the execution ended: COMPLETED, FAILED or CANCELLED.
        reason: The closed list's word for it.
        attempt_no: The number of the attempt that ended, from 1.
        stopping: Why its run is being stopped, or None. After ``Cancelled`` and ``TimedOut`` what is out was told to
            end; after ``Failed`` and ``Deleted`` it goes on to its own end, and nothing is tried again.
    """
    if status is ExecutionStatus.COMPLETED:
        return End(status, "Succeeded")
    if stopping in {"Cancelled", "TimedOut"}:
        return End(ExecutionStatus.CANCELLED, stopping)
    if status is ExecutionStatus.CANCELLED:
        return End(status, reason or "Cancelled")
    word = _RETRY_WORD.get(reason)
    if not stopping and word in policy.retry_on and attempt_no < policy.max_attempts:
        return Retry(attempt_no + 1, now + timedelta(seconds=policy.delay(attempt_no)))
    return End(ExecutionStatus.FAILED, reason)


def run_end(*, failed: int, cancelled: int, allowed: int | None, cause: str | None) -> End:
    """
    Say how a run that fanned out ends, once none of its units is open.

    Args:
        allowed: Failed units that are put up with; None for any number.
        cause: Why it was stopped, or None.
    """
    if cause == "TimedOut":
        return End(ExecutionStatus.FAILED, "TimedOut")
    if allowed is not None and failed > allowed:
        return End(ExecutionStatus.FAILED, "Failed")
    if cancelled and cause in {"Cancelled", "Deleted"}:
        return End(ExecutionStatus.CANCELLED, "Cancelled")
    if cancelled:
        return End(ExecutionStatus.FAILED, "Failed")
    return End(ExecutionStatus.COMPLETED, "Succeeded")
