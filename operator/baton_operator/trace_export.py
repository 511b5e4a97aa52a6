"""Spans as OpenTelemetry has them: only `traces.configured` imports this, and only where traces are wanted."""

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime

from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, StatusCode, TraceFlags, set_span_in_context

from baton_operator import VERSION
from baton_operator.decide.spans import Span, SpanStatus

#: Seconds that a process which ends gives to spans that are not exported yet.
LAST_EXPORT = 2.0


class TraceExport:
    """
    Hands spans to OpenTelemetry's own queue, which exports them from a thread of its own and never makes us wait.

    Beyond the queue's size (``OTEL_BSP_MAX_QUEUE_SIZE``) the oldest are dropped, with a warning of OpenTelemetry.
    """

    def __init__(self, exporters: Iterable[SpanExporter], environ: Mapping[str, str]) -> None:
        named = environ.get("OTEL_SERVICE_NAME") or "service.name=" in environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        resource = Resource.create({} if named else {"service.name": "baton"})
        self._ids = _GivenIds()
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        for exporter in exporters:
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("baton", VERSION)

    def tell(self, spans: Iterable[Span]) -> None:
        """Hand over the spans of one Run, the Run's own first: whether that is sampled holds for all."""
        flags: TraceFlags | None = None
        for span in spans:
            flags = self._tell(span, flags)

    def _tell(self, span: Span, flags: TraceFlags | None) -> TraceFlags:
        given = TraceFlags(TraceFlags.SAMPLED if span.is_sampled else TraceFlags.DEFAULT)
        self._ids.trace_id, self._ids.span_id = int(span.trace_id, 16), int(span.span_id, 16)
        made = self._tracer.start_span(
            span.name,
            context=_parent(span, given if flags is None else flags),
            kind=SpanKind.CLIENT if span.is_request else SpanKind.INTERNAL,
            attributes=span.attributes,
            start_time=_nanoseconds(span.begun),
        )
        if span.status is not SpanStatus.UNSET:
            made.set_status(StatusCode[span.status], span.message if span.status is SpanStatus.ERROR else None)
        made.end(_nanoseconds(span.ended))
        return made.get_span_context().trace_flags

    def close(self) -> None:
        """Export what is left, for `LAST_EXPORT` seconds at most; blocks so long."""
        ending = threading.Thread(target=self._provider.shutdown, name="traces", daemon=True)
        ending.start()
        ending.join(LAST_EXPORT)


class _GivenIds(IdGenerator):
    """Gives the ids that it was told, instead of random ones."""

    trace_id = 0
    span_id = 0

    def generate_trace_id(self) -> int:
        """Give the trace's id: asked only for a span without a parent."""
        return self.trace_id

    def generate_span_id(self) -> int:
        """Give the span's id."""
        return self.span_id


def _parent(span: Span, flags: TraceFlags) -> Context:
    if span.parent_id is None:
        return Context()
    place = SpanContext(int(span.trace_id, 16), int(span.parent_id, 16), is_remote=True, trace_flags=flags)
    return set_span_in_context(NonRecordingSpan(place), Context())


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
