"""A worker loads what it needs, and nothing that takes memory for others."""

import subprocess
import sys

_OTHERS = ("edgeseg.cli", "rich", "rich_click", "jwt", "httpx", "maxminddb", "pyarrow", "locust")
_LOAD = f"""
import sys
import edgeseg.__main__  # as multiprocessing does in each worker
import edgeseg.app
print(*(name for name in {_OTHERS} if name in sys.modules))
"""


def test_a_worker_does_not_load_what_others_need() -> None:
    """Neither the command line, nor libraries of what is switched off."""
    loaded = subprocess.run([sys.executable, "-c", _LOAD], capture_output=True, check=True)
    assert loaded.stdout.split() == []
