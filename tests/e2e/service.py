"""A running edgeseg, as an operator starts it: a process of its own, on a free port."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx
import redis

from edgeseg.profiles.embedded import EmbeddedServer

ROOT = Path(__file__).parents[2]
RULES = ROOT / "rules"
TEMPLATES = ROOT / "templates"
SERVER_KEY = "server-key-of-the-tests"
WRITE_KEY = "write-key-of-the-tests"
START_S = 60
# Parts of keys that a service writes by itself, later than the calls that they go back to.
_COME_AND_GO = (b"{products}", b":outcomes:", b":lists:claim", b":note:")
Found = TypeVar("Found")


def find_free_port() -> int:
    """Answer a port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(look: Callable[[], Found | None], timeout_s: float, what: str) -> Found:
    """Answer what ``look`` finds, asking again until it finds something."""
    deadline_s = time.monotonic() + timeout_s
    while not (found := look()):
        assert time.monotonic() < deadline_s, f"not within {timeout_s} s: {what}"
        time.sleep(0.02)
    return found


class Service:
    """One ``edgeseg serve`` or ``edgeseg demo``; ``start`` may be called again after an end."""

    def __init__(self, data_dir: Path, *, command: str = "serve", **settings: object) -> None:
        """Choose the command and its settings, named as `Settings` names them."""
        self.data_dir = data_dir
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [sys.executable, "-m", "edgeseg", command, "--port", str(self.port)]
        chosen = {
            "data_dir": data_dir,
            "rules": RULES,
            "templates": TEMPLATES,
            "server_keys": SERVER_KEY,
            "write_keys": WRITE_KEY,
            **settings,
        }
        clean = {name: text for name, text in os.environ.items() if not _is_ours(name)}
        self._environment = clean | {
            f"EDGESEG_{name.upper()}": str(value) for name, value in chosen.items()
        }
        self._log = data_dir.parent / f"{data_dir.name}.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._ready_url = f"{self.url}/readyz"

    def launch(self) -> None:
        """Start the process without waiting for anything."""
        self.data_dir.mkdir(parents=True, exist_ok=True)
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=self.data_dir,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def start(self, *, ready_at: int = 0) -> Self:
        """Start and wait until requests may be sent; ``ready_at`` is the management port."""
        self._ready_url = f"http://127.0.0.1:{ready_at or self.port}/readyz"
        self.launch()
        wait_for(self._is_ready, START_S, f"the service is ready; its output:\n{self.output()}")
        return self

    def output(self) -> str:
        """Answer what it has printed."""
        return self._log.read_text("utf-8", "replace")

    def run(self, *arguments: str) -> str:
        """Answer what a command prints that has the settings of the service."""
        command = [sys.executable, "-m", "edgeseg", *arguments]
        environment = self._environment | {"EDGESEG_PORT": str(self.port)}
        done = subprocess.run(
            command, env=environment, cwd=self.data_dir, capture_output=True, text=True, check=False
        )
        return done.stdout + done.stderr

    def wait(self, timeout_s: float = 20) -> int:
        """Wait for the end; answer the exit code."""
        assert self._process is not None
        return self._process.wait(timeout_s)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the main process, as an operator does."""
        assert self._process is not None
        self._process.send_signal(number)

    def hang_up(self) -> None:
        """Close the terminal: the service and its workers hear of it."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGHUP)

    def kill(self) -> None:
        """End the service and its workers without warning; the embedded store lives on."""
        assert self._process is not None
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(10)

    def close(self) -> None:
        """End whatever is left, the store too, without leaving anything behind."""
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()
        left = EmbeddedServer(self.data_dir)
        if left.socket_path.exists():  # a killed service leaves its store behind
            with left:
                pass  # takes it over, and stops it

    def store(self) -> "redis.Redis":
        """Answer a client of the embedded store; the caller closes it."""
        return redis.Redis(unix_socket_path=str(EmbeddedServer(self.data_dir).socket_path))

    def worker_pids(self) -> set[int]:
        """Answer the process ids of the workers; with one worker there is no process of its own."""
        assert self._process is not None
        parent = str(self._process.pid)
        listed = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="],
            capture_output=True,
            text=True,
            check=True,
        )
        rows = [line.split(None, 2) for line in listed.stdout.splitlines()]
        return {int(pid) for pid, above, what in rows if above == parent and "spawn_main" in what}

    def store_pid(self) -> int:
        """Answer the process id of the embedded store."""
        return int((self.data_dir / "valkey.pid").read_text("ascii"))

    def keys(self) -> set[bytes]:
        """Answer every key in the embedded store, whatever its prefix.

        But for `_COME_AND_GO`: those of tests before may be written or expire at any time.
        """
        with self.store() as client:
            found = client.scan_iter(count=1_000)
            return {key for key in found if not any(part in key for part in _COME_AND_GO)}

    def status(self) -> dict[str, Any]:
        """Answer ``/status``."""
        answer = httpx.get(f"{self.url}/status", timeout=5)
        assert answer.status_code == 200, answer.text
        body: dict[str, Any] = answer.json()
        return body

    def count(self, metric: str) -> float:
        """Answer the sum of one metric of ``/metrics`` over its labels."""
        lines = httpx.get(f"{self.url}/metrics", timeout=5).text.splitlines()
        named = [line for line in lines if line.partition("{")[0].partition(" ")[0] == metric]
        return sum(float(line.rpartition(" ")[2]) for line in named)

    def _is_ready(self) -> bool:
        assert self._process is not None
        ended = self._process.poll()
        assert ended is None, f"the service ended with code {ended}:\n{self.output()}"
        try:
            return httpx.get(self._ready_url, timeout=2).status_code == 200
        except httpx.TransportError:
            return False


def is_running(pid: int) -> bool:
    """Tell whether a process lives; one that ended and waits to be reaped does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
    except FileNotFoundError:
        if Path("/proc/self").exists():
            return False
        state = ""
    if state:
        return state != "Z"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def _is_ours(variable: str) -> bool:
    return variable.startswith("EDGESEG_") or variable == "PROMETHEUS_MULTIPROC_DIR"
