"""Objects are deleted and made anew under the same name, whatever they are doing: nothing hangs and rows stay."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from baton_spine.stage import Stage, shown

PHASES = ("Queued", "Suspended", "Running", "Cancelling", "Succeeded", "Failed")


@pytest.fixture(scope="module")
def live(new_stage: Callable[[], Stage]) -> Stage:
    """One operator, one Engine that works and one that is suspended."""
    stage = new_stage()
    stage.engine_argo()
    stage.engine_argo("asleep", suspend=True)
    stage.nap()
    stage.nap("nap-asleep", "asleep")
    stage.nap("nap-stubborn", timeouts={"cancel": "1s"})
    stage.operator().wait_ready()
    return stage


def _bring(live: Stage, name: str, phase: str) -> str:
    """Make a Run that comes to *phase*; return its uid."""
    match phase:
        case "Queued":
            uid = live.run(name, "nap-asleep")
        case "Suspended":
            uid = live.run(name, spec={"state": "Suspended"})
        case "Running":
            uid = live.run(name, secs="8s")
        case "Cancelling":
            live.spoil("answer", f"{name}|.*/(stop|terminate)", method="PUT", times=4, status=503)
            uid = live.run(name, secs="20s")
            live.phase(name, "Running")
            live.patch("Run", name, {"state": "Cancelled"})
        case "Succeeded":
            uid = live.run(name)
        case _:
            uid = live.run(name, fail="yes")
    live.phase(name, phase)
    return uid


@pytest.mark.parametrize("phase", PHASES)
def test_a_run_is_deleted_and_made_anew_under_its_name(phase: str, live: Stage) -> None:
    name = f"again-{phase.lower()}"
    old = _bring(live, name, phase)
    live.delete("Run", name)
    assert not live.exists("Run", name), "something holds the object back"
    new = live.run(name)
    assert shown(live.ended(name)[name]) == ("Succeeded", "Succeeded")
    live.argo.faults.clear()
    live.until(
        lambda: live.rows("SELECT count(*) FROM run WHERE uid = %s AND finished_at IS NOT NULL", old) == [(1,)],
        60,
        what="the end of the old one",
    )
    rows = dict(live.rows("SELECT uid, is_active FROM run WHERE name = %s", name))
    assert rows == {old: False, new: True}
    assert live.rows("SELECT count(*) FROM run_state_history h JOIN run r ON r.id = h.run_id WHERE r.uid = %s", old) > [
        (0,)
    ]
    live.check()


def test_an_automation_and_an_engine_are_made_anew_under_live_runs(live: Stage) -> None:
    live.engine_argo("short-lived")
    live.nap("nap-short-lived", "short-lived")
    live.run("survivor", "nap-short-lived", secs="8s")
    live.phase("survivor", "Running")
    for kind, name in (("Automation", "nap-short-lived"), ("Engine", "short-lived")):
        live.delete(kind, name)
        assert not live.exists(kind, name)
    live.engine_argo("short-lived")
    live.nap("nap-short-lived", "short-lived")
    live.run("successor", "nap-short-lived")
    ends = live.ended("survivor", "successor")
    assert {shown(each) for each in ends.values()} == {("Succeeded", "Succeeded")}
    assert live.rows("SELECT count(*), count(*) FILTER (WHERE is_active) FROM engine WHERE name = 'short-lived'") == [
        (2, 1)
    ]
    live.check()
