"""What the cells of a signal table say of a submit's outcome, alike for every adapter."""

from __future__ import annotations

from baton_operator.engines.base import NotSent, Outcome, Rejected

Cell = tuple[object, ...]
"""The outcome's name and what is told apart of it."""

REJECTED: Cell = ("Rejected", "EngineRejected", False)
SLOW: Cell = ("Rejected", "EngineRejected", True)
NO_TARGET: Cell = ("Rejected", "TargetNotFound", False)
NOT_SENT: Cell = ("NotSent", False)
NO_AUTH: Cell = ("NotSent", True)
UNKNOWN: Cell = ("Unknown",)


def cell(outcome: Outcome) -> Cell:
    """Write an outcome as the table has it."""
    match outcome:
        case Rejected():
            return ("Rejected", outcome.reason, outcome.slow)
        case NotSent():
            return ("NotSent", outcome.auth)
        case _:
            return (type(outcome).__name__,)
