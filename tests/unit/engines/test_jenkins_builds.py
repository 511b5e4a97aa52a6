"""What Jenkins' builds mean, cell by cell, what they are called, and how far back a list of them counts."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from baton_models import ExecutionStatus
from baton_operator.engines.jenkins.builds import (
    SKEW,
    Build,
    Identity,
    Reach,
    external_id,
    identity_of,
    observation,
    recorded,
    status_of,
)

BEGUN = 1_795_255_380_000
TIMEOUT = {
    "_class": "jenkins.model.InterruptedBuildAction",
    "causes": [
        {
            "_class": "org.jenkinsci.plugins.workflow.steps.TimeoutStepExecution$ExceededTimeout",
            "shortDescription": "Timeout has been exceeded",
        }
    ],
}
TIMED_OUT_PLUGIN = {"_class": "a.B", "causes": [{"shortDescription": "Build timed out (after 3 minutes)"}]}
BY_HAND = {"_class": "jenkins.model.InterruptedBuildAction", "causes": [{"shortDescription": "Aborted by admin"}]}
STARTED_BY = {"_class": "hudson.model.CauseAction", "causes": [{"shortDescription": "Started by upstream timeout-a"}]}


def build(**changes: Any) -> Build:
    """Read a build as Jenkins writes it."""
    document = {
        "_class": "hudson.model.FreeStyleBuild",
        "number": 7,
        "queueId": 42,
        "timestamp": BEGUN,
        "building": False,
        "duration": 1323,
        "result": "SUCCESS",
        "actions": [{}, {"_class": "hudson.model.ParametersAction", "parameters": [{"name": "A", "value": "1"}]}, None],
    }
    return msgspec.json.decode(msgspec.json.encode(document | changes), type=Build)


@pytest.mark.parametrize(
    ("changes", "unstable_succeeds", "seen"),
    [
        ({"building": True, "result": None}, False, (ExecutionStatus.PROCESSING, "Running", True)),
        ({"building": True, "result": "SUCCESS"}, False, (ExecutionStatus.PROCESSING, "Running", True)),
        ({"building": True, "result": "FAILURE"}, False, (ExecutionStatus.PROCESSING, "Running", True)),
        ({"result": "SUCCESS"}, False, (ExecutionStatus.COMPLETED, "Succeeded", True)),
        ({"result": "UNSTABLE"}, False, (ExecutionStatus.FAILED, "Failed", True)),
        ({"result": "UNSTABLE"}, True, (ExecutionStatus.COMPLETED, "Succeeded", True)),
        ({"result": "FAILURE"}, False, (ExecutionStatus.FAILED, "Failed", True)),
        ({"result": "FAILURE"}, True, (ExecutionStatus.FAILED, "Failed", True)),
        ({"result": "NOT_BUILT"}, False, (ExecutionStatus.CANCELLED, "NotBuilt", True)),
        ({"result": "ABORTED"}, False, (ExecutionStatus.CANCELLED, "Cancelled", True)),
        ({"result": "ABORTED", "actions": [BY_HAND]}, False, (ExecutionStatus.CANCELLED, "Cancelled", True)),
        ({"result": "ABORTED", "actions": [TIMEOUT]}, False, (ExecutionStatus.CANCELLED, "TimedOut", True)),
        ({"result": "ABORTED", "actions": [TIMED_OUT_PLUGIN]}, False, (ExecutionStatus.CANCELLED, "TimedOut", True)),
        ({"result": "ABORTED", "actions": [STARTED_BY]}, False, (ExecutionStatus.CANCELLED, "Cancelled", True)),
        ({"result": "FAILURE", "actions": [TIMEOUT]}, False, (ExecutionStatus.FAILED, "Failed", True)),
        ({"result": None}, False, (ExecutionStatus.PROCESSING, "Running", False)),
        ({"result": "PAUSED"}, False, (ExecutionStatus.PROCESSING, "Running", False)),
        ({"result": "success"}, False, (ExecutionStatus.PROCESSING, "Running", False)),
    ],
)
def test_results_mean(
    changes: dict[str, Any], unstable_succeeds: bool, seen: tuple[ExecutionStatus, str, bool]
) -> None:
    """Only what does not build any more has ended, and an unknown word never has."""
    assert status_of(build(**changes), unstable_succeeds=unstable_succeeds) == seen


@pytest.mark.parametrize(
    ("changes", "native"),
    [
        ({}, "SUCCESS"),
        ({"building": True, "result": "SUCCESS"}, "BUILDING"),
        ({"result": None}, "null"),
        ({"result": "X" * 200}, "X" * 100),
    ],
)
def test_jenkins_own_word_is_kept(changes: dict[str, Any], native: str) -> None:
    """A result that may still change is not shown as one."""
    assert observation(build(**changes), identifier="a", url="u", message="").native == native


def test_an_end_has_times() -> None:
    """Milliseconds become moments; the duration counts from the build's beginning."""
    seen = observation(build(), identifier="a#7/42/1", url="http://j/job/a/7/", message="m")
    assert seen.started_at == datetime.fromtimestamp(BEGUN / 1000, UTC)
    assert seen.finished_at == datetime.fromtimestamp((BEGUN + 1323) / 1000, UTC)
    assert (seen.duration, seen.message, seen.url) == (1.323, "m", "http://j/job/a/7/")


@pytest.mark.parametrize("changes", [{"building": True}, {"result": "PAUSED"}, {"result": None}])
def test_what_goes_on_has_no_end(changes: dict[str, Any]) -> None:
    """Neither a moment nor a duration, whatever Jenkins shows."""
    seen = observation(build(**changes), identifier="a", url="u", message="")
    assert (seen.finished_at, seen.duration) == (None, None)


def test_a_moment_beyond_all_calendars_is_none() -> None:
    """An absurd number is no reason to fail."""
    seen = observation(build(timestamp=10**18), identifier="a", url="u", message="")
    assert (seen.started_at, seen.finished_at) == (None, None)


def test_parameters_are_those_of_every_action() -> None:
    """Empty and missing actions are passed over; a password has no value."""
    actions = build(actions=[{}, None, {"parameters": [{"name": "A", "value": True}, {"name": "P"}]}]).actions
    assert recorded(actions) == {"A": True, "P": None}
    assert recorded(None) == {}


def test_an_id_says_which_build_and_never_comes_again() -> None:
    """Job, number, queue item and beginning, and back."""
    assert external_id("team/nightly", build()) == f"team/nightly#7/42/{BEGUN}"
    assert identity_of(f"team/nightly#7/42/{BEGUN}") == build().identity == Identity(7, 42, BEGUN)


@pytest.mark.parametrize("text", ["", "team/nightly", "a#1/2", "a#1/2/3/4", "a#x/2/3", "a#1/2/"])
def test_what_is_no_id_is_none(text: str) -> None:
    """An id of another kind names no build."""
    assert identity_of(text) is None


@given(st.text(min_size=1, max_size=2000), st.integers(1, 10**9), st.integers(-1, 10**15))
def test_ids_fit_and_differ(job: str, number: int, queue_id: int) -> None:
    """However long a job's name is, its ids fit into their column and are still its own."""
    one = build(number=number, queueId=queue_id)
    made = external_id(job, one)
    assert len(made) <= 200
    assert identity_of(made) == one.identity
    assert external_id(f"{job}x", one) != made


NOW = float(BEGUN + 10 * 86_400_000)
HOUR = 3_600_000


def reach(next_number: int, *pages: list[tuple[int, int]]) -> float | None:
    """Read pages of (number, hours before now), newest first, and return how far back they count."""
    made = Reach(next_number)
    for page in pages:
        made.add(build(number=number, timestamp=int(NOW) - hours * HOUR, duration=0) for number, hours in page)
    return made.memory(NOW)


@pytest.mark.parametrize(
    ("next_number", "pages", "hours"),
    [
        (1, [[]], None),
        (4, [[(3, 1), (2, 2), (1, 3)]], None),
        (9, [[(8, 1), (7, 2), (6, 3)]], 3),
        (9, [[(8, 1), (7, 2), (3, 9)]], 2),
        (9, [[(8, 1), (7, 2)], [(6, 3), (5, 4)]], 4),
        (9, [[(8, 1), (7, 2)], [(7, 2), (6, 3)]], 3),
        (9, [[(8, 1), (7, 2)], [(5, 4), (4, 5)]], 2),
        (9, [[(7, 1), (6, 3)]], 3),
    ],
    ids=[
        "never built",
        "down to the first",
        "rotated",
        "a kept one behind a gap",
        "two pages",
        "pages that overlap",
        "a gap between pages",
        "one that is just beginning",
    ],
)
def test_a_list_counts_as_far_as_it_has_no_gap(
    next_number: int, pages: list[list[tuple[int, int]]], hours: int | None
) -> None:
    """A rotation leaves the last successful build where it was: behind a gap, anything may have been."""
    expected = None if hours is None else hours * 3600 - SKEW / 1000
    assert reach(next_number, *pages) == expected


def test_a_job_whose_builds_were_all_deleted_shows_nothing() -> None:
    """An empty list of a job that has built proves nothing."""
    assert reach(9, []) == 0.0


def test_jenkins_own_stamps_count_whatever_our_clock_says() -> None:
    """With a clock far behind, the list spans at least from its oldest beginning to its newest end."""
    made = Reach(9)
    made.add([build(number=8, timestamp=BEGUN, duration=60_000), build(number=7, timestamp=BEGUN - 600_000)])
    assert made.memory(0.0) == 660.0
    fresh = Reach(9)
    fresh.add([build(number=8, timestamp=BEGUN, duration=0)])
    assert fresh.memory(BEGUN + SKEW / 2) == 0.0
