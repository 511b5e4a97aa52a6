"""The suite's former place; what is here comes from `baton_operator.engines.conformance`."""

from baton_operator.engines.conformance import FaultyHarness, ServerConformance

__all__ = ["FaultyHarness", "ServerConformance"]
