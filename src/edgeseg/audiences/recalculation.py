"""Recalculate: let all stored profiles catch up with the rules, beside live traffic.

Any number of processes share one recalculation through a note in the store; each takes
pages of profiles from it (see `sweep_progress`), so that it goes on whoever ends.
"""

import asyncio
import secrets
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import tzinfo
from time import perf_counter
from typing import Final, TypeVar

import msgspec

from edgeseg.audiences.pace import Pace
from edgeseg.audiences.rule_diff import held_segments
from edgeseg.audiences.sweep_progress import (
    LEASE_MS,
    Counts,
    Page,
    Progress,
    advance,
    begin,
    finish,
    renew,
    take,
)
from edgeseg.clock import Clock
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.errors import StoreError
from edgeseg.profiles.redis_sweep import Place, RedisSweep, Standing, Visited

PAGE_KEYS: Final = 1_000
"""About so many profiles are one page."""
PORTION: Final = 50
"""Profiles that are read and replaced at once; between portions others have their turn."""
_LOOK_AGAIN_S: Final = 0.25
_RETRIES: Final = 20
_RETRY_S: Final = 0.5
_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Progress)

Found = TypeVar("Found")


class Recalculation:
    """One process's part in it."""

    def __init__(
        self,
        sweep: RedisSweep,
        rules: Snapshot,
        *,
        time_zone: tzinfo,
        consent_ms: int,
        clock: Clock,
        pace: Pace,
        report: bool = False,
    ) -> None:
        """Prepare; nothing happens before `run`.

        Args:
            sweep: opened.
            rules: that the profiles are to follow.
            time_zone: of the site.
            consent_ms: how long a consent is good, 0 for ever.
            clock: answers the current instant.
            pace: how fast to go.
            report: whether to count the members of each segment.
        """
        self._sweep = sweep
        self._rules = rules
        self._time_zone = time_zone
        self._consent_ms = consent_ms
        self._clock = clock
        self._pace = pace
        self._report = report
        self._note = sweep.note("recalculation-report" if report else "recalculation")

    async def run(
        self, tell: Callable[[Progress], None] = lambda _progress: None, *, restart: bool = False
    ) -> Progress:
        """Work until all profiles are done, by this process or others; answer the whole.

        Args:
            tell: called with what has been done, now and then.
            restart: whether to begin anew where one is under way.

        Raises:
            StoreError: the store fails for long, or the rules of a later one took over.
        """
        progress = await self._join(restart=restart)
        own = progress.id
        while not progress.is_done:
            page = await self._patiently(lambda: self._take(own))
            if page is None:
                await asyncio.sleep(_LOOK_AGAIN_S)
                progress = await self._look(own)
            else:
                progress = await self._work(own, page)
            tell(progress)
        return progress

    async def _join(self, *, restart: bool) -> Progress:
        places = await self._sweep.places()
        fresh = begin(
            secrets.token_hex(8),
            self._rules.version,
            [Page(*place) for place in places],
            total=await self._sweep.count_keys(),
            now_ms=self._clock(),
        )

        def join(text: bytes) -> bytes:
            known = _decoder.decode(text) if text else None
            is_over = known is None or known.is_done or known.rules != fresh.rules
            if known is None or is_over or restart:
                return _encoder.encode(fresh)
            joined = msgspec.structs.replace(known, processes=known.processes + 1)
            return _encoder.encode(joined)

        return _decoder.decode(await self._note.change(join))

    async def _work(self, own: str, page: Page) -> Progress:
        place = Place(page.node, page.life, page.cursor)
        following, keys = await self._patiently(lambda: self._sweep.scan(place, PAGE_KEYS))
        if following is not None:
            after = Page(*following)
            await self._patiently(lambda: self._change(own, lambda it: advance(it, page, after)))
        counts = Counts()
        renewed_ms = self._clock()
        for portion in _portions(keys, self._pace.portion(PORTION)):
            counts += await self._visit(place, portion)
            if self._clock() - renewed_ms > LEASE_MS // 3:
                renewed_ms = self._clock()
                await self._patiently(lambda: self._renew(own, page))
        return await self._patiently(lambda: self._change(own, lambda it: finish(it, page, counts)))

    async def _visit(self, place: Place, keys: Sequence[str]) -> Counts:
        started_s = perf_counter()
        visited = await self._patiently(
            lambda: self._sweep.visit(place, keys, plan=self._rules.plan, now_ms=self._clock())
        )
        counts = self._count(visited)
        took_s, answer_s = perf_counter() - started_s, 0.0
        if self._pace.adapts:
            asked_s = perf_counter()
            await self._patiently(self._sweep.probe)
            answer_s = perf_counter() - asked_s
        pause_s = self._pace.pause_s(len(keys), took_s, answer_s)
        if pause_s > 0:
            await asyncio.sleep(pause_s)
        return counts

    def _count(self, visited: Sequence[Visited]) -> Counts:
        standings = Counter(each.standing for each in visited)
        members: Counter[str] = Counter()
        if self._report:
            now_ms = self._clock()
            for visitor_id, profile, _standing in visited:
                if profile is not None:
                    members.update(
                        held_segments(
                            self._rules,
                            visitor_id,
                            profile,
                            now_ms=now_ms,
                            time_zone=self._time_zone,
                            consent_ms=self._consent_ms,
                        )
                    )
        return Counts(
            looked=len(visited) - standings[Standing.GONE],
            caught_up=standings[Standing.CAUGHT_UP],
            busy=standings[Standing.BUSY],
            unreadable=standings[Standing.UNREADABLE],
            segments=members,
        )

    async def _take(self, own: str) -> Page | None:
        taken: list[Page | None] = [None]

        def take_one(progress: Progress) -> Progress:
            after, taken[0] = take(progress, self._clock())
            return after

        await self._change(own, take_one)
        return taken[0]

    async def _renew(self, own: str, page: Page) -> Progress:
        return await self._change(own, lambda progress: renew(progress, page, self._clock()))

    async def _look(self, own: str) -> Progress:
        return await self._patiently(lambda: self._change(own, lambda progress: progress))

    async def _change(self, own: str, change: Callable[[Progress], Progress]) -> Progress:
        def apply(text: bytes) -> bytes:
            known = _decoder.decode(text) if text else None
            if known is None or known.id != own:
                message = "another recalculation has taken over, of later rules or a restart"
                raise StoreError(message)
            changed = change(known)
            return text if changed is known else _encoder.encode(changed)

        return _decoder.decode(await self._note.change(apply))

    async def _patiently(self, work: Callable[[], Awaitable[Found]]) -> Found:
        """Try again while the store is away for a moment; all that is done may be done twice."""
        for _ in range(_RETRIES):
            try:
                return await work()
            except StoreError as error:
                if type(error) is StoreError:  # an answer, not an absence
                    raise
            await asyncio.sleep(_RETRY_S)
        return await work()


def _portions(keys: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(keys), size):
        yield keys[start : start + size]
