"""The load test itself, for a few seconds: it must not rot between the times it is run."""

import csv
import json
import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAX = {
    "LOAD_MAX_P95_MS": "5000",
    "LOAD_MAX_P99_MS": "5000",
    "LOAD_MAX_P999_MS": "5000",
    "LOAD_MAX_DEGRADED_RATIO": "1",
}
"""Times are not judged beside other tests."""


def _run(results: Path, *arguments: object) -> dict[str, float]:
    command = [sys.executable, "loadtests/run.py", *map(str, arguments), "--results", str(results)]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **LAX}, capture_output=True, text=True, timeout=100,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    assert "Load test passed" in done.stdout
    outcome: dict[str, float] = json.loads((results / "outcome.json").read_text("utf-8"))
    return outcome


@pytest.mark.parametrize(
    "shape",
    [
        "spike",
        *(pytest.param(each, marks=pytest.mark.long) for each in ("steady", "ramp", "steps")),
    ],
)
def test_the_load_profile_runs_without_a_failed_request(tmp_path: Path, shape: str) -> None:
    """Browsers, content servers, SDKs and flag clients speak the service's protocols."""
    _run(tmp_path, "--shape", shape, "--duration-s", 4, "--browsers", 30)
    assert (tmp_path / "report.html").exists()
    with (tmp_path / "latencies.csv").open(encoding="utf-8") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    paths = {"/v1/classify", "/v1/fragment/{slot}", "/v1/batch", "/ofrep/v1/evaluate/flags"}
    assert set(rows) == {*paths, "all"}
    assert float(rows["all"]["p99.9 ms"]) >= float(rows["all"]["p50 ms"]) > 0


def test_an_open_loop_sees_what_a_closed_one_hides(tmp_path: Path) -> None:
    """A server frozen for 2 s delays one request of each waiting user, and all that are due.

    Judged at the 95th percentile, and against each other: a loaded machine makes few requests
    in a closed loop, of which the four that wait may be more than one in a hundred, and all
    of them slower.
    """
    frozen = ("--duration-s", 5, "--freeze-s", 2)
    with ThreadPoolExecutor(2) as both:  # at the same time: each has a server of its own
        running = both.submit(_run, tmp_path / "closed", *frozen, "--browsers", 4, "--pause-s", 0.1)
        opened = _run(tmp_path / "open", *frozen, "--open-loop", 40, "--workers", 2)
        closed = running.result()
    assert 2 * closed["p95_ms"] < opened["p95_ms"]


def test_an_access_log_is_replayed_with_its_pacing(tmp_path: Path) -> None:
    """Page views come as they did, only faster; assets and errors stay out."""
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    lines = [
        f"192.0.2.{number} - - [{begin + timedelta(seconds=number):%d/%b/%Y:%H:%M:%S +0000}] "
        f'"GET {target} HTTP/1.1" 200 1 "-" "Mozilla/5.0"'
        for number, target in enumerate(["/accounts", "/a.png", "/shop", "/late"] * 5)
    ]
    log = tmp_path / "access.log"
    log.write_text("\n".join(lines) + "\n", "utf-8")
    outcome = _run(tmp_path, "--replay", log, "--speed", 10, "--duration-s", 1.0)
    views_within_the_first_ten_seconds = 7
    assert outcome["requests"] == views_within_the_first_ten_seconds


class _Stranger(BaseHTTPRequestHandler):
    """Another server: everything is 200, and nothing is an answer of ours."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"[]")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_the_master_of_several_generators_judges_by_the_figures_of_all(tmp_path: Path) -> None:
    """Two workers visit another server: the master sees their requests, and that all failed."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Stranger) as stranger:
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        host = f"http://127.0.0.1:{stranger.server_port}"
        command = [sys.executable, "-m", "locust", "--locustfile", "loadtests/locustfile.py"]
        command += ["--headless", "--processes", "2", "--users", "4"]
        command += ["--spawn-rate", "4", "--run-time", "4s"]  # in 1 s a busy machine asks nothing
        done = subprocess.run(
            [*command, "--host", host, "Browser"], cwd=ROOT, capture_output=True, text=True,
            env={**os.environ, **LAX, "LOAD_RESULTS": str(tmp_path)}, timeout=60, check=False,
        )  # fmt: skip
        stranger.shutdown()
    assert done.returncode == 1, f"{done.stdout}\n{done.stderr}"
    assert "FAILED: failure_ratio 1 is over 0" in done.stdout
    outcome = json.loads((tmp_path / "outcome.json").read_text("utf-8"))
    with (tmp_path / "latencies.csv").open(encoding="utf-8") as file:
        classified, together = csv.DictReader(file)
    assert outcome["requests"] == float(classified["requests"]) == float(together["requests"]) > 0
