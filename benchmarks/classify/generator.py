"""The load: wrk, on a core of its own."""

import shutil
import subprocess
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.classify.serving import CannotRun, pin

CONNECTIONS: Final = 64
_SCRIPT: Final = Path(__file__).with_name("requests.lua")


class Load(msgspec.Struct, frozen=True):
    """What one run of wrk reports; ``bad`` counts answers over 399 and failed connections."""

    requests: int
    duration_us: int
    p50_us: int
    p99_us: int
    bad: int


def generate(
    port: int,
    cookies: Path | None,
    seconds: float,
    core: int | None,
    face: str,
    connections: int = CONNECTIONS,
) -> Load:
    """Send requests as fast as they are answered.

    Args:
        port: where the server listens.
        cookies: file of the visitors' cookies, one a line; None for plain GET requests.
        seconds: for how long.
        core: to run on, None for any.
        face: ``classify``, ``fragment``, ``flag``, ``view``, ``slots``, ``flags``,
            ``unleash`` or ``unleash-all``, see `requests.lua`.
        connections: each sends its next request when the last one is answered.

    Raises:
        CannotRun: wrk is not installed or failed.
    """
    wrk = shutil.which("wrk")
    if wrk is None:
        raise CannotRun("wrk is needed (Debian: apt-get install wrk; macOS: brew install wrk)")
    command = [
        wrk, "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--timeout", "10s",
        "-s", str(_SCRIPT), f"http://127.0.0.1:{port}/", "--", str(cookies or ""), face,
    ]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if core is not None:
        pin(process.pid, core)
    output, _none = process.communicate()
    result = output.rpartition("RESULT ")[2]
    if process.returncode or result == output:
        raise CannotRun(f"wrk failed: {output}")
    return msgspec.json.decode(result, type=Load)
