"""
Everything that Baton counts and measures, as one object that the application makes and hands around.

Nothing registers at import: each `Metrics` has a registry of its own, so that tests and several applications in one
process do not see each other. Names and labels are those of the design's list; a label is never a run, an item or an
external id. The label ``engine`` is always ``namespace/name``, ``kind`` a Kubernetes kind, times are in seconds.

Counters and histograms are of this process: add them up over replicas. What every replica reads from the same rows
is a `SnapshotGauge`: show it with ``max by``, never with ``sum``.
"""

import platform
from collections.abc import Iterable, Mapping, Sequence

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_LATEST
WORDS_AN_ENGINE = 20
OTHER = "other"

_REQUEST_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_LAG_BUCKETS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0)
_RUN_BUCKETS = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 14400.0, 43200.0, 86400.0)

Samples = Mapping[tuple[str, ...], float]


class SnapshotGauge(Collector):
    """
    A gauge whose samples are replaced all at once, so that a scrape never meets half of an old and half of a new set.

    What vanished from the database vanishes from the metric with the next `replace`.
    """

    def __init__(self, name: str, documentation: str, labels: Sequence[str], registry: CollectorRegistry) -> None:
        self._name = name
        self._documentation = documentation
        self._labels = tuple(labels)
        self._samples: Samples = {}
        registry.register(self)

    def replace(self, samples: Samples) -> None:
        """Show *samples* from now on: values by label values, in the order of the labels."""
        for key in samples:
            if len(key) != len(self._labels):
                raise ValueError(f"{self._name} has the labels {self._labels}, not as many as {key}")
        self._samples = dict(samples)

    def describe(self) -> Iterable[Metric]:
        """Name the metric without asking for its samples."""
        return [GaugeMetricFamily(self._name, self._documentation, labels=self._labels)]

    def collect(self) -> Iterable[Metric]:
        """Give the samples of the last `replace`."""
        family = GaugeMetricFamily(self._name, self._documentation, labels=self._labels)
        for key, value in self._samples.items():
            family.add_metric(key, value)
        return [family]


class BoundedWords:
    """A counter of words that engines said, at most `WORDS_AN_ENGINE` an engine: what comes later is ``other``."""

    def __init__(self, counter: Counter) -> None:
        self._counter = counter
        self._words: dict[str, set[str]] = {}

    def labels(self, *, engine: str, native: str) -> Counter:
        """Give the counter of this engine's word, or of its ``other`` where too many were seen."""
        words = self._words.setdefault(engine, set())
        if native not in words and len(words) >= WORDS_AN_ENGINE:
            return self._counter.labels(engine=engine, native=OTHER)
        words.add(native)
        return self._counter.labels(engine=engine, native=native)


class Metrics:
    """
    One attribute a metric, named as the metric is, without ``baton_``, ``_total`` and the unit.

    Attributes:
        registry: What `render` shows.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # the library leaves it untyped
        self.registry = registry or CollectorRegistry()
        self._add_runs()
        self._add_engines()
        self._add_loops()
        self._add_kubernetes()
        self._add_database()
        ProcessCollector(registry=self.registry)

    def render(self) -> bytes:
        """Give everything in Prometheus' text format (`CONTENT_TYPE`)."""
        return generate_latest(self.registry)

    def describe_build(self, *, version: str, revision: str, postgres: str) -> None:
        """Say which build this is, and which PostgreSQL it found."""
        self.build_info.info(
            {"version": version, "revision": revision, "python": platform.python_version(), "postgres": postgres}
        )

    def _counter(self, name: str, documentation: str, *labels: str) -> Counter:
        return Counter(f"baton_{name}", documentation, labels, registry=self.registry)

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        return Gauge(f"baton_{name}", documentation, labels, registry=self.registry)

    def _snapshot(self, name: str, documentation: str, *labels: str) -> SnapshotGauge:
        return SnapshotGauge(f"baton_{name}", documentation, labels, self.registry)

    def _histogram(self, name: str, documentation: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(f"baton_{name}", documentation, labels, registry=self.registry, buckets=buckets)

    def _add_runs(self) -> None:
        of_automation = ("namespace", "automation")
        self.runs = self._snapshot("runs", "Runs by phase, as the database has them", *of_automation, "phase")
        self.runs_finished = self._counter(
            "runs_finished", "Runs that this process saw end", *of_automation, "engine", "outcome", "reason"
        )
        self.run_duration = self._histogram(
            "run_duration_seconds", "From a Run's start to its end", _RUN_BUCKETS, *of_automation, "engine"
        )
        self.run_queue_duration = self._histogram(
            "run_queue_duration_seconds",
            "From a Run's admission to its first dispatch",
            _RUN_BUCKETS,
            *of_automation,
            "engine",
        )
        self.items_finished = self._counter("items_finished", "Items that ended", *of_automation, "outcome")
        self.hooks_finished = self._counter("hooks_finished", "Hooks that ended", *of_automation, "hook", "outcome")
        self.item_attempts = self._counter("item_attempts", "Attempts of items that ended", *of_automation, "outcome")

    def _add_engines(self) -> None:
        self.submissions = self._counter("submissions", "Submits by outcome", "engine", "outcome")
        self.submissions_held = self._snapshot(
            "submissions_held", "Attempts about which a person must decide", "engine"
        )
        self.dispatch_latency = self._histogram(
            "dispatch_latency_seconds", "From a Run seen to accepted by its engine", _LAG_BUCKETS, "engine"
        )
        self.status_lag = self._histogram(
            "status_lag_seconds", "From an end, by the engine's clock, to its row", _LAG_BUCKETS, "engine", "via"
        )
        self.engine_up = self._snapshot("engine_up", "1 where the last probe succeeded", "engine", "type")
        self.engine_circuit_open = self._snapshot(
            "engine_circuit_open", "1 where the circuit breaker keeps requests back", "engine", "type"
        )
        self.engine_inflight = self._snapshot(
            "engine_inflight", "Attempts that are, or may be, in the engine", "engine", "type"
        )
        self.engine_inflight_limit = self._snapshot(
            "engine_inflight_limit", "maxInFlight of the engine", "engine", "type"
        )
        self.engine_request_duration = self._histogram(
            "engine_request_duration_seconds", "Requests to engines", _REQUEST_BUCKETS, "engine", "operation", "code"
        )
        self.engine_unknown_states = BoundedWords(
            self._counter("engine_unknown_states", "States that the adapter does not know", "engine", "native")
        )

    def _add_loops(self) -> None:
        self.backlog = self._snapshot("backlog", "Rows that are due and that nobody holds", "loop")
        self.backlog_oldest = self._snapshot(
            "backlog_oldest_timestamp_seconds", "Since when the oldest of them is due", "loop"
        )
        self.loop_iterations = self._counter("loop_iterations", "Turns that ended well", "loop")
        self.loop_duration = self._histogram("loop_duration_seconds", "Turns that ended well", _REQUEST_BUCKETS, "loop")
        self.loop_errors = self._counter("loop_errors", "Turns that raised", "loop", "reason")

    def _add_kubernetes(self) -> None:
        self.watch_last_event = self._gauge(
            "watch_last_event_timestamp_seconds", "When the watch last said anything", "kind"
        )
        self.watch_restarts = self._counter("watch_restarts", "Watches begun anew", "kind")
        self.kube_requests = self._counter("kube_requests", "Requests to the API server", "verb", "kind", "code")
        self.projection_lag = self._histogram(
            "projection_lag_seconds", "From a change of rows to the custom resource that shows it", _LAG_BUCKETS
        )

    def _add_database(self) -> None:
        self.db_pool_in_use = self._gauge("db_pool_in_use", "Connections that are lent out")
        self.db_pool_limit = self._gauge("db_pool_limit", "Connections that may be lent out at once")
        self.db_wait = self._histogram("db_wait_seconds", "Waiting for a connection", _REQUEST_BUCKETS)
        self.db_statements = self._counter("db_statements", "Statements sent to PostgreSQL")
        self.db_commits = self._counter("db_commits", "Transactions committed")
        self.db_retries = self._counter("db_retries", "Transactions begun again", "reason")
        self.invariant_violations = self._snapshot(
            "invariant_violations", "Violations that the last periodic check found", "invariant"
        )
        self.invariant_checked = self._snapshot(
            "invariant_checked_timestamp_seconds", "When the invariant was checked last", "invariant"
        )
        self.schema_head = self._gauge("schema_head", "1 where the chain of migrations is at its head", "chain")
        self.build_info = Info("baton_build", "Which build this is", registry=self.registry)
