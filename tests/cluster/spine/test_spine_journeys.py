"""What a Run does between `kubectl apply` and its end, with a real operator on real parts."""

from __future__ import annotations

from baton_spine.stage import Stage, shown


def test_runs_come_to_their_ends_and_nothing_is_sent_twice(stage: Stage) -> None:
    stage.engine_argo()
    stage.nap()
    stage.nap("nap-again", retry={"maxAttempts": 2, "backoff": {"initial": "1s"}})
    stage.operator().wait_ready()
    stage.run("fine")
    stage.run("bad", fail="yes")
    stage.run("again", "nap-again", fail="yes")
    ends = {name: shown(status) for name, status in stage.ended().items()}
    assert ends == {"fine": ("Succeeded", "Succeeded"), "bad": ("Failed", "Failed"), "again": ("Failed", "Failed")}
    assert len(stage.accepted()) == 4
    stage.check()
