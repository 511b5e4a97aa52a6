"""What an observation, or the lack of one, means for an instance."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from baton_models.status import ExecutionStatus
from baton_operator.engines.base import Observation


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
