"""`deletionPolicy: Cancel`: a deleted Run stays until its work is cancelled, and never longer than its deadline."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from baton_spine.stage import Stage, shown

FINALIZER = "baton.dev/cancel"


@pytest.fixture(scope="module")
def live(new_stage: Callable[[], Stage]) -> Stage:
    """One operator, one Engine that works and one that is suspended."""
    stage = new_stage()
    stage.engine_argo()
    stage.engine_argo("asleep", suspend=True)
    stage.nap("nap-bound", deletionPolicy="Cancel")
    stage.nap("nap-waiting", "asleep", deletionPolicy="Cancel")
    stage.nap("nap-deaf", deletionPolicy="Cancel", timeouts={"cancel": "3s"})
    stage.nap()
    stage.operator().wait_ready()
    return stage


def finalizers(live: Stage, name: str) -> list[str]:
    return live.get("Run", name)["metadata"].get("finalizers", [])


def held(live: Stage, name: str) -> None:
    live.until(lambda: finalizers(live, name) == [FINALIZER], what=f"the finalizer of {name}")


def gone(live: Stage, name: str, within: float = 30) -> None:
    live.until(lambda: not live.exists("Run", name), within, what=f"the end of {name}")


def outcome(live: Stage, uid: str) -> tuple[str, str]:
    ((status, reason),) = live.rows("SELECT status::text, status_reason FROM run WHERE uid = %s", uid)
    return status, reason


def test_without_it_nothing_holds_a_run(live: Stage) -> None:
    """The default: no finalizer at any time."""
    live.run("free", "nap", secs="8s")
    live.phase("free", "Running")
    assert finalizers(live, "free") == []
    live.delete("Run", "free")
    assert not live.exists("Run", "free")


def test_deleted_while_it_waits(live: Stage) -> None:
    """Nothing is under way: nothing holds it."""
    uid = live.run("waits", "nap-waiting")
    live.phase("waits", "Queued")
    assert finalizers(live, "waits") == []
    live.delete("Run", "waits")
    assert not live.exists("Run", "waits")
    live.until(lambda: outcome(live, uid) == ("CANCELLED", "Cancelled"), what="its end in the rows")


def test_deleted_while_it_runs_and_made_anew(live: Stage) -> None:
    """It stays until the engine confirms the cancel; the same name works again at once."""
    uid = live.run("runs", "nap-bound", secs="60s")
    live.phase("runs", "Running")
    held(live, "runs")
    live.delete("Run", "runs")
    gone(live, "runs")
    assert outcome(live, uid) == ("CANCELLED", "Cancelled")
    live.run("runs", "nap-bound", secs="0s")
    assert shown(live.ended("runs")["runs"]) == ("Succeeded", "Succeeded")
    live.until(lambda: finalizers(live, "runs") == [], what="its release")
    live.delete("Run", "runs")
    assert not live.exists("Run", "runs")
    live.check()


def test_an_engine_that_does_not_obey_holds_it_no_longer_than_the_deadline(live: Stage) -> None:
    """Released at `timeouts.cancel`; an Event says that the execution may go on."""
    live.spoil("answer", "deaf|.*/(stop|terminate)", method="PUT", times=100, status=503)
    uid = live.run("deaf", "nap-deaf", secs="30s")
    live.phase("deaf", "Running")
    held(live, "deaf")
    live.delete("Run", "deaf")
    begun = time.monotonic()
    assert live.exists("Run", "deaf")
    gone(live, "deaf")
    assert time.monotonic() - begun > 2
    live.until(lambda: outcome(live, uid) == ("CANCELLED", "CancelUnconfirmed"), what="its end in the rows")
    events = live.server.request("GET", f"/apis/events.k8s.io/v1/namespaces/{live.namespace}/events")["items"]
    assert [each["note"] for each in events if each["regarding"]["uid"] == uid and "CancelUnconfirmed" in each["note"]]
    live.argo.faults.clear()
