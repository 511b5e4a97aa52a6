"""Custom resources as values: what a watch or a list says of one object, at one moment."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar, Literal, Self, cast

import orjson

GROUP, VERSION = "baton.dev", "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

Kind = Literal["Engine", "Automation", "Run"]
PLURALS: Mapping[Kind, str] = {"Engine": "engines", "Automation": "automations", "Run": "runs"}

CREATED_BY = "baton.dev/created-by"
STATE_BY = "baton.dev/state-by"
TRACEPARENT = "baton.dev/traceparent"
#: Holds a Run back while its work is being cancelled (``deletionPolicy: Cancel``).
FINALIZER = "baton.dev/cancel"

#: Bytes of a spec beyond which intake takes a closer look (K4): etcd's own limit is 1.5 MiB for the whole object.
LARGE = 256 * 1024

_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)

EventType = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class Seen:
    """
    One object as it was seen.

    Attributes:
        kind: Its kind, of the class.
        type: What the watch says has happened; None where a list shows it.
        generation: Counts the changes of its spec.
        resource_version: Opaque; the same value means the same state.
        spec: Its spec as plain values, shared with whoever parsed it: not to be changed.
        created_by: Who created it, as the API server's admission policy stamped it; None where nobody did.
        state_by: Who changed ``spec.state`` last, likewise.
        traceparent: The W3C trace context that the user gave.
        created_at: When it was created, by the API server's clock; None where nobody says.
        deleting_since: When its deletion was asked for; None while it is wanted.
        is_guarded: Whether it has Baton's finalizer.
        is_completed: Whether its status says ``Completed``: a Run without a row that says so was refused.
        is_submitted: Whether its status says ``Submitted``: without a stored attempt, the database was restored.
        told_at: When it came to say the last of these two; None while it says neither.
        observed_generation: What its status speaks of; None while it has none.
        status: Its status as plain values, shared like its spec; empty while it has none.
    """

    kind: ClassVar[Kind]

    type: EventType | None
    namespace: str
    name: str
    uid: str
    generation: int
    resource_version: str
    spec: Mapping[str, Any]
    created_by: str | None = None
    state_by: str | None = None
    traceparent: str | None = None
    created_at: datetime | None = None
    deleting_since: datetime | None = None
    is_guarded: bool = False
    is_completed: bool = False
    is_submitted: bool = False
    told_at: datetime | None = None
    observed_generation: int | None = None
    status: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def parse(cls, raw: Mapping[str, Any]) -> Self:
        """
        Read a watch event (``{"type", "object"}``) or an item of a list.

        Fields beyond those named are left out; what the API server always sends is taken for granted.
        """
        seen_as = cast("EventType | None", raw.get("type")) if "object" in raw else None
        body = raw.get("object", raw)
        metadata, status = body["metadata"], body.get("status") or {}
        annotations: Mapping[str, str] = metadata.get("annotations") or {}
        conditions = status.get("conditions") or ()
        return cls(
            type=seen_as,
            namespace=metadata["namespace"],
            name=metadata["name"],
            uid=metadata["uid"],
            generation=metadata.get("generation", 1),
            resource_version=metadata.get("resourceVersion", ""),
            spec=body.get("spec") or {},
            created_by=annotations.get(CREATED_BY),
            state_by=annotations.get(STATE_BY),
            traceparent=annotations.get(TRACEPARENT),
            created_at=_moment(metadata.get("creationTimestamp")),
            deleting_since=_moment(metadata.get("deletionTimestamp")),
            is_guarded=FINALIZER in (metadata.get("finalizers") or ()),
            is_completed=_since(conditions, "Completed") is not None,
            is_submitted=_since(conditions, "Submitted") is not None,
            told_at=max(filter(None, (_since(conditions, each) for each in ("Completed", "Submitted"))), default=None),
            observed_generation=status.get("observedGeneration"),
            status=status,
        )

    @property
    def is_gone(self) -> bool:
        """Whether the object does not exist any more."""
        return self.type == "DELETED"

    @property
    def is_large(self) -> bool:
        """Whether its spec has more than `LARGE` bytes as JSON."""
        return len(orjson.dumps(self.spec)) > LARGE


class EngineSeen(Seen):
    """An Engine as it was seen."""

    __slots__ = ()
    kind: ClassVar[Kind] = "Engine"


class AutomationSeen(Seen):
    """An Automation as it was seen."""

    __slots__ = ()
    kind: ClassVar[Kind] = "Automation"


class RunSeen(Seen):
    """A Run as it was seen."""

    __slots__ = ()
    kind: ClassVar[Kind] = "Run"


def _since(conditions: Any, type_: str) -> datetime | None:
    """Say since when a condition holds; None where it does not, a very old moment where it does not say."""
    held = (each for each in conditions if each.get("type") == type_ and each.get("status") == "True")
    return next((_moment(each.get("lastTransitionTime")) or _LONG_AGO for each in held), None)


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
