"""The chart's `split`: the loops in two Deployments, which meet in the database alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from baton_spine.process import OperatorProcess
from baton_spine.stage import Stage, shown

GOLDEN = Path(__file__).parents[1] / "chart" / "golden" / "split.yaml"
#: What the chart gives its two Deployments.
LOOPS = re.findall(r"--loops=([a-z,]+)", GOLDEN.read_text())
ITEMS = [{"secs": "100ms"}, {"secs": "200ms"}]
EACH = {"arguments": {"secs": "${item.secs}", "fail": "no"}, "batches": [{"name": "all", "items": ITEMS}]}


@dataclass
class Split:
    """
    A site whose loops run in two processes.

    Attributes:
        hearing: The one that reads and writes custom resources.
        sending: The one that speaks to engines.
    """

    stage: Stage
    hearing: OperatorProcess
    sending: OperatorProcess


@pytest.fixture(scope="module")
def split(new_stage: Callable[[], Stage]) -> Split:
    """Both, with the loops that the chart gives them."""
    stage = new_stage()
    stage.engine_argo()
    stage.engine_embedded()
    stage.nap()
    # As the chart has it, both are told of the worker; the one that dispatches starts it.
    hearing, sending = (stage.operator(BATON_LOOPS=each, BATON_WORKER="true") for each in LOOPS)
    return Split(stage, hearing.wait_ready(), sending.wait_ready())


def test_runs_come_to_their_ends(split: Split) -> None:
    """On both engines; one is tried again, one has items, one is cancelled on its way."""
    stage = split.stage
    stage.nap("nap-again", retry={"maxAttempts": 2, "backoff": {"initial": "1s"}})
    stage.nap("nap-wide", dispatch={"per": "Item"}, **EACH)
    stage.task("hello", "demo.hello", "name")
    stage.run("fine")
    stage.run("again", "nap-again", fail="yes")
    stage.run("wide", "nap-wide")
    stage.run("greeted", "hello", name="Ada")
    stage.run("stopped", secs="10m")
    stage.phase("stopped", "Running")
    stage.patch("Run", "stopped", {"state": "Cancelled"})
    ends = {name: shown(status)[0] for name, status in stage.ended().items()}
    assert ends == {
        "fine": "Succeeded",
        "again": "Failed",
        "wide": "Succeeded",
        "greeted": "Succeeded",
        "stopped": "Cancelled",
    }
    stage.check()


def test_each_does_its_own_part(split: Split) -> None:
    """By what each has logged."""
    steps = {"run.accepted", "run.started"}
    hearing, sending = (
        set(re.findall(r"run\.\w+", each.log.read_text())) & steps for each in (split.hearing, split.sending)
    )
    assert (hearing, sending) == ({"run.accepted"}, {"run.started"})


def test_work_goes_on_while_nobody_hears_and_is_shown_later(split: Split) -> None:
    """Only the process that reads custom resources is killed."""
    stage = split.stage
    before = set(stage.accepted())
    stage.run("unheard", secs="900s")
    stage.phase("unheard", "Running")
    split.hearing.kill()
    (token,) = set(stage.accepted()) - before
    stage.argo.state.end(stage.namespace, token, "Succeeded")
    ended = "SELECT 1 FROM run WHERE name = 'unheard' AND status = 'COMPLETED'"
    stage.until(lambda: stage.rows(ended), 60, what="the end in the rows")
    assert stage.get("Run", "unheard")["status"]["phase"] == "Running"
    split.hearing = stage.operator(BATON_LOOPS=LOOPS[0]).wait_ready()
    assert shown(stage.ended("unheard")["unheard"])[0] == "Succeeded"
    stage.check()
