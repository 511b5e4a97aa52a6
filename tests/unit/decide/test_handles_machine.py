"""
The decisions about one attempt whose engine has a queue of its own, against a model of that engine, in virtual time.

Requests are lost or arrive late, equal ones merge only while they wait, handles are forgotten as soon as the work has
left the queue, the list of what runs lags, a restart loses the queue and may start one item twice. Hypothesis prints
the shortest story that breaks a promise, and the seed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from baton_operator.decide.attempts import (
    Abandon,
    Acknowledge,
    Attempt,
    Drop,
    Hold,
    Look,
    Queue,
    Resend,
    Step,
    after_follow,
    after_look,
    after_submit,
    counted,
)
from baton_operator.engines.base import Absent, Enqueued, Found, Idempotency, Unknown
from baton_operator.engines.options import Withdrawn

LEASE, TRAVEL, LAG, SETTLE, MEMORY = 21.0, 10.0, 30.0, 2.0, 3600.0
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
OVER = {"ACKED", "HALTED", "CLOSED"}
times = st.sampled_from([0.0, 1.0, 0.5])


@dataclass
class Item:
    """One place in the queue, and what was started from it: the moments of the starts."""

    queued_at: float
    left_at: float | None = None
    dropped: bool = False
    starts: list[float] = field(default_factory=list)


@dataclass
class QueueOfTheirs:
    """The engine's own books of one token."""

    now: float = 0.0
    epoch: int = 1
    items: list[Item] = field(default_factory=list)
    travelling: list[float] = field(default_factory=list)

    @property
    def waiting(self) -> Item | None:
        """The item that waits."""
        return next((each for each in self.items if each.left_at is None), None)

    def accept(self) -> None:
        """Take a request in: equal ones are one while they wait, and only then."""
        if not self.waiting:
            self.items.append(Item(self.now))

    def pass_time(self, seconds: float) -> None:
        """Let requests arrive in their order."""
        until = self.now + seconds
        for moment in sorted(each for each in self.travelling if each <= until):
            self.now = moment
            self.accept()
        self.travelling = [each for each in self.travelling if each > until]
        self.now = until

    def where(self) -> Found | Enqueued | Withdrawn | Absent:
        """Say where the work behind the last handle is; what began has no handle from that moment on."""
        last = self.items[-1]
        if last.left_at is None:
            return Enqueued("item")
        return Withdrawn("cancelled in the queue") if last.dropped and last.left_at > self.now - 1 else Absent()

    def show(self, behind: float) -> Found | Enqueued | Absent:
        """Show the queue as it is, and what was started as it was *behind* seconds ago."""
        told = str(self.epoch)
        seen = [Found(f"build-{start}") for each in self.items for start in each.starts if start <= self.now - behind]
        if seen:
            return replace(seen[0], others=tuple(seen[1:]))
        return Enqueued("item") if self.waiting else Absent(epoch=told)


class OneHandle(RuleBasedStateMachine):
    """Dispatch, follow and resolve, as they treat the row of one attempt."""

    resend = True

    def __init__(self) -> None:
        super().__init__()
        self.engine = QueueOfTheirs()
        self.attempt = Attempt(sends=0, tries=0, visible_after=None, evidence_until=None)
        self.state, self.due = "INTENT", 0.0

    def moment(self, seconds: float | None = None) -> datetime:
        """Give the time of the clock now, or at another second of the story."""
        return NOON + timedelta(seconds=self.engine.now if seconds is None else seconds)

    def claim(self) -> None:
        """Write what `claim.mark_sent` writes."""
        now, first = self.engine.now, self.attempt.evidence_until is None
        known = self.attempt if not first else replace(
            self.attempt,
            evidence_until=self.moment(now + MEMORY - LEASE - TRAVEL),
            epoch=str(self.engine.epoch),
            first_sent_at=self.moment(),
        )  # fmt: skip
        visible = self.moment(now + LEASE + TRAVEL + LAG)
        self.attempt = replace(counted(known), visible_after=visible, absences=0, last_look_at=None)
        self.state, self.due = "SENT", now + LEASE

    def record(self, step: Step, looked_at: datetime | None = None) -> None:
        """Write what `record` writes."""
        match step:
            case Acknowledge():
                self.state = "ACKED"
            case Queue(again_at=again_at):
                self.state = "ENQUEUED"
                self.due = self.engine.now if again_at is None else (again_at - NOON).total_seconds()
            case Look(due_at, absences, visible_after=visible_after):
                visible = visible_after or self.attempt.visible_after
                self.attempt = replace(self.attempt, absences=absences, last_look_at=looked_at, visible_after=visible)
                self.state, self.due = "AMBIGUOUS", (due_at - NOON).total_seconds()
            case Resend(due_at):
                self.state, self.due = "INTENT", (due_at - NOON).total_seconds()
            case Hold():
                self.state = "HALTED"
            case Abandon() | Drop():
                self.state = "CLOSED"

    def is_due(self, *states: str) -> bool:
        """Whether it is in one of *states*, and somebody is to act."""
        return self.state in states and self.due <= self.engine.now

    @precondition(lambda self: self.is_due("INTENT"))
    @rule(crash=st.booleans())
    def send(self, crash: bool) -> None:
        """It is queued; the handle is recorded, or the process dies with it."""
        self.claim()
        self.engine.accept()
        if not crash:
            self.record(after_submit(self.attempt, Enqueued("item"), now=self.moment()))

    @precondition(lambda self: self.is_due("INTENT"))
    @rule(travels=times, lost=st.booleans())
    def send_into_the_dark(self, travels: float, lost: bool) -> None:
        """The request is lost, or arrives as late as the bounds allow; nobody hears an answer."""
        self.claim()
        if not lost:
            self.engine.travelling.append(self.engine.now + travels * (LEASE + TRAVEL))
        self.record(after_submit(self.attempt, Unknown("timeout"), now=self.moment()))

    @precondition(lambda self: self.is_due("ENQUEUED"))
    @rule()
    def follow(self) -> None:
        """Ask for the handle."""
        interval, lag = timedelta(seconds=10), timedelta(seconds=LAG)
        where = self.engine.where()
        self.record(after_follow(self.attempt, where, asked_at=self.moment(), interval=interval, lag=lag))

    @precondition(lambda self: self.is_due("SENT", "AMBIGUOUS"))
    @rule(behind=times)
    def look(self, behind: float) -> None:
        """See what was started as it was a while ago."""
        looked_at = self.moment()
        step = after_look(
            self.attempt,
            self.engine.show(behind * LAG),
            looked_at=looked_at,
            epoch="1",
            settle=timedelta(seconds=SETTLE),
            lag=timedelta(seconds=LAG),
            allowance=timedelta(seconds=LEASE + TRAVEL),
            idempotency=Idempotency.COALESCING,
            resend=self.resend,
        )
        self.record(step, looked_at)

    @precondition(lambda self: self.state not in OVER)
    @rule(behind=times)
    def go_on_until_decided(self, behind: float) -> None:
        """A shortcut, so that long stories are told as often as short ones."""
        for _ in range(4):
            self.engine.pass_time(max(self.due - self.engine.now, 0.0))
            if self.is_due("ENQUEUED"):
                self.follow()
            elif self.is_due("SENT", "AMBIGUOUS"):
                self.look(behind)

    @rule(seconds=st.sampled_from([1.0, LAG, 300.0, MEMORY]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.engine.pass_time(seconds)

    @precondition(lambda self: self.engine.waiting)
    @rule()
    def begin(self) -> None:
        """What waits begins."""
        item = self.engine.waiting
        item.left_at = self.engine.now
        item.starts.append(self.engine.now)

    @precondition(lambda self: self.engine.waiting)
    @rule()
    def drop(self) -> None:
        """Somebody cancels what waits."""
        item = self.engine.waiting
        item.left_at, item.dropped = self.engine.now, True

    @precondition(lambda self: self.engine.epoch < 3)
    @rule(twice=st.booleans())
    def restart(self, twice: bool) -> None:
        """Lose the queue, or begin once more what had left it."""
        self.engine.epoch += 1
        for each in self.engine.items:
            if each.left_at is None:
                each.left_at = self.engine.now
            elif twice and each.starts:
                each.starts.append(self.engine.now)

    @invariant()
    def nothing_of_ours_runs_twice(self) -> None:
        """At most one of the items that our requests made was ever begun; what the engine repeats is its own."""
        begun = [each for each in self.engine.items if each.starts]
        assert len(begun) <= 1, self.engine.items

    @invariant()
    def nothing_is_sent_beside_what_waits_or_runs(self) -> None:
        """Without `Resend` there is one item at most, whatever became of it."""
        assert self.resend or len(self.engine.items) <= 1, self.engine.items

    @invariant()
    def what_was_acknowledged_exists(self) -> None:
        """Nothing is followed that there never was."""
        if self.state == "ACKED":
            assert any(each.starts for each in self.engine.items)

    @invariant()
    def what_was_dropped_never_ran(self) -> None:
        """A final word is not contradicted later."""
        if self.state == "CLOSED":
            assert not any(each.starts for each in self.engine.items)


class OneHandleThatIsNeverSentAgain(OneHandle):
    """`onAmbiguous: Hold`."""

    resend = False


CHOSEN = settings(max_examples=400, stateful_step_count=14, deadline=None, print_blob=True)
TestOneHandle = OneHandle.TestCase
TestOneHandle.settings = CHOSEN
TestOneHandleThatIsNeverSentAgain = OneHandleThatIsNeverSentAgain.TestCase
TestOneHandleThatIsNeverSentAgain.settings = CHOSEN
