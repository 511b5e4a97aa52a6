"""
The decisions about one attempt against a model of an engine, in virtual time.

Requests are lost or arrive late, answers are lost, the process dies or freezes, looks lag, the engine collects what has
ended and loses everything in a restart, people cancel. Hypothesis prints the shortest story that breaks a promise,
and the seed.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from baton_fakes.unique_names import UniqueNames
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from baton_operator.decide.attempts import (
    Abandon,
    Acknowledge,
    Attempt,
    Hold,
    Look,
    Refuse,
    Resend,
    Step,
    after_look,
    after_submit,
    counted,
)
from baton_operator.engines.base import Absent, Idempotency, NotSent, Rejected, Unknown

DEADLINE, LEASE, FREEZE, NETWORK, LAG, SETTLE, MEMORY = 10.0, 21.0, 5.0, 5.0, 30.0, 2.0, 600.0
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
OVER = {"ACKED", "HALTED", "REJECTED", "CLOSED"}
#: How much of a bound is used up; the ends are where mistakes live.
times = st.sampled_from([0.0, 1.0, 0.5])


class OneAttempt(RuleBasedStateMachine):
    """Dispatch, resolve and cancel, as they treat the row of one attempt of an engine that keeps its word."""

    looks_lie = False

    def __init__(self) -> None:
        super().__init__()
        self.engine = UniqueNames(memory=MEMORY, lag=LAG)
        self.attempt = Attempt(sends=0, tries=0, visible_after=None, evidence_until=None)
        self.state = "INTENT"
        self.due = self.lease_until = 0.0
        self.blinked_at: float | None = None

    def moment(self, seconds: float | None = None) -> datetime:
        """Give the time of the clock now, or at another second of the story."""
        return NOON + timedelta(seconds=self.engine.now if seconds is None else seconds)

    def claim(self) -> None:
        """Write what `claim.mark_sent` writes."""
        now, first = self.engine.now, self.attempt.evidence_until is None
        self.lease_until = now + LEASE
        self.attempt = replace(
            counted(self.attempt),
            visible_after=self.moment(now + LEASE + FREEZE + NETWORK + LAG),
            evidence_until=self.moment(now + MEMORY - LEASE - FREEZE - NETWORK)
            if first
            else self.attempt.evidence_until,
            epoch=str(self.engine.epoch) if first else self.attempt.epoch,
            absences=0,
            last_look_at=None,
            refusal=None,
        )
        self.state, self.due = "SENT", self.lease_until

    def record(self, step: Step, looked_at: datetime | None = None) -> None:
        """Write what `record` writes."""
        match step:
            case Acknowledge():
                self.state = "ACKED"
            case Resend(due_at, proven=True):
                self.attempt = replace(self.attempt, sends=0, evidence_until=None)
                self.state, self.due = "INTENT", (due_at - NOON).total_seconds()
                if self.attempt.cancelled:
                    self.state = "CLOSED"
            case Resend():
                self.state, self.due = ("AMBIGUOUS" if self.attempt.cancelled else "INTENT"), self.engine.now
            case Look(due_at, absences, refusal=refusal):
                refusal = self.attempt.refusal if refusal is None else refusal
                self.attempt = replace(self.attempt, absences=absences, last_look_at=looked_at, refusal=refusal)
                self.state, self.due = "AMBIGUOUS", (due_at - NOON).total_seconds()
            case Hold():
                self.state = "HALTED"
            case Refuse():
                self.state = "HALTED" if self.looks_lie and looked_at else "REJECTED"
            case Abandon():
                self.state = "CLOSED"

    def may_send(self) -> bool:
        """Whether dispatch would claim it."""
        return self.state == "INTENT" and self.due <= self.engine.now

    def may_look(self) -> bool:
        """Whether resolve would claim it."""
        return self.state in {"SENT", "AMBIGUOUS"} and self.due <= self.engine.now

    @precondition(may_send)
    @rule(before=times, on_the_way=times, quota=st.booleans(), collected=st.booleans(), crash=st.booleans())
    def send(self, before: float, on_the_way: float, quota: bool, collected: bool, crash: bool) -> None:
        """An answer in time; it is recorded now, or the process dies with it."""
        self.claim()
        self.engine.pass_time(before * (LEASE - DEADLINE) + on_the_way * DEADLINE)
        heard = not crash and self.engine.now <= self.lease_until
        outcome = self.engine.accept(collected_meanwhile=collected and (heard or not self.looks_lie), quota=quota)
        if heard:
            self.record(after_submit(self.attempt, outcome, now=self.moment()))

    @precondition(may_send)
    @rule(wait=times)
    def send_nothing(self, wait: float) -> None:
        """No byte left, by proof: no connection, or the lease did not fit any more."""
        self.claim()
        self.engine.pass_time(wait * LEASE)
        self.record(after_submit(self.attempt, NotSent("no connection"), now=self.moment()))

    @precondition(may_send)
    @rule(before=times, travels=times, lost=st.booleans(), crash=st.booleans())
    def send_into_the_dark(self, before: float, travels: float, lost: bool, crash: bool) -> None:
        """The request is lost, or arrives as late as the bounds allow; nobody hears an answer."""
        self.claim()
        begun = before * (LEASE - DEADLINE)
        if not lost:
            latest = LEASE + FREEZE + NETWORK
            self.engine.deliver_later(begun + travels * (latest - begun))
        self.engine.pass_time(begun)
        if not crash:
            self.engine.pass_time(DEADLINE)
            self.record(after_submit(self.attempt, Unknown("timeout"), now=self.moment()))

    @precondition(may_send)
    @rule(slow=st.booleans())
    def be_refused(self, slow: bool) -> None:
        """The engine has nothing against the name, but refuses."""
        self.claim()
        self.record(after_submit(self.attempt, Rejected("EngineRejected", "no", slow=slow), now=self.moment()))

    @precondition(may_look)
    @rule(behind=times, thinks=times, blinks=st.booleans())
    def look(self, behind: float, thinks: float, blinks: bool) -> None:
        """See the engine as it was; decide on it later. Once, for less than a settle time, it shows nothing at all."""
        looked_at = self.moment()
        sighting = self.engine.show(behind * LAG)
        if blinks and self.looks_lie:
            sighting = Absent()
        elif blinks and (self.blinked_at is None or self.engine.now - self.blinked_at < SETTLE):
            self.blinked_at = self.engine.now if self.blinked_at is None else self.blinked_at
            sighting = Absent()
        epoch = str(self.engine.epoch)
        self.engine.pass_time(thinks * DEADLINE)
        step = after_look(
            self.attempt,
            sighting,
            looked_at=looked_at,
            epoch=epoch,
            settle=timedelta(seconds=SETTLE),
            lag=timedelta(seconds=LAG),
            allowance=timedelta(seconds=LEASE + FREEZE + NETWORK),
            idempotency=Idempotency.UNIQUE_NAME,
        )
        self.record(step, looked_at)

    @precondition(lambda self: self.state not in OVER)
    @rule()
    def wait_until_due(self) -> None:
        """Let time pass until somebody is to act."""
        self.engine.pass_time(max(self.due - self.engine.now, 0.0))

    @precondition(lambda self: self.state in {"SENT", "AMBIGUOUS"})
    @rule(behind=times, blinks=st.booleans())
    def look_until_decided(self, behind: float, blinks: bool) -> None:
        """A shortcut, so that long stories are told as often as short ones."""
        for _ in range(4):
            if self.state not in {"SENT", "AMBIGUOUS"}:
                return
            self.wait_until_due()
            self.look(behind, 0.0, blinks=blinks)

    @rule(seconds=st.sampled_from([1.0, 30.0, MEMORY]))
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.engine.pass_time(seconds)

    @precondition(lambda self: self.engine.ledger)
    @rule()
    def end(self) -> None:
        """What runs comes to its end; the engine begins to forget it."""
        self.engine.end()

    @precondition(lambda self: self.engine.epoch < 3 and not self.looks_lie)
    @rule()
    def restart(self) -> None:
        """The engine loses everything."""
        self.engine.restart()

    @precondition(lambda self: not self.attempt.cancelled and self.state not in OVER and not self.looks_lie)
    @rule()
    def cancel(self) -> None:
        """Follow `cancel.stop_units`: what was never sent ends at once."""
        self.attempt = replace(self.attempt, cancelled=True)
        if self.state == "INTENT":
            self.state = "CLOSED" if self.attempt.sends == 0 else "AMBIGUOUS"

    @invariant()
    def nothing_runs_twice(self) -> None:
        """There is one execution of the token at most."""
        assert len(self.engine.ledger) <= 1, self.engine.ledger

    @invariant()
    def what_was_failed_or_cancelled_clean_never_runs(self) -> None:
        """A final word is not contradicted later."""
        if self.state in {"REJECTED", "CLOSED"}:
            assert not self.engine.ledger, self.state

    @invariant()
    def what_was_acknowledged_exists(self) -> None:
        """Nothing is followed that there never was."""
        if self.state == "ACKED":
            assert self.engine.ledger

    def teardown(self) -> None:
        """From here on everything works: the attempt comes to an end, or to a person."""
        for _ in range(12):
            if self.state in OVER:
                break
            self.engine.pass_time(max(self.due - self.engine.now, 0.0))
            if self.may_send():
                self.send(0.0, 0.0, quota=False, collected=False, crash=False)
            else:
                self.look(0.0, 0.0, blinks=False)
            self.nothing_runs_twice()
        assert self.state in OVER, self.state
        self.engine.pass_time(2 * MEMORY)
        self.nothing_runs_twice()
        self.what_was_failed_or_cancelled_clean_never_runs()


class OneAttemptThatNobodyFinds(OneAttempt):
    """
    Every look may say "absent", whatever there is.

    In exchange the engine forgets only between a 409 and a 404 that are heard. Then only the name, and what resends do
    not prove (R1, R4, R5, R13), keep the unit from running twice or failing while it runs. What ends a unit by looks
    alone is no promise where looks lie: nothing is cancelled here, and what is refused because a look found nothing is
    told as little. The other story, where looks only lag and blink, holds both to their word.
    """

    looks_lie = True

    def __init__(self) -> None:
        super().__init__()
        self.engine.memory = float("inf")


CHOSEN = settings(max_examples=600, stateful_step_count=12, deadline=None, print_blob=True)
TestOneAttempt = OneAttempt.TestCase
TestOneAttempt.settings = CHOSEN
TestOneAttemptThatNobodyFinds = OneAttemptThatNobodyFinds.TestCase
TestOneAttemptThatNobodyFinds.settings = CHOSEN
