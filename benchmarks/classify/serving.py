"""Server processes: started on one core, asked for their processor time, ended."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Final
from urllib.request import urlopen

START_WITHIN_S: Final = 120.0
_TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")


class CannotRun(Exception):
    """The benchmark lacks something, or a server did not start."""


def pin(pid: int, core: int) -> None:
    """Keep a process, and what it starts from now on, on one core, where the system can."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(pid, {core})


def processor_s(pid: int) -> float:
    """Answer the processor time that a process has used, 0 where the system does not tell."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return 0.0
    fields = stat.read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK_S


def read_metric(port: int, name: str) -> float:
    """Answer a metric of a running service, summed over its labels; 0 for none of that name."""
    with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
        lines = answer.read().decode().splitlines()
    named = (line for line in lines if line.startswith((f"{name} ", f"{name}{{")))
    return sum(float(line.rpartition(" ")[2]) for line in named)


@contextmanager
def serving(
    factory: str, protocol: str, environment: Mapping[str, str], core: int, *report: str
) -> Iterator[tuple[int, int]]:
    """Run an application factory under uvicorn with a protocol; answer process id and port.

    Args:
        factory: ``module:function``.
        protocol: ``module:class``.
        environment: variables besides those of this process.
        core: to run on.
        report: at most one file, for what the server tells of its pauses in the end.

    Raises:
        CannotRun: it did not start.
    """
    port = free_port()
    module = "benchmarks.classify.server"
    command = [sys.executable, "-m", module, factory, str(port), protocol, *report]
    with running(command, environment, port, core) as pid:
        yield pid, port


def free_port() -> int:
    """Answer a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str], port: int, core: int | None
) -> Iterator[int]:
    """Run a server until it is needed no more; answer its process id once it answers requests.

    Args:
        command: program and arguments.
        environment: variables besides those of this process.
        port: where it is going to listen.
        core: to run on, None for any.

    Raises:
        CannotRun: it did not start.
    """
    process = subprocess.Popen(command, env={**os.environ, **environment})
    try:
        if core is not None:
            pin(process.pid, core)
        _wait_until_answering(process, port)
        yield process.pid
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_answering(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline_s = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline_s and process.poll() is None:
        connection = HTTPConnection("127.0.0.1", port, timeout=1)
        try:
            connection.request("GET", "/")
            connection.getresponse().read()
        except (OSError, HTTPException):
            time.sleep(0.05)
        else:
            return
        finally:
            connection.close()
    raise CannotRun(f"the server on port {port} did not start, exit code {process.poll()}")
