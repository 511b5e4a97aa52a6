"""Which Runs show what was not written to them, and how soon somebody looks."""

from __future__ import annotations

from typing import Any

import pytest

from baton_operator.kube.conditions import fingerprint
from baton_operator.kube.resources import RunSeen
from baton_operator.loops import witness as module
from baton_operator.loops.witness import LONGEST, PEACE, SETTLE, Suspicion, Witness

OURS, THEIRS = {"phase": "Running"}, {"phase": "Pending"}


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """Say what time it is."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def witness(clock: Clock) -> Witness:
    return Witness(clock)


def sight(status: dict[str, Any], type_: str = "MODIFIED", uid: str = "u-1") -> RunSeen:
    metadata = {"namespace": "team-a", "name": "run", "uid": uid, "generation": 1}
    return RunSeen.parse({"type": type_, "object": {"metadata": metadata, "spec": {}, "status": status}})


def due_after(witness: Witness, clock: Clock, seconds: float) -> list[Suspicion]:
    clock.now += seconds
    return list(witness.due(limit=10))


@pytest.mark.parametrize("wrote_first", [True, False], ids=["answer first", "event first"])
def test_the_echo_of_a_write_is_no_suspicion(witness: Witness, clock: Clock, wrote_first: bool) -> None:
    steps = [lambda: witness.wrote("u-1", fingerprint(OURS)), lambda: witness.saw(sight(OURS))]
    for step in steps if wrote_first else reversed(steps):
        step()
    assert due_after(witness, clock, 10 * SETTLE) == []


def test_what_was_never_written_is_looked_at_once_it_has_settled(witness: Witness, clock: Clock) -> None:
    witness.wrote("u-1", fingerprint(OURS))
    witness.saw(sight(THEIRS))
    assert due_after(witness, clock, SETTLE / 2) == []
    (found,) = due_after(witness, clock, SETTLE)
    assert (found.run.uid, found.found) == ("u-1", fingerprint(THEIRS))


def test_an_older_echo_is_forgotten_when_the_newer_one_comes(witness: Witness, clock: Clock) -> None:
    witness.wrote("u-1", fingerprint(OURS))
    witness.saw(sight(THEIRS))
    witness.saw(sight(OURS))
    witness.wrote("u-1", fingerprint(OURS))
    assert due_after(witness, clock, 10 * SETTLE) == []


@pytest.mark.parametrize("seen", [sight({}, "ADDED"), sight(THEIRS, "DELETED")], ids=["created", "deleted"])
def test_a_run_that_shows_nothing_or_is_gone_is_no_suspicion(witness: Witness, clock: Clock, seen: RunSeen) -> None:
    witness.saw(sight(THEIRS))
    witness.saw(seen)
    assert due_after(witness, clock, 10 * SETTLE) == []


def test_a_status_that_was_removed_is_a_suspicion(witness: Witness, clock: Clock) -> None:
    witness.wrote("u-1", fingerprint(OURS))
    witness.saw(sight({}))
    assert len(due_after(witness, clock, SETTLE)) == 1


def test_a_writer_who_goes_on_does_not_put_the_look_off(witness: Witness, clock: Clock) -> None:
    """And what is looked at is what was seen last."""
    for number in range(100):
        witness.saw(sight({"progress": str(number)}))
        clock.now += SETTLE / 50
    (found,) = witness.due(limit=10)
    assert found.found == fingerprint({"progress": "99"})


def test_repairs_of_one_run_come_ever_more_slowly(witness: Witness, clock: Clock) -> None:
    """Up to a bound within the half minute that I4 grants; after some peace the next is quick again."""
    waits = []
    for _ in range(6):
        begun = clock.now
        witness.saw(sight(THEIRS))
        while not witness.due(limit=1):
            clock.now += 0.5
        waits.append(clock.now - begun)
        witness.mended(witness.due(limit=1)[0])
    assert waits == [SETTLE, 2 * SETTLE, 4 * SETTLE, 8 * SETTLE, LONGEST, LONGEST]
    assert LONGEST + SETTLE < 30
    clock.now += PEACE
    witness.saw(sight(THEIRS))
    assert len(due_after(witness, clock, SETTLE)) == 1


def test_a_look_that_found_the_run_busy_is_repeated(witness: Witness, clock: Clock) -> None:
    witness.saw(sight(THEIRS))
    (found,) = due_after(witness, clock, SETTLE)
    witness.later(found)
    assert due_after(witness, clock, SETTLE / 2) == []
    assert len(due_after(witness, clock, SETTLE)) == 1


def test_what_was_seen_during_a_look_is_not_forgotten_with_it(witness: Witness, clock: Clock) -> None:
    witness.saw(sight(THEIRS))
    (found,) = due_after(witness, clock, SETTLE)
    witness.saw(sight({"phase": "Succeeded"}))
    witness.drop(found)
    assert len(witness.due(limit=10)) == 1


def test_it_remembers_no_more_than_its_bound(witness: Witness, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it has forgotten is looked at: that costs a question, and nothing is lost."""
    monkeypatch.setattr(module, "REMEMBERED", 3)
    uids = [f"u-{number}" for number in range(5)]
    for uid in uids:
        witness.wrote(uid, fingerprint(OURS))
    for uid in uids:
        witness.saw(sight(OURS, uid=uid))
    assert [each.run.uid for each in due_after(witness, clock, SETTLE)] == uids[:2]
