"""The fake Jenkins' queue: waiting, blocked, buildable and left items, and which submits fall together."""

import heapq
from collections import deque
from collections.abc import Iterable, Mapping
from copy import copy
from dataclasses import dataclass, field

from baton_fakes.jenkins_builds import FakeBuild
from baton_fakes.jenkins_jobs import FakeJob

WAITING, BLOCKED, BUILDABLE, LEFT = "WaitingItem", "BlockedItem", "BuildableItem", "LeftItem"


@dataclass
class FakeItem:
    """
    One item.

    Attributes:
        due: When its quiet period ends.
        users: Who asked for it, each time.
        ready: When it became blocked or buildable; None while it waits.
        left: When it left the queue.
        build: What it became; None if it was cancelled.
        shown: When that is to be seen: a moment after it left.
    """

    id: int
    job: FakeJob
    parameters: Mapping[str, str]
    users: list[str]
    since: float
    due: float
    ready: float | None = None
    left: float | None = None
    cancelled: bool = False
    build: FakeBuild | None = None
    shown: float = 0.0

    def kind(self, moment: float, *, blocked: bool) -> str:
        """Return the class it has at *moment*; *blocked* says whether its job lets nothing through."""
        if self.left is not None and moment >= self.left:
            return LEFT
        if self.ready is None or moment < self.ready:
            return WAITING
        return BLOCKED if blocked else BUILDABLE


@dataclass(frozen=True)
class Saved:
    """The queue's file: what a killed server comes back with."""

    next_id: int
    items: tuple[FakeItem, ...]


@dataclass
class FakeQueue:
    """
    All items that are not forgotten.

    Attributes:
        next_id: Of the next item.
        items: Those in the queue, by id.
        gone: Those that left it and are remembered yet, by id, oldest first.
    """

    next_id: int = 1
    items: dict[int, FakeItem] = field(default_factory=dict)
    gone: dict[int, FakeItem] = field(default_factory=dict)
    _due: list[tuple[float, int]] = field(default_factory=list)
    _ready: deque[FakeItem] = field(default_factory=deque)
    _blocked: dict[int, deque[FakeItem]] = field(default_factory=dict)
    _equal: dict[tuple[int, tuple[tuple[str, str], ...]], FakeItem] = field(default_factory=dict)

    def schedule(
        self, job: FakeJob, parameters: Mapping[str, str], user: str, now: float, delay: float
    ) -> tuple[FakeItem, bool]:
        """
        Take a submit in.

        Returns:
            The item and whether it is new. An equal one that is queued is pulled forward if the delay is shorter.
        """
        known = self._equal.get(_key(job, parameters))
        if known is not None:
            known.users.append(user)
            if known.ready is None and now + delay < known.due:
                known.due = now + delay
                heapq.heappush(self._due, (known.due, known.id))
            return known, False
        item = FakeItem(self.next_id, job, parameters, [user], now, now + delay)
        self.next_id += 1
        self._enter(item)
        return item, True

    def _enter(self, item: FakeItem) -> None:
        self.items[item.id] = item
        self._equal[_key(item.job, item.parameters)] = item
        heapq.heappush(self._due, (item.due, item.id))

    def next_due(self) -> float | None:
        """Return when the next quiet period ends."""
        while self._due:
            due, number = self._due[0]
            item = self.items.get(number)
            if item is not None and item.ready is None and item.due == due:
                return due
            heapq.heappop(self._due)
        return None

    def ripen(self, moment: float) -> None:
        """Let the items whose quiet period has ended by *moment* wait for an executor."""
        while (due := self.next_due()) is not None and due <= moment:
            item = self.items[heapq.heappop(self._due)[1]]
            item.ready = max(due, item.since)
            self._ready.append(item)

    def take(self) -> FakeItem | None:
        """Return the next item that a free executor may begin; those whose job lets nothing through are put aside."""
        while self._ready:
            item = self._ready.popleft()
            if item.left is not None:
                continue
            if is_blocked(item.job):
                self._blocked.setdefault(id(item.job), deque()).append(item)
                continue
            return item
        return None

    def unblock(self, job: FakeJob) -> None:
        """Let the items of *job* try again."""
        self._ready.extendleft(reversed(self._blocked.pop(id(job), ())))

    def leave(self, item: FakeItem, moment: float, *, cancelled: bool = False) -> None:
        """Take an item out."""
        item.left, item.cancelled = moment, cancelled
        del self.items[item.id]
        self._equal.pop(_key(item.job, item.parameters), None)
        self.gone[item.id] = item

    def cancel_of(self, job: FakeJob, moment: float) -> None:
        """Cancel every item of a job: it was deleted or disabled."""
        for item in [each for each in self.items.values() if each.job is job]:
            self.leave(item, moment, cancelled=True)

    def forget(self, before: float) -> None:
        """Forget the items that left before a moment."""
        while self.gone:
            number, item = next(iter(self.gone.items()))
            if item.left is None or item.left > before:
                return
            del self.gone[number]

    def shown(self, moment: float) -> list[FakeItem]:
        """Return the items that were queued at *moment*: waiting ones by due time, blocked ones, the rest backwards."""
        gone = [item for item in self.gone.values() if item.left is not None and item.left > moment]
        queued = [item for item in (*self.items.values(), *gone) if item.since <= moment]
        waiting = [item for item in queued if item.ready is None or item.ready > moment]
        others = [item for item in queued if item.ready is not None and item.ready <= moment]
        blocked = [item for item in others if is_blocked(item.job)]
        buildable = [item for item in reversed(others) if not is_blocked(item.job)]
        return [*sorted(waiting, key=lambda item: (item.due, item.id)), *blocked, *buildable]

    def save(self) -> Saved:
        """Return what the queue's file would hold."""
        return Saved(self.next_id, tuple(copy(item) for item in self.items.values()))

    @classmethod
    def load(cls, saved: Saved, exists: Iterable[FakeJob]) -> "FakeQueue":
        """Make the queue of a server that came back; items of jobs that are gone are dropped."""
        queue, jobs = cls(saved.next_id), {id(job) for job in exists}
        for item in saved.items:
            if id(item.job) in jobs:
                again = copy(item)
                again.ready, again.users = None, list(item.users)
                queue._enter(again)
        return queue


def is_blocked(job: FakeJob) -> bool:
    """Whether a job lets nothing through: one of its builds runs, and it allows no second."""
    return not job.concurrent and job.running > 0


def _key(job: FakeJob, parameters: Mapping[str, str]) -> tuple[int, tuple[tuple[str, str], ...]]:
    return id(job), tuple(sorted(parameters.items()))
