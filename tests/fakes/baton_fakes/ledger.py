"""Its former place: see `baton_operator.engines.conformance.ledger`."""

from baton_operator.engines.conformance.ledger import Ledger, read_ledger

__all__ = ["Ledger", "read_ledger"]
