"""
The contract between Baton and an engine: few verbs over plain values.

`probe`, `validate`, `find` and `observe` never create anything. `submit` answers with exactly one outcome and
raises nothing; the other verbs raise the errors of `engines.errors`. Everything optional is a protocol of its own in
`engines.options`, and `Capability` says which of them an adapter keeps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any, Literal, Protocol
from uuid import UUID

from baton_models import ExecutionStatus
from baton_operator.engines.errors import EngineError

#: Seconds that one request to an engine may take altogether, where nobody says otherwise (``BATON_REQUEST_DEADLINE``).
REQUEST_DEADLINE = 10.0


class Capability(str, Enum):  # noqa: UP042 - stored and shown by value
    """What an adapter can do beyond the required verbs."""

    CANCEL = "Cancel"
    BULK_STATUS = "BulkStatus"
    FIND_BY_TOKEN = "FindByToken"  # noqa: S105 - not a password
    LOGS = "Logs"
    NODES = "Nodes"
    HINTS = "Hints"
    RETRY = "Retry"


class Idempotency(str, Enum):  # noqa: UP042 - stored and shown by value
    """What the engine offers against a submit that arrives twice (`dispatch.md`, table of classes)."""

    UNIQUE_NAME = "UNIQUE_NAME"
    KEY = "KEY"
    COALESCING = "COALESCING"
    SEARCH_ONLY = "SEARCH_ONLY"

    @property
    def is_keyed(self) -> bool:
        """Whether the engine itself takes one token only once."""
        return self in {Idempotency.UNIQUE_NAME, Idempotency.KEY}


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """
    An Engine as an adapter sees it.

    Attributes:
        id: The row's key.
        namespace: Where the Engine, its Secrets and its ConfigMaps live.
        name: Its name.
        type: Which adapter serves it.
        generation: Changes when the spec does: an adapter is made anew then.
        spec: The custom resource's spec, whole; it names secrets, it never holds them.
    """

    id: UUID
    namespace: str
    name: str
    type: str
    generation: int
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """
    What keeps a target from being run.

    Attributes:
        reason: ``TargetNotFound``, ``InvalidArguments``, ``MissingTokenParameter`` or (not blocking) ``ShortMemory``,
            ``TargetPaused``.
        message: The engine's words, or the field and the fix; at most 1,000 characters.
        blocking: Whether runs would fail; if not, only the guarantee is weaker.
    """

    reason: str
    message: str
    blocking: bool = True


@dataclass(frozen=True, slots=True)
class EngineHealth:
    """
    What a probe learned.

    Attributes:
        version: The engine's version in its own words, at most 100 characters.
        restart_epoch: Changes when the engine was restarted; None if it does not tell.
        memory: Seconds the engine remembers an execution that ended, if it tells (Argo's shortest TTL).
        message: Anything people should know.
    """

    version: str = ""
    restart_epoch: str | None = None
    memory: float | None = None
    message: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """
    Which execution is meant.

    Attributes:
        external_id: An id that the engine never gives out again, e.g. ``argo/baton-…-a1/<uid>``.
        token: The attempt's token.
        target: The Automation's target, without its arm (``{"workflowTemplate": "nap", …}``).
    """

    external_id: str
    token: str
    target: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubmitRequest:
    """
    One unit of work to be started.

    Attributes:
        token: ``baton-<32 hex>-a<n>``, at most 45 characters of ``[a-z0-9-]``: the name the engine shall know it by.
        fingerprint: SHA-256 of target and arguments, hexadecimal: tells ours from a foreigner's under our name.
        run_uid: The Run's uid, for a label.
        run_name: The Run's name, for people who look at the engine.
        namespace: The Run's namespace.
        target: The Automation's target arm as plain values.
        arguments: Evaluated; values are JSON.
        timeout: Seconds it may run in the engine, where the engine can be told; None for no limit.
        traceparent: W3C trace context to hand on.
        handle: What an earlier answer gave instead of an id, if anything.
        deadline: Seconds the whole call may take.
        before_send: Called directly before the first byte leaves; False means that the lease does not fit any more
            (rule R2): nothing may be sent, and the outcome is `NotSent`.
    """

    token: str
    fingerprint: str
    run_uid: str
    run_name: str
    namespace: str
    target: Mapping[str, Any]
    arguments: Mapping[str, Any]
    timeout: float | None = None
    traceparent: str | None = None
    handle: str | None = None
    deadline: float = REQUEST_DEADLINE
    before_send: "SendCheck | None" = None


class SendCheck(Protocol):
    """Says whether the lease still covers a whole request."""

    def __call__(self) -> bool:
        """Tell whether sending may begin now."""


@dataclass(frozen=True, slots=True)
class Created:
    """Accepted and new; ``native`` is the engine's first word for it."""

    external_id: str
    url: str | None = None
    native: str = ""


@dataclass(frozen=True, slots=True)
class Adopted:
    """Accepted before, by an earlier send of the same token; compared, and ours."""

    external_id: str
    url: str | None = None
    native: str = ""


@dataclass(frozen=True, slots=True)
class Enqueued:
    """Accepted, but the engine has given only a handle so far."""

    handle: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """
    Understood and refused.

    Attributes:
        reason: ``EngineRejected``, ``TargetNotFound`` or ``NameTaken`` (a foreigner has our name).
        message: The engine's words, at most 1,000 characters.
        slow: A matter of permission (403) that a person may mend: worth another try in minutes.
    """

    reason: str
    message: str
    http_status: int | None = None
    slow: bool = False


@dataclass(frozen=True, slots=True)
class NotSent:
    """
    Proven not to have been executed: no byte left, or the engine said so with its own mark.

    Attributes:
        counts: Whether it speaks against the engine's health (a lease that ran out does not).
        auth: Whether the credential was refused.
    """

    message: str
    retry_after: float | None = None
    http_status: int | None = None
    counts: bool = True
    auth: bool = False


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may or may not have been executed."""

    message: str
    http_status: int | None = None


@dataclass(frozen=True, slots=True)
class NameGone:
    """The name was taken (409) and then was not there (404): ours may have run and been collected (rule R13)."""

    message: str


Outcome = Created | Adopted | Enqueued | Rejected | NotSent | Unknown | NameGone


@dataclass(frozen=True, slots=True)
class Found:
    """
    An execution carries the token, and its fingerprint fits.

    Attributes:
        others: Further executions under the same token, which the engine made itself or a late request did (rule
            R7): all of them are ours to follow and to cancel.
    """

    external_id: str
    url: str | None = None
    native: str = ""
    others: tuple["Found", ...] = ()


@dataclass(frozen=True, slots=True)
class Absent:
    """
    No execution carries the token, as far as the engine shows at this moment.

    Attributes:
        memory: Seconds that this answer reaches back, by the engine's own clock: what began before may be hidden
            (Jenkins' list of builds ends somewhere). None where it hides nothing but what the probe's memory says.
        epoch: The engine's restart epoch as this very answer told it; None if it did not: the last probe's counts.
    """

    memory: float | None = None
    epoch: str | None = None


@dataclass(frozen=True, slots=True)
class Foreign:
    """Something has our name that is not ours: its mark or its fingerprint differs."""

    external_id: str


#: What a look sees; `Enqueued` where the engine has it and still gives only a handle.
Sighting = Found | Enqueued | Absent | Foreign


@dataclass(frozen=True, slots=True)
class Observation:
    """
    What an engine says about one of its executions, at one moment.

    Attributes:
        external_id: Whose execution it is.
        status: The engine's state in Baton's vocabulary: PENDING, PROCESSING, COMPLETED, FAILED or CANCELLED.
        reason: The closed list's word beside it.
        native: The engine's own word, at most 100 characters, kept as it came.
        message: What the engine says of it, for people, at most 1,000 characters.
        started_at: By the engine's clock, with a time zone; None while unknown.
        finished_at: By the engine's clock; None while it goes on.
        duration: Seconds of execution, or None while unknown.
        result: Its outputs, where the list holds them; JSON.
        url: Where people look at it.
        known: Whether the adapter knows the engine's word; an unknown word is non-terminal and raises a metric.
    """

    external_id: str
    status: ExecutionStatus
    reason: str
    native: str
    message: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    duration: float | None = None
    result: Any = None
    url: str | None = None
    known: bool = True


@dataclass(frozen=True, slots=True)
class Observed:
    """
    The answer to one bulk question.

    Attributes:
        observations: What was seen.
        missing: References that were asked for and not seen: not the same as gone.
        pages: How many requests it took: the cost is pages, not references.
        errors: Of the parts that could not be read (a namespace); their references are neither seen nor missing.
        duplicates: Further executions that carry a token asked for, under other ids: the engine started them itself.
    """

    observations: Sequence[Observation]
    missing: Sequence[Reference] = ()
    pages: int = 0
    errors: Sequence[EngineError] = ()
    duplicates: Sequence["Duplicate"] = ()


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An execution that the engine made by itself from the request of *token* (``EngineDuplicated``)."""

    token: str
    observation: Observation


CancelMode = Literal["stop", "terminate"]


class CancelOutcome(str, Enum):  # noqa: UP042 - shown by value
    """The answer to a cancel; only an observation confirms it."""

    ACCEPTED = "Accepted"
    ALREADY_TERMINAL = "AlreadyTerminal"
    NOT_FOUND = "NotFound"
    UNSUPPORTED = "Unsupported"
    UNKNOWN = "Unknown"


class EngineAdapter(Protocol):
    """What every adapter keeps. One object serves one generation of one Engine; `close` ends its connections."""

    idempotency: Idempotency
    capabilities: frozenset[Capability]

    async def probe(self) -> EngineHealth:
        """Ask whether the engine is there, and whether it takes our credential (raises if not)."""

    async def validate(self, target: Mapping[str, Any], arguments: Sequence[str]) -> Sequence[Problem]:
        """Ask whether *target* exists, is enabled and declares *arguments* and what Baton itself needs."""

    async def submit(self, request: SubmitRequest) -> Outcome:
        """Start one unit of work. Raises nothing: what nobody knows is `Unknown`."""

    async def find(self, request: SubmitRequest) -> Sighting:
        """Look for the execution that carries the request's token; authoritative, never a cached list."""

    async def observe(self, references: Sequence[Reference]) -> Observed:
        """Say how *references* stand, in bulk: the number of requests does not depend on their number."""

    async def look(self, reference: Reference) -> Observation | None:
        """Ask for one execution directly; None means that it is not there. Confirms what a list left out."""

    async def cancel(self, reference: Reference, mode: CancelMode, reason: str) -> CancelOutcome:
        """End one execution: look first, never cancel what has ended."""

    async def close(self) -> None:
        """End all connections."""
