"""Run logged requests through the spine, in event time."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import tzinfo
from itertools import islice
from typing import Final, NamedTuple

import msgspec

from edgeseg.audiences.membership import MembershipTally
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.delivery.consent import consent_event
from edgeseg.errors import InputError, StoreError, StoreUnavailable
from edgeseg.events.access_log import LoggedRequest, parse_line
from edgeseg.events.decode import check_event
from edgeseg.events.device import BOT, DeviceDetector
from edgeseg.events.enrich import device_context, page_context, page_viewed
from edgeseg.events.event import IMPORTED, Event, Value, shorten_id
from edgeseg.events.log_traffic import Pseudonyms, order_by_time, why_skipped
from edgeseg.events.schema import Writer
from edgeseg.intake import Intake
from edgeseg.personalize import PageView, personalize
from edgeseg.profiles.store import ProfileStore
from edgeseg.telemetry import Telemetry

SHOWN_REFUSALS: Final = 5
ORDER_WINDOW: Final = 5_000
"""A page view logged late by up to this many page views is put in its place."""
_CHUNK: Final = 1_000
"""Page views that are under way at once; those of one visitor follow each other."""


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How a log is to be read.

    Attributes:
        consents: purpose → granted, of every visitor in it.
        site: address that the paths of the log belong to.
        time_zone: of the site.
        now_ms: nothing in a log is later than that.
        max_events: at most, of one line.
        intake: holds events to the schema and the settings.
        all_requests: whether requests for assets are page views.
    """

    consents: Mapping[str, bool]
    site: str
    time_zone: tzinfo
    now_ms: int
    max_events: int
    intake: Intake
    all_requests: bool = False


class LoggedView(NamedTuple):
    """A page view of the log, ready to be replayed."""

    at_ms: int
    visitor_id: str
    context: dict[str, Value]
    events: list[Event]

    @property
    def is_bot(self) -> bool:
        """Whether the agent says so."""
        return self.context.get("device") == BOT


class Refusal(NamedTuple):
    """A line that could not be used."""

    line: int
    why: str


class Replay:
    """One run over one log.

    Attributes:
        lines: read so far.
        page_views: that went through, ``bot_views`` of them by bots.
        events: that were recorded, page views among them.
        bots: ids of visitors that are bots.
        skipped: reason → lines.
        refusals: the first few lines that make no sense.
        tally: who was in which segment.
        is_cut: whether the command was told to end before the log did.
    """

    def __init__(
        self, rules: Snapshot, store: ProfileStore, pseudonyms: Pseudonyms, terms: Terms
    ) -> None:
        """Start with nothing replayed."""
        self._rules = rules
        self._store = store
        self._pseudonyms = pseudonyms
        self._terms = terms
        self._devices = DeviceDetector()
        self._telemetry = Telemetry()
        self._intake = terms.intake
        self._consenting: set[str] = set()
        self.lines = 0
        self.page_views = 0
        self.bot_views = 0
        self.events = 0
        self.bots: set[str] = set()
        self.skipped: Counter[str] = Counter()
        self.refusals: list[Refusal] = []
        self.tally = MembershipTally()
        self.is_cut = False

    async def run(self, lines: Iterable[bytes]) -> None:
        """Replay ``lines``.

        Told to end while it waits for a line, it replays those it has read; told once more, or
        while it replays, it ends at once.

        Raises:
            StoreUnavailable: the store does not answer any more.
        """
        views = order_by_time(self._read(lines), ORDER_WINDOW)
        try:
            while chunk := list(islice(views, _CHUNK)):
                await self._replay(chunk)
        except asyncio.CancelledError:
            self.is_cut = True
            task = asyncio.current_task()
            if task is None or not task.uncancel():
                return
            raise

    def _read(self, lines: Iterable[bytes]) -> Iterator[LoggedView]:
        try:
            for line in lines:
                self.lines += 1
                view = self._read_line(line)
                if view is not None:
                    yield view
        except InputError as error:  # of the file, not of a line
            self.lines += 1
            self._refuse(error)
        except KeyboardInterrupt:
            self.is_cut = True

    def _read_line(self, line: bytes) -> LoggedView | None:
        if not line.strip():
            self.skipped["blank"] += 1
            return None
        try:
            request = parse_line(line)
            reason = why_skipped(request, all_requests=self._terms.all_requests)
            if not reason:
                return self._view_of(request, self._pseudonyms.message_id(line))
        except InputError as error:
            self._refuse(error)
        else:
            self.skipped[reason] += 1
        return None

    def _refuse(self, error: InputError) -> None:
        self.skipped["malformed"] += 1
        if len(self.refusals) < SHOWN_REFUSALS:
            why = f"{error.field}: {error}" if error.field else str(error)
            self.refusals.append(Refusal(self.lines, why))

    def _view_of(self, request: LoggedRequest, message_id: str) -> LoggedView:
        if request.at_ms > self._terms.now_ms:
            message = "a time in the future"
            raise InputError(message)
        url = request.target
        if url.startswith("/"):
            url = self._terms.site + url
        context = page_context(url, request.referrer)
        context |= device_context(self._devices.detect(request.agent))
        view = page_viewed(context, request.at_ms)
        return LoggedView(
            request.at_ms,
            self._pseudonyms.visitor_id(request),
            context,
            [_identify(view, message_id), *self._more(request, message_id)],
        )

    def _more(self, request: LoggedRequest, message_id: str) -> Iterator[Event]:
        """Answer what else happened; what has no message id is given one of the line."""
        limit = self._terms.max_events
        if len(request.events) > limit:
            message = f"at most {limit} events, there are {len(request.events)}"
            raise InputError(message, field="events")
        for index, incoming in enumerate(request.events):
            path = f"events[{index}]"
            checked = check_event(
                incoming, field=path, now_ms=request.at_ms, time_zone=self._terms.time_zone
            )
            event = self._intake.event(
                checked, self._rules.definitions, writer=Writer.SERVER, path=path
            )
            if event is not None:
                yield event if event.message_id else _identify(event, f"{message_id}.{index}")

    async def _replay(self, chunk: Sequence[LoggedView]) -> None:
        by_visitor: dict[str, list[LoggedView]] = {}
        for view in chunk:
            by_visitor.setdefault(view.visitor_id, []).append(view)
        before = self.page_views
        await asyncio.gather(*map(self._replay_visitor, by_visitor.values()))
        if self.page_views == before:
            await self._check_store()

    async def _check_store(self) -> None:
        """Tell a store that is gone from one profile that is broken."""
        try:
            await self._store.ping()
        except StoreError as error:
            message = (
                f"the store does not answer any more, after {self.page_views:,} page views: {error}"
            )
            raise StoreUnavailable(message) from error

    async def _replay_visitor(self, views: Iterable[LoggedView]) -> None:
        for view in views:
            decision = await personalize(
                PageView(
                    visitor_id=view.visitor_id,
                    context=view.context,
                    consents=self._terms.consents,
                    slots=(),
                    events=[*self._consent(view), *view.events],
                ),
                rules=self._rules,
                store=self._store,
                telemetry=self._telemetry,
                now_ms=view.at_ms,
                time_zone=self._terms.time_zone,
            )
            if decision.degraded:
                self.skipped["store failed"] += 1
            else:
                self._count(view, decision.segments)

    def _consent(self, view: LoggedView) -> list[Event]:
        """Answer the consent event, once for each visitor; to grant it again changes nothing."""
        if view.visitor_id in self._consenting:
            return []
        return [consent_event(self._terms.consents, view.at_ms, IMPORTED)]

    def _count(self, view: LoggedView, segments: Sequence[str]) -> None:
        self._consenting.add(view.visitor_id)
        self.page_views += 1
        self.events += len(view.events)
        if view.is_bot:
            self.bot_views += 1
            self.bots.add(view.visitor_id)
        self.tally.add(view.visitor_id, segments)


def _identify(event: Event, message_id: str) -> Event:
    return msgspec.structs.replace(event, message_id=shorten_id(message_id))
