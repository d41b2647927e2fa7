"""Connections without sockets: bytes go straight into the HTTP protocol, and answers come back."""

import asyncio
from collections.abc import Sequence
from typing import Any

import uvicorn
from uvicorn.importer import import_from_string
from uvicorn.server import ServerState

from benchmarks.classify.serving import CannotRun

DATE = (b"date", b"Sun, 22 Nov 2026 00:00:00 GMT")


class _Transport(asyncio.Transport):
    """Stands for a socket: collects an answer, and says when it has come."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 5_000), "sockname": ("127.0.0.1", 8_000)})
        self._answer = b""
        self._waiting: asyncio.Future[None] | None = None

    def write(self, data: Any) -> None:  # noqa: ANN401 - whatever is like bytes
        self._answer += data
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        raise CannotRun(f"the connection is ended, with {self._answer[:500]!r}")

    def pause_reading(self) -> None:
        """Do nothing: the next request comes after the answer."""

    def resume_reading(self) -> None:
        """Do nothing: the next request comes after the answer."""

    async def take_answer(self) -> bytes:
        """Wait for the answer, which a protocol may write in several parts."""
        while not _is_whole(self._answer):
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        answer, self._answer = self._answer, b""
        return answer


class Lanes:
    """Several connections to one application, each with one request at a time."""

    def __init__(self, app: object, protocol: str, count: int) -> None:
        """Connect ``count`` times; ``protocol`` is ``module:class``."""
        made = import_from_string(protocol)
        config = uvicorn.Config(
            app,  # type: ignore[arg-type]
            loop="uvloop",
            http=made,
            access_log=False,
            log_level="warning",
            proxy_headers=False,
            server_header=False,
            lifespan="off",
        )
        config.load()
        state = ServerState()
        state.default_headers = [DATE]
        self._lanes = []
        for _ in range(count):
            lane = made(config=config, server_state=state, app_state={}), _Transport()
            lane[0].connection_made(lane[1])
            self._lanes.append(lane)

    async def send_all(self, requests: Sequence[bytes]) -> list[bytes]:
        """Send requests, the n-th over lane n modulo their number; answer the answers.

        Raises:
            CannotRun: one was not answered with status 200, or without the visitor's profile.
        """
        shares = [requests[at :: len(self._lanes)] for at in range(len(self._lanes))]
        found = await asyncio.gather(*map(self._send, range(len(shares)), shares))
        return [answer for each in found for answer in each]

    async def _send(self, lane: int, requests: Sequence[bytes]) -> list[bytes]:
        protocol, transport = self._lanes[lane]
        answers = []
        for request in requests:
            protocol.data_received(request)
            answer = await transport.take_answer()
            if not answer.startswith(b"HTTP/1.1 200 ") or _is_degraded(answer):
                raise CannotRun(f"answered with {answer[:500]!r}")
            answers.append(answer)
        return answers


def _is_whole(answer: bytes) -> bool:
    head, end, body = answer.partition(b"\r\n\r\n")
    if not end:
        return False
    length = head.lower().partition(b"\r\ncontent-length: ")[2].partition(b"\r\n")[0]
    return len(body) >= int(length)


def _is_degraded(answer: bytes) -> bool:
    return b'"degraded":true' in answer or b"; degraded" in answer
