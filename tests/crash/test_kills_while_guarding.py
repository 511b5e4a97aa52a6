"""`deletionPolicy: Cancel`, and the operator is killed when it puts the finalizer there or takes it away."""

from __future__ import annotations

import signal

import pytest
from baton_spine.own_argo import OwnArgo
from baton_spine.stage import Stage

from baton_operator.faults import GUARD_FAILPOINTS

STOP = "PUT /api/v1/workflows/{namespace}/{name}/stop"


def _finalizers(stage: Stage) -> list[str]:
    return list(stage.get("Run", "bound")["metadata"].get("finalizers", []))


@pytest.mark.parametrize("patch", [1, 2], ids=["put there", "taken away"])
@pytest.mark.parametrize("failpoint", GUARD_FAILPOINTS)
def test_a_kill_at_the_finalizer_holds_no_object_and_cancels_once(
    failpoint: str, patch: int, stage: Stage, own_argo: OwnArgo
) -> None:
    """Deleted while nobody is there, or before the kill: the next operator cancels what is left, and lets go."""
    stage = own_argo.on(stage)
    stage.engine_argo()
    stage.nap(deletionPolicy="Cancel")
    first = stage.operator(f"{failpoint}=kill@{patch}")
    stage.run("bound", secs="300s")
    if patch == 2:
        stage.until(lambda: _finalizers(stage), what="the finalizer")
        stage.delete("Run", "bound")
    assert first.wait_end() == -signal.SIGKILL
    if patch == 1:
        assert bool(_finalizers(stage)) is (failpoint == "guard.patch.after")
        stage.delete("Run", "bound")
        assert stage.exists("Run", "bound") is (failpoint == "guard.patch.after")

    stage.operator().wait_ready()
    ended = "SELECT 1 FROM run WHERE status = 'CANCELLED' AND status_reason = 'Cancelled' AND guard IS NULL"
    stage.until(lambda: stage.rows(ended), within=60, what="the cancelled row, which nothing guards")
    stage.until(lambda: not stage.exists("Run", "bound"), within=60, what="the end of the object")
    (entry,) = stage.ledger()
    assert entry.finished, "the execution goes on"
    assert own_argo.fake.requests[STOP] == 1
    stage.check()
