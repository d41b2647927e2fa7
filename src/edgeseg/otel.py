"""Spans by OpenTelemetry, sent to whatever its standard variables name, by OTLP over HTTP.

Needs the extra ``edgeseg[traces]``. Names of attributes: OpenTelemetry's semantic conventions
for HTTP servers and database clients.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Final

from litestar.types import Scope
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import TraceIdRatioBased
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from edgeseg import __version__
from edgeseg.delivery.http import header

_SERVER_FAULT: Final = 500


class OtelRequest:
    """The span of a request."""

    def __init__(self, span: Span) -> None:
        """Write to ``span``."""
        self._span = span

    def answered(self, status: int) -> None:
        """Note the status of the answer."""
        self._span.set_attribute("http.response.status_code", status)
        if status >= _SERVER_FAULT:
            self._span.set_status(Status(StatusCode.ERROR))


class OtelTracer:
    """Makes spans of a share of all requests."""

    def __init__(self, share: float, processor: SpanProcessor | None = None) -> None:
        """Trace ``share`` of all requests, 0 to 1.

        Which ones follows from the trace's id, as everywhere in a system with this sampler. A
        caller's own decision is not followed: anybody may send one.

        Args:
            share: of the requests.
            processor: takes the spans; None to send them where ``OTEL_EXPORTER_OTLP_ENDPOINT``
                and its like say.
        """
        resource = Resource.create({SERVICE_NAME: "edgeseg", SERVICE_VERSION: __version__})
        self._provider = TracerProvider(
            sampler=TraceIdRatioBased(share), resource=resource, shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor or BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("edgeseg", __version__)
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def request(self, route: str, scope: Scope) -> Iterator[OtelRequest]:
        """Span a request, below the span of the caller, if the request names one."""
        method = str(scope["method"])  # type: ignore[typeddict-item]
        caller = self._propagator.extract({"traceparent": header(scope, b"traceparent")})
        with self._tracer.start_as_current_span(
            f"{method} {route}",
            context=caller,
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "http.route": route},
            record_exception=False,  # its text may quote what somebody sent
            set_status_on_exception=False,
        ) as span:
            yield OtelRequest(span)

    def step(self, name: str) -> AbstractContextManager[object]:
        """Span one step of the work."""
        return self._tracer.start_as_current_span(
            name, record_exception=False, set_status_on_exception=False
        )

    def round_trip(self, operation: str) -> AbstractContextManager[object]:
        """Span an operation of the store, as its client sees it."""
        return self._tracer.start_as_current_span(
            f"store {operation}",
            kind=SpanKind.CLIENT,
            attributes={"db.system.name": "redis", "db.operation.name": operation},
            record_exception=False,
            set_status_on_exception=False,
        )

    def close(self) -> None:
        """Send what is left; may take some seconds."""
        self._provider.shutdown()
