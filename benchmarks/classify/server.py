"""Runs one contender: ``python -m benchmarks.classify.server FACTORY PORT PROTOCOL``."""

import sys

import uvicorn
from uvicorn.importer import import_from_string

factory, port, protocol = sys.argv[1:]
uvicorn.run(
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
