"""The vocabulary of progress: one enum for runs, batches, items and instances, and the moves that are legal."""

from collections.abc import Mapping
from enum import Enum


class ExecutionStatus(str, Enum):  # noqa: UP042 - the store's documents promise `str, Enum`
    """
    Where an execution stands.

    What the word leaves out (why, and what it waits for) stands beside it as ``status_reason``; the engine's
    own word is kept as ``native_status``.
    """

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"
    RETRYING = "RETRYING"

    @property
    def is_finished(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in FINISHED

    @property
    def is_active(self) -> bool:
        """Whether something is still to come."""
        return self not in FINISHED

    @property
    def is_running(self) -> bool:
        """Whether work was handed over and has not come to an end."""
        return self in RUNNING

    def may_become(self, other: "ExecutionStatus") -> bool:
        """Whether the move from this status to *other* is legal."""
        return other in TRANSITIONS[self]


FINISHED = frozenset(
    {ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED, ExecutionStatus.SKIPPED}
)
RUNNING = frozenset({ExecutionStatus.PROCESSING, ExecutionStatus.RETRYING})

TRANSITIONS: Mapping[ExecutionStatus, frozenset[ExecutionStatus]] = {
    ExecutionStatus.PENDING: frozenset(
        {ExecutionStatus.PROCESSING, ExecutionStatus.CANCELLED, ExecutionStatus.SKIPPED}
    ),
    ExecutionStatus.PROCESSING: frozenset(
        {ExecutionStatus.COMPLETED, ExecutionStatus.FAILED, ExecutionStatus.RETRYING, ExecutionStatus.CANCELLED}
    ),
    ExecutionStatus.RETRYING: frozenset(
        {ExecutionStatus.PROCESSING, ExecutionStatus.FAILED, ExecutionStatus.CANCELLED}
    ),
    ExecutionStatus.FAILED: frozenset({ExecutionStatus.PENDING, ExecutionStatus.RETRYING}),
    ExecutionStatus.COMPLETED: frozenset(),
    ExecutionStatus.CANCELLED: frozenset(),
    ExecutionStatus.SKIPPED: frozenset(),
}
