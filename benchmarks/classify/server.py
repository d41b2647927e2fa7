"""Runs one contender: ``python -m benchmarks.classify.server FACTORY PORT PROTOCOL [REPORT]``.

With a file for a report it also notes its pauses, see `benchmarks.latency.pauses`.
"""

import sys
from pathlib import Path

import uvicorn
from uvicorn.importer import import_from_string

from benchmarks.latency.pauses import WatchedServer

factory, port, protocol, *report = sys.argv[1:]
config = uvicorn.Config(
    factory,
    factory=True,
    port=int(port),
    loop="uvloop",
    http=import_from_string(protocol),
    access_log=False,
    log_level="warning",
    proxy_headers=False,
    server_header=False,
)
(WatchedServer(config, Path(report[0])) if report else uvicorn.Server(config)).run()
