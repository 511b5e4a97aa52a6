"""
What every adapter must keep, as tests: over an adapter and an engine under the test's control.

The law of this room: it knows no particular engine, it may import whatever the engines' room offers, and nothing in
the operator imports it (``pytest`` comes with the extra ``baton[conformance]`` only). Give pytest a fixture
``harness`` (`Harness`; `QueueHarness` where the engine answers with handles, `FaultyHarness` where its server shows
faults) and subclass what fits:

* `AdapterConformance`: the contract of `EngineAdapter`, verb by verb.
* `HandleConformance`: the same, for an adapter that keeps `HandleFollower`; it must be this one then.
* `ServerConformance`: the signal table and hostile answers, for an engine behind HTTP.

What is expected follows from what the adapter declares: its `Idempotency`, its capabilities, the protocols it keeps.
Nothing is skipped: what is not declared must be absent. ``docs/write-an-adapter.md`` shows all of it at work.
"""

import pytest

# Submodules are no test modules: without this their failed assertions would not show values.
pytest.register_assert_rewrite(*(f"{__name__}.{each}" for each in ("waiting", "suite", "handles", "hostile")))

from baton_operator.engines.conformance.faults import KINDS, Fault, Faults  # noqa: E402 - after the registration above
from baton_operator.engines.conformance.handles import HandleConformance  # noqa: E402
from baton_operator.engines.conformance.harness import (  # noqa: E402
    Fate,
    FaultyHarness,
    Harness,
    OneSecret,
    QueueHarness,
    Route,
    loopback,
    new_request,
)
from baton_operator.engines.conformance.hostile import ServerConformance  # noqa: E402
from baton_operator.engines.conformance.ledger import Ledger, read_ledger  # noqa: E402
from baton_operator.engines.conformance.serving import serving, serving_in_thread  # noqa: E402
from baton_operator.engines.conformance.suite import AdapterConformance  # noqa: E402
from baton_operator.engines.conformance.waiting import eventually, observed, reference, submitted  # noqa: E402

__all__ = [
    "KINDS",
    "AdapterConformance",
    "Fate",
    "Fault",
    "Faults",
    "FaultyHarness",
    "HandleConformance",
    "Harness",
    "Ledger",
    "OneSecret",
    "QueueHarness",
    "Route",
    "ServerConformance",
    "eventually",
    "loopback",
    "new_request",
    "observed",
    "read_ledger",
    "reference",
    "serving",
    "serving_in_thread",
    "submitted",
]
