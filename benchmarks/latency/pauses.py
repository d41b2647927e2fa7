"""What holds up every request of a server: the garbage collector, and long turns of the loop."""

import asyncio
import gc
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from socket import socket
from time import perf_counter, thread_time
from typing import Final

import msgspec
import uvicorn

TICK_S: Final = 0.001


class Pauses(msgspec.Struct, kw_only=True):
    """Of one server since it was up, milliseconds.

    Attributes:
        collections: how often garbage was looked for.
        collector_ms: the longest look, in processor time: what other programs take from the
            processor meanwhile is not the collector's fault.
        gap_ms: what a task of the loop that wakes up every millisecond was late by, at most.
        p999_gap_ms: what 999 of 1,000 times it was not later than.
    """

    collections: int = 0
    collector_ms: float = 0.0
    gap_ms: float = 0.0
    p999_gap_ms: float = 0.0


class WatchedServer(uvicorn.Server):
    """Notes its pauses from start-up on, and writes them to a file in the end."""

    def __init__(self, config: uvicorn.Config, report: Path) -> None:
        """Write to ``report``."""
        super().__init__(config)
        self._report = report
        self._gaps: list[float] = []
        self._found = Pauses()
        self._began_s = 0.0

    async def startup(self, sockets: list[socket] | None = None) -> None:
        """Start, then watch."""
        await super().startup(sockets)
        gc.callbacks.append(self._note_collection)
        self._ticking = asyncio.create_task(self._tick())

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        """Report, then end."""
        gc.callbacks.remove(self._note_collection)
        self._ticking.cancel()
        with suppress(asyncio.CancelledError):
            await self._ticking
        gaps = sorted(self._gaps) or [0.0]
        self._found.gap_ms = gaps[-1]
        self._found.p999_gap_ms = gaps[int(len(gaps) * 0.999)]
        self._report.write_bytes(msgspec.json.encode(self._found))
        await super().shutdown(sockets)

    async def _tick(self) -> None:
        while True:
            due_s = perf_counter() + TICK_S
            await asyncio.sleep(TICK_S)
            self._gaps.append(max(0.0, perf_counter() - due_s) * 1_000)

    def _note_collection(self, phase: str, _about: Mapping[str, int]) -> None:
        if phase == "start":
            self._began_s = thread_time()
            return
        took_ms = (thread_time() - self._began_s) * 1_000
        self._found.collections += 1
        self._found.collector_ms = max(self._found.collector_ms, took_ms)
