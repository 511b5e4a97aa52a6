"""
A DAG run of the fake Airflow: what happened to it, and from that how it stands at any moment.

Its state is a function of time, so nothing has to run in the background, and a lagging list is the same function
asked about an earlier moment. Each thing that is done to a run (submit, clear, a state set by hand) begins a new
`Chapter`; what had ended by then is kept in it.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from baton_fakes.airflow_dags import FakeDag, Task

#: Seconds until the scheduler has seen something.
SCHEDULER_DELAY = 0.05
FOREVER = float("inf")
#: Seconds after a DAG's timeout at which its scheduler ends the run: a run that is out of time has never lasted less.
NOTICED = 0.001

#: Of tasks: their run can only go on behind these.
SUCCEEDED = {"success", "skipped"}
#: Of tasks: nothing more happens by itself.
ENDED = SUCCEEDED | {"failed", "upstream_failed", "removed"}


@dataclass(frozen=True)
class TaskStanding:
    """How one task instance stands; times are seconds since the epoch."""

    task: Task
    map_index: int = -1
    state: str | None = None
    try_number: int = 0
    max_tries: int = 0
    scheduled: float | None = None
    queued: float | None = None
    start: float | None = None
    end: float | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    #: Longer than three decimals: Airflow rounds only what it has timed itself.
    by_hand: bool = False

    @property
    def key(self) -> tuple[str, int]:
        """What it is found by inside its run."""
        return self.task.task_id, self.map_index


@dataclass(frozen=True)
class Standing:
    """How a run stands at a moment."""

    state: str
    queued: float
    start: float | None
    end: float | None
    decided: float | None
    tasks: tuple[TaskStanding, ...]


@dataclass(frozen=True)
class Chapter:
    """
    What holds from one moment on.

    Attributes:
        since: From when.
        queued: When it was put into the queue last.
        state: Set by hand; None while the scheduler decides.
        start: Kept, or None if it begins anew.
        end: Set by hand.
        decided: When the scheduler decided last.
        tasks: How its tasks stood; those that have ended stay as they are.
    """

    since: float
    queued: float
    state: str | None = None
    start: float | None = None
    end: float | None = None
    decided: float | None = None
    tasks: tuple[TaskStanding, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a person said to a task that asks, and when."""

    at: float
    chosen: tuple[str, ...]
    hasty: bool


@dataclass
class FakeDagRun:
    """A DAG run."""

    number: int
    dag: FakeDag
    run_id: str
    conf: Mapping[str, Any]
    note: str | None
    logical_date: str | None
    run_after: float
    created: float
    user: str
    chapters: list[Chapter] = field(default_factory=list)
    tries: list[TaskStanding] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    updated: float = 0.0
    deleted: float | None = None
    scheduled: bool = True
    _known: tuple[float, float, tuple[int, int, str], Standing | None] = (0.0, 0.0, (0, 0, ""), None)
    _boundaries: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.updated = self.created
        if not self.chapters:
            self.chapters.append(Chapter(self.created, self.created, tasks=tuple(self._fresh())))

    def at(self, moment: float) -> Standing:
        """Return how it stands at *moment*; remembered until something could have changed, for lists of thousands."""
        marks = (len(self.chapters), len(self.answers), str(self.dag.pauses))
        since, until, known, standing = self._known
        if standing is not None and known == marks and since <= moment < until:
            return standing
        self._boundaries = [each.since for each in self.chapters]
        standing = self._at(moment)
        until = min((each for each in self._boundaries if each > moment), default=FOREVER)
        self._known = (moment, until, marks, standing)
        return standing

    def _at(self, moment: float) -> Standing:
        chapter = next((each for each in reversed(self.chapters) if each.since <= moment), self.chapters[0])
        if chapter.state is not None:
            return Standing(chapter.state, chapter.queued, chapter.start, chapter.end, chapter.decided, chapter.tasks)
        begun = self._begun(chapter)
        self._boundaries.append(begun)
        if moment < begun:
            return Standing("queued", chapter.queued, chapter.start, None, chapter.decided, chapter.tasks)
        start = chapter.start if chapter.start is not None else begun
        tasks, ended = self._travel(chapter, begun, moment)
        limit = start + (self.dag.declared.timeout or FOREVER) + NOTICED
        self._boundaries.append(limit)
        if limit < ended and limit <= moment:
            return Standing("failed", chapter.queued, start, limit, limit, self._timed_out(chapter, begun, limit))
        if moment < ended:
            return Standing("running", chapter.queued, start, None, begun, tasks)
        state = "success" if all(each.state in SUCCEEDED for each in tasks) else "failed"
        return Standing(state, chapter.queued, start, ended, ended, tasks)

    def _timed_out(self, chapter: Chapter, begun: float, limit: float) -> tuple[TaskStanding, ...]:
        """Return its tasks after its DAG's timeout: the scheduler skips what had not ended."""
        tasks, _ = self._travel(chapter, begun, limit)
        return tuple(each if each.state in ENDED else replace(each, state="skipped", end=limit) for each in tasks)

    def set_state(self, state: str, now: float) -> None:
        """
        Do what ``PATCH {"state": …}`` does: whatever the run's state is, it becomes *state*.

        What runs ends with it; what has not begun is skipped (or succeeds); a run that has ended keeps its end.
        """
        standing = self.at(now)
        if state == "queued":
            self._turn(Chapter(now, now, decided=standing.decided, tasks=standing.tasks), now)
            return
        tasks = tuple(_ended_by_hand(each, state, now) for each in standing.tasks)
        end = standing.end if standing.end is not None else now
        self._turn(Chapter(now, standing.queued, state, standing.start, end, standing.decided, tasks), now)

    def clear(self, now: float, *, only_failed: bool) -> None:
        """Do what ``POST …/clear`` does: what it names runs again, under the same run id."""
        standing = self.at(now)
        named = {each.key for each in cleared(standing, only_failed=only_failed)}
        if named:
            self.clear_tasks(now, named)

    def clear_tasks(self, now: float, named: set[tuple[str, int]]) -> None:
        """Let the task instances called *named* run again; the run with them."""
        standing = self.at(now)
        tasks = []
        for each in standing.tasks:
            if each.key not in named:
                tasks.append(each)
                continue
            if each.try_number:
                self.tries.append(each)
            state = "restarting" if each.state == "running" else None
            tasks.append(replace(each, state=state, max_tries=each.try_number, id=str(uuid.uuid4())))
        ended = standing.end is not None
        start, decided = (None, None) if ended else (standing.start, standing.decided)
        self._turn(Chapter(now, now, start=start, decided=decided, tasks=tuple(tasks)), now)

    def set_task(self, task_id: str, state: str | None, now: float) -> None:
        """Let one task have any state at all, and everything else stay as it is: for the states that need a cluster."""
        standing = self.at(now)
        tasks = tuple(replace(each, state=state) if each.task.task_id == task_id else each for each in standing.tasks)
        chapter = Chapter(now, standing.queued, standing.state, standing.start, standing.end, standing.decided, tasks)
        self._turn(chapter, now)

    def _turn(self, chapter: Chapter, now: float) -> None:
        self.chapters.append(chapter)
        self.updated = now

    def _begun(self, chapter: Chapter) -> float:
        """Return when the scheduler takes it: not while its DAG is paused."""
        if not self.scheduled:
            return FOREVER
        begun = max(chapter.queued, self.run_after) + SCHEDULER_DELAY
        for begin, end in self.dag.pauses:
            if begin <= begun < end:
                begun = end
        return begun

    def _travel(self, chapter: Chapter, begun: float, moment: float) -> tuple[tuple[TaskStanding, ...], float]:
        """Return its tasks at *moment*, and when the last of them ends, as far as that is known."""
        shown: list[TaskStanding] = []
        ready, broken = begun, False
        for task in self.dag.declared.tasks:
            group = [each for each in chapter.tasks if each.task.task_id == task.task_id]
            standings = [self._step(each, ready, broken, moment) for each in group]
            self._boundaries += [ready, ready + SCHEDULER_DELAY, *(end for _, end in standings)]
            ready = max([ready, *(end for _, end in standings)])
            broken = broken or any(state.state not in SUCCEEDED for state, end in standings if end <= moment)
            shown.extend(state for state, _ in standings)
        return tuple(shown), ready

    def _step(self, task: TaskStanding, ready: float, broken: bool, moment: float) -> tuple[TaskStanding, float]:
        """Return one task at *moment* and when it ends, given when those before it have ended and how."""
        if task.state in ENDED:
            return task, task.end or ready
        if moment < ready:
            return task, ready
        if broken:
            return replace(task, state="upstream_failed", start=ready, end=ready, try_number=task.try_number), ready
        begun, seconds = ready + SCHEDULER_DELAY, self._seconds(task)
        tried = task.try_number + 1  # counted from the queue on
        state = replace(task, scheduled=ready, queued=ready, start=None, end=None, state="queued", try_number=tried)
        if moment < begun:
            return state, begun
        state = replace(state, state="running", start=begun)
        end = begun + seconds
        if task.task.asks:
            answer = self.answers.get(task.task.task_id)
            end = answer.at + SCHEDULER_DELAY if answer else FOREVER
            state = replace(state, state="awaiting_input")
        if moment < end:
            return state, end
        return replace(state, state=self._outcome(task), end=end), end

    def _seconds(self, task: TaskStanding) -> float:
        if task.map_index in task.task.broken:
            return task.task.broken[task.map_index]
        given = task.task.seconds
        return float(self.dag.value(self.conf, given) or 0) if isinstance(given, str) else given

    def _outcome(self, task: TaskStanding) -> str:
        if task.task.asks:
            answer = self.answers[task.task.task_id]
            return "success" if "Approve" in answer.chosen and not answer.hasty else "failed"
        fails = task.task.fails and self.dag.value(self.conf, task.task.fails) in {True, "yes"}
        return "failed" if fails or task.map_index in task.task.broken else "success"

    def _fresh(self) -> Iterator[TaskStanding]:
        for task in self.dag.declared.tasks:
            if task.maps:
                for index in range(int(self.dag.value(self.conf, task.maps) or 0)):
                    yield TaskStanding(task, index)
            else:
                yield TaskStanding(task)


def cleared(standing: Standing, *, only_failed: bool) -> list[TaskStanding]:
    """Return what a clear of all, or of what failed, names."""
    return [each for each in standing.tasks if not only_failed or each.state in {"failed", "upstream_failed"}]


def _ended_by_hand(task: TaskStanding, state: str, now: float) -> TaskStanding:
    """Return what becomes of one task when its run's state is set to one of its ends."""
    if task.state in ENDED:
        return task
    if state == "success":
        return replace(task, state="success", end=now, start=task.start or now, by_hand=True)
    if task.state in {"running", "awaiting_input"}:
        return replace(task, state="failed", end=now, by_hand=True)
    if task.try_number:
        return replace(task, state="skipped")
    return replace(task, state="skipped", scheduled=None, queued=None, start=now, end=now)
