"""`healthcheck` and the settings of the demo; serving itself is tested over real HTTP."""

import fcntl
import os
import socket
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from edgeseg.cli.demo import demo_settings
from edgeseg.cli.serve import own_url, shared_folder
from edgeseg.settings import Settings
from tests.unit.cli.conftest import ROOT, Run


@contextmanager
def _answering(status: int, body: bytes) -> Iterator[str]:
    """Answer every request with this; give the address."""

    class Fixed(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Fixed) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def test_a_ready_service_is_healthy(run: Run) -> None:
    """Ready is code 0, so that a container counts as healthy."""
    with _answering(200, b'{"status": "ready", "rules": "x"}') as address:
        result = run("healthcheck", "--url", address)
    assert result.exit_code == 0
    assert result.output.startswith("ready")


@pytest.mark.parametrize(("status", "body"), [(503, b"{}"), (404, b"no"), (200, b"not JSON")])
def test_any_other_answer_is_unhealthy(run: Run, status: int, body: bytes) -> None:
    """Whatever is not ready is code 1 with a reason."""
    with _answering(status, body) as address:
        result = run("healthcheck", "--url", address)
    assert result.exit_code == 1
    assert "is not ready" in result.stderr


def test_no_answer_is_unhealthy(run: Run) -> None:
    """Where nobody listens, at the configured port, it is code 1 as well."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        result = run("healthcheck", port=str(port))
    assert result.exit_code == 1
    assert f"http://127.0.0.1:{port} is not ready" in result.stderr


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"host": "192.0.2.1"}, "EDGESEG_HOST is an address of this machine"),
        ({"audit_log": "/no/such/folder/audit"}, "EDGESEG_AUDIT_LOG: /no/such/folder/audit"),
    ],
)
def test_what_cannot_work_is_said_before_anything_starts(
    run: Run, settings: dict[str, str], says: str
) -> None:
    """The message names the setting that helps, not another one."""
    result = run("serve", port="0", **settings)
    assert result.exit_code == 2
    assert says in result.stderr
    assert "starting" not in result.stderr


def test_the_demo_has_keys_and_explanations(environment: dict[str, str]) -> None:
    """The demo makes keys to try the calls with, new ones each time."""
    settings, again = (demo_settings(8_800, None, None) for _ in range(2))
    assert settings.public_explain is True
    assert settings.server_keys[0] != again.server_keys[0]
    assert settings.write_keys[0].startswith("write-")
    assert settings.data_dir == environment["EDGESEG_DATA_DIR"]


def test_the_demo_takes_the_rules_it_is_given(environment: dict[str, str], tmp_path: Path) -> None:
    """An option wins over the environment, and that over the samples."""
    assert demo_settings(8_800, None, None).rules == str(ROOT / "rules")
    assert demo_settings(8_800, str(tmp_path), None).rules == str(tmp_path)


def test_the_management_port_is_another_one(run: Run) -> None:
    """On the same port the service would start and fail to listen."""
    result = run("serve", management_port="8080")
    assert result.exit_code == 2
    assert "EDGESEG_MANAGEMENT_PORT: is the service's own port" in result.stderr


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8080"),
        ("0.0.0.0", "http://127.0.0.1:8080"),
        ("::", "http://[::1]:8080"),
        ("fd00::1", "http://[fd00::1]:8080"),
        ("10.0.0.5", "http://10.0.0.5:8080"),
    ],
)
def test_a_service_is_asked_where_it_listens(host: str, url: str) -> None:
    """Nobody answers on loopback where it listens on one other address."""
    assert own_url(Settings(host=host)) == url


def test_the_health_of_a_service_is_asked_where_it_listens(run: Run) -> None:
    """The management port is on the same address."""
    result = run("healthcheck", host="127.0.0.2", management_port="1")
    assert result.exit_code == 1
    assert "http://127.0.0.2:1 is not ready" in result.stderr


def test_what_workers_share_is_locked_as_long_as_they_run() -> None:
    """What is locked in the folder for temporary files is not tidied away after some days."""
    with shared_folder("edgeseg-test-") as folder:
        descriptor = os.open(folder, os.O_RDONLY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(descriptor)
    assert not folder.exists()


def test_what_killed_services_left_is_tidied_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what another service uses, nor what is being made."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in ("edgeseg-test-left", "edgeseg-test-young", "another"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "rules").touch()
    with shared_folder("edgeseg-test-") as used:
        for name in ("edgeseg-test-left", "another", used.name):
            os.utime(tmp_path / name, (0, 0))
        with shared_folder("edgeseg-test-") as mine:
            found = {path.name for path in tmp_path.iterdir()}
    assert found == {"edgeseg-test-young", "another", used.name, mine.name}
