"""How the invariants read a Run object."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

Object = Mapping[str, Any]


def uid_of(run: Object) -> str:
    """Give its uid."""
    return str(run["metadata"]["uid"])


def name_of(run: Object) -> str:
    """Give ``namespace/name``."""
    return f"{run['metadata'].get('namespace', '')}/{run['metadata']['name']}"


def conditions(run: Object) -> Mapping[str, Mapping[str, Any]]:
    """Give its conditions by their types."""
    return {each["type"]: each for each in (run.get("status") or {}).get("conditions", ())}


def age(run: Object, at: datetime) -> float:
    """Give the seconds that it existed at that moment."""
    return (at - moment(run["metadata"]["creationTimestamp"])).total_seconds()


def moment(stamp: str) -> datetime:
    """Read a time stamp of the API server."""
    return datetime.fromisoformat(stamp)
