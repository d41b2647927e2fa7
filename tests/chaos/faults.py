"""Faults, one at a time and by chance, each taken back before the next one."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from edgeseg.profiles.embedded import EmbeddedServer
from tests.chaos.traffic import Visitor
from tests.conformance.fault_proxy import Fault, FaultProxy
from tests.e2e.service import Service

_NETWORK = (Fault.RESET, Fault.TRUNCATED, Fault.HALF_CLOSED, Fault.SLOW, Fault.BLACK_HOLE)


class Faults:
    """Does harm.

    Attributes:
        done: fault → how often.
        journal: when each began, seconds from the start.
    """

    def __init__(
        self,
        service: Service,
        store: EmbeddedServer,
        proxy: FaultProxy,
        rules: Path,
        chance: random.Random,
    ) -> None:
        """Know where to hit."""
        self._service, self._store, self._proxy = service, store, proxy
        self._broken = rules / "segments-broken.yaml"
        self._chance = chance
        self._started_s = time.monotonic()
        self.done = Counter[str]()
        self.journal: list[str] = []
        self._kinds: list[Callable[[], Awaitable[None]]] = [
            self._freeze_store,
            self._kill_store,
            self._kill_worker,
            self._break_rules,
            self._break_network,
        ]

    async def strike(self, visitors: list[Visitor], stopped: asyncio.Event, calm_s: float) -> None:
        """Do every kind once, then any of them, with pauses of about ``calm_s``, until stopped."""
        order = self._chance.sample(self._kinds, len(self._kinds))
        while not stopped.is_set():
            fault = order.pop() if order else self._chance.choice(self._kinds)
            name = fault.__name__.strip("_").replace("_", " ")
            self.done[name] += 1
            self.journal.append(f"{time.monotonic() - self._started_s:.1f} {name}")
            async with asyncio.TaskGroup() as both:
                both.create_task(fault())
                both.create_task(self._chance.choice(visitors).leave_early())
            with suppress(TimeoutError):
                async with asyncio.timeout(calm_s * self._chance.uniform(0.5, 1.5)):
                    await stopped.wait()

    def mend(self) -> None:
        """Take back what an interrupted fault has left."""
        self._proxy.fault = Fault.NONE
        self._broken.unlink(missing_ok=True)
        if self._store.is_alive():
            os.kill(self._store.pid, signal.SIGCONT)
        else:
            self._store.start()

    async def _freeze_store(self) -> None:
        os.kill(self._store.pid, signal.SIGSTOP)
        await asyncio.sleep(self._chance.uniform(0.1, 1.5))
        os.kill(self._store.pid, signal.SIGCONT)

    async def _kill_store(self) -> None:
        os.kill(self._store.pid, signal.SIGKILL)
        while self._store.is_alive():  # noqa: ASYNC110 - it looks at a process
            await asyncio.sleep(0.01)
        await asyncio.sleep(self._chance.uniform(0, 1))
        await asyncio.to_thread(self._store.start)

    async def _kill_worker(self) -> None:
        workers = await asyncio.to_thread(self._service.worker_pids)
        if workers:
            os.kill(self._chance.choice(sorted(workers)), signal.SIGKILL)

    async def _break_rules(self) -> None:
        self._broken.write_text("segments: [{id: ", "utf-8")
        await asyncio.sleep(self._chance.uniform(0.2, 1))
        self._broken.unlink()

    async def _break_network(self) -> None:
        self._proxy.fault = self._chance.choice(_NETWORK)
        await asyncio.sleep(self._chance.uniform(0.1, 1))
        self._proxy.fault = Fault.NONE
