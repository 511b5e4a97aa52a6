"""Its former place: see `baton_operator.engines.conformance.serving`."""

from baton_operator.engines.conformance.serving import serving, serving_in_thread

__all__ = ["serving", "serving_in_thread"]
