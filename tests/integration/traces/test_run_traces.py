"""Spans of ended Runs, as a collector receives them from the real exporter over the real protocol."""

from __future__ import annotations

import asyncio
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from baton_fakes.otlp import Collector, collecting
from loop_site import Site, manifest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from baton_models.status import ExecutionStatus
from baton_operator.kube.resources import RunSeen
from baton_operator.loops.count import CountLoop
from baton_operator.trace_export import LAST_EXPORT
from baton_operator.traces import configured

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
FLEET = {
    "arguments": {"host": "${item.host}"},
    "batches": [{"name": "canary", "items": [{"host": "a"}, {"host": "b"}]}],
    "dispatch": {"per": "Item", "maxParallel": 2, "maxFailures": 1},
    "retry": {"maxAttempts": 2, "backoff": {"initial": "1s"}},
}


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collecting() as found:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", found.url)
        monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
        yield found


async def start(site: Site, name: str, traceparent: str | None = None, automation: str = "patch") -> str:
    """Bring a Run with the annotation."""
    seen = RunSeen.parse(manifest("team-a", name, {"automationRef": {"name": automation}}, uid=str(uuid.uuid4())))
    await site.first.runs.take([replace(seen, traceparent=traceparent)])
    return seen.uid


async def told(site: Site, collector: Collector, count: int) -> list[Span]:
    """Have what has ended counted by two processes at once, and wait for the spans at the collector."""
    made = [configured({"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url}) for _ in range(2)]
    loops = [CountLoop(site.first.parts, traces) for traces in made]
    await asyncio.gather(*(loop.turn() for loop in loops))
    for traces in made:
        assert traces
        await asyncio.to_thread(traces.close)
    return await asyncio.to_thread(collector.wait_for, count)


def attributes(span: Span) -> dict[str, Any]:
    return {each.key: each.value.string_value or each.value.int_value for each in span.attributes}


async def test_a_run_is_told_as_run_batch_item_attempt(site: Site, collector: Collector) -> None:
    """Below the span that the annotation names; each as long as its rows say; failed ones with the engine's words."""
    await site.serve()
    await site.define(**FLEET)
    await start(site, "monday", f"00-{TRACE}-{PARENT}-01")
    await site.dispatch()
    first, second = site.engine.submits
    site.engine.end(ExecutionStatus.FAILED, first, message="out of disk")
    site.engine.end(ExecutionStatus.COMPLETED, second)
    await site.track()
    site.later(5)
    await site.dispatch()
    site.engine.end()
    await site.track()
    assert site.runs() == {"monday": ("COMPLETED", "Succeeded")}

    spans = await told(site, collector, 7)
    assert [span.name for span in spans] == ["run", "batch", "item", "item", "attempt", "attempt", "attempt"]
    assert {span.trace_id.hex() for span in spans} == {TRACE}
    assert len({span.span_id for span in spans}) == 7
    run, batch, *items = spans[:4]
    assert run.parent_span_id.hex() == PARENT
    assert batch.parent_span_id == run.span_id
    assert {item.parent_span_id for item in items} == {batch.span_id}
    below = {attributes(span)["baton.attempt.token"]: span for span in spans[4:]}
    assert below.keys() == set(site.engine.submits)
    (tried_again,) = set(below) - {first, second}
    assert below[first].parent_span_id == below[tried_again].parent_span_id != below[second].parent_span_id
    assert {below[first].parent_span_id, below[second].parent_span_id} == {item.span_id for item in items}

    codes = {token: span.status.code for token, span in below.items()}
    assert codes == {first: Status.STATUS_CODE_ERROR, second: Status.STATUS_CODE_OK, tried_again: Status.STATUS_CODE_OK}
    assert [span.status.code for span in spans[:4]] == [Status.STATUS_CODE_OK] * 4
    assert {span.kind for span in spans[4:]} == {Span.SPAN_KIND_CLIENT}
    assert attributes(run)["k8s.namespace.name"] == "team-a"
    assert attributes(run)["baton.run.name"] == "monday"
    assert attributes(batch)["baton.batch.name"] == "canary"
    assert attributes(below[tried_again])["baton.attempt.number"] == 2

    lasted = site.one("SELECT extract(epoch FROM finished_at - created_at)::float8 FROM run")
    assert (run.end_time_unix_nano - run.start_time_unix_nano) / 1e9 == pytest.approx(lasted, abs=1e-5)
    assert all(span.end_time_unix_nano >= span.start_time_unix_nano for span in spans)
    resource = {each.key: each.value.string_value for each in collector.received[0].resource.attributes}
    assert resource["service.name"] == "baton"


async def test_a_run_without_a_trace_gets_one_that_is_handed_on(site: Site, collector: Collector) -> None:
    """The Run's span is the root; the engine was told a parent that exists; a refused Run is told too."""
    handed_on: list[str | None] = []
    site.engine.script.append(lambda request: handed_on.append(request.traceparent) or site.engine.accept(request))
    await site.serve()
    await site.define()
    await start(site, "monday", "nonsense")
    await site.dispatch()
    site.engine.end(ExecutionStatus.FAILED, message="out of disk")
    await site.track()

    run, attempt = await told(site, collector, 2)
    assert run.parent_span_id == b""
    assert attempt.parent_span_id == run.span_id
    assert handed_on == [f"00-{run.trace_id.hex()}-{run.span_id.hex()}-01"]
    assert (run.status.code, run.status.message) == (Status.STATUS_CODE_ERROR, "out of disk")


async def test_what_its_asker_does_not_record_is_not_told(site: Site, collector: Collector) -> None:
    """The flag of the annotation is heeded (the sampler's default); the other Run of the same turn is told."""
    await site.serve()
    await site.define()
    await start(site, "unrecorded", f"00-{TRACE}-{PARENT}-00")
    await start(site, "recorded", f"00-{TRACE[::-1]}-{PARENT}-01")
    await site.dispatch()
    site.engine.end()
    await site.track()
    spans = await told(site, collector, 2)
    assert {span.trace_id.hex() for span in spans} == {TRACE[::-1]}


async def test_a_collector_that_does_not_answer_holds_nothing_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs are counted at once, and the process ends in time."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        url = f"http://127.0.0.1:{deaf.getsockname()[1]}"
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
        await site.serve()
        await site.define()
        await start(site, "monday")
        await site.dispatch()
        site.engine.end()
        await site.track()
        traces = configured({"OTEL_EXPORTER_OTLP_ENDPOINT": url})
        assert traces
        begun = time.monotonic()
        await CountLoop(site.first.parts, traces).turn()
        await asyncio.to_thread(traces.close)
        assert time.monotonic() - begun < LAST_EXPORT + 2
    assert site.one("SELECT counted FROM run")
