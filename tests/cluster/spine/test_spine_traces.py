"""A Run's trace, from its annotation to the collector: with an operator that is configured by ``OTEL_*`` alone."""

from __future__ import annotations

from baton_fakes.otlp import collecting
from baton_spine.stage import Stage

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GIVEN = f"00-{TRACE}-{PARENT}-01"


def test_a_trace_goes_through_to_the_engine_and_to_the_collector(stage: Stage) -> None:
    """What an operator has not exported yet when it is told to end, it exports before it ends."""
    with collecting() as collector:
        operator = stage.operator(
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_BSP_SCHEDULE_DELAY="60000"
        ).wait_ready()
        stage.engine_argo()
        stage.nap()
        spec = {"automationRef": {"name": "nap"}, "parameters": {"secs": "100ms", "fail": "no"}}
        stage.create("Run", "traced", spec, annotations={"baton.dev/traceparent": GIVEN})
        stage.ended("traced")
        stage.until(lambda: stage.rows("SELECT 1 FROM run WHERE counted"))
        operator.terminate()
        assert operator.wait_end() == 0
        run, attempt = collector.wait_for(2)
    assert (run.name, run.trace_id.hex(), run.parent_span_id.hex()) == ("run", TRACE, PARENT)
    assert (attempt.name, attempt.trace_id.hex(), attempt.parent_span_id) == ("attempt", TRACE, run.span_id)
    (token,) = stage.accepted()
    workflow = stage.argo.state.find(stage.namespace, token)
    assert workflow.annotations["baton.dev/traceparent"] == GIVEN
