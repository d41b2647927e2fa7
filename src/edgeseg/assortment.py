"""The products as one worker knows them: the catalogue, and a copy of what is counted.

Page views read the copy and leave their counts here; neither waits for the store. A watch
beside them writes the counts in one pipeline and reads the copy anew every few seconds, and
soon after a product was asked about that is not in it.
"""

import asyncio
import logging
import zlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

from edgeseg.catalogue_file import CatalogueFile
from edgeseg.clock import HOUR_MS, Clock
from edgeseg.decisions.catalogue import EMPTY_CATALOGUE, Catalogue
from edgeseg.decisions.catalogue_reader import ReadCatalogue, read_catalogue
from edgeseg.decisions.product_counts import count_events, similarities
from edgeseg.decisions.recommendation import Remembered
from edgeseg.decisions.recommendation_plan import MAX_SEGMENTS
from edgeseg.errors import EdgesegError, InputError, Problem, StoreError
from edgeseg.events.event import Event
from edgeseg.profiles.product_store import (
    BOUGHT_WITH,
    MAX_NEIGHBOURS,
    ORDERS,
    POPULAR,
    VIEWED_WITH,
    VIEWS,
    Count,
    Kind,
    ProductStore,
)
from edgeseg.profiles.profile import Profile
from edgeseg.rotation import Rotation
from edgeseg.telemetry import Telemetry

MAX_PENDING: Final = 20_000
"""Counts that wait to be written; what comes on top is dropped, and counted as such."""
MAX_POPULAR: Final = 200
"""Popular products in the copy, of everybody and of each segment."""
MAX_SEEDS: Final = 4_096
"""Products in the copy with what goes together with them, of each kind; the one that was
not asked about for longest goes."""
SEEDS_AT_ONCE: Final = 32
"""Of these, so many are read in one turn."""
SEGMENT_KEPT_MS: Final = HOUR_MS
"""A segment in the copy that was not asked about for so long gives its place to another one."""
SOON_S: Final = 0.2
"""A product that is not in the copy is read after so long."""
_SINGLES: Final = {VIEWED_WITH: VIEWS, BOUGHT_WITH: ORDERS}
_NOTHING: Final[Mapping[str, float]] = {}

_log = logging.getLogger(__name__)


class LiveAssortment:
    """The port `decisions.recommend.Assortment` over a store.

    Attributes:
        catalogue: the one in force.
        problems: rows of it that were left out, or why a newer one is not in force.
    """

    def __init__(
        self, store: ProductStore, file: CatalogueFile | None, telemetry: Telemetry, clock: Clock
    ) -> None:
        """Start without products; `refresh` brings them.

        Args:
            store: of the counts, and of a catalogue that was sent over the API.
            file: the catalogue, None for the one in the store.
            telemetry: counts what is written and dropped.
            clock: tells what an event weighs now.
        """
        self.catalogue: Catalogue = EMPTY_CATALOGUE
        self.problems: tuple[Problem, ...] = ()
        self.file = file
        self._store = store
        self._telemetry = telemetry
        self._clock = clock
        self._pending: dict[Count, float] = {}
        self._popular: dict[str, tuple[str, ...]] = {"": ()}
        self._asked_ms: dict[str, int] = {}
        self._together: dict[Kind, Rotation[Mapping[str, float]]] = {
            kind: Rotation(MAX_SEEDS) for kind in _SINGLES
        }
        self._asked: dict[tuple[Kind, str], None] = {}
        self._wake = asyncio.Event()
        self._watch: asyncio.Task[None] | None = None

    def popular(self, segment: str = "") -> Sequence[str]:
        """Answer the ids of popular products; of a new segment, from the next turn on."""
        if not segment:
            return self._popular[segment]
        if segment not in self._popular:
            if not self._has_place():
                return ()
            self._popular[segment] = ()
            self._wake.set()
        self._asked_ms[segment] = self._clock()
        return self._popular[segment]

    def _has_place(self) -> bool:
        """Tell whether the copy has a place for a segment; one that nobody asks about goes."""
        if len(self._asked_ms) < MAX_SEGMENTS:
            return True
        quiet = min(self._asked_ms, key=self._asked_ms.__getitem__)
        if self._clock() - self._asked_ms[quiet] < SEGMENT_KEPT_MS:
            return False
        del self._asked_ms[quiet], self._popular[quiet]
        return True

    def together(self, kind: Kind, product: str) -> Mapping[str, float]:
        """Answer product → similarity; of one not asked about lately, from the next turn on."""
        found = self._together[kind].get(product)
        if found is None:
            if product in self.catalogue.products and len(self._asked) < MAX_SEEDS:
                self._asked[kind, product] = None
                self._wake.set()
            return _NOTHING
        return found

    @property
    def is_asked(self) -> bool:
        """Whether something was asked for that is still to be read."""
        return bool(self._asked)

    def note(
        self,
        events: Sequence[Event],
        profile: Profile,
        segments: Sequence[str],
        remembered: Remembered,
    ) -> None:
        """Count what a visitor did; `refresh` writes it."""
        products = self.catalogue.products
        if not products:
            return
        counted = count_events(events, profile, segments, remembered, products)
        for count, weight in counted.items():
            if count in self._pending:
                self._pending[count] += weight
            elif len(self._pending) < MAX_PENDING:
                self._pending[count] = weight
            else:
                self._telemetry.product_counts.labels("dropped").inc()

    async def start(self, interval_s: float) -> None:
        """Refresh once, and from now on every ``interval_s`` seconds; 0 for never again."""
        with suppress(StoreError):
            await self.refresh()
        if interval_s:
            self._watch = asyncio.create_task(self._keep_watching(interval_s))

    async def stop(self) -> None:
        """Write what is left, and refresh no more."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.wait([self._watch])
        with suppress(StoreError):
            await self.flush()

    async def _keep_watching(self, interval_s: float) -> None:
        """Refresh for ever, every ``interval_s`` seconds, or soon where something is asked for."""
        while True:
            self._wake.clear()
            try:
                await self.refresh()
            except StoreError:
                pass  # the connection tells of an outage, once
            except Exception:  # noqa: BLE001 - the watch must outlive whatever one turn meets
                _log.exception("refreshing the products failed")
            await asyncio.sleep(min(SOON_S, interval_s))
            with suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, interval_s - SOON_S)):
                    await self._wake.wait()

    async def refresh(self) -> None:
        """Bring the catalogue, write the counts, read the copy.

        Raises:
            StoreError: the store failed; the rest is done by the next call.
        """
        await self._load()
        await self.flush()
        if self.catalogue.products:
            await self._read_popular()
            await self._read_together()

    async def flush(self) -> None:
        """Write the counts. Where the outcome is unknown they are gone: nothing counts twice.

        Raises:
            StoreError: the store failed.
        """
        if not self._pending:
            return
        taken, self._pending = self._pending, {}
        try:
            await self._store.add(taken)
        except StoreError:
            self._telemetry.product_counts.labels("dropped").inc(len(taken))
            raise
        self._telemetry.product_counts.labels("written").inc(len(taken))

    async def replace(self, text: str, name: str) -> ReadCatalogue:
        """Put another catalogue into the store and in force.

        Args:
            text: of the catalogue.
            name: by whose ending it is read.

        Raises:
            InputError: nothing of it can be read, or a file is in force.
            StoreError: the store failed.
        """
        if self.file is not None:
            message = f"the catalogue is the file {self.file.path}; change that"
            raise InputError(message)
        read = await asyncio.to_thread(read_catalogue, text, name)
        packed = zlib.compress(f"{name}\n{text}".encode(), 3)
        await self._store.put_catalogue(read.catalogue.version, packed)
        self._take(read)
        return read

    async def _load(self) -> None:
        """Take a newer catalogue, if there is one; a bad one leaves the last good one in force."""
        try:
            if self.file is not None:
                read = await asyncio.to_thread(self.file.read_changed)
            else:
                read = await self._read_stored()
        except (EdgesegError, OSError, UnicodeDecodeError, zlib.error) as error:
            if isinstance(error, StoreError):
                raise
            self._refuse(error)
            return
        if read is not None:
            self._take(read)

    async def _read_stored(self) -> ReadCatalogue | None:
        if await self._store.catalogue_version() in {"", self.catalogue.version}:
            return None
        _version, packed = await self._store.get_catalogue()
        return await asyncio.to_thread(_unpack, packed) if packed else None

    def _take(self, read: ReadCatalogue) -> None:
        self.catalogue, self.problems = read
        self._telemetry.products.set(len(self.catalogue.products))
        for problem in self.problems:
            _log.warning("left out of the catalogue: %s", problem)
        _log.info("catalogue %s loaded", self.catalogue.version)

    def _refuse(self, error: Exception) -> None:
        name = str(self.file.path) if self.file else "catalogue"
        problem = Problem(file=name, line=1, column=1, message=str(error))
        if self.problems != (problem,):
            self.problems = (problem,)
            _log.error("catalogue not loaded, the last good one is in force: %s", problem)

    async def _read_popular(self) -> None:
        segments = list(self._popular)
        found = await self._store.top(POPULAR, segments, MAX_POPULAR)
        for segment, products in zip(segments, found, strict=True):
            if segment in self._popular:  # it may have given its place away meanwhile
                self._popular[segment] = tuple(products)

    async def _read_together(self) -> None:
        for kind, known in self._together.items():
            asked = [product for of, product in self._asked if of is kind][:SEEDS_AT_ONCE]
            # Those that were read longest ago follow, where there is room for them.
            turn = dict.fromkeys([*asked, *known.oldest(SEEDS_AT_ONCE)])
            if turn:
                await self._read_kind(kind, list(turn)[:SEEDS_AT_ONCE])
        if self._asked:
            self._wake.set()

    async def _read_kind(self, kind: Kind, seeds: Sequence[str]) -> None:
        known, single = self._together[kind], _SINGLES[kind]
        unit = single.weight(self._clock())
        together = await self._store.top(kind, seeds, MAX_NEIGHBOURS)
        named = list(dict.fromkeys((*seeds, *(other for others in together for other in others))))
        weights = dict(zip(named, await self._store.weights(single, named), strict=True))
        for seed, others in zip(seeds, together, strict=True):
            nearest = similarities(others, weights, weights[seed], unit)
            if (kind, seed) in self._asked:
                del self._asked[kind, seed]
                known.put(seed, nearest)
            else:
                known.renew(seed, nearest)


def _unpack(packed: bytes) -> ReadCatalogue:
    name, _line, text = zlib.decompress(packed).decode().partition("\n")
    return read_catalogue(text, name)
