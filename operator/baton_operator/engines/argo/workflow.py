"""
Argo's workflows as values, and what their states mean in Baton's vocabulary.

| phase             | beside it                                        | status     | reason      |
|-------------------|--------------------------------------------------|------------|-------------|
| "" Pending        |                                                  | PENDING    | Dispatched  |
| Running           | ``spec.suspend``, or a Suspend node that runs    | PROCESSING | Suspended   |
| Running           |                                                  | PROCESSING | Running     |
| Succeeded         |                                                  | COMPLETED  | Succeeded   |
| Failed Error      | message "Stopped with strategy …"                | CANCELLED  | Cancelled   |
| Failed Error      | message "… exceeded its deadline"                | FAILED     | TimedOut    |
| Failed Error      | ``spec.shutdown``                                | CANCELLED  | Cancelled   |
| Failed            |                                                  | FAILED     | Failed      |
| Error             |                                                  | FAILED     | EngineError |
| any other word    |                                                  | PROCESSING | Running, not known |

Measured on 4.0.2: a suspended workflow keeps the phase Running; a stopped one ends Failed; ``retry`` by a person makes
an ended one go on under the same name and uid; the ``fields`` of a request leave out what they do not name, and
``startedAt`` and ``finishedAt`` are null then.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec

from baton_models import ExecutionStatus
from baton_operator.engines.base import Observation
from baton_operator.engines.options import Node

RUN_UID_LABEL = "baton.dev/run-uid"
FINGERPRINT = "baton.dev/fingerprint"

_SHUT_DOWN = "Stopped with strategy"
_TIMED_OUT = "exceeded its deadline"

_STATUS: Mapping[str, tuple[ExecutionStatus, str]] = {
    "": (ExecutionStatus.PENDING, "Dispatched"),
    "Pending": (ExecutionStatus.PENDING, "Dispatched"),
    "Running": (ExecutionStatus.PROCESSING, "Running"),
    "Succeeded": (ExecutionStatus.COMPLETED, "Succeeded"),
    "Failed": (ExecutionStatus.FAILED, "Failed"),
    "Error": (ExecutionStatus.FAILED, "EngineError"),
}

_NODE_STATUS: Mapping[str, ExecutionStatus] = {
    "": ExecutionStatus.PENDING,
    "Pending": ExecutionStatus.PENDING,
    "Running": ExecutionStatus.PROCESSING,
    "Succeeded": ExecutionStatus.COMPLETED,
    "Skipped": ExecutionStatus.SKIPPED,
    "Omitted": ExecutionStatus.SKIPPED,
    "Daemoned": ExecutionStatus.PROCESSING,
    "Failed": ExecutionStatus.FAILED,
    "Error": ExecutionStatus.FAILED,
}


class WorkflowMeta(msgspec.Struct, frozen=True, rename={"version": "resourceVersion"}):
    """A workflow's ``metadata``, as far as it matters; without name and uid it is no workflow."""

    name: str
    uid: str
    version: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}


class WorkflowSpec(msgspec.Struct, frozen=True):
    """A workflow's ``spec``, as far as it matters."""

    suspend: bool | None = None
    shutdown: str = ""


class WorkflowNode(msgspec.Struct, frozen=True, rename="camel"):
    """One node of ``status.nodes``."""

    id: str = ""
    name: str = ""
    display_name: str = ""
    type: str = ""
    phase: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


class OutputParameter(msgspec.Struct, frozen=True):
    """One of the workflow's global outputs."""

    name: str = ""
    value: Any = None


class Outputs(msgspec.Struct, frozen=True):
    """A workflow's global outputs."""

    parameters: list[OutputParameter] | None = None


class WorkflowStatus(msgspec.Struct, frozen=True, rename="camel"):
    """A workflow's ``status``, as far as it matters."""

    phase: str = ""
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    outputs: Outputs | None = None


class WholeStatus(WorkflowStatus, frozen=True, rename="camel"):
    """A workflow's ``status`` with its nodes, or a note where they are instead."""

    nodes: dict[str, WorkflowNode] | None = None
    compressed_nodes: str = ""
    offload_node_status_version: str = ""


class Workflow(msgspec.Struct, frozen=True):
    """A workflow as lists show it: never with nodes, which may be megabytes."""

    metadata: WorkflowMeta
    spec: WorkflowSpec = WorkflowSpec()
    status: WorkflowStatus = WorkflowStatus()

    @property
    def nodes(self) -> Collection[WorkflowNode]:
        """The nodes that it was read with."""
        return ()

    def is_ours(self, run_uid: str, fingerprint: str) -> bool:
        """Whether it carries the marks of this very submit, not only its name."""
        return (
            self.metadata.labels.get(RUN_UID_LABEL) == run_uid
            and self.metadata.annotations.get(FINGERPRINT) == fingerprint
        )


class WholeWorkflow(Workflow, frozen=True):
    """A workflow as a GET shows it."""

    status: WholeStatus = WholeStatus()

    @property
    def nodes(self) -> Collection[WorkflowNode]:
        """The nodes, none where the request did not ask for them."""
        return (self.status.nodes or {}).values()

    @property
    def hides_nodes(self) -> bool:
        """Whether it has nodes that only argo-server can read: compressed, or in a database."""
        return not self.nodes and bool(self.status.compressed_nodes or self.status.offload_node_status_version)


class ListMeta(msgspec.Struct, frozen=True, rename={"continued": "continue", "version": "resourceVersion"}):
    """A list's ``metadata``: ``continue`` is argo-server's offset or the API server's token."""

    continued: str = ""
    version: str = ""


class WorkflowList(msgspec.Struct, frozen=True):
    """A page of workflows; an empty one has ``items: null``, and one without ``items`` is no list of Argo's."""

    items: list[Workflow] | None
    metadata: ListMeta = ListMeta()


def status_of(workflow: Workflow) -> tuple[ExecutionStatus, str, bool]:
    """Return status, reason and whether the phase is known; the table above, row by row."""
    phase, message = workflow.status.phase, workflow.status.message
    if phase not in _STATUS:
        return ExecutionStatus.PROCESSING, "Running", False
    status, reason = _STATUS[phase]
    if phase == "Running" and _is_suspended(workflow):
        reason = "Suspended"
    if status is ExecutionStatus.FAILED:
        if _SHUT_DOWN in message:
            status, reason = ExecutionStatus.CANCELLED, "Cancelled"
        elif _TIMED_OUT in message:
            reason = "TimedOut"
        elif workflow.spec.shutdown:
            status, reason = ExecutionStatus.CANCELLED, "Cancelled"
    return status, reason, True


def _is_suspended(workflow: Workflow) -> bool:
    if workflow.spec.suspend:
        return True
    return any(node.type == "Suspend" and node.phase == "Running" for node in workflow.nodes)


def external_id(namespace: str, workflow: Workflow) -> str:
    """Return the id that Argo never gives out again: a name is free again after its workflow was deleted."""
    return f"{namespace}/{workflow.metadata.name}/{workflow.metadata.uid}"


def observation(workflow: Workflow, *, namespace: str, url: str | None, message: str) -> Observation:
    """Say how *workflow* stands; *message* is its own, made fit for people."""
    status, reason, known = status_of(workflow)
    started, finished = workflow.status.started_at, workflow.status.finished_at
    if not status.is_finished:
        finished = None
    return Observation(
        external_id=external_id(namespace, workflow),
        status=status,
        reason=reason,
        native=workflow.status.phase[:100],
        message=message,
        started_at=started,
        finished_at=finished,
        duration=(finished - started).total_seconds() if started and finished else None,
        result=_outputs(workflow),
        url=url,
        known=known,
    )


def _outputs(workflow: Workflow) -> dict[str, Any] | None:
    outputs = workflow.status.outputs
    if outputs is None or not outputs.parameters:
        return None
    return {parameter.name: parameter.value for parameter in outputs.parameters}


def node_of(node: WorkflowNode, message: str) -> Node:
    """Show a node; a word that is not known counts as going on."""
    return Node(
        id=node.id,
        name=node.display_name or node.name,
        type=node.type,
        status=_NODE_STATUS.get(node.phase, ExecutionStatus.PROCESSING),
        native=node.phase[:100],
        message=message,
        started_at=node.started_at,
        finished_at=node.finished_at,
    )
