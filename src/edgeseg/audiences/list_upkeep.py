"""Lists are kept in step in the background: with files, and with visitors who came since."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Final, NamedTuple, TypeAlias

from edgeseg.audiences.list_figures import ListFigures
from edgeseg.clock import Clock
from edgeseg.errors import EdgesegError, InputError, StoreError, TooLargeError
from edgeseg.profiles.list_store import ListStatus, ListStore

_MAX_DUE: Final = 100
_log = logging.getLogger(__name__)


class Edition(NamedTuple):
    """What a source says now.

    Attributes:
        members: visitor ids, in portions; raises `InputError` where it cannot read them.
        tag: what the source calls this state, "" where it does not.
    """

    members: AsyncIterator[Sequence[str]]
    tag: str = ""


class ListSource(NamedTuple):
    """Where a list comes from.

    Attributes:
        name: of the list.
        source: what it is called, for people.
        mark: changes whenever the members do.
        open: reads it, if it is no longer what it once called by a tag; None if it is. Raises
            `InputError` where it cannot.
        every_ms: how long they are taken to stay the same under one mark, None for ever.
    """

    name: str
    source: str
    mark: str
    open: Callable[[str], AbstractAsyncContextManager[Edition | None]]
    every_ms: int | None = None

    def is_of(self, known: ListStatus | None) -> bool:
        """Tell whether that is ``known`` of its list since it was read, in this state or not."""
        return known is not None and (known.source, known.mark) == (self.source, self.mark)

    def is_due(self, known: ListStatus | None, now_ms: int) -> bool:
        """Tell whether to read it, if that is ``known`` of its list."""
        if known is None or not self.is_of(known):
            return True
        is_fresh = self.every_ms is None or now_ms < known.put_ms + self.every_ms
        return bool(known.error) or not is_fresh


FindSources: TypeAlias = Callable[[], Iterable[ListSource]]
"""Answers all sources; raises `InputError` where they cannot be looked for."""


class ListUpkeep:
    """Applies lists that were put here at once, and all lists now and then, by one process."""

    def __init__(
        self,
        lists: ListStore,
        clock: Clock,
        every_s: float,
        find_sources: FindSources = tuple,
        figures: ListFigures | None = None,
    ) -> None:
        """Look after all ``lists`` every ``every_s``, 0 for never.

        Those that ``find_sources`` answers are put anew when they have changed, or are due.
        Sizes and failures are told to ``figures``.
        """
        self._lists = lists
        self._clock = clock
        self._every_s = every_s
        self._find_sources = find_sources
        self._figures = figures
        self._due: asyncio.Queue[str] = asyncio.Queue(_MAX_DUE)

    def note(self, name: str) -> None:
        """Let a list be applied soon; where too many are due, it is with all others."""
        with suppress(asyncio.QueueFull):
            self._due.put_nowait(name)

    async def run(self) -> None:
        """Work until cancelled."""
        now_s = asyncio.get_running_loop().time
        name, due_s = "", None  # all of them, at the start
        while True:
            try:
                if name:
                    await self._lists.apply(name, now_ms=self._clock())
                elif self._every_s and await self._lists.claim(int(self._every_s * 900)):
                    await self.look_after_all()
            except StoreError as error:
                _log.warning("lists could not be applied, they will be later: %s", error)
            except Exception:  # noqa: BLE001 - the upkeep must outlive whatever one turn meets
                _log.exception("looking after the lists failed")
            if not name and self._every_s:
                due_s = now_s() + self._every_s
            name = ""
            if due_s is None or now_s() < due_s:
                with suppress(TimeoutError):
                    async with asyncio.timeout_at(due_s):
                        name = await self._due.get()

    async def look_after_all(self) -> None:
        """Put what has changed at its source, and apply all lists."""
        known = {each.name: each for each in await self._lists.all()}
        for source in self._sources():
            if source.is_due(last := known.get(source.name), self._clock()):
                await self._read(source, last.tag if last and source.is_of(last) else "")
        for each in await self._lists.all():
            await self._lists.apply(each.name, now_ms=self._clock())
        if self._figures:
            self._figures.show(await self._lists.all())

    def _sources(self) -> Iterable[ListSource]:
        try:
            return list(self._find_sources())
        except InputError as error:  # the lists that there are go on
            _log.warning("lists are not in step with their sources: %s", error)
            return ()

    async def _read(self, source: ListSource, tag: str) -> None:
        name, now_ms = source.name, self._clock()
        try:
            async with source.open(tag) as edition:
                if edition is None:
                    await self._lists.confirm(name, now_ms=now_ms)
                else:
                    told = {"source": source.source, "mark": source.mark, "tag": edition.tag}
                    await self._lists.put(name, edition.members, now_ms=now_ms, **told)
        except StoreError:
            raise
        except EdgesegError as error:
            _log.warning("the list %s is not in step with %s: %s", name, source.source, error)
            if self._figures:
                self._figures.count_failure(name)
            with suppress(TooLargeError):  # one list too many: the log tells of it
                await self._lists.fail(name, str(error))
