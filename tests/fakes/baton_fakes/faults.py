"""Its former place: see `baton_operator.engines.conformance.faults`."""

from baton_operator.engines.conformance.faults import KINDS, Fault, Faults

__all__ = ["KINDS", "Fault", "Faults"]
