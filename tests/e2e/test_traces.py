"""A service that is asked to sends its traces to a collector, from the fast way in as well."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.e2e.conftest import StartService
from tests.e2e.views import view_page


class Collector(ThreadingHTTPServer):
    """Takes OTLP over HTTP."""

    daemon_threads = True

    def __init__(self) -> None:
        """Listen on a free port."""
        self.received: list[Any] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def spans(self) -> dict[str, Any]:
        """Answer name → span of what has come."""
        return {
            span.name: span
            for request in self.received
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }


class _Handler(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.received.append(ExportTraceServiceRequest.FromString(body))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_words: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A running collector."""
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_collector_gets_the_traces(
    new_service: StartService, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The standard variable names it; what is left goes out when the service ends."""
    address = f"http://127.0.0.1:{collector.server_port}"
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
    service = new_service(traces="1.0").start()
    with httpx.Client(base_url=service.url, timeout=20) as visitor:
        consent = {"marketing": True}
        assert view_page(visitor, consent=consent, slots=["home-hero"]).status_code == 200
    service.close()
    spans = collector.spans()

    assert "POST /v1/classify" in spans, service.output()
    request = spans["POST /v1/classify"]
    for name in ("store record", "evaluate", "render"):
        assert spans[name].parent_span_id == request.span_id
