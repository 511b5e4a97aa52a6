"""
What must always hold, as questions to the database, the API server and the engines' books: `baton check`.

The room's law: it reads, and changes nothing. Each invariant is a class; each of its rules is one set-based question
whose every answer is a violation. What is in order right now but takes a moment (a status that is about to be
written) is no violation before the bound has passed.
"""

from baton_operator.invariants.checker import INVARIANTS, check_invariants
from baton_operator.invariants.violation import Cluster, Evidence, LedgerEntry, Violation

__all__ = ["INVARIANTS", "Cluster", "Evidence", "LedgerEntry", "Violation", "check_invariants"]
