"""The management port: health and metrics where visitors cannot ask for them."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from litestar import Litestar
from litestar.types import Receive, Scope, Send
from uvicorn.server import ServerState

from edgeseg.delivery.door import head_as_get


@asynccontextmanager
async def listening(app: Litestar, host: str, port: int) -> AsyncIterator[None]:
    """Answer ``app`` on a port of its own, in this loop.

    Every worker listens on the same port; the system chooses one for each connection.

    Raises:
        OSError: the port cannot be had.
    """

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        await app(head_as_get(scope), receive, send)

    config = uvicorn.Config(
        answer,
        http="httptools",
        lifespan="off",
        access_log=False,
        log_config=None,
    )
    config.load()
    state = ServerState()

    def connect() -> asyncio.Protocol:
        protocol: Any = config.http_protocol_class
        return protocol(config=config, server_state=state, app_state={})  # type: ignore[no-any-return]

    server = await asyncio.get_running_loop().create_server(connect, sock=_bind(host, port))
    try:
        yield
    finally:
        server.close()
        for connection in list(state.connections):
            connection.shutdown()
        await server.wait_closed()


def _bind(host: str, port: int) -> socket.socket:
    """Take the port as the service's own is taken: ``::`` is for IPv4, too, where it may be."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
