"""Baton's own engine: operator and worker are killed, and every task is executed as often as it may be."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from baton_spine.process import OperatorProcess
from baton_spine.stage import Stage, shown

FINE = ("Succeeded", "Succeeded")
WORKER = {"BATON_WORKER": "true", "BATON_WORKER_LEASE": "5", "BATON_WORKER_CONCURRENCY": "2"}
HOSTS = [{"name": "all", "items": [{"host": f"h{number}"} for number in range(4)]}]


def _open(stage: Stage) -> list[str]:
    stage.engine_embedded()
    stage.task("hello", "demo.hello", "name")
    stage.task("flaky", "demo.flaky", retry={"maxAttempts": 2, "backoff": {"initial": "100ms"}})
    stage.task(
        "fleet",
        "demo.patch-host",
        arguments={"host": "${item.host}", "version": "1.0"},
        batches=HOSTS,
        dispatch={"per": "Item", "maxParallel": 2},
    )
    stage.run("hello", "hello", name="world")
    stage.run("flaky", "flaky")
    stage.run("fleet", "fleet")
    return ["hello", "flaky", "fleet"]


@pytest.mark.parametrize("failpoint", ["dispatch.claim.after", "dispatch.sent.after"])
def test_a_kill_of_the_operator_changes_nothing_of_the_end(failpoint: str, stage: Stage) -> None:
    """Its worker ends with it; what it had begun is executed by the next one."""
    first = stage.operator(f"{failpoint}=kill", **WORKER)
    names = _open(stage)
    assert first.wait_end() == -signal.SIGKILL
    stage.operator(**WORKER)
    ends = stage.ended(*names)
    assert {shown(each) for each in ends.values()} == {FINE}
    assert (ends["flaky"]["attempt"], ends["fleet"]["progress"]) == (2, "4/4")
    tasks = stage.rows("SELECT count(*), count(DISTINCT token) FROM embedded_task")
    assert tasks == [(7, 7)]
    stage.check()


def test_a_kill_of_the_worker_is_made_good(stage: Stage) -> None:
    """A task that may run only once fails with it and is tried again as a new attempt, as its Automation says."""
    operator = stage.operator(**WORKER).wait_ready()
    stage.engine_embedded()
    stage.task("sleep", "demo.sleep", "seconds", retry={"maxAttempts": 2, "backoff": {"initial": "100ms"}})
    stage.run("slept", "sleep", seconds=3)
    running = "SELECT 1 FROM embedded_task WHERE state = 'running'"
    stage.until(lambda: stage.rows(running), within=60, what="a running task")  # the worker starts a child for it
    for worker in _children(operator):
        os.kill(worker, signal.SIGKILL)
    status = stage.ended("slept")["slept"]
    assert (shown(status), status["attempt"]) == (FINE, 2)
    assert operator.process.poll() is None
    assert stage.rows("SELECT state FROM embedded_task ORDER BY id") == [("failed",), ("succeeded",)]
    stage.check()


def _children(operator: OperatorProcess) -> list[int]:
    """Give the processes that it has started, from the system's own books."""
    tasks = Path(f"/proc/{operator.process.pid}/task").glob("*/children")
    return [int(pid) for each in tasks for pid in each.read_text().split()]
