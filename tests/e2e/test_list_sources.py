"""Lists kept in step with an HTTP source and with a Redis set, as an operator sees them."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.service import SERVER_KEY, Service, wait_for

RULES = "segments:\n  - {id: gold, when: {list: gold}}\n  - {id: silver, when: {list: silver}}\n"
LATEST_S = 20


class _Crm(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        is_known = self.headers["Authorization"] == "Bearer of-the-crm"
        body: bytes = self.server.members  # type: ignore[attr-defined]
        tag = f'"{hash(body)}"'
        if is_known and self.headers["If-None-Match"] == tag:
            self.server.unchanged += 1  # type: ignore[attr-defined]
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(200 if body and is_known else 503)
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture
def crm() -> Iterator[ThreadingHTTPServer]:
    """A server that answers ``members`` to those who know the token, 503 where there are none.

    Who has them already is answered 304, and counted in ``unchanged``.
    """
    with ThreadingHTTPServer(("127.0.0.1", 0), _Crm) as server:
        server.members = b"visitor,since\nann,2024\n"  # type: ignore[attr-defined]
        server.unchanged = 0  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def service(tmp_path: Path, crm: ThreadingHTTPServer) -> Iterator[Service]:
    """A service that looks at its lists five times a second; they have 1,024 bytes at most."""
    for name in ("rules", "lists"):
        (tmp_path / name).mkdir()
    (tmp_path / "rules" / "all.yaml").write_text(RULES, "utf-8")
    (tmp_path / "token").write_text("Bearer of-the-crm\n", "utf-8")
    declared = f"http: http://127.0.0.1:{crm.server_port}/gold.csv\n"
    declared += f"header: {{Authorization: {{file: {tmp_path / 'token'}}}}}\n"
    (tmp_path / "lists" / "gold.source.yaml").write_text(declared, "utf-8")
    (tmp_path / "lists" / "silver.source.yaml").write_text("redis_set: crm:silver\n", "utf-8")
    service = Service(
        tmp_path / "edgeseg",
        rules=tmp_path / "rules",
        lists=tmp_path / "lists",
        lists_s=0.2,
        lists_private="true",
        max_list_bytes=1_024,
    )
    try:
        yield service.start()
    finally:
        service.close()


def _segments(service: Service, visitor: str) -> set[str]:
    body = {"page": {"url": "https://x.example/"}, "visitor": visitor, "consent": {"m": True}}
    headers = {"Authorization": f"Bearer {SERVER_KEY}"}
    answer = httpx.post(f"{service.url}/v1/classify", json=body, headers=headers)
    return set(answer.json()["segments"])


def _wait_for(service: Service, visitor: str, segments: set[str]) -> None:
    wait_for(lambda: _segments(service, visitor) == segments, LATEST_S, f"{visitor} {segments}")


def _list(service: Service, name: str) -> dict[str, Any]:
    return {each["name"]: each for each in service.status()["lists"]}.get(name, {})


def _wait_for_error(service: Service, name: str, error: str) -> dict[str, Any]:
    wait_for(lambda: error in _list(service, name).get("error", ""), LATEST_S, error)
    return _list(service, name)


def test_a_list_follows_an_http_source(service: Service, crm: ThreadingHTTPServer) -> None:
    """One comes, one leaves; a failing or oversized answer is told and changes nobody."""
    _wait_for(service, "ann", {"gold"})
    crm.members = b"bob\n"  # type: ignore[attr-defined]
    _wait_for(service, "bob", {"gold"})
    _wait_for(service, "ann", set())
    crm.members = b""  # type: ignore[attr-defined]
    known = _wait_for_error(service, "gold", "status 503")
    assert known["members"] == 1
    assert known["put_at"]
    crm.members = b"ann\n" * 300  # type: ignore[attr-defined]
    _wait_for_error(service, "gold", "EDGESEG_MAX_LIST_BYTES")
    assert _segments(service, "bob") == {"gold"}
    assert _segments(service, "ann") == set()
    metrics = httpx.get(f"{service.url}/metrics").text
    assert 'edgeseg_list_members{list="gold"} 1.0' in metrics
    assert 'edgeseg_list_failures_total{list="gold"}' in metrics
    findings = service.run("doctor", "--json")
    assert "list gold" in findings
    assert "EDGESEG_MAX_LIST_BYTES" in findings
    assert "gold is not in step with gold.source.yaml" in service.run("lists", "show")
    crm.members = b"ann\nbob\n"  # type: ignore[attr-defined]
    _wait_for(service, "ann", {"gold"})
    assert _list(service, "gold")["error"] == ""


def test_what_has_not_changed_is_not_sent_again(service: Service, crm: ThreadingHTTPServer) -> None:
    """The list is in step all the same, and says since when; a failure in between is over."""
    _wait_for(service, "ann", {"gold"})
    wait_for(lambda: crm.unchanged > 1, LATEST_S, "304")  # type: ignore[attr-defined]
    before = _list(service, "gold")["put_at"]
    wait_for(lambda: _list(service, "gold")["put_at"] > before, LATEST_S, "a later sync")
    members, crm.members = crm.members, b""  # type: ignore[attr-defined]
    _wait_for_error(service, "gold", "status 503")
    crm.members = members  # type: ignore[attr-defined]
    wait_for(lambda: not _list(service, "gold")["error"], LATEST_S, "no error")
    assert _segments(service, "ann") == {"gold"}


def test_a_list_follows_a_redis_set(service: Service) -> None:
    """One comes, one leaves; what is no set is told and changes nobody."""
    with service.store() as store:
        store.sadd("crm:silver", "ann", *(f"v{number}" for number in range(2_000)))
        _wait_for(service, "ann", {"gold", "silver"})
        assert _list(service, "silver")["members"] == 2_001
        store.srem("crm:silver", "ann")
        store.sadd("crm:silver", "bob")
        _wait_for(service, "bob", {"silver"})
        _wait_for(service, "ann", {"gold"})
        store.set("crm:silver", "text")
        known = _wait_for_error(service, "silver", "WRONGTYPE")
        assert known["members"] == 2_001
        assert _segments(service, "bob") == {"silver"}
