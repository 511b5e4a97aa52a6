"""Airflow's states in Baton's words, cell by cell."""

from typing import Any

import msgspec
import pytest

from baton_models import ExecutionStatus
from baton_operator.engines.airflow.runs import (
    NOTE_LIMIT,
    DagRun,
    MarkedRun,
    TaskInstance,
    in_order,
    node_of,
    observation,
    status_of,
)

P, R, C, F, X, S, A = (
    ExecutionStatus.PENDING,
    ExecutionStatus.PROCESSING,
    ExecutionStatus.COMPLETED,
    ExecutionStatus.FAILED,
    ExecutionStatus.CANCELLED,
    ExecutionStatus.SKIPPED,
    ExecutionStatus.RETRYING,
)

QUEUED_AT = "2026-11-21T07:03:23.716653Z"
OURS = f"Cancelled by Baton: enough [baton-cancelled {QUEUED_AT}]"
EARLIER = "Cancelled by Baton: enough [baton-cancelled 2026-11-20T00:00:00Z]"


def run(state: str, **changes: Any) -> DagRun:
    """Make a run that began at nine and, if *seconds* says so, ended then."""
    seconds = changes.pop("seconds", None)
    times = {"start_date": "2026-11-21T09:00:00Z"}
    if seconds is not None:
        times["end_date"] = f"2026-11-21T09:00:{seconds:02d}Z"
    document = {"dag_run_id": "baton-1-a1", "dag_id": "nap", "state": state, "queued_at": QUEUED_AT, **times, **changes}
    return msgspec.convert(document, DagRun)


@pytest.mark.parametrize(
    ("seen", "timeout", "status", "reason", "known"),
    [
        (run("queued"), None, P, "Dispatched", True),
        (run("running"), None, R, "Running", True),
        (run("running", note=OURS), None, R, "Running", True),
        (run("success", seconds=5), None, C, "Succeeded", True),
        (run("success", seconds=5, note=OURS), None, C, "Succeeded", True),
        (run("success", seconds=30), 25.0, C, "Succeeded", True),
        (run("failed", seconds=5), None, F, "Failed", True),
        (run("failed", seconds=5, note="by hand"), None, F, "Failed", True),
        (run("failed", seconds=24), 25.0, F, "Failed", True),
        (run("failed", seconds=25), 25.0, F, "TimedOut", True),
        (run("failed", start_date=None), 25.0, F, "Failed", True),
        (run("failed", seconds=5, note=OURS), None, X, "Cancelled", True),
        (run("failed", seconds=30, note=OURS), 25.0, X, "Cancelled", True),
        (run("failed", seconds=5, note=f"people's\n{OURS}"), None, X, "Cancelled", True),
        (run("failed", seconds=5, note=EARLIER), None, F, "Failed", True),
        (run("failed", seconds=5, note=f"{EARLIER}\n{OURS}"), None, X, "Cancelled", True),
        (run("failed", note="Cancelled by Baton: x [baton-cancelled ]", queued_at=None), None, X, "Cancelled", True),
        (run("levitating"), None, R, "Running", False),
        (run("Success"), None, R, "Running", False),
        (run(""), None, R, "Running", False),
    ],
)
def test_a_state_means(seen: DagRun, timeout: float | None, status: ExecutionStatus, reason: str, known: bool) -> None:
    """Each row of the table."""
    assert status_of(seen, timeout) == (status, reason, known)


@pytest.mark.parametrize(
    ("state", "status"),
    [
        (None, P),
        ("scheduled", P),
        ("queued", P),
        ("running", R),
        ("restarting", R),
        ("up_for_reschedule", R),
        ("deferred", R),
        ("awaiting_input", R),
        ("up_for_retry", A),
        ("success", C),
        ("failed", F),
        ("upstream_failed", S),
        ("skipped", S),
        ("removed", S),
        ("levitating", R),
    ],
)
def test_a_task_means(state: str | None, status: ExecutionStatus) -> None:
    """Each of the states of a task instance, none at all, and one that nobody knows."""
    node = node_of(TaskInstance("i", "work", state=state, operator_name="@task"), "why")
    assert (node.status, node.native, node.type, node.message) == (status, state or "none", "@task", "why")


@pytest.mark.parametrize(
    ("states", "waits", "has_ended"),
    [
        ([None, "scheduled", "queued", "deferred", "awaiting_input", "up_for_reschedule", "restarting"], True, False),
        (["running"], False, False),
        (["success", "failed", "up_for_retry", "skipped", "upstream_failed", "removed"], False, True),
    ],
)
def test_a_log_grows_only_while_a_task_runs(states: list[str | None], waits: bool, has_ended: bool) -> None:
    """What waits is not asked for its log: it has no end, and nothing new."""
    tasks = [TaskInstance("i", "work", state=state) for state in states]
    assert {(task.waits, task.has_ended) for task in tasks} == {(waits, has_ended)}


def test_a_part_of_a_mapped_task_has_its_index() -> None:
    """A task that is not mapped has the index -1, which nobody wants to read."""
    assert TaskInstance("i", "work").title == "work"
    assert TaskInstance("i", "work", map_index=0).title == "work[0]"


def test_tasks_stand_as_they_began() -> None:
    """Those that did not begin come last, by name and index."""
    documents = [
        {"id": "1", "task_id": "z", "start_date": None},
        {"id": "2", "task_id": "b", "map_index": 1, "start_date": "2026-11-21T09:00:01Z"},
        {"id": "3", "task_id": "b", "map_index": 0, "start_date": "2026-11-21T09:00:01Z"},
        {"id": "4", "task_id": "c", "start_date": "2026-11-21T09:00:00Z"},
        {"id": "5", "task_id": "a"},
    ]
    tasks = msgspec.convert(documents, list[TaskInstance])
    assert [task.id for task in sorted(tasks, key=in_order)] == ["4", "3", "2", "5", "1"]


def test_only_an_end_has_an_end() -> None:
    """A run that was cleared goes on, whatever end it still shows."""
    seen = observation(run("running", seconds=5), url="http://a")
    assert (seen.finished_at, seen.duration) == (None, None)


def test_an_observation_has_times_and_a_link() -> None:
    """Duration is seconds by Airflow's clock."""
    seen = observation(run("success", seconds=5), url="http://a")
    assert (seen.duration, seen.external_id, seen.url, seen.native) == (5.0, "nap/baton-1-a1", "http://a", "success")


def test_a_cancel_leaves_peoples_words_in_the_note() -> None:
    """What it adds is one line, whatever the reason says, and is known again."""
    before = run("running", note="look at this\nlater")
    after = run("failed", note=before.cancel_note("spec.state\nis ]Cancelled"))
    assert after.note is not None
    assert after.note.startswith("look at this\nlater\nCancelled by Baton: spec.state is )Cancelled [")
    assert after.was_cancelled
    assert after.plain_note == "look at this\nlater"


def test_a_note_never_gets_too_long() -> None:
    """Airflow refuses a PATCH with a longer one; the mark is never what is left out."""
    before = run("running", note="n" * 5000)
    note = before.cancel_note("r" * 5000)
    assert len(note) <= NOTE_LIMIT
    assert run("failed", note=note).was_cancelled


def test_a_second_cancel_replaces_the_first_mark() -> None:
    """A run that was cleared and is cancelled again has one mark, its own."""
    again = run("running", note=EARLIER)
    note = again.cancel_note("again")
    assert EARLIER not in note
    assert run("failed", note=note).was_cancelled


@pytest.mark.parametrize(
    ("conf", "ours"),
    [
        ({"baton": {"runUid": "r", "fingerprint": "f", "run": "a/b"}}, True),
        ({"baton": {"runUid": "r", "fingerprint": "g"}}, False),
        ({"baton": {"runUid": "s", "fingerprint": "f"}}, False),
        ({"baton": {"fingerprint": "f"}}, False),
        ({"baton": "r f"}, False),
        ({"runUid": "r", "fingerprint": "f"}, False),
        ({}, False),
        (None, False),
    ],
)
def test_ours_is_known_by_both_marks(conf: Any, ours: bool) -> None:
    """A run of our name that somebody else made has not both."""
    document = {"dag_run_id": "x", "dag_id": "nap", "state": "queued", "conf": conf}
    assert msgspec.convert(document, MarkedRun).is_ours("r", "f") is ours
