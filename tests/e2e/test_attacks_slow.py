"""Clients that trickle, stall, or never read: they lose their connection, others notice nothing."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import httpx
import pytest

from tests.e2e.service import Service
from tests.e2e.views import view_page

TIMEOUT_S = 0.6
PATIENCE_S = 2 * TIMEOUT_S + 3
HEAD = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n"
WAYS = {"hot": True, "plain": False}


@pytest.fixture(scope="module", params=WAYS)
def impatient(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service that waits for nobody, for each way through the HTTP server."""
    folder = tmp_path_factory.mktemp("impatient") / "data"
    settings = {"client_timeout_s": TIMEOUT_S, "hot_protocol": WAYS[request.param]}
    with closing(Service(folder, **settings)) as running:  # type: ignore[arg-type]
        yield running.start()


def _trickle_until_cut(port: int, parts: Iterator[bytes]) -> float:
    """Send part after part until the connection ends; answer after how many seconds it did."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.settimeout(TIMEOUT_S / 5)
        started_s = time.monotonic()
        while (took_s := time.monotonic() - started_s) < PATIENCE_S:
            try:
                connection.sendall(next(parts, b""))
                if connection.recv(65_536) == b"":
                    return took_s
            except TimeoutError:
                continue
            except OSError:
                return took_s
    pytest.fail(f"the connection was still there after {PATIENCE_S} s")


def _nothing() -> Iterator[bytes]:
    yield from ()


def _head() -> Iterator[bytes]:
    yield HEAD
    for number in range(1_000):
        yield b"X-%d: more\r\n" % number


def _body(path: bytes = b"/v1/classify") -> Iterator[bytes]:
    yield HEAD.replace(b"/v1/classify", path) + b"\r\n"
    while True:
        yield b" "


def _chunks() -> Iterator[bytes]:
    yield HEAD.replace(b"Content-Length: 100", b"Transfer-Encoding: chunked") + b"\r\n"
    while True:
        yield b"1\r\n \r\n"


def _second_head() -> Iterator[bytes]:
    yield b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    yield from _head()


ATTACKS: dict[str, Callable[[], Iterator[bytes]]] = {
    "nothing": _nothing,
    "head": _head,
    "body": _body,
    "body of the framework's": lambda: _body(b"/v1/consent"),
    "chunks": _chunks,
    "second head": _second_head,
}


def test_requests_that_trickle_are_cut_off(impatient: Service) -> None:
    """Whatever it is that does not come to an end; whoever asks meanwhile is answered."""
    with ThreadPoolExecutor(len(ATTACKS)) as attackers:
        attacks = {
            name: attackers.submit(_trickle_until_cut, impatient.port, attack())
            for name, attack in ATTACKS.items()
        }
        with httpx.Client(base_url=impatient.url, timeout=20) as client:
            assert {view_page(client).status_code for _ in range(20)} == {200}
        took_s = {name: attack.result() for name, attack in attacks.items()}
    assert max(took_s.values()) < 2 * TIMEOUT_S + 2, took_s


def _drain(connection: socket.socket) -> None:
    """Read what there is, to the end."""
    while connection.recv(65_536):
        pass


def test_whoever_does_not_read_is_cut_off(impatient: Service) -> None:
    """Answers pile up in the kernel, then in the worker, then the connection ends."""
    request = b"GET /edgeseg.js HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        connection.connect(("127.0.0.1", impatient.port))
        connection.settimeout(TIMEOUT_S)
        ends_s = time.monotonic() + 5 * TIMEOUT_S
        sent = 0
        with suppress(TimeoutError):  # it reads no more either
            while sent < 50 and time.monotonic() < ends_s:
                connection.sendall(request)
                sent += 1
        time.sleep(2.5 * TIMEOUT_S)  # the client's own slowness, not a wait for the service
        with suppress(ConnectionError):
            _drain(connection)  # a connection that is still there would time out
    with httpx.Client(base_url=impatient.url, timeout=20) as client:
        assert view_page(client).status_code == 200


def test_work_and_streams_may_take_longer(impatient: Service) -> None:
    """A client that waits for news of flags is not a slow one."""
    with (
        httpx.Client(base_url=impatient.url, timeout=20) as client,
        client.stream("GET", "/ofrep/v1/events") as stream,
    ):
        assert stream.status_code == 200
        time.sleep(3 * TIMEOUT_S)  # longer than any client may take
        assert impatient.count("edgeseg_flag_streams") == 1
