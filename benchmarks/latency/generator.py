"""Load that does not wait, from a process of its own on the core beside the server's."""

import subprocess
import sys
from typing import Final

import msgspec

from benchmarks.classify.serving import CannotRun, pin
from benchmarks.latency.open_loop import Waits
from benchmarks.service import OTHER_CORE

OPEN_LOOP: Final = "benchmarks.latency.open_loop"


def send(module: str, *arguments: object) -> Waits:
    """Run a module that prints `Waits`, such as `OPEN_LOOP`.

    Raises:
        CannotRun: it failed.
    """
    command = [sys.executable, "-m", module, *map(str, arguments)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    pin(process.pid, OTHER_CORE)
    output, _none = process.communicate()
    if process.returncode:
        raise CannotRun(f"{module} failed")
    return msgspec.json.decode(output, type=Waits)
