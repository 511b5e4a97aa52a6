"""
Conditions (``metav1.Condition``): one writer for all kinds.

``lastTransitionTime`` changes only when ``status`` does. A Run's times are facts of its rows, so that its status is a
pure function of them; an Engine's and an Automation's rows hold no such times, so theirs are carried over from what
the custom resource shows (`carry_over`).
"""

import hashlib
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

import orjson

Truth = Literal["True", "False", "Unknown"]


@dataclass(frozen=True, slots=True)
class Condition:
    """
    One aspect of an object's state.

    Attributes:
        since: When its status became what it is; None where only the custom resource remembers.
        reason: A word of the closed list.
        message: The same for people.
    """

    type: str
    status: Truth
    since: datetime | None
    reason: str
    message: str

    def document(self, generation: int) -> dict[str, Any]:
        """Write it as the API has it."""
        return {
            "type": self.type,
            "status": self.status,
            "observedGeneration": generation,
            "lastTransitionTime": timestamp(self.since) if self.since else None,
            "reason": self.reason,
            "message": self.message,
        }


def truth(holds: bool | None) -> Truth:
    """Write a truth as conditions do; None is Unknown."""
    return "Unknown" if holds is None else "True" if holds else "False"


def timestamp(moment: datetime) -> str:
    """Write a moment as ``metav1.Time``: in UTC, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def carry_over(status: Mapping[str, Any], shown: Mapping[str, Any], *, now: datetime) -> dict[str, Any]:
    """
    Fill in the times that *status* leaves open, from the status that the custom resource shows.

    Args:
        status: A status document whose conditions may lack ``lastTransitionTime``.
        shown: The status that is shown now; empty if none is.
        now: The time of a change that is new.
    """
    before = {each["type"]: each for each in shown.get("conditions") or ()}
    return {**status, "conditions": [_timed(each, before.get(each["type"]), now) for each in status["conditions"]]}


def digest(status: Mapping[str, Any]) -> bytes:
    """Write a status document in the one form whose bytes are compared."""
    return orjson.dumps(status, option=orjson.OPT_SORT_KEYS)


def fingerprint(status: Mapping[str, Any]) -> str:
    """Give SHA-256 of a status document, by which what is there is compared with what was shown."""
    return hashlib.sha256(digest(status)).hexdigest()


def condition(status: Mapping[str, Any], type_: str) -> Mapping[str, Any] | None:
    """Find one condition in a status document."""
    found: Sequence[Mapping[str, Any]] = status.get("conditions") or ()
    return next((each for each in found if each["type"] == type_), None)


def _timed(wanted: Mapping[str, Any], before: Mapping[str, Any] | None, now: datetime) -> dict[str, Any]:
    timed = dict(copy(wanted))
    if timed["lastTransitionTime"] is None:
        unchanged = before is not None and before.get("status") == wanted["status"]
        timed["lastTransitionTime"] = before["lastTransitionTime"] if before and unchanged else timestamp(now)
    return timed
