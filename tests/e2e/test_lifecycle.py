"""Starting, stopping and surviving: what an operator does, and what happens to them."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from edgeseg.profiles.embedded import EmbeddedServer
from tests.e2e.conftest import StartService
from tests.e2e.service import RULES, TEMPLATES, Service, is_running, wait_for
from tests.e2e.views import ACCOUNT, GRANTED, HOME, PROSPECTS, view_page, visitor_of

BROKEN = {
    "fields.yaml": "fields:\n  - {id: country, type: colour}\n",
    "segments/a.yaml": "segments:\n  - {id: a, when: {contxt: path, eq: /}}\n",
    "segments/b.yaml": "segments:\n  - id: b\n    when: {field: contry, eq: CZ}\n",
    "slots.yaml": "slots: [\n",
}


def _is_listening(service: Service) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", service.port)) == 0


def _write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


@pytest.mark.parametrize("workers", [1, 2])
def test_broken_rules_keep_the_service_down(
    new_service: StartService, tmp_path: Path, workers: int
) -> None:
    """Every problem is listed with its place, the exit code is 2, and nothing was served."""
    _write(tmp_path / "rules", BROKEN)
    service = new_service(rules=tmp_path / "rules", workers=workers)
    service.launch()
    assert service.wait() == 2
    output = service.output()
    assert "fields.yaml:2:" in output
    assert "segments/a.yaml:2:" in output
    assert "segments/b.yaml:3:" in output
    assert "slots.yaml:" in output
    assert "Traceback" not in output
    assert not _is_listening(service)
    assert not (service.data_dir / "valkey.sock").exists()


def test_wrong_settings_keep_the_service_down(tmp_path: Path) -> None:
    """The message names the setting, without a traceback, and the exit code is 2."""
    wrong: list[tuple[dict[str, object], str]] = [
        ({"budget": 5}, "did you mean EDGESEG_BUDGET_MS?"),
        ({"budget_ms": 5}, "EDGESEG_BUDGET_MS"),
        ({"server_keys": "short"}, "EDGESEG_SERVER_KEYS"),
        ({"allowed_origins": "*"}, "EDGESEG_ALLOWED_ORIGINS"),
        ({"redis_url": "http://localhost"}, "redis"),
        ({"rules": "/no/such/folder"}, "no folder of rule files"),
        # What workers would fail at, each again and again.
        ({"workers": 2, "redis_url": "localhost:6379"}, "redis"),
        ({"workers": 2, "trusted_proxies": "proxy"}, "EDGESEG_TRUSTED_PROXIES"),
        ({"workers": 2, "allowed_origins": "https://www.example.org/"}, "EDGESEG_ALLOWED_ORIGINS"),
        ({"workers": 2, "geo_db": "/no/such/file"}, "EDGESEG_GEO_DB"),
        ({"workers": 2, "catalogue": "products.txt"}, "EDGESEG_CATALOGUE"),
    ]
    services = [Service(tmp_path / str(at), **each) for at, (each, _says) in enumerate(wrong)]  # type: ignore[arg-type]
    for service in services:  # all at once: most of it is waiting for Python to start
        service.launch()
    for service, (_settings, says) in zip(services, wrong, strict=True):
        assert service.wait() == 2
        assert says in service.output()
        assert "Traceback" not in service.output()


def test_a_taken_port_is_said_at_once(new_service: StartService) -> None:
    """A second service on the same port ends with a message and leaves the first alone."""
    first = new_service().start()
    done = subprocess.run(
        [sys.executable, "-m", "edgeseg", "serve", "--port", str(first.port)],
        env={"PATH": "", "EDGESEG_DATA_DIR": f"{first.data_dir}-2", "EDGESEG_RULES": "x"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "--port" in done.stderr
    assert _is_listening(first)


@pytest.fixture
def heard_hang_up() -> Iterator[None]:
    """Let programs hear SIGHUP, which those that are started below ``nohup`` ignore."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("heard_hang_up")
@pytest.mark.parametrize(
    ("workers", "number"),
    [(1, signal.SIGINT), (2, signal.SIGTERM), (1, signal.SIGHUP), (2, signal.SIGHUP)],
)
def test_a_signal_stops_service_and_store(
    new_service: StartService, workers: int, number: signal.Signals
) -> None:
    """Asked to end, the service ends with code 0 and takes its embedded store along."""
    service = new_service(workers=workers).start()
    store = service.store_pid()
    with httpx.Client(base_url=service.url, timeout=20) as client:
        view_page(client, consent=GRANTED)
        if number is signal.SIGHUP:  # a terminal that is closed tells all of them
            service.hang_up()
        else:
            service.signal(number)
        assert service.wait() == 0
    assert not is_running(store)
    assert not (service.data_dir / "valkey.sock").exists()
    assert not _is_listening(service)
    assert "Traceback" not in service.output()


@pytest.mark.usefixtures("heard_hang_up")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_command_that_is_told_to_end_takes_its_store_along(
    tmp_path: Path, number: signal.Signals
) -> None:
    """As Ctrl-C does; else the server of `replay` would stay, without anybody to stop it."""
    store = EmbeddedServer(tmp_path / "data")
    line = b'{"visitor": "v", "timestamp": "2026-01-01T00:00:00Z", "url": "https://localhost/"}\n'
    command = [sys.executable, "-m", "edgeseg", "replay", "-", "--consent", "marketing"]
    clean = {name: text for name, text in os.environ.items() if not name.startswith("EDGESEG_")}
    clean |= {"EDGESEG_DATA_DIR": str(store.directory), "EDGESEG_RULES": str(RULES)}
    clean |= {"EDGESEG_TEMPLATES": str(TEMPLATES)}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=clean, stdin=pipe, stderr=pipe, bufsize=0) as replay:
        assert replay.stdin is not None
        replay.stdin.write(100 * line)  # it begins with a full buffer
        wait_for(store.is_answering, 30, "the store answers")
        pid = int((store.directory / "valkey.pid").read_text("ascii"))
        replay.send_signal(number)
        with suppress(BrokenPipeError):
            while replay.poll() is None:
                replay.stdin.write(line)
        assert replay.wait() == 1
        assert replay.stderr is not None
        assert b"Traceback" not in replay.stderr.read()
    assert not is_running(pid)


@pytest.mark.parametrize("workers", [1, 2])
def test_profiles_survive_a_killed_service(new_service: StartService, workers: int) -> None:
    """After kill -9 the next start takes the data over; visitors are still who they were."""
    service = new_service(workers=workers).start()
    with httpx.Client(base_url=service.url, timeout=20) as client:
        visitor = visitor_of(view_page(client, ACCOUNT, consent=GRANTED))
        store = service.store_pid()
        service.kill()
        assert is_running(store)
        service.start()
        again = view_page(client)
    assert visitor_of(again) == visitor
    assert PROSPECTS in again.json()["segments"]
    assert service.store_pid() == store


def test_workers_do_not_outlive_a_killed_supervisor(new_service: StartService) -> None:
    """With only the main process killed its workers end by themselves and free the port."""
    service = new_service(workers=2).start()
    with httpx.Client(base_url=service.url, timeout=20) as client:
        visitor = visitor_of(view_page(client, consent=GRANTED))
        cookies = dict(client.cookies)
    service.signal(signal.SIGKILL)
    service.wait()
    wait_for(lambda: not _is_listening(service), 10, "the workers have ended")
    service.start()
    with httpx.Client(base_url=service.url, timeout=20, cookies=cookies) as client:
        assert visitor_of(view_page(client)) == visitor


def test_profiles_survive_a_clean_restart(new_service: StartService) -> None:
    """Stopped and started again, everything is as it was, the cookie's secret included."""
    service = new_service().start()
    with httpx.Client(base_url=service.url, timeout=20) as client:
        visitor = visitor_of(view_page(client, ACCOUNT, consent=GRANTED))
        service.signal(signal.SIGTERM)
        service.wait()
        service.start()
        again = view_page(client)
    assert visitor_of(again) == visitor
    assert PROSPECTS in again.json()["segments"]


@pytest.mark.parametrize("workers", [1, 2])
def test_a_request_under_way_is_finished_before_the_end(
    new_service: StartService, workers: int
) -> None:
    """SIGTERM lets a request whose body is still coming be answered; new ones are refused."""
    service = new_service(workers=workers).start()
    body = b'{"page": {"url": "%s"}}' % HOME.encode()
    head = (
        b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        b"Content-Length: %d\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        connection.sendall(head % len(body) + body[:5])
        assert connection.recv(100).startswith(b"HTTP/1.1 100")  # it is under way
        service.signal(signal.SIGTERM)
        wait_for(lambda: not _is_listening(service), 10, "no new connections are taken")
        connection.sendall(body[5:])
        assert connection.recv(100).startswith(b"HTTP/1.1 200")
    assert service.wait() == 0
