"""Traces show where the time of a request went, and nothing of the visitor."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind

from edgeseg.app import create_door
from edgeseg.delivery.door import Door
from edgeseg.otel import OtelTracer
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.settings import Settings

ROOT = Path(__file__).parents[2]
SITE = "https://shop.example"
PAGE = f"{SITE}/accounts/current-account?token=3f9a1c"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
NOW_MS = 1_800_000_000_000


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """What the spans come to."""
    return InMemorySpanExporter()


def _door(tmp_path: Path, tracer: OtelTracer | None, *origins: str) -> Door:
    settings = Settings(
        allowed_origins=origins,
        data_dir=str(tmp_path / "data"),
        rules=str(ROOT / "rules"),
        templates=str(ROOT / "templates"),
        reload_s=0.0,
    )
    store = MemoryStore(clock=lambda: NOW_MS)
    return create_door(settings, store=store, clock=lambda: NOW_MS, tracer=tracer)


@pytest.fixture
async def client(
    tmp_path: Path, exporter: InMemorySpanExporter
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that traces every request."""
    door = _door(tmp_path, OtelTracer(1.0, SimpleSpanProcessor(exporter)))
    transport = httpx.ASGITransport(app=door)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=SITE) as client:
        yield client


def _parts(exporter: InMemorySpanExporter) -> tuple[ReadableSpan, list[ReadableSpan]]:
    """Answer the span of the only request, and those below it as they began."""
    spans = sorted(exporter.get_finished_spans(), key=lambda each: each.start_time or 0)
    assert spans[0].kind is SpanKind.SERVER
    below = [each for each in spans[1:] if each.parent and spans[0].context]
    assert {each.parent.span_id for each in below if each.parent} == {spans[0].context.span_id}
    return spans[0], below


async def _view(client: httpx.AsyncClient) -> httpx.Response:
    body = {"page": {"url": PAGE}, "consent": {"marketing": True}, "slots": ["home-hero"]}
    return await client.post("/v1/classify", json=body)


async def test_a_page_view_shows_store_rules_and_texts(
    client: httpx.AsyncClient, exporter: InMemorySpanExporter
) -> None:
    """One span below the request for each, in the order of the work."""
    answer = await _view(client)
    request, below = _parts(exporter)

    assert answer.status_code == 200
    assert request.name == "POST /v1/classify"
    assert dict(request.attributes or {}) == {
        "http.request.method": "POST",
        "http.route": "/v1/classify",
        "http.response.status_code": 200,
    }
    assert [each.name for each in below] == ["store record", "evaluate", "render"]
    assert dict(below[0].attributes or {}) == {
        "db.system.name": "redis",
        "db.operation.name": "record",
    }


async def test_a_fragment_is_named_by_its_route(
    client: httpx.AsyncClient, exporter: InMemorySpanExporter
) -> None:
    """The name of the slot, which anybody may make up, is not in it."""
    await _view(client)
    exporter.clear()
    await client.get("/v1/fragment/home-hero", params={"url": PAGE})
    request, below = _parts(exporter)

    assert request.name == "GET /v1/fragment/{name}"
    assert [each.name for each in below] == ["store read", "evaluate", "render"]


@pytest.mark.parametrize("origin", [SITE, "https://www.shop.example"])
async def test_browsers_that_tell_their_origin_are_traced(
    tmp_path: Path, exporter: InMemorySpanExporter, origin: str
) -> None:
    """All of them do with a POST, also to their own origin; such requests go by Litestar."""
    door = _door(tmp_path, OtelTracer(1.0, SimpleSpanProcessor(exporter)), SITE, origin)
    transport = httpx.ASGITransport(app=door)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=SITE) as client:
        client.headers["Origin"] = origin
        assert (await _view(client)).headers["access-control-allow-origin"] == origin
        await client.post("/ofrep/v1/evaluate/flags/slot/home-hero", json={})
        await client.post("/ofrep/v1/evaluate/flags", json={})
        await client.post("/v1/track", json={})
        await client.get("/v1/fragment/home-hero")
        await client.get("/v1/segment-key")
    spans = [each for each in exporter.get_finished_spans() if each.kind is SpanKind.SERVER]
    assert [each.name for each in spans] == [
        "POST /v1/classify",
        "POST /ofrep/v1/evaluate/flags/{name}",
        "POST /ofrep/v1/evaluate/flags",
        "POST /v1/track",
        "GET /v1/fragment/{name}",
        "GET /v1/segment-key",
    ]


async def test_spans_tell_nothing_of_visitors(
    client: httpx.AsyncClient, exporter: InMemorySpanExporter
) -> None:
    """No id, address or query string in a name, an attribute or an event."""
    answer = await _view(client)
    spans = exporter.get_finished_spans()
    told = "".join(span.to_json() for span in spans)

    assert answer.json()["visitor"] not in told
    assert "token" not in told
    assert "127.0.0.1" not in told
    assert all(not span.events for span in spans)


async def test_a_request_continues_the_trace_of_its_caller(
    client: httpx.AsyncClient, exporter: InMemorySpanExporter
) -> None:
    """As the W3C's trace context says."""
    caller = {"traceparent": f"00-{TRACE}-00f067aa0ba902b7-00"}
    await client.get("/v1/fragment/home-hero", params={"url": PAGE}, headers=caller)
    request, _below = _parts(exporter)

    assert request.context.trace_id == int(TRACE, 16)
    assert request.parent is not None
    assert request.parent.span_id == 0x00F067AA0BA902B7


async def test_a_share_of_the_requests_is_traced(
    tmp_path: Path, exporter: InMemorySpanExporter
) -> None:
    """By the trace's id, so that a whole trace is kept or left out; callers cannot force it."""
    door = _door(tmp_path, OtelTracer(0.5, SimpleSpanProcessor(exporter)))
    transport = httpx.ASGITransport(app=door)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=SITE) as client:
        for first in "07f":
            caller = {"traceparent": f"00-{TRACE[:16]}{first}{TRACE[17:]}-00f067aa0ba902b7-01"}
            await client.get("/v1/fragment/home-hero", params={"url": PAGE}, headers=caller)
    traces = {each.context.trace_id for each in exporter.get_finished_spans() if each.context}
    assert sorted(f"{each:032x}"[16] for each in traces) == ["0", "7"]


async def test_a_service_without_traces_has_no_trace_of_them(tmp_path: Path) -> None:
    """Its parts are the plain ones, so that a request does not even ask."""
    door = _door(tmp_path, None)
    assert type(door.faces["/v1/classify"]).__module__ == "edgeseg.delivery.classify"
    assert type(door.mounts["/v1/fragment/"]).__module__ == "edgeseg.delivery.fragment"
