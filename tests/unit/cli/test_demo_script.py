"""The demo's expectations fit the examples, and a Run that ends otherwise is noticed."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from baton_operator.cli.demo_script import SCRIPTS, DemoEngine, Ending, Script, miscounted, surprises, with_extensions

ROOT = Path(__file__).parents[3]


def run(name: str = "x", phase: str = "Succeeded", *, ended: bool = True, **status: Any) -> dict[str, Any]:
    outcome = {"type": "Succeeded", "status": "Unknown", "reason": phase, "message": "said"} | status.pop("outcome", {})
    completed = {"type": "Completed", "status": "True" if ended else "False"}
    return {"metadata": {"name": name}, "status": {"phase": phase, "conditions": [outcome, completed], **status}}


def script(ending: Ending) -> Script:
    return Script("", {"x": ending}, "x", "x", 1.0)


@pytest.mark.parametrize("engine", list(DemoEngine))
def test_every_run_of_the_examples_is_expected_and_no_other(engine: DemoEngine):
    """An example that is added or renamed without its ending fails here, not in front of somebody."""
    chosen = SCRIPTS[engine]
    files = sorted((ROOT / "examples" / chosen.folder).glob("*.yaml"))
    objects = [each for file in files for each in yaml.safe_load_all(file.read_text()) if each]
    runs = {each["metadata"]["name"] for each in objects if each["kind"] == "Run"}

    assert runs == set(chosen.endings)
    assert {chosen.cancelled, chosen.told} <= runs


def test_with_the_example_extensions_their_runs_are_expected_too():
    """Those that are applied with the rest, and those that follow when another has ended."""
    plain, chosen = SCRIPTS[DemoEngine.EMBEDDED], with_extensions(SCRIPTS[DemoEngine.EMBEDDED])
    files = [ROOT / "examples" / file for file in (*chosen.more, *chosen.after.values())]
    objects = [each for file in files for each in yaml.safe_load_all(file.read_text())]

    assert {each["metadata"]["name"] for each in objects if each["kind"] == "Run"} == set(chosen.endings) - set(
        plain.endings
    )
    for before, file in chosen.after.items():
        (run,) = yaml.safe_load_all((ROOT / "examples" / file).read_text())
        assert run["spec"]["parentRunRef"]["name"] == before


@pytest.mark.parametrize("engine", list(DemoEngine))
def test_the_demo_shows_what_it_promises(engine: DemoEngine):
    """At least twelve Runs: success, a reason a person understands, a retry, a cancel."""
    endings = SCRIPTS[engine].endings.values()

    assert len(endings) >= 12
    assert any(each.phase == "Failed" and each.words for each in endings)
    assert any(each.phase == "Succeeded" and (each.attempts or 0) > 1 for each in endings)
    assert any(each.phase == "Cancelled" for each in endings)


def test_runs_that_end_as_they_should_surprise_nobody():
    """Phase, reason, attempts and words all fit."""
    ending = Ending("Failed", "Failed", attempts=2, words="disk")
    ended = run(phase="Failed", attempt=2, outcome={"message": "the disk is full"})

    assert surprises(script(ending), [ended]) == []


@pytest.mark.parametrize(
    ("ending", "seen", "words"),
    [
        (Ending("Succeeded"), [], "is not there"),
        (Ending("Succeeded"), [run(phase="Running", ended=False)], "has not ended, it is Running"),
        (Ending("Succeeded"), [{"metadata": {"name": "x"}}], "it is not taken in"),
        (Ending("Succeeded"), [run(phase="Failed")], "Failed (Failed: said), expected Succeeded"),
        (Ending("Failed", "TimedOut"), [run(phase="Failed")], "ended for Failed, expected TimedOut"),
        (Ending("Succeeded", attempts=3), [run(attempt=1)], "took 1 attempts, expected 3"),
        (Ending("Failed", words="disk"), [run(phase="Failed")], "says 'said', expected 'disk'"),
    ],
    ids=["missing", "unfinished", "unseen", "phase", "reason", "attempts", "words"],
)
def test_a_run_that_ends_otherwise_is_noticed(ending: Ending, seen: list[dict[str, Any]], words: str):
    """The line says what happened and what was expected."""
    (problem,) = surprises(script(ending), seen)

    assert problem.startswith("x: ")
    assert words in problem


@pytest.mark.parametrize(
    ("workflows", "problems"),
    [
        (["a", "b"], []),
        (["a"], ["attempt b has no Workflow"]),
        (["a", "b", "c"], ["Workflow c belongs to no attempt"]),
        (["a", "b", "b"], ["attempt b has 2 Workflows"]),
    ],
)
def test_each_attempt_has_exactly_one_workflow(workflows: list[str], problems: list[str]):
    assert miscounted(["b", "a"], workflows, "Workflow") == problems
