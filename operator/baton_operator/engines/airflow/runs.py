"""
Airflow's DAG runs and task instances as values, and what their states mean in Baton's vocabulary.

| DAG run          | beside it                                        | status     | reason             |
|------------------|--------------------------------------------------|------------|--------------------|
| queued           |                                                  | PENDING    | Dispatched         |
| running          |                                                  | PROCESSING | Running            |
| success          |                                                  | COMPLETED  | Succeeded          |
| failed           | our mark of this life in the note                | CANCELLED  | Cancelled          |
| failed           | it lasted as long as the DAG's dagrun_timeout    | FAILED     | TimedOut           |
| failed           |                                                  | FAILED     | Failed             |
| any other word   |                                                  | PROCESSING | Running, not known |

Airflow has no word for cancelled, and none for timed out: both are ``failed``. Who cancels through Baton leaves a mark
in the run's note, in the same transaction as the state (measured on 3.3.2: the note is written first). A ``clear``
lets the run go on under the same id with a new ``queued_at``, so the mark names the ``queued_at`` that it saw: a
mark of an earlier life says nothing of this one.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from baton_models import ExecutionStatus
from baton_operator.engines.base import Observation
from baton_operator.engines.options import Node

#: The key of ``conf`` that is Baton's own.
OURS = "baton"
#: Characters that a PATCH takes as a note.
NOTE_LIMIT = 1000

_REASON_LIMIT = 300
_MARK = re.compile(r"\n?Cancelled by Baton: [^\n]*\[baton-cancelled ([^\]\s]*)\]")

_STATUS: Mapping[str, tuple[ExecutionStatus, str]] = {
    "queued": (ExecutionStatus.PENDING, "Dispatched"),
    "running": (ExecutionStatus.PROCESSING, "Running"),
    "success": (ExecutionStatus.COMPLETED, "Succeeded"),
    "failed": (ExecutionStatus.FAILED, "Failed"),
}

#: The states of a task instance; ``None`` is one of them.
_TASK_STATUS: Mapping[str | None, ExecutionStatus] = {
    None: ExecutionStatus.PENDING,
    "scheduled": ExecutionStatus.PENDING,
    "queued": ExecutionStatus.PENDING,
    "running": ExecutionStatus.PROCESSING,
    "restarting": ExecutionStatus.PROCESSING,
    "up_for_reschedule": ExecutionStatus.PROCESSING,
    "deferred": ExecutionStatus.PROCESSING,
    "awaiting_input": ExecutionStatus.PROCESSING,
    "up_for_retry": ExecutionStatus.RETRYING,
    "success": ExecutionStatus.COMPLETED,
    "failed": ExecutionStatus.FAILED,
    "upstream_failed": ExecutionStatus.SKIPPED,
    "skipped": ExecutionStatus.SKIPPED,
    "removed": ExecutionStatus.SKIPPED,
}


class DagRun(msgspec.Struct, frozen=True):
    """A DAG run, as far as it matters; without ids and state it is no DAG run."""

    dag_run_id: str
    dag_id: str
    state: str
    queued_at: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None
    note: str | None = None

    @property
    def external_id(self) -> str:
        """The id by which Baton knows it; neither part can hold a slash."""
        return f"{self.dag_id}/{self.dag_run_id}"

    @property
    def lasted(self) -> float | None:
        """Seconds between its begin and its end, by Airflow's clock."""
        if self.start_date is None or self.end_date is None:
            return None
        return (self.end_date - self.start_date).total_seconds()

    @property
    def was_cancelled(self) -> bool:
        """Whether Baton ended it, in this life."""
        return any(mark == (self.queued_at or "") for mark in _MARK.findall(self.note or ""))

    def cancel_note(self, reason: str) -> str:
        """Return the note that it has once it is cancelled: people's words stay, as far as there is room."""
        mark = f"Cancelled by Baton: {_one_line(reason)[:_REASON_LIMIT]} [baton-cancelled {self.queued_at or ''}]"
        kept = self.plain_note[: NOTE_LIMIT - len(mark) - 1]
        return f"{kept}\n{mark}" if kept else mark

    @property
    def plain_note(self) -> str:
        """The note without our marks."""
        return _MARK.sub("", self.note or "")


class MarkedRun(DagRun, frozen=True):
    """A DAG run that was read by itself, with its ``conf``: lists leave that out, it may be big."""

    conf: dict[str, Any] | None = None

    def is_ours(self, run_uid: str, fingerprint: str) -> bool:
        """Whether it carries the marks of this very submit, not only its name."""
        mark = (self.conf or {}).get(OURS)
        return isinstance(mark, dict) and mark.get("runUid") == run_uid and mark.get("fingerprint") == fingerprint


class DagRunPage(msgspec.Struct, frozen=True):
    """A page of DAG runs; without the list it is none of Airflow's."""

    dag_runs: list[DagRun]
    next_cursor: str | None = None


class TaskInstance(msgspec.Struct, frozen=True):
    """One task of a DAG run, or one part of a mapped task."""

    id: str
    task_id: str
    map_index: int = -1
    state: str | None = None
    try_number: int = 0
    max_tries: int = 0
    operator_name: str | None = None
    operator: str | None = None
    note: str | None = None
    start_date: datetime | None = None
    end_date: datetime | None = None

    @property
    def title(self) -> str:
        """What people call it: a part of a mapped task with its index."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"

    @property
    def waits(self) -> bool:
        """Whether no process works on it: its log, if there is one, does not grow, and does not tell its end."""
        return not self.has_ended and self.state != "running"

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will be written by this try."""
        return task_status(self.state).is_finished or self.state == "up_for_retry"


class TaskInstancePage(msgspec.Struct, frozen=True):
    """A page of task instances."""

    task_instances: list[TaskInstance]
    next_cursor: str | None = None


def status_of(run: DagRun, timeout: float | None = None) -> tuple[ExecutionStatus, str, bool]:
    """Return status, reason and whether the word is known; *timeout* is the DAG's own in seconds, None for none."""
    if run.state not in _STATUS:
        return ExecutionStatus.PROCESSING, "Running", False
    status, reason = _STATUS[run.state]
    if status is ExecutionStatus.FAILED:
        if run.was_cancelled:
            return ExecutionStatus.CANCELLED, "Cancelled", True
        if timeout is not None and run.lasted is not None and run.lasted >= timeout:
            return status, "TimedOut", True
    return status, reason, True


def task_status(state: str | None) -> ExecutionStatus:
    """Return what a task instance's state means; a word that is not known counts as going on."""
    return _TASK_STATUS.get(state, ExecutionStatus.PROCESSING)


def observation(run: DagRun, *, url: str, timeout: float | None = None) -> Observation:
    """Say how *run* stands."""
    status, reason, known = status_of(run, timeout)
    finished = run.end_date if status.is_finished else None
    return Observation(
        external_id=run.external_id,
        status=status,
        reason=reason,
        native=run.state[:100],
        started_at=run.start_date,
        finished_at=finished,
        duration=run.lasted if finished else None,
        url=url,
        known=known,
    )


def node_of(task: TaskInstance, message: str) -> Node:
    """Show a task instance; *message* is its note, made fit for people."""
    status = task_status(task.state)
    return Node(
        id=task.id,
        name=task.title,
        type=task.operator_name or task.operator or "",
        status=status,
        native=(task.state or "none")[:100],
        message=message,
        started_at=task.start_date,
        finished_at=task.end_date if status.is_finished else None,
    )


def in_order(task: TaskInstance) -> tuple[bool, datetime | None, str, int]:
    """Sort task instances as they began; those that did not begin come last."""
    return (task.start_date is None, task.start_date, task.task_id, task.map_index)


def _one_line(text: str) -> str:
    """Return *text* as one line, without the bracket that ends a mark."""
    return " ".join(text.replace("]", ")").split())
