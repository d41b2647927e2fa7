"""Import: rows become events of profiles, many visitors at a time, without reading these."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Final, NamedTuple, TextIO, TypeVar

import msgspec
from cachetools import LRUCache

from edgeseg.cli.import_rows import Imported, RowReader
from edgeseg.cli.import_source import Source, SourceRow
from edgeseg.cli.import_state import Counts, ImportState
from edgeseg.delivery.consent import consent_event
from edgeseg.delivery.identify import emails_of
from edgeseg.errors import InputError, StoreOverloaded, StoreTimeout, StoreUnavailable
from edgeseg.events.event import IMPORTED, Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.identity import Identities
from edgeseg.profiles.store import ProfileStore
from edgeseg.spelling import counted

CHUNK_ROWS: Final = 2_000
VISITOR_ROWS: Final = 100
"""Rows of one visitor in a chunk. A chunk that is repeated after a crash must lie within the
horizon of message ids, so that none of it counts twice."""
_CONSENTING: Final = 100_000
"""Visitors whose consent this import has noted already; for others it is noted again."""
_RETRIES: Final = 40
_RETRY_S: Final = 0.25
_INDEXED_AT_ONCE: Final = 50
"""Visitors; each takes some round trips."""
_SHOWN: Final = 5
Done = TypeVar("Done")


class Terms(NamedTuple):
    """What holds for the whole file.

    Attributes:
        consents: purpose → granted, of every visitor in it.
        now_ms: the present instant.
        identity_property: attribute or property with an e-mail address to be found by.
        max_errors: after so many refused rows the import ends.
    """

    consents: Mapping[str, bool]
    now_ms: int
    identity_property: str
    max_errors: int


class Chunk(NamedTuple):
    """Rows that are stored together.

    Attributes:
        visitors: id → its events, in the order of the rows.
        emails: visitor → addresses to be found by, each once, in the order of the rows.
        state: of the import once they are stored.
    """

    visitors: Mapping[str, list[Event]]
    emails: Mapping[str, dict[str, None]]
    state: ImportState


class Import:
    """One run over one file.

    Attributes:
        problems: the first few refused rows, in words.
    """

    def __init__(
        self,
        reader: RowReader,
        store: ProfileStore | None,
        plan: MetricPlan,
        identities: Identities,
        terms: Terms,
        errors: TextIO | None = None,
    ) -> None:
        """Prepare.

        Args:
            reader: turns rows into events.
            store: where they go, opened; None to only look.
            plan: of the rules.
            identities: names entries of the index.
            terms: what holds for the whole file.
            errors: where refused rows are written, as JSON lines; None for nowhere.
        """
        self._reader = reader
        self._store = store
        self._plan = plan
        self._identities = identities
        self._terms = terms
        self._errors = errors
        self._erased = 0
        self._total = Counts()
        self._consenting: LRUCache[str, bool] = LRUCache(_CONSENTING)
        self.problems: list[str] = []

    async def run(
        self, source: Source, state: ImportState, save: Callable[[ImportState], None]
    ) -> ImportState:
        """Import the rows of ``source``; answer the state at the end.

        Args:
            source: opened where ``state`` says.
            state: of the import so far.
            save: called with the state whenever rows are stored for good.

        Raises:
            InputError: the file breaks off, or too many rows are refused.
            StoreError: the store fails for long.
        """
        under_way: asyncio.Task[None] | None = None
        for chunk in self._chunks(source, state):
            if under_way is not None:
                await under_way
                self._save(state, save)
            state = chunk.state
            under_way = asyncio.create_task(self._put(chunk))
            await asyncio.sleep(0)  # it is sent now; the next rows are read meanwhile
        if under_way is not None:
            await under_way
        self._save(state, save)
        return state

    def _save(self, state: ImportState, save: Callable[[ImportState], None]) -> None:
        state.counts.erased += self._erased
        self._total.erased += self._erased
        self._erased = 0
        if self._errors is not None:
            self._errors.flush()
        save(state)

    def _chunks(self, source: Source, state: ImportState) -> Iterator[Chunk]:
        visitors: dict[str, list[Event]] = {}
        emails: dict[str, dict[str, None]] = {}
        counts = self._total = msgspec.structs.replace(state.counts)
        place, rows = state.place, 0
        for row in source.rows:
            found = self._read(row, counts, is_text=source.is_text)
            place, rows = row.end, rows + 1
            longest = 0
            if found is not None:
                events = visitors.setdefault(found.visitor_id, [])
                events += found.events
                longest = len(events)
                for email in emails_of(found.events, self._terms.identity_property):
                    emails.setdefault(found.visitor_id, {})[email] = None
            if rows >= CHUNK_ROWS or longest >= VISITOR_ROWS:
                yield Chunk(visitors, emails, _state_at(state, place, counts))
                visitors, emails, rows = {}, {}, 0
        done = msgspec.structs.replace(_state_at(state, place, counts), done=True)
        yield Chunk(visitors, emails, done)

    def _read(self, row: SourceRow, counts: Counts, *, is_text: bool) -> Imported | None:
        counts.rows += 1
        if row.values is None:
            self._refuse(row, InputError(row.problem), counts)
            return None
        try:
            found = self._reader.read(row.values, is_text=is_text)
        except InputError as error:
            self._refuse(row, error, counts)
            return None
        if found is None:
            counts.dropped += 1
        else:
            counts.imported += 1
            counts.events += len(found.events)
        return found

    def _refuse(self, row: SourceRow, error: InputError, counts: Counts) -> None:
        counts.refused += 1
        field = error.field.strip(".")
        if len(self.problems) < _SHOWN:
            where = f"{field}: " if field else ""
            self.problems.append(f"row {row.number:,}: {where}{error}")
        if self._errors is not None:
            told = {"row": row.number, "field": field, "problem": str(error), "content": row.raw}
            line = msgspec.json.encode(told, enc_hook=str).decode("utf-8", "replace")
            self._errors.write(line + "\n")
        if counts.refused >= self._terms.max_errors:
            message = (
                f"{counted(counts.refused, 'row')} refused, the last is row {row.number:,}: {error}"
            )
            raise InputError(message, field="--max-errors")

    async def _put(self, chunk: Chunk) -> None:
        if self._store is None:
            return
        store = self._store
        happened = {
            visitor_id: self._with_consent(visitor_id, events)
            for visitor_id, events in chunk.visitors.items()
        }
        erased = await _patiently(
            lambda: store.append(happened, plan=self._plan, now_ms=self._terms.now_ms)
        )
        self._erased += len(erased)
        self._consenting.update(dict.fromkeys(happened, True))
        addresses = iter(chunk.emails.items())
        while some := list(islice(addresses, _INDEXED_AT_ONCE)):
            await asyncio.gather(*(self._index(store, *each) for each in some))

    async def _index(self, store: ProfileStore, visitor_id: str, emails: Iterable[str]) -> None:
        for email in emails:  # one by one, since the latest are kept
            entry = self._identities.email_entry(email)
            index = partial(store.index, plan=self._plan, now_ms=self._terms.now_ms)
            await _patiently(partial(index, entry, visitor_id))

    def _with_consent(self, visitor_id: str, events: Sequence[Event]) -> Sequence[Event]:
        """Put the consent before the first events of a visitor, as of the latest of these."""
        if visitor_id in self._consenting:
            return events
        at_ms = max((event.at_ms for event in events), default=self._terms.now_ms)
        return [consent_event(self._terms.consents, at_ms, IMPORTED), *events]


async def _patiently(work: Callable[[], Awaitable[Done]]) -> Done:
    """Try again and again while the store is away: what was done is known when it is repeated."""
    for _ in range(_RETRIES):
        with suppress(StoreUnavailable, StoreTimeout, StoreOverloaded):
            return await work()
        await asyncio.sleep(_RETRY_S)
    return await work()


def _state_at(state: ImportState, place: int, counts: Counts) -> ImportState:
    return msgspec.structs.replace(state, place=place, counts=msgspec.structs.replace(counts))
