"""
What the fake Jenkins keeps, and the rules by which it moves: queue, executors, builds, restarts.

Nothing moves by itself: `JenkinsState.settle` lets everything happen that was due, in its order and with its times.
"""

import heapq
import itertools
import math
import secrets
import threading
import time
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from baton_fakes.jenkins_builds import TOKEN, FakeBuild, begin, parameters_with
from baton_fakes.jenkins_jobs import FOLDER, MULTIBRANCH, PIPELINE, FakeJob, Folder, encoded, walk
from baton_fakes.jenkins_queue import FakeItem, FakeQueue, Saved

from baton_operator.engines.conformance import Ledger

#: What the job ``nap`` declares; the fate of a build goes by them.
NAP = {TOKEN: "", "SECS": "1", "CODE": "0", "RESULT": "", "ARCHIVE": ""}


class Settings(msgspec.Struct, forbid_unknown_fields=True):
    """
    What can be switched while it runs; times are seconds.

    Attributes:
        executors: How many builds run at once.
        quiet_period: Of jobs that have none of their own.
        queue_memory: For how long an item that left the queue is known.
        left_gap: Between an item's leaving and its build's being seen.
        list_lag: By which lists are behind: queue and builds.
        clock_skew: By which the server's clock is ahead, where it shows times.
        stop_seconds: Between a stop and the build's end.
        save_every: Between two writings of the queue's file.
        at_stop: What a clean stop makes of running builds: ABORTED, FAILURE, or ``lost``.
    """

    executors: int = 4
    quiet_period: float = 5.0
    queue_memory: float = 300.0
    left_gap: float = 0.01
    list_lag: float = 0.0
    clock_skew: float = 0.0
    stop_seconds: float = 0.05
    save_every: float = 60.0
    at_stop: str = "ABORTED"


class Startup(msgspec.Struct, forbid_unknown_fields=True):
    """For how many seconds a server that starts refuses, boots, knows nobody, and boots again."""

    refused: float = 0.0
    booting: float = 0.0
    unauthorized: float = 0.0
    booting_again: float = 0.0


class JenkinsState:
    """
    Everything a Jenkins remembers.

    Args:
        jobs: Names of jobs like ``nap``, perhaps with folders, that exist from the start.
        ledger: Where accepted submits and begun builds are written down.
        executors: How many builds run at once.

    Attributes:
        lock: Held by each method and by the server while it answers.
    """

    def __init__(self, jobs: Iterable[str] = ("nap",), ledger: Ledger | None = None, executors: int = 4) -> None:
        self.lock = threading.RLock()
        self.ledger = ledger or Ledger()
        self.settings = Settings(executors=executors)
        self.root = Folder("", "hudson.model.Hudson")
        self.queue = FakeQueue()
        self.session = secrets.token_hex(4)
        self.quieting = False
        self.busy = 0
        self._advanced = 0.0
        self._frozen: float | None = None
        self._ends: list[tuple[float, int, FakeBuild]] = []
        self._order = itertools.count()
        self._phases: list[tuple[float, str]] = []
        self._ready_at = -math.inf
        self._saved: Saved = self.queue.save()
        self._save_at = self.now() + self.settings.save_every
        for name in jobs:
            self.add_job(name)

    def now(self) -> float:
        """Return the server's time, in seconds since 1970."""
        return (time.time() if self._frozen is None else self._frozen) + self._advanced

    def freeze(self) -> None:
        """Let time pass only by `advance` from now on."""
        with self.lock:
            self._frozen = time.time()

    def advance(self, seconds: float) -> None:
        """Let time pass at once."""
        with self.lock:
            self.settle()
            self._advanced += seconds
            self.settle()

    def shown_time(self, moment: float) -> int:
        """Return a moment as the server shows it: milliseconds by its own clock."""
        return round((moment + self.settings.clock_skew) * 1000)

    def folder(self, path: Sequence[str], kind: str = FOLDER) -> Folder:
        """Return the folder at *path*; made, if it is missing."""
        here = self.root
        for depth, name in enumerate(path, 1):
            child = here.children.setdefault(name, Folder(name, kind if depth == len(path) else FOLDER, here))
            if not isinstance(child, Folder):
                raise TypeError(f"{'/'.join(path[:depth])} is a job")
            here = child
        return here

    def add_job(self, name: str, parameters: Mapping[str, str] = NAP, **properties: object) -> FakeJob:
        """Make a job like ``nap``; *name* may have folders, *properties* are `FakeJob`'s."""
        with self.lock:
            *path, last = name.split("/")
            folder = self.folder(path)
            given = {"quiet_period": 0.0, **properties}
            job = FakeJob(last, folder, parameters=dict(parameters), **given)  # type: ignore[arg-type]
            folder.children[last] = job
            return job

    def add_multibranch(self, name: str, branches: Iterable[str], parameters: Mapping[str, str] = NAP) -> Folder:
        """Make a multibranch project with a job for each branch, whose name is the branch's encoded one."""
        with self.lock:
            project = self.folder(name.split("/"), MULTIBRANCH)
            for branch in branches:
                job = FakeJob(encoded(branch), project, PIPELINE, dict(parameters), quiet_period=0.0)
                project.children[job.name] = job
            return project

    def job(self, name: str) -> FakeJob:
        """Return the job of a full name; a branch's part of it is the encoded one."""
        here: Folder | FakeJob | None = self.root
        for segment in name.split("/"):
            here = here.child(segment) if isinstance(here, Folder) else None
        if not isinstance(here, FakeJob):
            raise KeyError(name)
        return here

    def jobs(self) -> Iterable[FakeJob]:
        """Return every job."""
        return walk(self.root)

    def submit(
        self, job: FakeJob, given: Mapping[str, str], *, user: str = "admin", delay: float | None = None
    ) -> tuple[FakeItem, bool]:
        """Queue a build; what is accepted is in the ledger first. See `FakeQueue.schedule`."""
        with self.lock:
            self.settle()
            wait = job.quiet_period if delay is None else delay
            wait = self.settings.quiet_period if wait is None else wait
            now, parameters = self.now(), parameters_with(job.parameters, given)
            item, is_new = self.queue.schedule(job, parameters, user, now, wait)
            self._write("accepted" if is_new else "coalesced", item.job, item.parameters, queue_id=item.id, user=user)
            self._move(now)
            return item, is_new

    def cancel(self, item: FakeItem) -> None:
        """Take an item out of the queue."""
        with self.lock:
            self.queue.leave(item, self.now(), cancelled=True)

    def stop(self, build: FakeBuild, user: str = "admin") -> None:
        """Interrupt a build."""
        with self.lock:
            self.settle()
            build.stop(self.now(), self.settings.stop_seconds, user)
            self._plan(build)

    def end(self, name: str, number: int, result: str) -> None:
        """Let a build end now: SUCCESS, UNSTABLE, FAILURE, NOT_BUILT, ABORTED or TIMEOUT."""
        with self.lock:
            build = self.job(name).builds[number]
            build.end(self.now(), result)
            self._plan(build)
            self.settle()

    def set_disabled(self, job: FakeJob, disabled: bool) -> None:
        """Disable a job, which cancels its queued items, or enable it."""
        with self.lock:
            job.disabled = disabled
            if disabled:
                self.queue.cancel_of(job, self.now())

    def delete(self, item: FakeJob | Folder) -> None:
        """Delete a job: its items are cancelled, its running builds end, its numbers begin anew."""
        with self.lock:
            for job in [item] if isinstance(item, FakeJob) else list(walk(item)):
                self.queue.cancel_of(job, self.now())
                for build in job.builds.values():
                    build.end(self.now(), "ABORTED")
                    self._plan(build)
                self.settle()
                job.deleted = True
                job.builds.clear()
            if item.parent is not None:
                del item.parent.children[item.name]

    def rename(self, job: FakeJob, name: str) -> None:
        """Give a job another name; its builds and queued items follow."""
        with self.lock:
            del job.parent.children[job.name]
            job.name = name
            job.parent.children[name] = job

    def set_quieting(self, quieting: bool) -> None:
        """Begin no build from now on, or begin them again."""
        with self.lock:
            self.settle()
            self.quieting = quieting
            self._move(self.now())

    def save_queue(self) -> None:
        """Write the queue's file now."""
        with self.lock:
            self.settle()
            self._save(self.now())

    def restart(self, how: str = "kill", startup: Startup | None = None) -> None:
        """
        Go down and come back with another session.

        After ``kill`` the queue is what was last saved: newer items are lost, ids are handed out again, items that
        have been begun since are begun once more. Running builds vanish, their numbers stay used. After ``stop`` the
        queue is whole, and running builds end as `Settings.at_stop` says.
        """
        with self.lock:
            self.settle()
            now = self.now()
            if how == "stop":
                self._save(now)
            for job in walk(self.root):
                for build in [build for build in job.builds.values() if now < build.ends]:
                    if how == "stop" and self.settings.at_stop != "lost":
                        build.end(now, self.settings.at_stop)
                    else:
                        del job.builds[build.number]
                job.running = 0
            self.queue = FakeQueue.load(self._saved, walk(self.root))
            self.session, self.quieting, self.busy = secrets.token_hex(4), False, 0
            self._ends.clear()
            self._start(now, startup or Startup())

    def _start(self, now: float, startup: Startup) -> None:
        self._phases = []
        for seconds, phase in (
            (startup.refused, "refused"),
            (startup.booting, "booting"),
            (startup.unauthorized, "unauthorized"),
            (startup.booting_again, "booting"),
        ):
            now += seconds
            self._phases.append((now, phase))
        self._ready_at, self._save_at = now, now + self.settings.save_every

    def phase(self) -> str:
        """Return what the server is at: ``refused``, ``booting``, ``unauthorized`` or ``ready``."""
        return next((phase for until, phase in self._phases if self.now() < until), "ready")

    def forget_left(self) -> None:
        """Forget every item that has left the queue."""
        with self.lock:
            self.queue.gone.clear()

    def settle(self) -> None:
        """Let everything happen that is due by now."""
        with self.lock:
            now = self.now()
            if now < self._ready_at:
                return
            while (moment := self._next_event()) <= now:
                self._save_before(moment)
                self._move(max(moment, self._ready_at))
            self._save_before(now)
            self.queue.forget(now - self.settings.queue_memory)

    def _next_event(self) -> float:
        while self._ends and self._ends[0][2].ends != self._ends[0][0]:
            heapq.heappop(self._ends)
        due = self.queue.next_due()
        return min(self._ends[0][0] if self._ends else math.inf, math.inf if due is None else due)

    def _move(self, moment: float) -> None:
        """End what has ended, ripen what has waited, begin what may begin; nothing moves before the server is up."""
        if moment < self._ready_at:
            return
        while self._ends and self._ends[0][0] <= moment:
            ends, _, build = heapq.heappop(self._ends)
            if build.ends == ends and not build.freed:
                build.freed = True
                self.busy -= 1
                build.job.running -= 1
                build.job.rotate(moment)
                self.queue.unblock(build.job)
        self.queue.ripen(moment)
        while not self.quieting and self.busy < self.settings.executors and (item := self.queue.take()) is not None:
            self._begin(item, moment)

    def _begin(self, item: FakeItem, moment: float) -> None:
        job, shown = item.job, moment + self.settings.left_gap
        build = begin(FakeBuild(job, job.next_number, item.id, item.parameters, list(item.users), shown))
        self._write("begun", job, item.parameters, queue_id=item.id, number=build.number, begun=shown)
        job.builds[build.number] = build
        job.next_number += 1
        job.running += 1
        self.busy += 1
        self.queue.leave(item, moment)
        item.build, item.shown = build, shown
        self._plan(build)

    def _plan(self, build: FakeBuild) -> None:
        if build.job.builds.get(build.number) is build:
            heapq.heappush(self._ends, (build.ends, next(self._order), build))

    def _save_before(self, moment: float) -> None:
        """Write the queue's file if that was due by *moment*; of several times the last one, as nothing changed."""
        if self._save_at <= moment:
            every = self.settings.save_every
            self._save(self._save_at + (moment - self._save_at) // every * every)

    def _save(self, moment: float) -> None:
        self._saved = self.queue.save()
        self._save_at = moment + self.settings.save_every

    def _write(self, kind: str, job: FakeJob, parameters: Mapping[str, str], **more: object) -> None:
        token = parameters.get(TOKEN, "")
        self.ledger.append(kind=kind, job=job.full_name, token=token, parameters=dict(parameters), **more)
