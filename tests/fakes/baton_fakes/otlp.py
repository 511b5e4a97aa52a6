"""A collector of OpenTelemetry: takes spans over OTLP/HTTP, as protobuf, and keeps them."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span


@dataclass
class Collector:
    """
    What has arrived.

    Attributes:
        url: What ``OTEL_EXPORTER_OTLP_ENDPOINT`` is to be.
    """

    url: str = ""
    received: list[ResourceSpans] = field(default_factory=list)

    def spans(self) -> list[Span]:
        """Give all spans, in the order in which they came."""
        return [span for each in self.received for scope in each.scope_spans for span in scope.spans]

    def wait_for(self, count: int, within: float = 20) -> list[Span]:
        """Wait until at least *count* spans are here."""
        deadline = time.monotonic() + within
        while len(found := self.spans()) < count:
            assert time.monotonic() < deadline, f"{len(found)} of {count} spans came"
            time.sleep(0.02)
        return found


@contextmanager
def collecting() -> Iterator[Collector]:
    """Serve a collector on this machine."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            known = (self.path, self.headers["Content-Type"]) == ("/v1/traces", "application/x-protobuf")
            if known:
                collector.received.extend(ExportTraceServiceRequest.FromString(body).resource_spans)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200 if known else 404)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        collector.url = f"http://127.0.0.1:{server.server_address[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield collector
        finally:
            server.shutdown()
