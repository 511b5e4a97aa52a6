"""Operators that are frozen while others take over, asked to end while they submit, or killed again and again."""

from __future__ import annotations

import random
import signal
import time

import pytest
from baton_spine.stage import Stage, shown

SUBMIT = "POST /api/v1/workflows/{namespace}/submit"
FINE = ("Succeeded", "Succeeded")
_ATTEMPT = """
SELECT d.state::text, d.sends, d.lease_token, d.updated_at, d.orchestration_instance_id
FROM dispatch_attempt d JOIN run r ON r.id = d.run_id WHERE r.name = 'frozen'
"""


@pytest.mark.parametrize(("failpoint", "sends"), [("dispatch.claim.after", 2), ("dispatch.record.before", 1)])
def test_a_frozen_operator_sends_and_writes_nothing_when_it_wakes(failpoint: str, sends: int, stage: Stage) -> None:
    """
    It is frozen before the first byte (R2), or after the answer (R11), for longer than its lease.

    Another one takes over: it sends again, or finds what was sent. The frozen one wakes up, and does nothing of it.
    """
    stage.engine_argo()
    stage.nap()
    sleeper = stage.operator(f"{failpoint}=stop")
    stage.run("frozen")
    sleeper.wait_stopped()
    stage.operator().wait_ready()
    assert shown(stage.ended("frozen")["frozen"]) == FINE
    left, asked = stage.rows(_ATTEMPT), stage.argo.requests[SUBMIT]
    assert left[0][:2] == ("CLOSED", sends)

    sleeper.thaw()
    stage.until(sleeper.is_ready)
    stage.run("afterwards")
    stage.ended("afterwards")
    assert stage.rows(_ATTEMPT) == left
    assert stage.argo.requests[SUBMIT] == asked + 1
    assert len(stage.accepted()) == 2
    stage.check()


def test_an_operator_that_is_asked_to_end_while_it_submits_ends_in_time(stage: Stage) -> None:
    """SIGTERM: what it has sent is recorded or looked for; it exits with 0, within the grace period of a Pod."""
    stage.engine_argo()
    stage.nap()
    first = stage.operator().wait_ready()
    stage.run("warm-up")
    stage.ended("warm-up")
    stage.spoil("late-answer", method="POST", seconds=1.5, times=3)
    names = [f"mid-way-{number}" for number in range(3)]
    for name in names:
        stage.run(name)
    stage.until(lambda: len(stage.accepted()) > 1, what="a submit that is under way")
    first.terminate()
    assert first.wait_end(30) == 0
    states = {state for (state,) in stage.rows("SELECT DISTINCT state::text FROM dispatch_attempt")}
    assert "SENT" not in states, "it left without recording what it had sent"
    stage.operator()
    assert {shown(each) for each in stage.ended(*names).values()} == {FINE}
    assert len(stage.accepted()) == 4
    stage.check()


@pytest.mark.parametrize("failpoint", ["dispatch.claim.after", "track.settle.before"])
def test_an_operator_that_is_asked_to_end_finishes_its_turn(failpoint: str, stage: Stage) -> None:
    stage.engine_argo()
    stage.nap()
    first = stage.operator(f"{failpoint}=exit")
    stage.run("once")
    assert first.wait_end() == 0
    stage.operator()
    assert shown(stage.ended("once")["once"]) == FINE
    assert len(stage.accepted()) == 1
    stage.check()


def test_runs_survive_an_operator_that_is_killed_again_and_again(stage: Stage) -> None:
    """Two replicas, one of which is killed every 0.2 to 3 seconds of its life; the seed makes it repeatable."""
    seed = 20261121
    moments = random.Random(seed)  # noqa: S311 - repeatable, not secret
    stage.engine_argo()
    stage.nap()
    stage.operator()
    names = [f"survivor-{number}" for number in range(20)]
    for name in names[:8]:
        stage.run(name, secs=f"{moments.randint(1, 4)}s")
    for kill in range(4):
        victim = stage.operator().wait_ready()
        for name in names[8 + kill * 3 : 11 + kill * 3]:
            stage.run(name, secs=f"{moments.randint(1, 4)}s")
        time.sleep(moments.uniform(0.2, 3.0))  # the life it has: nothing is waited for
        victim.kill()
    assert {shown(each) for each in stage.ended(*names, within=90).values()} == {FINE}, f"seed {seed}"
    assert sorted(stage.accepted()) == sorted(set(stage.accepted()))
    assert len(stage.accepted()) == len(names)
    stage.check()


def test_a_process_that_was_killed_says_so(stage: Stage) -> None:
    """The harness sees a kill as a kill: otherwise the tests here would show nothing."""
    stage.engine_argo()
    stage.nap()
    victim = stage.operator("dispatch.claim.before=kill")
    stage.run("never-sent")
    assert victim.wait_end() == -signal.SIGKILL
    assert stage.accepted() == []
    assert stage.rows("SELECT state::text FROM dispatch_attempt") == [("INTENT",)]
