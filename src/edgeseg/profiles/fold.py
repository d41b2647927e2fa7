"""Fold events into a profile. Pure: the same input gives the same profile, always.

Live requests, recalculation and the store's compaction all use this one function.
"""

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter

import msgspec

from edgeseg.events import event as events
from edgeseg.events.event import Event
from edgeseg.events.keyed import KEYED_EVENTS, KeyedEvents, Role
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.affinity import add_affinities
from edgeseg.profiles.changes import ConsentChange, Consents, add_consents, set_attributes
from edgeseg.profiles.ledger import enter, net_event
from edgeseg.profiles.ledger_count import count_things, open_ledger, settle
from edgeseg.profiles.metric_state import advance, feed, tally
from edgeseg.profiles.profile import (
    MAX_EVENT_NAMES,
    MAX_RECENT_IDS,
    OTHER_NAMES,
    VISIT_TIMEOUT_MS,
    Ledger,
    MetricState,
    Profile,
    Visit,
)

_EMPTY_STATE = MetricState()
_EMPTY_LEDGER = Ledger()
_BY_TIME = attrgetter("at_ms")


def fold(profile: Profile, happened: Sequence[Event], plan: MetricPlan) -> Profile:
    """Answer ``profile`` with what ``happened`` folded in.

    Events may come in any order. Tallies and metrics do not depend on it; visits and
    sequences are right if none of them happened before those folded earlier (see `past`,
    which sees to that). An event whose message id is among the profile's recent ones is a
    repeat and changes nothing. The profile must already follow ``plan``.
    """
    if not happened:
        return profile
    work = _Fold(profile, plan)
    fresh, work.recent_ids = admit(profile.recent_ids, happened)
    for event in sorted(fresh, key=_BY_TIME) if len(fresh) > 1 else fresh:
        work.add(event)
    return work.result()


def refold(profile: Profile, history: Iterable[Event], plan: MetricPlan) -> Profile:
    """Answer ``profile`` with ``history`` folded in: no repeats, in the order of time.

    Everything that depends on keyed events is computed again from the ledger, for
    metrics that are new in ``plan``.
    """
    work = _Fold(profile, plan)
    work.recount |= profile.ledgers.keys()
    for event in history:
        work.add(event)
    return work.result()


def admit(
    recent_ids: tuple[str, ...], happened: Iterable[Event]
) -> tuple[list[Event], tuple[str, ...]]:
    """Answer the events that are no repeats, and the message ids to know repeats of them by."""
    fresh = []
    for event in happened:
        if event.message_id:
            if event.message_id in recent_ids:
                continue
            recent_ids = (*recent_ids, event.message_id)[-MAX_RECENT_IDS:]
        fresh.append(event)
    return fresh, recent_ids


class _Fold:
    """The working copy of one fold; nothing of it outlives the call."""

    def __init__(self, profile: Profile, plan: MetricPlan) -> None:
        self.plan = plan
        self.created_ms = profile.created_ms
        self.attributes = profile.dated_attributes
        self.tags = profile.tags
        self.consents = profile.consents
        self.totals = dict(profile.totals)
        self.metrics = dict(profile.metrics)
        visit = self.visit = profile.visit
        """The latest visit; of it, only the number and the start are kept up here."""
        self.last_ms = visit.last_ms if visit else 0
        self.pages = visit.pages if visit else 0
        self.landing = visit.landing_path if visit else ""
        self.first_landing_path = profile.first_landing_path
        self.first_referrer_host = profile.first_referrer_host
        self.recent_ids = profile.recent_ids
        self.lists = profile.lists
        self.pins: Mapping[str, bool] = profile.pins
        self.affinities = profile.affinities
        self.before = profile
        self.index_entries = profile.index_entries
        self.aliases = profile.aliases
        self.ledgers: Mapping[str, Ledger] = profile.ledgers
        self.recount: set[str] = set()
        self.since_ms = profile.since_ms
        self.reached_ms = self.last_ms

    def add(self, event: Event) -> None:
        if event.at_ms < self.created_ms or not self.created_ms:
            self.created_ms = event.at_ms
        name = event.name
        if name[:1] == "$":
            self._change(event)
            return
        self._visit(event)
        keyed = KEYED_EVENTS.get(name)
        if keyed is not None and self._enter(*keyed, event):
            return
        self._count(event)
        if name in self.plan.fed or self.plan.affinities:
            self._feed(event)

    def _feed(self, event: Event, *, sequences_only: bool = False) -> None:
        for position in self.plan.feeds(event.name, event.properties):
            metric = self.plan.metrics[position]
            state = self.metrics.get(metric.key)
            if state is None:
                state = MetricState(since_ms=self.since_ms) if self.since_ms else _EMPTY_STATE
            if metric.steps:
                state = advance(state, metric, event.at_ms)
                if event.at_ms < self.reached_ms:  # it came too late to take its place
                    state = msgspec.structs.replace(state, since_ms=self.reached_ms)
                self.metrics[metric.key] = state
            elif metric.covers(event.at_ms) and not sequences_only:
                self.metrics[metric.key] = feed(state, metric, event, self.visit, self.plan)
        if self.plan.affinities:
            self.affinities = add_affinities(self.affinities, event, self.plan.affinities)

    def _enter(self, kind: KeyedEvents, role: Role, event: Event) -> bool:
        """Enter a keyed event into its ledger; answer whether that is all there is to it."""
        ledger = self.ledgers.get(kind.made_by)
        id_ = kind.id_of(event)
        if not id_:
            if role is not Role.MADE or ledger is None:
                return False
            self._put(kind, settle(ledger, event, self.plan, self.visit))
            self._feed(event, sequences_only=True)
            return True
        if ledger is None:
            ledger = self._open(kind)
        before = ledger.entries.get(id_)
        ledger, gone = enter(ledger, id_, role, event)
        left = net_event(kind, gone) if gone else None
        self._put(kind, settle(ledger, left, self.plan, self.visit) if left else ledger)
        if role is not Role.MADE:
            return False
        if before is None or not before.made_ms:  # told of again, it is no second step
            self._feed(event, sequences_only=True)
        return True

    def _open(self, kind: KeyedEvents) -> Ledger:
        """Answer a new ledger; what was counted so far is settled."""
        asked = self.plan.over.get(kind.made_by, ())
        return open_ledger(self.totals.get(kind.made_by), self.metrics, asked, self.since_ms)

    def _put(self, kind: KeyedEvents, ledger: Ledger) -> None:
        self.ledgers = {**self.ledgers, kind.made_by: ledger}
        self.recount.add(kind.made_by)

    def _recount(self, kind: KeyedEvents) -> None:
        """Work out again whatever asks about the things of one kind."""
        total, states = count_things(kind, self.ledgers[kind.made_by], self.plan, self.visit)
        for key in self.plan.over.get(kind.made_by, ()):
            self.metrics.pop(key, None)
        self.metrics.update(states)
        self.totals.pop(kind.made_by, None)
        if total is not None:
            self.totals[kind.made_by] = total

    def _change(self, event: Event) -> None:
        match event.name:
            case events.CONSENT_CHANGED:
                self.consents = add_consents(self.consents, _consents(event, self.consents))
            case events.ATTRIBUTES_SET:
                self.attributes = set_attributes(self.attributes, event.properties, event.at_ms)
            case events.PINS_CHANGED:
                pinned = {**self.pins, **event.properties}
                self.pins = {id_: bool(pin) for id_, pin in pinned.items() if pin != []}
            case events.INDEXED:
                self.index_entries = _with(self.index_entries, _names(event, "entries"))
            case events.ALIASES_DROPPED:
                gone = _names(event, "aliases")
                self.aliases = {id_: each for id_, each in self.aliases.items() if id_ not in gone}
            case _:
                self._change_membership(event)

    def _change_membership(self, event: Event) -> None:
        match event.name:
            case events.TAGS_ADDED:
                self.tags = _with(self.tags, _names(event, "tags"))
            case events.TAGS_REMOVED:
                self.tags = _without(self.tags, _names(event, "tags"))
            case events.LISTS_ADDED:
                self.lists = _with(self.lists, _names(event, "lists"))
            case events.LISTS_REMOVED:
                self.lists = _without(self.lists, _names(event, "lists"))

    def _count(self, event: Event) -> None:
        name = event.name
        total = self.totals.get(name)
        if name == events.PAGE_VIEWED and (total is None or event.at_ms < total.first_ms):
            self._land(event)
        if total is None and len(self.totals) >= MAX_EVENT_NAMES and name not in self.plan.events:
            name = OTHER_NAMES
            total = self.totals.get(name)
        self.totals[name] = tally(total, event.at_ms, self.visit)

    def _land(self, event: Event) -> None:
        """Take note of the first page ever, by the time it was seen."""
        self.first_landing_path = _text(event, "path")
        self.first_referrer_host = _text(event, "referrer_host")

    def _visit(self, event: Event) -> None:
        at_ms, visit = event.at_ms, self.visit
        if visit is None or at_ms - self.last_ms > VISIT_TIMEOUT_MS:
            self.visit = Visit(visit.number + 1 if visit else 1, at_ms, at_ms)
            self.last_ms, self.pages, self.landing = at_ms, 0, ""
        elif at_ms < visit.started_ms:
            return  # a late event of an earlier visit, which has ended
        elif at_ms > self.last_ms:
            self.last_ms = at_ms
        if event.name == events.PAGE_VIEWED:
            self.pages += 1
            self.landing = self.landing or _text(event, "path")

    def result(self) -> Profile:
        for name in self.recount:
            self._recount(KEYED_EVENTS[name][0])
        visit = self.visit
        if visit is not None:
            visit = Visit(visit.number, visit.started_ms, self.last_ms, self.pages, self.landing)
        after = Profile(
            self.created_ms,
            self.attributes.values,
            self.tags,
            self.consents,
            self.totals,
            self.metrics,
            visit,
            self.first_landing_path,
            self.first_referrer_host,
            self.recent_ids,
            self.plan.id,
            self.lists,
            dict(self.pins),
            dict(self.affinities),
            set_ms=self.attributes.set_ms,
            removed_ms=self.attributes.removed_ms,
            bucket_id=self.before.bucket_id,
            aliases=self.aliases,
            index_entries=self.index_entries,
            ledgers=dict(self.ledgers),
            since_ms=self.since_ms,
            affinities_since_ms=self.before.affinities_since_ms,
        )
        _hand_on_memo(self.before, after)
        return after


def _hand_on_memo(before: Profile, after: Profile) -> None:
    is_same = after.attributes is before.attributes and after.tags is before.tags
    if is_same and after.lists is before.lists and before.memo:
        after.memo.update(before.memo)


def _consents(event: Event, known: Consents) -> list[tuple[str, ConsentChange]]:
    source = _text(event, events.CONSENT_SOURCE)
    changes = [
        (purpose, ConsentChange(bool(granted), event.at_ms, source))
        for purpose, granted in event.properties.items()
        if purpose != events.CONSENT_SOURCE
    ]
    if source != events.IMPORTED:
        return changes
    return [each for each in changes if each[0] not in known or known[each[0]][0].granted]


def _names(event: Event, member: str) -> list[str]:
    names = event.properties.get(member, [])
    return [str(name) for name in names] if isinstance(names, list) else [str(names)]


def _with(names: tuple[str, ...], added: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*names, *added)))


def _without(names: tuple[str, ...], removed: Iterable[str]) -> tuple[str, ...]:
    gone = set(removed)
    return tuple(name for name in names if name not in gone)


def _text(event: Event, name: str) -> str:
    value = event.properties.get(name, "")
    return value if isinstance(value, str) else ""
