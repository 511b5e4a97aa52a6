"""What the metrics promise: their names and labels, nothing global, whole snapshots, bounded words."""

import pytest
from prometheus_client import REGISTRY
from prometheus_client.parser import text_string_to_metric_families

from baton_operator.metrics import OTHER, WORDS_AN_ENGINE, Metrics

#: The design's table: metric, labels; and what the bench counts, statements and commits.
PROMISED = {
    "baton_runs": {"namespace", "automation", "phase"},
    "baton_runs_finished": {"namespace", "automation", "engine", "outcome", "reason"},
    "baton_run_duration_seconds": {"namespace", "automation", "engine"},
    "baton_run_queue_duration_seconds": {"namespace", "automation", "engine"},
    "baton_items_finished": {"namespace", "automation", "outcome"},
    "baton_item_attempts": {"namespace", "automation", "outcome"},
    "baton_hooks_finished": {"namespace", "automation", "hook", "outcome"},
    "baton_submissions": {"engine", "outcome"},
    "baton_submissions_held": {"engine"},
    "baton_dispatch_latency_seconds": {"engine"},
    "baton_status_lag_seconds": {"engine", "via"},
    "baton_projection_lag_seconds": set(),
    "baton_engine_up": {"engine", "type"},
    "baton_engine_circuit_open": {"engine", "type"},
    "baton_engine_inflight": {"engine", "type"},
    "baton_engine_inflight_limit": {"engine", "type"},
    "baton_engine_request_duration_seconds": {"engine", "operation", "code"},
    "baton_engine_unknown_states": {"engine", "native"},
    "baton_backlog": {"loop"},
    "baton_backlog_oldest_timestamp_seconds": {"loop"},
    "baton_loop_iterations": {"loop"},
    "baton_loop_duration_seconds": {"loop"},
    "baton_loop_errors": {"loop", "reason"},
    "baton_watch_last_event_timestamp_seconds": {"kind"},
    "baton_watch_restarts": {"kind"},
    "baton_kube_requests": {"verb", "kind", "code"},
    "baton_db_pool_in_use": set(),
    "baton_db_pool_limit": set(),
    "baton_db_wait_seconds": set(),
    "baton_db_retries": {"reason"},
    "baton_db_statements": set(),
    "baton_db_commits": set(),
    "baton_invariant_violations": {"invariant"},
    "baton_invariant_checked_timestamp_seconds": {"invariant"},
    "baton_schema_head": {"chain"},
    "baton_build_info": {"version", "revision", "python", "postgres"},
}
_SUFFIXES = ("_timestamp_seconds", "_seconds")


def attribute(metrics: Metrics, name: str) -> object:
    plain = name.removeprefix("baton_")
    for suffix in _SUFFIXES:
        plain = plain.removesuffix(suffix)
    return getattr(metrics, plain)


def touched() -> Metrics:
    """Give metrics of which each has one sample."""
    metrics = Metrics()
    metrics.describe_build(version="1", revision="r", postgres="18.1")
    for name, labels in PROMISED.items():
        metric = attribute(metrics, name)
        values = dict.fromkeys(labels, "x")
        if hasattr(metric, "replace"):
            metric.replace({tuple("x" for _ in labels): 1.0})
        elif values and name != "baton_build_info":
            metric.labels(**values)
    return metrics


def shown(metrics: Metrics) -> dict[str, set[str]]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {each.name: {key for sample in each.samples for key in sample.labels} - {"le"} for each in families}


def test_every_promised_metric_has_its_labels_and_no_other_metric_is_shown():
    """The page is the design's table, neither more nor less."""
    page = shown(touched())

    assert {name: labels for name, labels in page.items() if not name.startswith("process_")} == PROMISED
    assert {"process_cpu_seconds", "process_resident_memory_bytes"} <= set(page), "what the process itself costs"


def test_no_creation_series_are_shown():
    """They double the number of series and say nothing that anybody asks for."""
    assert "_created" not in touched().render().decode()


def test_two_applications_in_one_process_do_not_see_each_other():
    """Nothing registers in the library's global registry, so a second one neither fails nor shares values."""
    first, second = Metrics(), Metrics()
    first.loop_iterations.labels(loop="intake").inc(3)

    assert b'baton_loop_iterations_total{loop="intake"} 3.0' in first.render()
    assert b"intake" not in second.render()
    assert not [name for name in REGISTRY._names_to_collectors if name.startswith("baton_")]


def test_what_vanished_from_the_database_vanishes_from_the_gauge():
    """A snapshot replaces the last one whole."""
    metrics = Metrics()
    metrics.runs.replace({("a", "hello", "Running"): 2.0, ("a", "gone", "Failed"): 1.0})
    metrics.runs.replace({("a", "hello", "Running"): 1.0})

    assert (
        metrics.registry.get_sample_value("baton_runs", {"namespace": "a", "automation": "hello", "phase": "Running"})
        == 1.0
    )
    assert b"gone" not in metrics.render()


def test_a_snapshot_with_too_few_labels_is_refused_before_it_is_shown():
    """A programming error is told where it is made, not by a page that cannot be read."""
    metrics = Metrics()

    with pytest.raises(ValueError, match="baton_runs has the labels"):
        metrics.runs.replace({("a", "hello"): 1.0})


def test_the_twenty_first_unknown_word_of_an_engine_is_counted_as_other():
    """An engine cannot make the number of series grow without bound; words seen before keep their own."""
    metrics = Metrics()
    for number in range(WORDS_AN_ENGINE + 5):
        metrics.engine_unknown_states.labels(engine="ns/one", native=f"word{number}").inc()
    metrics.engine_unknown_states.labels(engine="ns/one", native="word3").inc()
    metrics.engine_unknown_states.labels(engine="ns/two", native="word24").inc()

    def value(engine: str, native: str) -> float | None:
        return metrics.registry.get_sample_value(
            "baton_engine_unknown_states_total", {"engine": engine, "native": native}
        )

    assert value("ns/one", OTHER) == 5.0
    assert value("ns/one", "word3") == 2.0
    assert value("ns/one", "word24") is None
    assert value("ns/two", "word24") == 1.0
