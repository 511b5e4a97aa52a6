"""What an observation, or the lack of one, means for an instance."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from baton_models.status import ExecutionStatus
from baton_operator.engines.base import Observation

#: Seconds of quiet for each second between two polls: after four minutes of it, one minute.
QUIET_SHARE = 4.0
#: By which part a poll is moved at most.
SPREAD = 0.1


@dataclass(frozen=True, slots=True)
class Seen:
    """The engine has it."""

    observation: Observation


@dataclass(frozen=True, slots=True)
class Missed:
    """It was not there, once: look again."""

    since: datetime
    look_again_at: datetime


@dataclass(frozen=True, slots=True)
class Gone:
    """It was not there, twice, far enough apart: Lost."""

    message: str = "the engine does not have it any more"


def judge_missing(
    observation: Observation | None, lost_since: datetime | None, *, now: datetime, confirmation: timedelta
) -> Seen | Missed | Gone:
    """
    Judge a direct look for an instance that a list left out.

    Args:
        observation: What the look found; None for nothing.
        lost_since: When it was first not found; None if it was there the last time.
        confirmation: How far two looks that find nothing lie apart at least.
    """
    if observation is not None:
        return Seen(observation)
    if lost_since is not None and now - lost_since >= confirmation:
        return Gone()
    since = lost_since or now
    return Missed(since, since + confirmation)


def observed(status: ExecutionStatus, native: str | None, observation: Observation, *, was_missing: bool) -> bool:
    """Say whether *observation* says anything new of an instance."""
    return was_missing or observation.status is not status or (native or "") != observation.native


def forward(status: ExecutionStatus, seen: ExecutionStatus) -> ExecutionStatus:
    """
    Say which status an instance has next.

    It never goes back: what an engine shows as queued after it was running is its cache, or a restart of its own, and
    only the engine's word is taken over.
    """
    return status if seen is ExecutionStatus.PENDING else seen


def next_poll(
    *,
    interval: float,
    idle_interval: float,
    quiet: float,
    failures: int,
    is_resting: bool,
    asked: float | None,
    spread: float,
) -> float:
    """
    Say in how many seconds an engine's instances are to be observed again.

    Each interval is kept while things move. Then it grows with the time for which nothing has moved: what has been
    quiet for an hour is not missed by a minute.

    Args:
        interval: ``tracking.interval``.
        idle_interval: ``tracking.idleInterval``: no poll lies further off, but for *asked*.
        quiet: Seconds since anything moved or was started.
        failures: Polls that failed one after the other.
        is_resting: Whether the engine's circuit is open.
        asked: Seconds for which the engine wants to be left alone.
        spread: From -1 to 1; moves the poll by a tenth at most, so that engines and replicas do not march in step.
    """
    longest = max(idle_interval, interval)
    if failures:
        wanted = interval * 2.0 ** min(failures, 12)
    elif is_resting:
        wanted = longest
    else:
        wanted = quiet / QUIET_SHARE
    wanted = min(max(wanted, interval), longest)
    return max(wanted * (1.0 + SPREAD * spread), asked or 0.0)
