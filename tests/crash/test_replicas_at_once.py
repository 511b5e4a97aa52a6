"""Three replicas on one database, of which one is frozen for longer than its lease (R1, P2)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from baton_crash.in_play import InPlay, in_play
from baton_spine.stage import Stage, shown
from baton_spine.theatre import Theatre

FINE = ("Succeeded", "Succeeded")
#: Runs at least, and at most where the one that is to be frozen is slow to get a claim.
RUNS, MOST = 12, 200


@pytest.fixture
def engine(request: pytest.FixtureRequest, stages: Theatre) -> Iterator[InPlay]:
    """Argo, which refuses a name twice, or Jenkins, which would start everything again."""
    with in_play(request.param, stages) as made:
        yield made


def open_work(stage: Stage, engine: InPlay) -> None:
    """Make Engine and Automation; what times out on a busy machine does not give the Engine a rest here."""
    engine.engine(stage, f"http://{engine.address[0]}:{engine.address[1]}")
    stage.patch("Engine", "engine", {"circuitBreaker": {"minimumRequests": 1000}})
    work = engine.work(stage, ms="parameters.ms", fail="'no'")
    stage.create("Automation", "work", {"engineRef": {"name": "engine"}, **work})


@pytest.mark.parametrize(
    ("engine", "failpoint"),
    [
        ("Argo", "dispatch.claim.after"),
        ("Jenkins", "dispatch.claim.after"),
        ("Jenkins", "dispatch.sent.before"),
        ("Jenkins", "dispatch.record.before"),
    ],
    indirect=["engine"],
)
def test_one_of_three_is_frozen_and_nothing_is_there_twice(failpoint: str, stage: Stage, engine: InPlay) -> None:
    """It holds claims then; the others send or find what was claimed, and when it wakes it sends and writes nothing."""
    open_work(stage, engine)
    sleeper = stage.operator(f"{failpoint}=stop")
    for each in [sleeper, stage.operator(), stage.operator()]:
        each.wait_ready()
    names = []
    while len(names) < RUNS or (len(names) < MOST and not sleeper.is_stopped()):
        names.append(f"shared-{len(names)}")
        stage.run(names[-1], "work", ms=100 + 50 * (len(names) % 5))
    assert sleeper.is_stopped(), "it never had a claim"
    assert {shown(each) for each in stage.ended(*names, within=120).values()} == {FINE}
    before = began(stage, engine)

    sleeper.thaw()
    stage.until(sleeper.is_ready, what="that the frozen one is ready again")
    stage.run("afterwards", "work", ms=100)
    assert shown(stage.ended("afterwards")["afterwards"]) == FINE
    after = began(stage, engine)
    assert len(before) == len(set(before)) == len(names)
    assert len(after) == len(set(after)) == len(names) + 1
    stage.check(books=lambda: engine.books(stage))


def began(stage: Stage, engine: InPlay) -> list[str]:
    """Give the tokens of everything that the engine has begun, by its own books."""
    return [entry.token for entry in engine.books(stage)]
