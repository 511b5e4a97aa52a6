"""What follows from a look for an attempt of which a restored database does not know whether it was sent."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from baton_operator.decide.attempts import (
    DOUBTED,
    Abandon,
    Acknowledge,
    Attempt,
    Hold,
    Look,
    Resend,
    Step,
    after_look,
    after_restore,
)
from baton_operator.engines.base import Absent, Found, Idempotency, Sighting

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
#: The last moment that the database knew of, and when it was restored.
SAVED, RESTORED = NOON - timedelta(minutes=5), NOON
SETTLE, LAG, ALLOWANCE = timedelta(seconds=2), timedelta(seconds=30), timedelta(seconds=31)
MEMORY = timedelta(hours=1)
VISIBLE = RESTORED + ALLOWANCE + LAG
SEEN_ABSENT = {"absences": 1, "last_look_at": VISIBLE}
AGAIN = VISIBLE + LAG

#: As the statements leave it: no send is known, and it cannot have been sent before the database was saved.
doubted = Attempt(sends=0, tries=0, visible_after=RESTORED, evidence_until=None, epoch="1", first_sent_at=SAVED)


def restored(attempt: Attempt, *, memory: timedelta = MEMORY) -> Attempt:
    return after_restore(attempt, restored_at=RESTORED, lag=LAG, allowance=ALLOWANCE, memory=memory)


def seen(
    attempt: Attempt,
    sighting: Sighting,
    at: datetime = AGAIN,
    *,
    epoch: str | None = "1",
    idempotency: Idempotency = Idempotency.SEARCH_ONLY,
) -> Step:
    return after_look(
        attempt,
        sighting,
        looked_at=at,
        epoch=epoch,
        settle=SETTLE,
        lag=LAG,
        allowance=ALLOWANCE,
        idempotency=idempotency,
    )


def message(step: Step) -> str:
    assert isinstance(step, Hold), step
    return step.message


@pytest.mark.parametrize("each", list(Idempotency))
def test_what_is_not_there_and_was_never_seen_to_be_sent_is_sent(each: Idempotency) -> None:
    """Whatever the engine offers: nothing of it is out, so it is a first send; absence counts twice (R9)."""
    attempt = restored(doubted)
    assert isinstance(seen(attempt, Absent(), VISIBLE, idempotency=each), Look)
    step = seen(replace(attempt, **SEEN_ABSENT), Absent(), idempotency=each)
    assert isinstance(step, Resend)
    assert step.proven


def test_what_is_there_is_adopted() -> None:
    assert seen(restored(doubted), Found("argo/x")) == Acknowledge("argo/x", None, "", adopted=True)


def test_a_request_of_the_old_world_may_still_arrive() -> None:
    """Absence is evidence only when everything that was under way at the restore must have come."""
    early = VISIBLE - timedelta(milliseconds=1)
    assert seen(restored(replace(doubted, **SEEN_ABSENT)), Absent(), early) == Look(VISIBLE, 0, "not there yet")


def test_the_old_world_may_have_sent_again_what_it_had_sent_before() -> None:
    """An attempt that was in doubt when the database was saved waits as long, and is as little proven as ever."""
    sent = replace(doubted, sends=1, visible_after=SAVED, evidence_until=NOON + MEMORY)
    attempt = restored(sent)
    assert (attempt.visible_after, attempt.evidence_until) == (VISIBLE, NOON + MEMORY)
    held = seen(replace(attempt, **SEEN_ABSENT), Absent())
    assert message(held) == "not there; this engine cannot tell a second submit from the first"


def test_an_engine_that_forgets_sooner_proves_nothing() -> None:
    """What ended between the backup and the look may have been collected; the bounds are taken off."""
    least = AGAIN - SAVED + ALLOWANCE
    absent = replace(doubted, **SEEN_ABSENT)
    assert message(seen(restored(absent, memory=least), Absent())).startswith(DOUBTED)
    assert isinstance(seen(restored(absent, memory=least + timedelta(seconds=1)), Absent()), Resend)
    assert message(seen(restored(absent), Absent(memory=least.total_seconds()))).startswith(DOUBTED)


def test_an_engine_that_was_restarted_since_the_backup_proves_nothing() -> None:
    absent = restored(replace(doubted, **SEEN_ABSENT))
    assert "restarted" in message(seen(absent, Absent(), epoch="2"))
    assert "restarted" in message(seen(absent, Absent(epoch="2")))


def test_what_cannot_be_found_is_not_sent() -> None:
    """The job does not take the token, so nothing can be told from not finding it."""
    assert isinstance(seen(restored(replace(doubted, **SEEN_ABSENT, is_findable=False)), Absent()), Hold)


def test_what_is_to_end_and_is_not_there_is_over() -> None:
    assert seen(restored(replace(doubted, **SEEN_ABSENT, cancelled=True)), Absent()) == Abandon()
