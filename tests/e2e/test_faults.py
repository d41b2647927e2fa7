"""A store that dies or freezes: page views are answered in time, and right again after."""

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
import redis

from edgeseg.profiles.embedded import EmbeddedServer
from tests.e2e.conftest import StartService, shaky_store
from tests.e2e.service import SERVER_KEY, Service, wait_for
from tests.e2e.views import ACCOUNT, GRANTED, HOME, PROSPECTS, REFUSED, view_page, visitor_of

BUDGET_MS = 400
BACK_WITHIN_S = 2.0


@pytest.fixture(scope="module")
def shared_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A store server that several tests kill and freeze, one after the other."""
    with shaky_store(tmp_path_factory.mktemp("shaky") / "store") as server:
        yield server


@pytest.fixture(scope="module")
def shared_service(
    tmp_path_factory: pytest.TempPathFactory, shared_store: EmbeddedServer
) -> Iterator[Service]:
    """A service over that store, which tells nobody from memory."""
    folder = tmp_path_factory.mktemp("shaky-service") / "data"
    settings = {"redis_url": shared_store.url, "budget_ms": BUDGET_MS, "stale_s": 0}
    with closing(Service(folder, **settings)) as running:  # type: ignore[arg-type]
        yield running.start()


@pytest.fixture
def shaky(shared_service: Service, shared_store: EmbeddedServer) -> Service:
    """The same, with its store up, whatever another test has left."""
    if shared_store.is_alive():
        os.kill(shared_store.pid, signal.SIGCONT)
    else:
        shared_store.start()
    with httpx.Client(base_url=shared_service.url, timeout=20) as client:
        wait_for(
            lambda: not view_page(client, consent=GRANTED).json()["degraded"], 10, "it is whole"
        )
    return shared_service


@pytest.fixture
def prospect(shaky: Service) -> Iterator[httpx.Client]:
    """A browser whose visitor has read about an account."""
    with httpx.Client(base_url=shaky.url, timeout=20) as client:
        assert PROSPECTS in view_page(client, ACCOUNT, consent=GRANTED).json()["segments"]
        yield client


def _check_degraded(client: httpx.Client) -> None:
    """Check that a page view and a fragment are answered in time, from the request alone."""
    started_s = time.perf_counter()
    answer = view_page(client, slots=["home-hero"])
    took_ms = (time.perf_counter() - started_s) * 1_000
    assert answer.status_code == 200
    assert answer.json()["degraded"] is True
    assert PROSPECTS not in answer.json()["segments"]
    assert "Money you understand" in answer.json()["slots"]["home-hero"]["html"]
    assert took_ms < BUDGET_MS
    started_s = time.perf_counter()
    fragment = client.get("/v1/fragment/home-hero", params={"url": HOME})
    took_ms = (time.perf_counter() - started_s) * 1_000
    assert fragment.status_code == 200
    assert fragment.headers["edgeseg-status"] == "fallback; DEFAULT; degraded"
    assert "Money you understand" in fragment.text
    assert took_ms < BUDGET_MS


def _check_back(client: httpx.Client, visitor: str | None) -> None:
    """Check that the visitor is soon known again, with all that was acknowledged."""

    def is_back() -> bool:
        return view_page(client).json()["degraded"] is False

    wait_for(is_back, BACK_WITHIN_S, "the service is back")
    answer = view_page(client, slots=["home-hero"])
    assert visitor_of(answer) == visitor
    assert PROSPECTS in answer.json()["segments"]
    assert answer.json()["slots"]["home-hero"]["campaign"] == "open-an-account"


def test_a_killed_store_degrades_answers_until_it_is_back(
    shaky: Service, shared_store: EmbeddedServer, prospect: httpx.Client
) -> None:
    """Nothing acknowledged is lost, no page view fails, and readiness does not change."""
    visitor = visitor_of(view_page(prospect))
    os.kill(shared_store.pid, signal.SIGKILL)
    wait_for(lambda: not shared_store.is_alive(), 5, "the store has ended")
    counted = shaky.count("edgeseg_degraded_total")
    for _ in range(3):
        _check_degraded(prospect)
    assert shaky.count("edgeseg_degraded_total") == counted + 6
    assert prospect.get("/readyz").status_code == 200
    status = shaky.status()["store"]
    assert status["reachable"] is False
    assert status["breaker"] in {"open", "trying"}
    assert status["error"]
    shared_store.start()
    _check_back(prospect, visitor)
    status = shaky.status()["store"]
    assert (status["reachable"], status["breaker"]) == (True, "closed")


def test_a_frozen_store_keeps_nobody_waiting(
    shaky: Service, shared_store: EmbeddedServer, prospect: httpx.Client
) -> None:
    """A store that accepts and never answers costs at most the budget, each time."""
    visitor = visitor_of(view_page(prospect))
    os.kill(shared_store.pid, signal.SIGSTOP)
    try:
        for _ in range(4):
            _check_degraded(prospect)
        assert shaky.status()["store"]["reachable"] is False
        assert shaky.status()["store"]["breaker"] in {"open", "trying"}
    finally:
        os.kill(shared_store.pid, signal.SIGCONT)
    _check_back(prospect, visitor)


def test_many_visitors_at_once_do_not_queue_behind_a_frozen_store(
    shaky: Service, shared_store: EmbeddedServer, prospect: httpx.Client
) -> None:
    """Twenty page views sent at once are all answered, together within one budget or so."""
    body = json.dumps({"page": {"url": HOME}})
    request = (
        "POST /v1/classify HTTP/1.1\r\nHost: localhost\r\n"
        f"Cookie: edgeseg={prospect.cookies['edgeseg']}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
    os.kill(shared_store.pid, signal.SIGSTOP)
    try:
        started_s = time.perf_counter()
        statuses = _send_at_once(shaky, request.encode(), 20)
        took_ms = (time.perf_counter() - started_s) * 1_000
    finally:
        os.kill(shared_store.pid, signal.SIGCONT)
    assert statuses == [b"200"] * 20
    assert took_ms < 2 * BUDGET_MS


def test_a_copy_stands_in_for_a_store_that_just_died(
    new_service: StartService, store: EmbeddedServer
) -> None:
    """The visitor is still known, what they do counts, and the answer says how it came about."""
    service = new_service(redis_url=store.url, budget_ms=BUDGET_MS).start()
    with httpx.Client(base_url=service.url, timeout=20) as client:
        assert PROSPECTS in view_page(client, ACCOUNT, consent=GRANTED).json()["segments"]
        _kill(store)
        answer = view_page(client, slots=["home-hero"]).json()
        assert answer["degraded"] is True
        assert PROSPECTS in answer["segments"]
        hero = answer["slots"]["home-hero"]
        assert (hero["campaign"], hero["reason"]) == ("open-an-account", "STALE")
        fragment = client.get("/v1/fragment/home-hero", params={"url": HOME})
        assert "STALE; degraded" in fragment.headers["edgeseg-status"]
        with httpx.Client(base_url=service.url, timeout=20) as stranger:
            unknown = view_page(stranger, consent=GRANTED).json()
            assert unknown["degraded"] is True
            assert PROSPECTS not in unknown["segments"]
        store.start()
        wait_for(lambda: not view_page(client).json()["degraded"], BACK_WITHIN_S, "it is back")
        assert PROSPECTS in view_page(client).json()["segments"]


def test_a_store_without_room_is_still_read(
    new_service: StartService, store: EmbeddedServer
) -> None:
    """A full store degrades answers, counts what it could not keep, and works again with room."""
    service = new_service(redis_url=store.url, budget_ms=BUDGET_MS, cache_mb=0).start()
    with (
        httpx.Client(base_url=service.url, timeout=20) as client,
        redis.Redis(unix_socket_path=str(store.socket_path)) as server,
    ):
        view_page(client, consent=GRANTED)
        server.config_set("maxmemory", "1mb")
        for _ in range(2):
            answer = view_page(client, ACCOUNT).json()
            assert answer["degraded"] is True
            assert PROSPECTS in answer["segments"]
        answer = view_page(client).json()
        assert PROSPECTS not in answer["segments"]
        assert service.count("edgeseg_unsaved_events_total") == 3
        server.config_set("maxmemory", "0")
        assert PROSPECTS in view_page(client, ACCOUNT).json()["segments"]
        assert view_page(client).json()["degraded"] is False


def _send_at_once(service: Service, request: bytes, count: int) -> list[bytes]:
    connections = [
        socket.create_connection(("127.0.0.1", service.port), timeout=10) for _ in range(count)
    ]
    try:
        for connection in connections:
            connection.sendall(request)
        return [connection.recv(65_536)[9:12] for connection in connections]
    finally:
        for connection in connections:
            connection.close()


def _kill(store: EmbeddedServer) -> None:
    # Where a disk is slow, a server that writes down "everysec" may answer up to 2 s before.
    with redis.Redis(unix_socket_path=str(store.socket_path)) as server:
        written = "what was answered is written down"
        wait_for(lambda: server.info("persistence")["aof_buffer_length"] == 0, 10, written)
    os.kill(store.pid, signal.SIGKILL)
    wait_for(lambda: not store.is_alive(), 5, "the store has ended")


def test_forgetting_does_not_pretend_when_the_store_is_dead(
    shared_store: EmbeddedServer, prospect: httpx.Client
) -> None:
    """An erasure that cannot be done is an error, and the cookie stays for another try."""
    _kill(shared_store)
    answer = prospect.delete("/v1/me")
    assert answer.status_code == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert "set-cookie" not in answer.headers
    shared_store.start()

    def is_erased() -> bool:
        return prospect.delete("/v1/me").status_code == 204

    wait_for(is_erased, BACK_WITHIN_S, "the visitor is erased")
    assert visitor_of(view_page(prospect)) is None


@pytest.mark.parametrize(("face", "status"), [("/v1/classify", 200), ("/v1/consent", 202)])
def test_a_denial_holds_at_once_and_erases_once_the_store_is_back(
    shared_store: EmbeddedServer, prospect: httpx.Client, face: str, status: int
) -> None:
    """Revoking without a store is no error: nothing more is stored, and erasing is tried again."""
    _kill(shared_store)
    body = {"consent": REFUSED} | ({"page": {"url": HOME}} if face == "/v1/classify" else {})
    answer = prospect.post(face, json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["visitor"] is None
    assert visitor_of(view_page(prospect, ACCOUNT)) is None
    shared_store.start()

    def is_erased() -> bool:
        answer = view_page(prospect)
        assert visitor_of(answer) is None
        return "Max-Age=0" in answer.headers.get("set-cookie", "")

    wait_for(is_erased, BACK_WITHIN_S, "the visitor is erased")
    again = view_page(prospect, consent=GRANTED)
    assert PROSPECTS not in again.json()["segments"]


@pytest.mark.parametrize(("face", "status"), [("/v1/classify", 200), ("/v1/consent", 202)])
def test_one_denial_of_two_holds_at_once_and_is_told_once_the_store_is_back(
    shaky: Service, shared_store: EmbeddedServer, face: str, status: int
) -> None:
    """The profile stays; it learns of the denial with the first request that reaches it."""
    key = {"Authorization": f"Bearer {SERVER_KEY}"}
    with httpx.Client(base_url=shaky.url, timeout=20) as client:
        both = {"marketing": True, "statistics": True}
        visitor = visitor_of(view_page(client, ACCOUNT, consent=both))
        _kill(shared_store)
        lost = "failed_writes" if face == "/v1/consent" else "unsaved_events"
        counted = shaky.count(f"edgeseg_{lost}_total")
        body = {"consent": REFUSED} | ({"page": {"url": HOME}} if face == "/v1/classify" else {})
        answer = client.post(face, json=body)
        assert answer.status_code == status, answer.text
        left = {"marketing": False, "statistics": True}
        assert answer.json()["consent"] == left
        assert shaky.count(f"edgeseg_{lost}_total") > counted
        assert view_page(client).json()["consent"] == left
        shared_store.start()
        wait_for(lambda: not view_page(client).json()["degraded"], BACK_WITHIN_S, "it is back")
        stored = client.get(f"/v1/visitors/{visitor}", headers=key)
        assert stored.json()["consents"] == left
        again = view_page(client)
        assert (again.json()["consent"], "set-cookie" in again.headers) == (left, False)


def test_a_server_is_told_that_the_store_did_not_know_its_visitor(
    shaky: Service, shared_store: EmbeddedServer
) -> None:
    """Consent that cannot be looked up is not given; the answer says why, what is lost counts."""
    key = {"Authorization": f"Bearer {SERVER_KEY}"}
    sent = [{"event": "form_submitted", "properties": {"form": "request-account"}}]
    with httpx.Client(base_url=shaky.url, headers=key, timeout=20) as server:
        assert visitor_of(view_page(server, ACCOUNT, visitor="ann", consent=GRANTED)) == "ann"
        _kill(shared_store)
        counted = [shaky.count(f"edgeseg_{name}_total") for name in ("degraded", "unsaved_events")]
        answer = view_page(server, visitor="ann", events=sent).json()
        assert (answer["visitor"], answer["degraded"]) == (None, True)
        assert PROSPECTS not in answer["segments"]
        lost = [shaky.count(f"edgeseg_{name}_total") for name in ("degraded", "unsaved_events")]
        assert lost == [counted[0] + 1, counted[1] + 2]
        shared_store.start()
        wait_for(
            lambda: view_page(server, visitor="ann").json()["visitor"] == "ann",
            BACK_WITHIN_S,
            "the visitor is known again",
        )


def test_a_service_starts_without_its_store(new_service: StartService, tmp_path: Path) -> None:
    """A store that is not there yet degrades answers, it does not keep the service down."""
    store = EmbeddedServer(tmp_path / "late")
    service = new_service(redis_url=store.url, budget_ms=BUDGET_MS).start()
    with httpx.Client(base_url=service.url, timeout=20) as client:
        assert view_page(client, ACCOUNT, consent=GRANTED).json()["degraded"] is True
        with store:
            wait_for(
                lambda: view_page(client, ACCOUNT).json()["degraded"] is False,
                BACK_WITHIN_S,
                "the store is found",
            )
            assert PROSPECTS in view_page(client).json()["segments"]


def test_the_embedded_store_is_started_again(new_service: StartService, tmp_path: Path) -> None:
    """A service whose own store is killed gets it back, with all that was acknowledged."""
    service = new_service(budget_ms=BUDGET_MS).start()
    with httpx.Client(base_url=service.url, timeout=20) as client:
        view_page(client, ACCOUNT, consent=GRANTED)
        os.kill(int((tmp_path / "data" / "valkey.pid").read_text("utf-8")), signal.SIGKILL)

        def is_back() -> bool:
            return PROSPECTS in view_page(client).json()["segments"]

        wait_for(lambda: view_page(client).json()["degraded"], BACK_WITHIN_S, "it is noticed")
        wait_for(is_back, 5 * BACK_WITHIN_S, "the store is back")
