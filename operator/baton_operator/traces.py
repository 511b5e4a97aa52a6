"""
Whether traces are told, and to which exporters; nothing of OpenTelemetry is imported where nobody wants any.

On only where the extra ``otel`` is installed and an exporter is configured (``OTEL_TRACES_EXPORTER`` or an endpoint).
Exporters, their limits and the sampler are configured by ``OTEL_*`` alone.
"""

import logging
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Protocol

from baton_operator.decide.spans import Span

logger = logging.getLogger(__name__)

_EXPORTERS = "opentelemetry_traces_exporter"
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")


class Traces(Protocol):
    """What spans are told to."""

    def tell(self, spans: Iterable[Span]) -> None:
        """Hand over the spans of one Run, the Run's own first; never waits."""

    def close(self) -> None:
        """Export what is left, for some seconds at most; blocks so long."""


def configured(environ: Mapping[str, str]) -> Traces | None:
    """Make what spans are told to; None where nobody has configured an exporter or the extra is not installed."""
    names = exporter_names(environ)
    if not names:
        return None
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.sdk") is None:
        logger.warning("traces.not_installed", extra={"fix": "pip install 'baton[otel]'"})
        return None
    from baton_operator.trace_export import TraceExport  # noqa: PLC0415 - it imports OpenTelemetry

    found = {name: next(iter(entry_points(group=_EXPORTERS, name=name)), None) for name in names}
    for name in (each for each, entry in found.items() if entry is None):
        logger.warning("traces.no_such_exporter", extra={"exporter": name})
    exporters = [entry.load()() for entry in found.values() if entry]
    return TraceExport(exporters, environ) if exporters else None


def exporter_names(environ: Mapping[str, str]) -> list[str]:
    """Name the wanted exporters as OpenTelemetry's entry points do; none where nobody has configured any."""
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return []
    endpoint = any(environ.get(each) for each in _ENDPOINTS)
    wanted = environ.get("OTEL_TRACES_EXPORTER") or ("otlp" if endpoint else "none")
    protocol = next((environ[each] for each in _PROTOCOLS if environ.get(each)), "http/protobuf")
    otlp = "otlp_proto_grpc" if protocol == "grpc" else "otlp_proto_http"
    names = [each.strip() for each in wanted.split(",")]
    return [otlp if each == "otlp" else each for each in names if each not in {"", "none"}]
