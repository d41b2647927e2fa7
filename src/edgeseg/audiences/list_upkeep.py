"""Lists are applied in the background: after each change, and for visitors who came since."""

import asyncio
import logging
from contextlib import suppress
from typing import Final

from edgeseg.clock import Clock
from edgeseg.errors import StoreError
from edgeseg.profiles.list_store import ListStore

_MAX_DUE: Final = 100
_log = logging.getLogger(__name__)


class ListUpkeep:
    """Applies lists that were put here at once, and all lists now and then, by one process."""

    def __init__(self, lists: ListStore, clock: Clock, every_s: float) -> None:
        """Look after all ``lists`` every ``every_s``, 0 for never."""
        self._lists = lists
        self._clock = clock
        self._every_s = every_s
        self._due: asyncio.Queue[str] = asyncio.Queue(_MAX_DUE)

    def note(self, name: str) -> None:
        """Let a list be applied soon; where too many are due, it is with all others."""
        with suppress(asyncio.QueueFull):
            self._due.put_nowait(name)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            name = ""
            with suppress(TimeoutError):
                async with asyncio.timeout(self._every_s or None):
                    name = await self._due.get()
            try:
                await self._apply([name] if name else await self._all())
            except StoreError as error:
                _log.warning("lists could not be applied, they will be later: %s", error)

    async def _all(self) -> list[str]:
        if not await self._lists.claim(int(self._every_s * 900)):
            return []
        return [each.name for each in await self._lists.all()]

    async def _apply(self, names: list[str]) -> None:
        for name in names:
            await self._lists.apply(name, now_ms=self._clock())
