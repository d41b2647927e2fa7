"""Run the load test headless against a server of its own.

Starts ``edgeseg serve`` with the sample rules on a free port and a temporary data
directory, runs the load, writes a report and figures to ``loadtests/results/`` and
stops the server. Exits 0 when the thresholds held, 1 when one was crossed, 2 when
there was no server to test.
"""

import argparse
import contextlib
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

from plan import Plan
from shapes import SHAPES

HERE = Path(__file__).parent
ROOT = HERE.parent
RESULTS = HERE / "results"
CLOSED = ["Browser", "ContentServer", "EventSender", "FlagClient"]
OPEN = ("OpenLoop", "LogReplay")
START_WITHIN_S = 60.0
STOP_WITHIN_S = 20.0


class ServerFailed(Exception):
    """The server under test did not start or did not stay."""


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_ready(port: int) -> bool:
    """Tell whether the server says it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def wait_until_ready(server: subprocess.Popen[bytes], port: int) -> None:
    """Return once the server is ready.

    Raises:
        ServerFailed: it ended, or was not ready within `START_WITHIN_S`.
    """
    deadline_s = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline_s:
        if server.poll() is not None:
            raise ServerFailed(f"the server ended with exit code {server.returncode}")
        if is_ready(port):
            return
        time.sleep(0.05)
    raise ServerFailed(f"the server was not ready within {START_WITHIN_S:g} s")


def stop(server: subprocess.Popen[bytes]) -> None:
    """Ask the server to drain and end; kill it when it does not."""
    if server.poll() is None:
        server.send_signal(signal.SIGTERM)
        os.killpg(server.pid, signal.SIGCONT)  # frozen, where Locust ended before its time
    try:
        server.wait(STOP_WITHIN_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


@contextlib.contextmanager
def own_server(workers: int, write_key: str, log: Path) -> Iterator[tuple[str, int]]:
    """Run a server for the time of the block; answer its address and process id.

    Raises:
        ServerFailed: it did not start, or had ended by the end of the block.
    """
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="edgeseg-load-") as folder, log.open("wb") as output:
        environment = {
            # Settings of the shell must not reach the server under test.
            **{name: text for name, text in os.environ.items() if name[:8] != "EDGESEG_"},
            "EDGESEG_DATA_DIR": folder,
            "EDGESEG_RULES": str(ROOT / "rules"),
            "EDGESEG_TEMPLATES": str(ROOT / "templates"),
            "EDGESEG_SECRET": secrets.token_hex(32),
            "EDGESEG_WRITE_KEYS": write_key,
            "EDGESEG_WORKERS": str(workers),
            "EDGESEG_VISITOR_RATE": "1000000",  # the most frequent ones never rest
            "EDGESEG_HOST": "127.0.0.1",
            "EDGESEG_PORT": str(port),
        }
        server = subprocess.Popen(
            [sys.executable, "-m", "edgeseg", "serve"],
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a group of its own, for `--freeze-s`
        )
        try:
            wait_until_ready(server, port)
            yield f"http://127.0.0.1:{port}", server.pid
            if server.poll() is not None:
                raise ServerFailed(f"the server ended early, exit code {server.returncode}")
        finally:
            stop(server)


def run_locust(address: str, users: list[str], plan: Plan, results: Path) -> int:
    """Run these users and return the exit code; the report goes to ``results``."""
    command = [sys.executable, "-m", "locust", "--headless", "--only-summary"]
    command += ["--locustfile", str(HERE / "locustfile.py"), "--host", address]
    command += ["--stop-timeout", "5", "--loglevel", "WARNING"]
    command += ["--html", str(results / "report.html"), "--csv", str(results / "load"), *users]
    environment = {**os.environ, **plan.to_environment()}
    if users[0] in OPEN:
        environment["LOAD_OPEN"] = "1"
    timeout_s = plan.duration_s + 60
    return subprocess.run(command, check=False, timeout=timeout_s, env=environment).returncode


def read_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    add = parser.add_argument
    add("--duration-s", type=float, default=30, help="length of the run, seconds")
    add("--shape", choices=SHAPES, default="steady", help="how the load changes in that time")
    add("--browsers", type=float, default=60, help="simulated browsers and servers")
    add("--pause-s", type=float, default=0.5, help="longest rest of a browser between requests")
    add("--open-loop", type=float, metavar="RATE", help="page views a second, come what may")
    add("--replay", metavar="LOG", help="an access log, whose page views come as they did")
    add("--speed", type=float, default=1.0, help="how many times faster than the log")
    add("--freeze-s", type=float, default=0.0, help="freeze the server for so long, mid-run")
    add("--workers", type=int, default=1, help="workers of the server under test")
    add("--results", type=Path, default=RESULTS, help="folder of the report")
    return parser.parse_args()


def users_of(arguments: argparse.Namespace) -> list[str]:
    """Answer the kinds of users that the arguments ask for."""
    if arguments.replay:
        return ["LogReplay"]
    return ["OpenLoop"] if arguments.open_loop else CLOSED


def main() -> int:
    """Run the whole and return the exit code."""
    arguments = read_arguments()
    results: Path = arguments.results
    results.mkdir(parents=True, exist_ok=True)
    log = results / "server.log"
    plan = Plan(
        shape=arguments.shape,
        duration_s=arguments.duration_s,
        load=arguments.open_loop or arguments.browsers,
        pause_s=arguments.pause_s,
        write_key=secrets.token_urlsafe(16),
        log=arguments.replay or "",
        speed=arguments.speed,
        results=str(results),
        freeze_s=arguments.freeze_s,
    )
    try:
        with own_server(arguments.workers, plan.write_key, log) as (address, pid):
            plan = replace(plan, server=pid)
            failed = run_locust(address, users_of(arguments), plan, results)
    except ServerFailed as problem:
        print(f"FAILED: {problem}. Its last words, from {log}:", file=sys.stderr)
        print("\n".join(log.read_text(errors="replace").splitlines()[-15:]), file=sys.stderr)
        return 2
    print(f"Load test {'FAILED' if failed else 'passed'}; report: {results / 'report.html'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
