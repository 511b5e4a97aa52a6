"""kill -9 at every failpoint: the end is that of an undisturbed run, and the engine's books show nothing twice."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
from baton_spine.process import end_all
from baton_spine.scenario import ATTEMPTS, ENDS, End, cancel_one, end_of, open_argo
from baton_spine.stage import Stage

from baton_operator.faults import FAILPOINTS

#: Cases under way at once: they wait most of the time, each in a namespace and a database of its own.
AT_ONCE = 6
UNDISTURBED = "undisturbed"

Outcome = tuple[End, int]


def play(stage: Stage, failpoint: str) -> Outcome:
    """Play the scenario with the operator killed at *failpoint*; return what is left, and how the first one ended."""
    undisturbed = failpoint == UNDISTURBED
    first = stage.operator("" if undisturbed else f"{failpoint}=kill")
    open_argo(stage)
    if failpoint.startswith("cancel."):
        cancel_one(stage)
    status = 0 if undisturbed else first.wait_end()
    if not undisturbed:
        stage.operator()
    if not failpoint.startswith("cancel."):
        cancel_one(stage)
    stage.ended(within=90)
    stage.check()
    end = end_of(stage, stage.accepted())
    end_all(stage.operators)
    return end, status


@pytest.fixture(scope="module")
def played(
    new_stage: Callable[[], Stage], request: pytest.FixtureRequest
) -> Iterator[Callable[[str], Future[Outcome]]]:
    """Plays all chosen cases, some at a time; gives what becomes of one."""
    named = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    chosen = {UNDISTURBED, *(each.params["failpoint"] for each in named if each)}
    stages = {failpoint: new_stage() for failpoint in sorted(chosen)}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        ordered = sorted(chosen, key=lambda each: (each != UNDISTURBED, each))
        futures = {failpoint: pool.submit(play, stages[failpoint], failpoint) for failpoint in ordered}
        yield futures.__getitem__
        for future in futures.values():
            future.cancel()


def test_the_undisturbed_scenario_is_what_it_says(played: Callable[[str], Future[Outcome]]) -> None:
    end, _ = played(UNDISTURBED).result()
    assert end.ends == ENDS
    assert end.accepted == end.attempts == ATTEMPTS
    assert end.histories["plain"] == ["PENDING", "PROCESSING", "COMPLETED"]
    assert end.histories["fleet/1/0"] == ["PENDING", "PROCESSING", "COMPLETED"]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("failpoint", FAILPOINTS)
def test_a_kill_changes_nothing_of_the_end(failpoint: str, played: Callable[[str], Future[Outcome]]) -> None:
    expected, _ = played(UNDISTURBED).result()
    end, status = played(failpoint).result()
    assert status == -signal.SIGKILL, "the failpoint was not met"
    assert end == expected
