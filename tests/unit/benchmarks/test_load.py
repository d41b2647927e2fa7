"""The open loop counts waiting from when a request was to leave; peers get what is said of them."""

import asyncio
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import sleep
from typing import ClassVar

import msgspec
import pytest
import uvicorn

from benchmarks.classify.hello import app as hello
from benchmarks.latency.open_loop import page_views, run_open_loop
from benchmarks.latency.pauses import Pauses, WatchedServer
from benchmarks.peers.unleash_flags import make_flags, make_queries
from edgeseg.delivery.visitor_id import CookieSigner

COOKIES = [
    CookieSigner(["a secret of the tests"]).write(name, {"marketing": True}, 0)
    for name in ("visitor-a", "visitor-b")
]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    pause_s: ClassVar[float] = 0.0
    closes: ClassVar[bool] = False
    answer: ClassVar[bytes] = b'{"visitor":"visitor-a","degraded":false}'

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        pause_s, _Handler.pause_s = _Handler.pause_s, 0.0
        sleep(pause_s)
        self.send_response(200)
        self.send_header("content-length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)
        self.close_connection = self.closes

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


class _Server(ThreadingHTTPServer):
    """Answers one request at a time, as one worker does."""

    daemon_threads = True
    request_queue_size = 200


@pytest.fixture
def port() -> Iterator[int]:
    """Where a slow server listens."""
    with _Server(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def test_an_answer_to_somebody_else_is_found_out(port: int) -> None:
    """Each answer must name the visitor who asked."""
    waits = run_open_loop(port, 200, 0.2, page_views(COOKIES))

    assert waits.bad == 0
    assert waits.views["visitor-a"] > 0
    assert waits.foreign == waits.views["visitor-b"]
    assert len(waits.waits_us) == sum(waits.views.values())


def test_a_pause_is_seen_by_those_who_would_have_come(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request that takes long makes one long wait, and is not left out."""
    monkeypatch.setattr(_Handler, "pause_s", 0.3)
    waits = run_open_loop(port, 50, 0.2, page_views(COOKIES[:1]))

    assert waits.waits_us[-1] >= 300_000
    assert waits.percentile_us(0.1) < waits.percentile_us(0.999)


def test_degraded_answers_are_no_acknowledged_page_views(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever counts lost page views must not count these."""
    monkeypatch.setattr(_Handler, "answer", b'{"visitor":"visitor-a","degraded":true}')
    waits = run_open_loop(port, 100, 0.1, page_views(COOKIES[:1]))

    assert waits.degraded == len(waits.waits_us)
    assert waits.views == {}


def test_a_connection_that_the_server_closed_is_opened_again(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pause between requests is no failure."""
    monkeypatch.setattr(_Handler, "closes", True)
    monkeypatch.setattr("benchmarks.latency.open_loop.CONNECTIONS", 2)
    waits = run_open_loop(port, 60, 0.3, page_views(COOKIES[:1]))

    assert sum(waits.views.values()) + waits.bad == len(waits.waits_us)
    assert sum(waits.views.values()) > 2


async def test_a_watched_server_tells_of_its_pauses(tmp_path: Path) -> None:
    """In a file, once it ends."""
    report = tmp_path / "pauses"
    config = uvicorn.Config(hello, port=0, log_level="critical", lifespan="off")
    server = WatchedServer(config, report)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    server.should_exit = True
    await serving

    found = msgspec.json.decode(report.read_bytes(), type=Pauses)
    assert found.gap_ms >= found.p999_gap_ms >= 0


def test_the_peer_gets_as_many_flags_as_there_are_segments() -> None:
    """Each with three constraints, on properties that each request tells."""
    features = make_flags(100)["features"]
    assert isinstance(features, list)
    assert len(features) == 100
    for feature in features:
        (strategy,) = feature["strategies"]
        assert len({each["contextName"] for each in strategy["constraints"]}) == 3
    assert all("properties%5Bcountry%5D=value-" in query for query in make_queries(5))
