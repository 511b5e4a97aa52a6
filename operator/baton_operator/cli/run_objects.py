"""How the command line reads a Run object."""

from collections.abc import Mapping, Sequence
from typing import Any

Object = Mapping[str, Any]


def name_of(run: Object) -> str:
    """Give a Run's name."""
    return str(run["metadata"]["name"])


def phase_of(run: Object) -> str:
    """Give a Run's phase; empty while nothing was said."""
    return str((run.get("status") or {}).get("phase", ""))


def outcome_of(run: Object) -> Object:
    """Give a Run's condition ``Succeeded``: its reason and message say how it stands."""
    conditions: Sequence[Object] = (run.get("status") or {}).get("conditions", ())
    return next((each for each in conditions if each["type"] == "Succeeded"), {})


def has_ended(run: Object) -> bool:
    """Say whether nothing more will come."""
    conditions: Sequence[Object] = (run.get("status") or {}).get("conditions", ())
    return any(each["type"] == "Completed" and each["status"] == "True" for each in conditions)
