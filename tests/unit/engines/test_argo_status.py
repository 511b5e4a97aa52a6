"""Argo's states in Baton's words, cell by cell."""

import msgspec
import pytest

from baton_models import ExecutionStatus
from baton_operator.engines.argo.workflow import WholeWorkflow, Workflow, external_id, node_of, observation, status_of

P, R, C, F, X = (
    ExecutionStatus.PENDING,
    ExecutionStatus.PROCESSING,
    ExecutionStatus.COMPLETED,
    ExecutionStatus.FAILED,
    ExecutionStatus.CANCELLED,
)


def workflow(phase: str | None, message: str = "", *, nodes: object = None, **spec: object) -> WholeWorkflow:
    status = {"message": message, "nodes": nodes, "startedAt": "2026-11-21T09:00:00Z", "finishedAt": None}
    if phase is not None:
        status["phase"] = phase
    metadata = {"name": "baton-x-a1", "uid": "u", "creationTimestamp": None}
    return msgspec.convert({"metadata": metadata, "spec": {"arguments": {}, **spec}, "status": status}, WholeWorkflow)


SUSPEND = {"n": {"id": "n", "type": "Suspend", "phase": "Running"}}
ENDED_SUSPEND = {"n": {"id": "n", "type": "Suspend", "phase": "Succeeded"}}


@pytest.mark.parametrize(
    ("seen", "status", "reason", "known"),
    [
        (workflow(None), P, "Dispatched", True),
        (workflow(""), P, "Dispatched", True),
        (workflow("Pending"), P, "Dispatched", True),
        (workflow("Running"), R, "Running", True),
        (workflow("Running", suspend=True), R, "Suspended", True),
        (workflow("Running", suspend=False), R, "Running", True),
        (workflow("Running", nodes=SUSPEND), R, "Suspended", True),
        (workflow("Running", nodes=ENDED_SUSPEND), R, "Running", True),
        (workflow("Running", shutdown="Stop"), R, "Running", True),
        (workflow("Succeeded"), C, "Succeeded", True),
        (workflow("Succeeded", shutdown="Stop"), C, "Succeeded", True),
        (workflow("Succeeded", suspend=True), C, "Succeeded", True),
        (workflow("Failed"), F, "Failed", True),
        (workflow("Failed", "child 'x' failed"), F, "Failed", True),
        (workflow("Failed", "Stopped with strategy 'Stop'"), X, "Cancelled", True),
        (workflow("Failed", "Stopped with strategy 'Terminate'"), X, "Cancelled", True),
        (workflow("Failed", shutdown="Stop"), X, "Cancelled", True),
        (workflow("Failed", shutdown="Terminate"), X, "Cancelled", True),
        (workflow("Failed", "Step exceeded its deadline"), F, "TimedOut", True),
        (workflow("Failed", "Step exceeded its deadline", shutdown="Stop"), F, "TimedOut", True),
        (workflow("Error", "Step exceeded its deadline"), F, "TimedOut", True),
        (workflow("Error", shutdown="Terminate"), X, "Cancelled", True),
        (workflow("Error", "pod deleted"), F, "EngineError", True),
        (workflow("Evaporated"), R, "Running", False),
        (workflow("succeeded"), R, "Running", False),
    ],
)
def test_a_state_means(seen: Workflow, status: ExecutionStatus, reason: str, known: bool) -> None:
    """Each row of the table."""
    assert status_of(seen) == (status, reason, known)


@pytest.mark.parametrize(
    ("phase", "status"),
    [
        ("", P),
        ("Pending", P),
        ("Running", R),
        ("Daemoned", R),
        ("Succeeded", C),
        ("Skipped", ExecutionStatus.SKIPPED),
        ("Omitted", ExecutionStatus.SKIPPED),
        ("Failed", F),
        ("Error", F),
        ("Levitating", R),
    ],
)
def test_a_node_means(phase: str, status: ExecutionStatus) -> None:
    """Each phase of a node."""
    (node,) = workflow("Running", nodes={"n": {"id": "n", "name": "x[0].y", "displayName": "y", "phase": phase}}).nodes
    shown = node_of(node, "why")
    assert (shown.status, shown.native, shown.name, shown.message) == (status, phase, "y", "why")


def test_only_an_end_has_an_end() -> None:
    """A workflow that a person let go on again may still carry its first end."""
    status = {"phase": "Running", "startedAt": "2026-11-21T09:00:00Z", "finishedAt": "2026-11-21T09:01:00Z"}
    again = msgspec.convert({"metadata": {"name": "n", "uid": "u"}, "status": status}, WholeWorkflow)
    seen = observation(again, namespace="argo", url="", message="")
    assert (seen.finished_at, seen.duration) == (None, None)


def test_an_observation_has_times_and_outputs() -> None:
    """Duration is seconds by Argo's clock; global outputs are the result."""
    outputs = {"parameters": [{"name": "count", "value": "3"}]}
    status = {
        "phase": "Succeeded",
        "startedAt": "2026-11-21T09:00:00Z",
        "finishedAt": "2026-11-21T09:01:00Z",
        "outputs": outputs,
    }
    done = msgspec.convert({"metadata": {"name": "n", "uid": "u"}, "status": status}, WholeWorkflow)
    seen = observation(done, namespace="argo", url="http://a", message="m")
    assert (seen.duration, seen.result, seen.external_id) == (60.0, {"count": "3"}, "argo/n/u")
    assert external_id("argo", done) == seen.external_id


def test_ours_is_known_by_both_marks() -> None:
    """A label alone is copied by a resubmit; a fingerprint alone is no owner."""
    marks = {"labels": {"baton.dev/run-uid": "r"}, "annotations": {"baton.dev/fingerprint": "f"}}
    ours = msgspec.convert({"metadata": {"name": "n", "uid": "u", **marks}}, Workflow)
    assert ours.is_ours("r", "f")
    assert not ours.is_ours("r", "g")
    assert not ours.is_ours("s", "f")
