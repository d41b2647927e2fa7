"""`healthcheck` and the settings of the demo; serving itself is tested over real HTTP."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from edgeseg.cli.serve import demo_settings
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
