"""kill -9 at every failpoint and on the wire: the end is that of an undisturbed run, and nothing is there twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from baton_crash.cases import in_turn, sample
from baton_crash.disturbances import Disturbance, InTurn, OnTheWire
from baton_crash.in_play import in_play
from baton_crash.play import Played, play
from baton_crash.scenario import ATTEMPTS, ENDS
from baton_spine.theatre import Theatre

from baton_operator.faults import FAILPOINTS, HANDLE_FAILPOINTS

#: Cases under way at once: they wait most of the time, each in a namespace and a database of its own.
AT_ONCE = 6
ENGINES = ("Argo", "Jenkins", "Airflow")
#: `make crash` plays each failpoint alone, and every piece.
SAMPLE: list[tuple[str, Disturbance]] = [(engine, each) for engine in ENGINES for each in (*in_turn(engine), *sample())]

Case = tuple[str, Disturbance | None]
Get = Callable[[str, Disturbance | None], Played]


@pytest.fixture(scope="module")
def played(stages: Theatre, request: pytest.FixtureRequest) -> Iterator[Get]:
    """Plays all chosen cases, some at a time; gives what becomes of one."""
    items = [item for item in request.session.items if item.path == request.path]
    chosen: dict[Case, None] = {}
    for each in [item.callspec.params for item in items if hasattr(item, "callspec")]:
        engine, disturbance = each["engine"], each.get("disturbance")
        chosen[engine, None] = None
        chosen[engine, disturbance] = None
    with ExitStack() as ends, ThreadPoolExecutor(AT_ONCE) as pool:
        engines = {name: ends.enter_context(in_play(name, stages)) for name in sorted({each for each, _ in chosen})}
        futures: dict[Case, Future[Played]] = {
            (name, disturbance): pool.submit(play, stages.stage(), engines[name], disturbance)
            for name, disturbance in chosen
        }
        yield lambda engine, disturbance: futures[engine, disturbance].result()
        for future in futures.values():
            future.cancel()


@pytest.mark.parametrize("engine", ENGINES)
def test_the_undisturbed_scenario_is_what_it_says(engine: str, played: Get) -> None:
    shown = played(engine, None)
    end = shown.end
    assert not shown.broken
    assert end.ends == ENDS
    assert end.accepted == ATTEMPTS
    assert end.attempts == ATTEMPTS | {"rejected": 1}, "one attempt is made, which the engine does not accept"
    assert end.histories["plain"] == ["PENDING", "PROCESSING", "COMPLETED"]
    assert end.histories["fleet/1/0"] == ["PENDING", "PROCESSING", "COMPLETED"]


def test_every_named_side_effect_is_played() -> None:
    played = {point.name for engine in ENGINES for each in in_turn(engine) for point in each.points}
    assert played == {*FAILPOINTS, *HANDLE_FAILPOINTS}


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("engine", "disturbance"), SAMPLE, ids=str)
def test_a_disturbance_changes_nothing_of_the_end(engine: str, disturbance: Disturbance, played: Get) -> None:
    shown = played(engine, disturbance)
    assert shown.kills == _kills(disturbance), "the moment never came"
    assert shown.end == played(engine, None).end
    assert not shown.broken


def _kills(disturbance: Disturbance) -> int:
    match disturbance:
        case InTurn(points):
            return len(points)
        case OnTheWire():
            return disturbance.lives
        case _:
            return 1
