"""A build of the fake Jenkins: how long it lasts, how it ends and what its log says, by its parameters."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from baton_fakes.jenkins_jobs import FakeJob

#: The parameter in which the token of a submit travels.
TOKEN = "BATON_TOKEN"  # noqa: S105 - a parameter's name
_USER = ("jenkins.model.CauseOfInterruption$UserInterruption", "Aborted by {user}")
_TIMEOUT = (
    "org.jenkinsci.plugins.workflow.steps.TimeoutStepExecution$ExceededTimeout",
    "Timeout has been exceeded",
)
#: A link to the user, as Jenkins hides it in a log: counted in the file's size, and no part of the text.
_NOTE = "\x1b[8mha:////4" + "FakeNote" * 28 + "=\x1b[0m"
_NOTES = re.compile(r"\x1b\[8mha:.*?\x1b\[0m")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)(ms|s)?")


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen of a build at one moment; *duration* is in milliseconds and 0 while it runs."""

    building: bool
    result: str | None
    duration: int


@dataclass
class FakeBuild:
    """
    One build.

    Attributes:
        begun: When it was there for everybody to see; a moment after its item left the queue.
        ends: When it ends; infinite for never.
        result: Its result at the end.
        early: Its result while it archives, from *early_at* on: it can still change.
        interruptions: Class and text of each cause of an interruption.
        remarks: Lines of the log, and when they are written.
        freed: Whether its executor is free again.
    """

    job: FakeJob
    number: int
    queue_id: int
    parameters: Mapping[str, str]
    users: list[str]
    begun: float
    ends: float = math.inf
    result: str = "SUCCESS"
    early: str | None = None
    early_at: float = math.inf
    interruptions: list[tuple[str, str]] = field(default_factory=list)
    remarks: list[tuple[float, str]] = field(default_factory=list)
    freed: bool = False

    @property
    def token(self) -> str:
        """The token it was submitted with; empty if none."""
        return self.parameters.get(TOKEN, "")

    def at(self, moment: float) -> Look:
        """Return what is seen at *moment*."""
        if moment >= self.ends:
            return Look(False, self.result, round((self.ends - self.begun) * 1000))
        return Look(True, self.early if moment >= self.early_at else None, 0)

    def end(self, now: float, result: str) -> None:
        """End it now, as a test says."""
        if now < self.ends:
            self.ends, self.result = max(now, self.begun), _named(self, result)

    def stop(self, now: float, seconds: float, user: str) -> None:
        """
        Interrupt it: it ends *seconds* later.

        One that is archiving ends as FAILURE although it showed SUCCESS; a stubborn one goes on for its own time.
        """
        if now >= self.ends or self.interruptions:
            return
        kind, text = _USER
        self.interruptions.append((kind, text.format(user=user)))
        self.result = "FAILURE" if now >= self.early_at else "ABORTED"
        self.early = self.early if now >= self.early_at else None
        self.early_at = self.early_at if now >= self.early_at else math.inf
        self.ends = max(now, self.begun) + max(seconds, self.job.stubborn)
        self.remarks.append((self.ends, f"Terminated\nBuild was aborted\nAborted by {user}\n"))

    def log(self, moment: float) -> bytes:
        """Return the log's file at *moment*, hidden notes and all."""
        header = [
            *[f"Started by user {_NOTE}{user}\n" for user in self.users],
            "Running as SYSTEM\n",
            f"Building in workspace /var/jenkins_home/workspace/{self.job.name}\n",
            f"[{self.job.name}] $ /bin/sh -xe /opt/jenkins{self.queue_id:019d}.sh\n",
            *self._script(),
        ]
        lines = [*((self.begun, line) for line in header), *self._ticks(moment), *self.remarks]
        if not self.interruptions:
            lines.append((self.ends, self._last_words()))
        lines.append((self.ends, f"Finished: {self.result}\n"))
        return "".join(line for at, line in lines if at <= moment).encode()

    def _script(self) -> list[str]:
        """Return what the shell says of the commands with which the job begins."""
        lasts = self.parameters.get("SECS", "")
        if self.job.ticks:
            return [f"+ seq 1 {lasts}\n"]
        said = f"token={self.token} secs={lasts}"
        return [f"+ echo {said}\n{said}\n+ sleep {lasts}\n"] if self.parameters else []

    def _last_words(self) -> str:
        """Return what it says before its end, if nobody stopped it."""
        left = f"+ exit {self.parameters['CODE']}\n" if "CODE" in self.parameters and not self.job.ticks else ""
        bad = "Build step 'Execute shell' marked build as failure\n" if self.result == "FAILURE" else ""
        return left + bad

    def _ticks(self, moment: float) -> list[tuple[float, str]]:
        """Return a line for each second in which it ran."""
        ran = min(moment, self.ends) - self.begun if self.job.ticks else 0.0
        lines = [f"tick {second} ěščř 🐎" for second in range(1, math.ceil(ran) + 1)]
        return [(self.begun + number, f"+ echo {line}\n{line}\n+ sleep 1\n") for number, line in enumerate(lines)]


def begin(build: FakeBuild) -> FakeBuild:
    """
    Decide how a build will end, by its parameters.

    ``SECS`` is how long it lasts (``2``, ``100ms``), ``CODE`` its exit code, ``RESULT`` (if given) its result:
    SUCCESS, UNSTABLE, FAILURE, NOT_BUILT, ABORTED or TIMEOUT; ``ARCHIVE`` for how many seconds the result is shown
    before the end.
    """
    given = build.parameters
    lasts = seconds(given.get("SECS"), build.job.seconds)
    archives = seconds(given.get("ARCHIVE"), build.job.archives)
    build.result = _named(
        build, given.get("RESULT") or ("SUCCESS" if given.get("CODE", "0") in {"", "0"} else "FAILURE")
    )
    if archives:
        build.early, build.early_at = build.result, build.begun + lasts
    build.ends = build.begun + lasts + archives
    return build


def seconds(text: str | None, default: float) -> float:
    """Read ``2``, ``0.5s`` or ``100ms``; what is no number is the default."""
    match = _SECONDS.fullmatch(text or "")
    if match is None:
        return default
    return float(match[1]) / (1000.0 if match[2] == "ms" else 1.0)


def plain(log: bytes) -> bytes:
    """Return a log without its hidden notes."""
    return _NOTES.sub("", log.decode()).encode()


def _named(build: FakeBuild, result: str) -> str:
    if result == "TIMEOUT":
        build.interruptions.append(_TIMEOUT)
        return "ABORTED"
    return result


def parameters_with(declared: Mapping[str, str], given: Mapping[str, Any]) -> dict[str, str]:
    """Return the declared parameters, each as given or by its default: others vanish."""
    return {name: str(given.get(name, default)) for name, default in declared.items()}
