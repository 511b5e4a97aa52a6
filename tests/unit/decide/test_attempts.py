"""What follows from one submit and from one look, cell by cell; R1 to R13 by their numbers."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from baton_operator.decide.attempts import (
    Abandon,
    Acknowledge,
    Attempt,
    Drop,
    Hold,
    Look,
    Queue,
    Refuse,
    Resend,
    after_follow,
    after_look,
    after_submit,
    backoff,
    counted,
    guarantee,
)
from baton_operator.engines.base import (
    Absent,
    Adopted,
    Created,
    Enqueued,
    Foreign,
    Found,
    Idempotency,
    NameGone,
    NotSent,
    Outcome,
    Rejected,
    Sighting,
    Unknown,
)
from baton_operator.engines.options import Whereabouts, Withdrawn

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
VISIBLE = NOON + timedelta(seconds=60)
FORGOTTEN = NOON + timedelta(minutes=10)
SETTLE = timedelta(seconds=2)
LAG = timedelta(seconds=30)
ALLOWANCE = timedelta(seconds=31)
LAG, INTERVAL = timedelta(seconds=30), timedelta(seconds=10)
ALREADY_SEEN_ABSENT = {"absences": 1, "last_look_at": VISIBLE + timedelta(seconds=1)}
LOOK_AGAIN = VISIBLE + timedelta(seconds=5)
BEHIND_THE_LAG = VISIBLE + timedelta(seconds=1) + LAG

once = Attempt(sends=1, tries=1, visible_after=VISIBLE, evidence_until=FORGOTTEN, epoch="1")
twice = replace(once, sends=2, tries=2)


def seen(
    attempt: Attempt,
    sighting: Sighting,
    at: datetime = LOOK_AGAIN,
    *,
    epoch: str | None = "1",
    idempotency: Idempotency = Idempotency.UNIQUE_NAME,
    resend: bool = False,
) -> object:
    return after_look(
        attempt,
        sighting,
        looked_at=at,
        epoch=epoch,
        settle=SETTLE,
        lag=LAG,
        allowance=ALLOWANCE,
        idempotency=idempotency,
        resend=resend,
    )


SUBMITS: list[tuple[str, Attempt, Outcome, object]] = [
    ("created", once, Created("x", "u", "Pending"), Acknowledge("x", "u", "Pending", adopted=False)),
    ("adopted", once, Adopted("x", "u", "Running"), Acknowledge("x", "u", "Running", adopted=True)),
    ("created by a resend", twice, Created("x"), Acknowledge("x", None, "", adopted=False)),
    ("queued", once, Enqueued("item/7"), Queue("item/7")),
    ("not sent", once, NotSent("refused"), Resend(NOON + timedelta(seconds=1), proven=True, message="refused")),
    (
        "told to wait",
        once,
        NotSent("busy", retry_after=30),
        Resend(NOON + timedelta(seconds=30), proven=True, message="busy"),
    ),
    ("a resend was not sent", twice, NotSent("refused"), Look(VISIBLE, 0, "refused")),
    ("refused", once, Rejected("EngineRejected", "no such parameter"), Refuse("EngineRejected", "no such parameter")),
    ("no template", once, Rejected("TargetNotFound", "gone"), Refuse("TargetNotFound", "gone")),
    ("a foreign name", once, Rejected("NameTaken", "taken"), Refuse("NameTaken", "taken")),
    (
        "forbidden for now",
        once,
        Rejected("EngineRejected", "403", slow=True),
        Resend(NOON + timedelta(minutes=5), proven=True, message="403"),
    ),
    ("a resend was refused", twice, Rejected("EngineRejected", "quota"), Look(VISIBLE, 0, "quota", refusal="quota")),
    ("a resend was forbidden", twice, Rejected("EngineRejected", "403", slow=True), Look(VISIBLE, 0, "403")),
    ("a resend met a foreign name", twice, Rejected("NameTaken", "taken"), Hold("taken")),
    ("taken, then gone", once, NameGone("was there"), Hold("was there")),
    ("a resend: taken, then gone", twice, NameGone("was there"), Hold("was there")),
    ("no answer", once, Unknown("timeout"), Look(VISIBLE, 0, "timeout")),
    ("no answer to a resend", twice, Unknown("timeout"), Look(VISIBLE, 0, "timeout")),
]


@pytest.mark.parametrize(("attempt", "outcome", "step"), [row[1:] for row in SUBMITS], ids=[row[0] for row in SUBMITS])
def test_after_a_submit(attempt: Attempt, outcome: Outcome, step: object) -> None:
    """Each outcome, of a first send and of a resend, has exactly one step."""
    assert after_submit(attempt, outcome, now=NOON) == step


ABSENT_TWICE = replace(once, **ALREADY_SEEN_ABSENT)
FOUND_STEP = Acknowledge("x", "u", "Running", adopted=True)
LOOKS: list[tuple[str, Attempt, Sighting, datetime, Idempotency, object]] = [
    ("found early", once, Found("x", "u", "Running"), NOON, Idempotency.UNIQUE_NAME, FOUND_STEP),
    ("found late", once, Found("x", "u", "Running"), FORGOTTEN, Idempotency.SEARCH_ONLY, FOUND_STEP),
    (
        "found although it is to end",
        replace(once, cancelled=True),
        Found("x", "u", "Running"),
        LOOK_AGAIN,
        Idempotency.KEY,
        FOUND_STEP,
    ),
    ("not there yet", once, Absent(), NOON, Idempotency.UNIQUE_NAME, Look(VISIBLE, 0, "not there yet")),
    (
        "absent once",
        once,
        Absent(),
        LOOK_AGAIN,
        Idempotency.UNIQUE_NAME,
        Look(LOOK_AGAIN + SETTLE, 1, "not there; looking once more"),
    ),
    (
        "absent twice",
        ABSENT_TWICE,
        Absent(),
        LOOK_AGAIN,
        Idempotency.UNIQUE_NAME,
        Resend(LOOK_AGAIN, proven=False, message="not there: sent again under the same name"),
    ),
    (
        "absent twice, a key",
        ABSENT_TWICE,
        Absent(),
        LOOK_AGAIN,
        Idempotency.KEY,
        Resend(LOOK_AGAIN, proven=False, message="not there: sent again under the same name"),
    ),
    (
        "absent twice, to be cancelled",
        replace(ABSENT_TWICE, cancelled=True),
        Absent(),
        BEHIND_THE_LAG,
        Idempotency.SEARCH_ONLY,
        Abandon(),
    ),
    *(
        (
            f"absent twice, less than a lag apart, {each.value}",
            ABSENT_TWICE,
            Absent(),
            BEHIND_THE_LAG - timedelta(microseconds=1),
            each,
            Look(BEHIND_THE_LAG - timedelta(microseconds=1) + LAG, 1, "not there; looking once more"),
        )
        for each in (Idempotency.COALESCING, Idempotency.SEARCH_ONLY)
    ),
    *(
        (
            f"absent twice, {each.value}",
            ABSENT_TWICE,
            Absent(),
            BEHIND_THE_LAG,
            each,
            Hold("not there; this engine cannot tell a second submit from the first"),
        )
        for each in (Idempotency.COALESCING, Idempotency.SEARCH_ONLY)
    ),
    (
        "two carry the token",
        once,
        Found("x", others=(Found("y"),)),
        LOOK_AGAIN,
        Idempotency.SEARCH_ONLY,
        Acknowledge("x", None, "", adopted=True, others=(Found("y"),)),
    ),
    ("it still waits there", once, Enqueued("item/7"), LOOK_AGAIN, Idempotency.COALESCING, Queue("item/7")),
    (
        "a foreigner",
        once,
        Foreign("x"),
        LOOK_AGAIN,
        Idempotency.UNIQUE_NAME,
        Refuse("NameTaken", "the engine has an execution of this name that is not ours"),
    ),
]


@pytest.mark.parametrize(
    ("attempt", "sighting", "at", "idempotency", "step"), [row[1:] for row in LOOKS], ids=[row[0] for row in LOOKS]
)
def test_after_a_look(
    attempt: Attempt, sighting: Sighting, at: datetime, idempotency: Idempotency, step: object
) -> None:
    """Each sighting at each time has exactly one step."""
    assert seen(attempt, sighting, at, idempotency=idempotency) == step


def test_r1_a_send_stays_counted_whatever_became_of_it() -> None:
    """The process died between send and record: the next send is the second, and its failure proves nothing."""
    second = counted(once)
    assert (second.sends, second.tries) == (2, 2)
    assert isinstance(after_submit(second, NotSent("connection refused"), now=NOON), Look)


def test_r3_a_look_is_judged_by_its_own_time() -> None:
    """A look that began before the submit had to be visible is no evidence, however late it is thought about."""
    early = VISIBLE - timedelta(microseconds=1)
    assert seen(ABSENT_TWICE, Absent(), early) == Look(VISIBLE, 0, "not there yet")
    assert isinstance(seen(ABSENT_TWICE, Absent(), LOOK_AGAIN), Resend)


@pytest.mark.parametrize("outcome", [NotSent("connection refused"), NotSent("429", retry_after=1)])
def test_r4_a_resend_that_was_not_sent_says_nothing_of_the_first(outcome: Outcome) -> None:
    """Only the token's single send can be proven away."""
    assert after_submit(twice, outcome, now=NOON) == Look(VISIBLE, 0, outcome.message)
    assert isinstance(after_submit(once, outcome, now=NOON), Resend)


@pytest.mark.parametrize("slow", [False, True])
def test_r5_the_refusal_of_a_resend_says_nothing_of_the_first(slow: bool) -> None:
    """A full quota refuses the second request because the first was accepted: the unit must not fail."""
    refusal = None if slow else "quota"
    expected = Look(VISIBLE, 0, "quota", refusal=refusal)
    assert after_submit(twice, Rejected("EngineRejected", "quota", slow=slow), now=NOON) == expected


def test_r5_a_resend_that_is_refused_fails_the_unit_once_nothing_of_the_first_is_there() -> None:
    """By the same evidence by which it would be sent again: for the same answer, for ever."""
    refused_again = replace(twice, refusal="no template nap")
    assert seen(refused_again, Found("x")) == Acknowledge("x", None, "", adopted=True)
    assert seen(refused_again, Absent(), NOON) == Look(VISIBLE, 0, "not there yet")
    assert isinstance(seen(refused_again, Absent()), Look)
    absent = replace(refused_again, **ALREADY_SEEN_ABSENT)
    assert seen(absent, Absent()) == Refuse("EngineRejected", "no template nap")
    assert seen(replace(absent, cancelled=True), Absent()) == Abandon()
    for proves_nothing in (seen(absent, Absent(), epoch="2"), seen(absent, Absent(), FORGOTTEN)):
        assert isinstance(proves_nothing, Hold)
    assert isinstance(seen(absent, Absent(), BEHIND_THE_LAG, idempotency=Idempotency.COALESCING), Hold)


def test_r6_what_may_still_arrive_is_not_cancelled_clean() -> None:
    """Absent now, but not beyond doubt: it is looked for, and only then abandoned."""
    wanted_gone = replace(once, cancelled=True)
    assert seen(wanted_gone, Absent(), NOON) == Look(VISIBLE, 0, "not there yet")
    assert isinstance(seen(wanted_gone, Absent()), Look)
    assert isinstance(seen(wanted_gone, Found("x")), Acknowledge)
    assert isinstance(seen(replace(wanted_gone, **ALREADY_SEEN_ABSENT), Absent(), FORGOTTEN), Hold)
    assert seen(replace(wanted_gone, **ALREADY_SEEN_ABSENT), Absent()) == Abandon()


@pytest.mark.parametrize("epoch", ["2", None])
def test_r8_absence_after_a_restart_is_no_evidence(epoch: str | None) -> None:
    """A restarted engine may have lost its queue, or its memory of what ran."""
    step = seen(ABSENT_TWICE, Absent(), epoch=epoch)
    assert isinstance(step, Hold)
    assert "restarted" in step.message


@pytest.mark.parametrize(("told", "before", "expected"), [("2", "1", Hold), ("1", "2", Resend), (None, "1", Resend)])
def test_r8_the_looks_own_epoch_wins(told: str | None, before: str, expected: type) -> None:
    """The engine was restarted after the last probe, or the probe is newer than this answer: the answer counts."""
    assert isinstance(seen(ABSENT_TWICE, Absent(epoch=told), epoch=before), expected)


def test_a_look_that_reaches_less_far_back_proves_less() -> None:
    """A list of builds that ends after the first send hides what began before; the bounds are taken off."""
    sent = replace(ABSENT_TWICE, first_sent_at=NOON)
    enough = (LOOK_AGAIN - NOON + ALLOWANCE).total_seconds()
    assert isinstance(seen(sent, Absent(memory=enough)), Hold)
    assert isinstance(seen(sent, Absent(memory=enough + 1)), Resend)
    assert isinstance(seen(sent, Absent(memory=86_400), FORGOTTEN), Hold), "it never proves more than the engine's own"


@pytest.mark.parametrize("each", [Idempotency.COALESCING, Idempotency.SEARCH_ONLY])
def test_an_engine_may_be_trusted_with_a_resend(each: Idempotency) -> None:
    """`onAmbiguous: Resend` sends again by the same rule as for a unique name, and by no weaker one."""
    assert isinstance(seen(ABSENT_TWICE, Absent(), BEHIND_THE_LAG, idempotency=each, resend=True), Resend)
    assert isinstance(seen(once, Absent(), idempotency=each, resend=True), Look)
    assert isinstance(seen(ABSENT_TWICE, Absent(epoch="2"), idempotency=each, resend=True), Hold)
    assert isinstance(seen(ABSENT_TWICE, Absent(), FORGOTTEN, idempotency=each, resend=True), Hold)
    cancelled = replace(ABSENT_TWICE, cancelled=True)
    assert seen(cancelled, Absent(), BEHIND_THE_LAG, idempotency=each, resend=True) == Abandon()


def test_r6_what_was_given_up_is_looked_for_as_long_as_the_engine_remembers() -> None:
    """Nobody is asked any more; each look comes later than the one before; in the end it is let go."""
    given_up = replace(ABSENT_TWICE, cancelled=True, settled=True, epoch="0")
    early = seen(given_up, Absent())
    assert isinstance(early, Look)
    assert early.due_at == LOOK_AGAIN + timedelta(seconds=60)
    later = VISIBLE + timedelta(minutes=5)
    assert seen(given_up, Absent(), later).due_at == later + timedelta(minutes=5)
    assert isinstance(seen(given_up, Found("x")), Acknowledge)
    assert seen(given_up, Absent(), FORGOTTEN) == Abandon()


def follow(attempt: Attempt, whereabouts: Whereabouts, at: datetime = NOON) -> object:
    return after_follow(attempt, whereabouts, asked_at=at, interval=INTERVAL, lag=LAG)


def test_after_following_a_handle() -> None:
    """Begun, waiting, dropped, unknown: each has exactly one step."""
    begun = Found("x", "u", "Running", (Found("y"),))
    assert follow(once, begun) == Acknowledge("x", "u", "Running", adopted=True, others=(Found("y"),))
    assert follow(once, Enqueued("item/7")) == Queue("item/7", NOON + INTERVAL)
    assert follow(once, Withdrawn("cancelled in the queue")) == Drop("cancelled in the queue")


def test_a_handle_is_asked_about_before_the_engine_forgets_it() -> None:
    """However seldom an engine is asked otherwise."""
    step = after_follow(once, Enqueued("7"), asked_at=NOON, interval=timedelta(hours=1), lag=LAG)
    assert step == Queue("7", NOON + timedelta(seconds=60))


def test_a_handle_that_is_forgotten_says_nothing_of_the_work() -> None:
    """It may have left the queue a moment ago: its absence is evidence only after the engine's lag."""
    message = "the engine does not know the handle any more"
    assert follow(once, Absent()) == Look(NOON, 0, message, visible_after=VISIBLE)
    late = VISIBLE + timedelta(minutes=1)
    assert follow(once, Absent(), late) == Look(late, 0, message, visible_after=late + LAG)


def test_r9_absence_counts_twice_a_settle_time_apart() -> None:
    """Two looks in one lag of the engine's list are one."""
    first = seen(once, Absent())
    assert first == Look(LOOK_AGAIN + SETTLE, 1, "not there; looking once more")
    hurried = replace(once, absences=1, last_look_at=LOOK_AGAIN)
    too_soon = LOOK_AGAIN + SETTLE - timedelta(milliseconds=1)
    assert seen(hurried, Absent(), too_soon) == Look(too_soon + SETTLE, 1, "not there; looking once more")
    assert isinstance(seen(hurried, Absent(), LOOK_AGAIN + SETTLE), Resend)


def test_r13_a_name_that_was_taken_and_then_gone_may_have_been_ours() -> None:
    """409 and then 404: ours may have run and been collected; nothing is sent again."""
    assert after_submit(once, NameGone("gone"), now=NOON) == Hold("gone")
    assert after_submit(twice, NameGone("gone"), now=NOON) == Hold("gone")


def test_what_an_engine_may_have_forgotten_is_not_sent_again() -> None:
    """From the end of its memory on, absence is no evidence."""
    assert isinstance(seen(ABSENT_TWICE, Absent(), FORGOTTEN), Hold)
    assert isinstance(seen(ABSENT_TWICE, Absent(), FORGOTTEN - timedelta(microseconds=1)), Resend)


def test_a_foreigner_that_is_there_before_ours_had_to_arrive_refuses_nothing() -> None:
    """The foreigner may leave, and our request arrive behind it: the unit does not fail while it may run."""
    foreign = Foreign("x")
    assert seen(once, foreign, NOON) == Look(VISIBLE, 0, "the name is taken; ours may still arrive")
    assert isinstance(seen(twice, foreign), Hold)


@pytest.mark.parametrize(
    ("tries", "retry_after", "expected"),
    [
        (0, None, 1),
        (1, None, 1),
        (2, None, 2),
        (5, None, 16),
        (12, None, 1800),
        (500, None, 1800),
        (1, 30, 30),
        (6, 30, 32),
        (1, 86_400, 1800),
        (1, 0, 1),
    ],
)
def test_backing_off(tries: int, retry_after: float | None, expected: float) -> None:
    """Exponential between one second and half an hour; Retry-After wins where it is longer, up to the cap."""
    assert backoff(tries, retry_after) == timedelta(seconds=expected)


@pytest.mark.parametrize("each", list(Idempotency))
def test_the_promise_follows_from_the_engine_and_its_spec(each: Idempotency) -> None:
    """A name or a key makes it effectively once; without, it is at most once unless sending again is allowed."""
    strong = each in {Idempotency.UNIQUE_NAME, Idempotency.KEY}
    assert guarantee(each, resend=False) == ("EffectivelyOnce" if strong else "AtMostOnce")
    assert guarantee(each, resend=True) == "EffectivelyOnce"
