"""
What an adapter may keep beside the contract: a protocol of one or two verbs for each option.

Who calls them asks with ``isinstance``; what people shall see of it is a `Capability`.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, runtime_checkable

from baton_models import ExecutionStatus
from baton_operator.engines.base import (
    Absent,
    CancelOutcome,
    Enqueued,
    Found,
    Outcome,
    Reference,
    SubmitRequest,
)


@dataclass(frozen=True, slots=True)
class Node:
    """One step inside an execution, for people: a node of a workflow, a task instance."""

    id: str
    name: str
    type: str
    status: ExecutionStatus
    native: str
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class LogPage:
    """
    A piece of an execution's log.

    Attributes:
        text: The lines.
        cursor: Where the next piece begins; opaque to the caller.
        more: Whether more may come.
    """

    text: str
    cursor: str | None
    more: bool


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """The engine dropped the work before it began, and says so: a queue item that was cancelled. It never ran."""

    message: str
    native: str = ""


#: Where the work behind a handle is: it has begun, it still waits, it never will, or the engine does not know the
#: handle (any more), which says nothing of the work.
Whereabouts = Found | Enqueued | Withdrawn | Absent


@runtime_checkable
class HandleFollower(Protocol):
    """An adapter whose engine answers a submit with a handle first (`Enqueued`), e.g. a queue item."""

    async def follow(self, requests: Sequence[SubmitRequest]) -> Sequence[Whereabouts]:
        """Say for each of *requests*, by its ``handle``, where its work is: in bulk; never creates anything."""

    async def withdraw(self, request: SubmitRequest, reason: str) -> CancelOutcome:
        """Take work back that waits under its ``handle``; only what `follow` says next confirms it."""


@runtime_checkable
class BatchSubmitter(Protocol):
    """An adapter that starts many units in one go, e.g. one INSERT."""

    async def submit_batch(self, requests: Sequence[SubmitRequest]) -> Sequence[Outcome]:
        """Start *requests*; one outcome each, in their order. Raises nothing."""


@runtime_checkable
class LogReader(Protocol):
    """An adapter that can show logs (`Capability.LOGS`)."""

    async def logs(self, reference: Reference, cursor: str | None) -> LogPage:
        """Read on from *cursor*, or from the beginning."""


@runtime_checkable
class NodeLister(Protocol):
    """An adapter that can show the steps of an execution (`Capability.NODES`)."""

    async def nodes(self, reference: Reference) -> Sequence[Node]:
        """List the steps, in the engine's order."""


@runtime_checkable
class HintSource(Protocol):
    """An adapter that can tell that something has moved (`Capability.HINTS`); a hint only wakes a poll."""

    def hints(self, targets: Sequence[Mapping[str, Any]]) -> AsyncGenerator[None, None]:
        """
        Yield whenever something under *targets* may have moved, until the engine ends the stream.

        Raises the errors of `engines.errors`; what was missed meanwhile, the next poll sees.
        """


@runtime_checkable
class Retrier(Protocol):
    """An adapter whose engine can run the failed part of an execution again, under the same id (`Capability.RETRY`)."""

    async def retry(self, reference: Reference) -> None:
        """Have what failed of an ended execution run again; raises where the engine refuses."""
