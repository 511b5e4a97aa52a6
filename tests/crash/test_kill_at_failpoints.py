"""kill -9 at every failpoint and on the wire: the end is that of an undisturbed run, and nothing is there twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import urlsplit

import pytest
from baton_crash.cases import sample
from baton_crash.disturbances import Disturbance, Failpoint, OnTheWire
from baton_crash.in_play import ArgoInPlay
from baton_crash.play import Played, play
from baton_crash.scenario import ATTEMPTS, ENDS
from baton_spine.theatre import Theatre

from baton_operator.faults import FAILPOINTS

#: Cases under way at once: they wait most of the time, each in a namespace and a database of its own.
AT_ONCE = 6
ON_THE_WIRE = [each for each in sample() if isinstance(each, OnTheWire)]

Get = Callable[[Disturbance | None], Future[Played]]


@pytest.fixture(scope="module")
def played(stages: Theatre, request: pytest.FixtureRequest) -> Iterator[Get]:
    """Plays all chosen cases, some at a time; gives what becomes of one."""
    named = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    chosen: list[Disturbance | None] = [None, *(each.params["disturbance"] for each in named if each)]
    address = urlsplit(stages.argo_url)
    engine = ArgoInPlay((str(address.hostname), int(address.port or 0)))
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {each: pool.submit(play, stages.stage(), engine, each) for each in chosen}
        yield futures.__getitem__
        for future in futures.values():
            future.cancel()


def test_the_undisturbed_scenario_is_what_it_says(played: Get) -> None:
    end = played(None).result().end
    assert end.ends == ENDS
    assert end.accepted == end.attempts == ATTEMPTS
    assert end.histories["plain"] == ["PENDING", "PROCESSING", "COMPLETED"]
    assert end.histories["fleet/1/0"] == ["PENDING", "PROCESSING", "COMPLETED"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("disturbance", [Failpoint(name) for name in FAILPOINTS], ids=str)
def test_a_kill_at_a_side_effect_changes_nothing_of_the_end(disturbance: Disturbance, played: Get) -> None:
    shown = played(disturbance).result()
    assert shown.kills == 1, "the failpoint was not met"
    assert shown.end == played(None).result().end


@pytest.mark.timeout(600)
@pytest.mark.parametrize("disturbance", ON_THE_WIRE, ids=str)
def test_a_kill_in_the_middle_of_a_word_changes_nothing_of_the_end(disturbance: OnTheWire, played: Get) -> None:
    shown = played(disturbance).result()
    assert shown.kills == disturbance.lives, "the moment never came"
    assert shown.end == played(None).result().end
