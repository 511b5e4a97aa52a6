"""
Jenkins' builds as values, and what their results mean in Baton's vocabulary.

| building | result               | beside it                                 | status     | reason             |
|----------|----------------------|-------------------------------------------|------------|--------------------|
| true     | any, or none         |                                           | PROCESSING | Running            |
| false    | SUCCESS              |                                           | COMPLETED  | Succeeded          |
| false    | UNSTABLE             | ``target.jenkins.unstable: Succeeded``    | COMPLETED  | Succeeded          |
| false    | UNSTABLE             |                                           | FAILED     | Failed             |
| false    | FAILURE              |                                           | FAILED     | Failed             |
| false    | NOT_BUILT            |                                           | CANCELLED  | NotBuilt           |
| false    | ABORTED              | a cause that speaks of a timeout          | CANCELLED  | TimedOut           |
| false    | ABORTED              |                                           | CANCELLED  | Cancelled          |
| false    | none, any other word |                                           | PROCESSING | Running, not known |

Measured on 2.568.2: a result is set before the build ends and can still change (SUCCESS while archiving became FAILURE
when stopped), and the duration is 0 until then: only ``building: false`` is an end. Lists are newest first, by number.
A rotation of logs deletes the oldest builds, except the last successful and the kept ones: a list reaches back only as
far as its numbers have no gap (`Reach`). Numbers start at 1 again when a job is made anew.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from baton_models import ExecutionStatus
from baton_operator.engines.base import Observation

#: A clock is believed within this many milliseconds.
SKEW = 300_000
#: Characters of a job's path in an id: an id has 200 at most.
_PATH = 140

_RESULTS: Mapping[str, tuple[ExecutionStatus, str]] = {
    "SUCCESS": (ExecutionStatus.COMPLETED, "Succeeded"),
    "UNSTABLE": (ExecutionStatus.FAILED, "Failed"),
    "FAILURE": (ExecutionStatus.FAILED, "Failed"),
    "NOT_BUILT": (ExecutionStatus.CANCELLED, "NotBuilt"),
    "ABORTED": (ExecutionStatus.CANCELLED, "Cancelled"),
}
_STARTED_BY = "hudson.model.CauseAction"
_TIMED_OUT = re.compile(r"time(d|s)?[ _-]?out", re.IGNORECASE)


class Parameter(msgspec.Struct, frozen=True):
    """A parameter as a build or a queue item recorded it; a password has no value."""

    name: str = ""
    value: Any = None


class Cause(msgspec.Struct, frozen=True, rename="camel"):
    """Why a build was started or interrupted."""

    kind: str = msgspec.field(default="", name="_class")
    short_description: str | None = None


class Action(msgspec.Struct, frozen=True):
    """One of a build's or item's actions; most have nothing that is shown."""

    kind: str = msgspec.field(default="", name="_class")
    parameters: list[Parameter] | None = None
    causes: list[Cause] | None = None


Actions = Sequence[Action | None] | None


def recorded(actions: Actions) -> dict[str, Any]:
    """Return the parameters that a build or an item has, by name."""
    return {
        parameter.name: parameter.value
        for action in actions or ()
        if action is not None
        for parameter in action.parameters or ()
    }


class Build(msgspec.Struct, frozen=True, rename="camel"):
    """
    A build, as far as it matters.

    Attributes:
        timestamp: When it began, in milliseconds, by Jenkins' clock.
        duration: Milliseconds, 0 until it has ended.
        queue_id: Of the item that it came from; given out again after a crash.
    """

    number: int
    timestamp: int
    building: bool
    result: str | None = None
    duration: int = 0
    queue_id: int = -1
    actions: list[Action | None] | None = None

    @property
    def identity(self) -> "Identity":
        """What no other build of the job has."""
        return Identity(self.number, self.queue_id, self.timestamp)

    @property
    def parameters(self) -> dict[str, Any]:
        """Its parameters by name."""
        return recorded(self.actions)

    @property
    def interruptions(self) -> Sequence[Cause]:
        """Why it was interrupted, where a plugin or Jenkins tells; not why it was started."""
        return [
            cause
            for action in self.actions or ()
            if action is not None and action.kind != _STARTED_BY
            for cause in action.causes or ()
        ]


#: Of a build, in a request's ``tree``.
BUILD_FIELDS = (
    "number,queueId,result,building,timestamp,duration,actions[parameters[name,value],causes[shortDescription]]"
)


class Identity(NamedTuple):
    """A number alone is given out again when the job is made anew."""

    number: int
    queue_id: int
    timestamp: int


def external_id(job: str, build: Build) -> str:
    """
    Return the id that Jenkins never gives out again: ``folder/job#number/queueId/timestamp``.

    Args:
        job: Its full name, e.g. ``team/nightly``; one that is too long for an id is cut, and its hash put behind.
        build: The build.
    """
    if len(job) > _PATH:
        job = f"{job[: _PATH - 17]}~{hashlib.sha256(job.encode()).hexdigest()[:16]}"
    return f"{job}#{build.number}/{build.queue_id}/{build.timestamp}"


def identity_of(identifier: str) -> Identity | None:
    """Read the identity out of an id; None if it is no id of ours."""
    try:
        number, queue_id, timestamp = map(int, identifier.rpartition("#")[2].split("/"))
    except ValueError:
        return None
    return Identity(number, queue_id, timestamp)


def status_of(build: Build, *, unstable_succeeds: bool = False) -> tuple[ExecutionStatus, str, bool]:
    """Return status, reason and whether the result is known; the table above, row by row."""
    if build.building:
        return ExecutionStatus.PROCESSING, "Running", True
    if build.result is None or build.result not in _RESULTS:
        return ExecutionStatus.PROCESSING, "Running", False
    if build.result == "UNSTABLE" and unstable_succeeds:
        return (*_RESULTS["SUCCESS"], True)
    if build.result == "ABORTED" and any(map(_is_timeout, build.interruptions)):
        return ExecutionStatus.CANCELLED, "TimedOut", True
    return (*_RESULTS[build.result], True)


def _is_timeout(cause: Cause) -> bool:
    return _TIMED_OUT.search(cause.kind) is not None or _TIMED_OUT.search(cause.short_description or "") is not None


def observation(
    build: Build, *, identifier: str, url: str, message: str, unstable_succeeds: bool = False
) -> Observation:
    """Say how *build* stands; *message* is why it was interrupted, made fit for people."""
    status, reason, known = status_of(build, unstable_succeeds=unstable_succeeds)
    started = _moment(build.timestamp)
    duration = build.duration / 1000 if status.is_finished else None
    return Observation(
        external_id=identifier,
        status=status,
        reason=reason,
        native=native_of(build),
        message=message,
        started_at=started,
        finished_at=started + timedelta(seconds=duration) if started and duration is not None else None,
        duration=duration,
        url=url,
        known=known,
    )


def native_of(build: Build) -> str:
    """Return Jenkins' own word: the result, once it counts."""
    return "BUILDING" if build.building else (build.result or "null")[:100]


def _moment(milliseconds: int) -> datetime | None:
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


class Reach:
    """
    How far back a list of builds shows everything: down to the first number that it lacks.

    Args:
        next_number: What the next build will be called, as the answer with the newest builds said.
    """

    def __init__(self, next_number: int) -> None:
        self._next_number = next_number
        self._expected: int | None = None
        self._oldest = self._newest = 0

    def add(self, builds: Iterable[Build]) -> None:
        """Go on with older builds; those that were seen already, because newer ones moved the list, change nothing."""
        for build in builds:
            self._newest = max(self._newest, build.timestamp + build.duration)
            if self._expected is None or build.number == self._expected:
                self._oldest, self._expected = build.timestamp, build.number - 1

    def memory(self, now: float) -> float | None:
        """
        Return the seconds it reaches back from now on; None if nothing is hidden.

        Jenkins does not tell the time. What it lists is at least as old as the newest stamp in the list says; our own
        clock may say more, and is believed less `SKEW`.

        Args:
            now: Milliseconds by our own clock.
        """
        if self._expected is None:
            return 0.0 if self._next_number > 1 else None
        if self._expected <= 0:
            return None
        return max(self._newest - self._oldest, now - SKEW - self._oldest, 0) / 1000
