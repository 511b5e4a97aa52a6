"""The suite's former place; what is here comes from `baton_operator.engines.conformance`."""

from baton_operator.engines.conformance import (
    AdapterConformance,
    Fate,
    HandleConformance,
    Harness,
    QueueHarness,
    eventually,
    observed,
    reference,
    submitted,
)

__all__ = [
    "AdapterConformance",
    "Fate",
    "HandleConformance",
    "Harness",
    "QueueHarness",
    "eventually",
    "observed",
    "reference",
    "submitted",
]
