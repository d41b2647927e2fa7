"""Fold events into a profile. Pure: the same input gives the same profile, always.

Live requests, recalculation and the store's compaction all use this one function.
"""

from bisect import bisect
from collections.abc import Iterable, Mapping, Sequence
from math import isfinite
from operator import attrgetter, neg

import msgspec

from edgeseg.events import event as events
from edgeseg.events.event import Event, Value
from edgeseg.metric_plan import Metric, MetricPlan
from edgeseg.profiles.affinity import add_affinities
from edgeseg.profiles.profile import (
    MAX_DISTINCT,
    MAX_RECENT_IDS,
    VISIT_TIMEOUT_MS,
    EventTotal,
    MetricState,
    Profile,
    Visit,
)

_EMPTY_STATE = MetricState()
_INTEGER_BOUND = 2**63
_BY_TIME = attrgetter("at_ms")


def fold(profile: Profile, happened: Sequence[Event], plan: MetricPlan) -> Profile:
    """Answer ``profile`` with what ``happened`` folded in.

    Events may come in any order; tallies and metrics do not depend on it. An
    event whose message id is among the profile's recent ones is a repeat and
    changes nothing. The profile must already follow ``plan`` (see `catch_up`).
    """
    if not happened:
        return profile
    work = _Fold(profile, plan)
    for event in sorted(happened, key=_BY_TIME) if len(happened) > 1 else happened:
        work.add(event)
    return work.result()


def catch_up(profile: Profile, journal: Iterable[Event], plan: MetricPlan) -> Profile:
    """Make a profile that was folded by another plan follow ``plan``.

    A metric that is new, or that now keeps more timestamps than it remembers,
    is computed again from the retained events; the others stay as they are.
    """
    if profile.plan_id == plan.id:
        return profile
    stale = {
        position
        for position, metric in enumerate(plan.metrics)
        if _is_short(profile.metrics.get(metric.key), metric)
    }
    found: dict[int, MetricState] = {}
    affinities = {
        name: profile.affinities[name] for name in plan.affinities if name in profile.affinities
    }
    new = [name for name in plan.affinities if name not in affinities]
    for event in journal:
        if new:
            affinities = add_affinities(affinities, event, new)
        for position in plan.feeds(event.name, event.properties):
            if position in stale:
                metric = plan.metrics[position]
                if metric.covers(event.at_ms):
                    state = found.get(metric.key, _EMPTY_STATE)
                    found[metric.key] = _feed(state, metric, event, profile.visit)
    metrics = {
        metric.key: profile.metrics[metric.key]
        for metric in plan.metrics
        if metric.key in profile.metrics
    }
    for key, state in found.items():
        metrics[key] = _richer(metrics.get(key, _EMPTY_STATE), state)
    return msgspec.structs.replace(profile, metrics=metrics, affinities=affinities, plan_id=plan.id)


def _is_short(state: MetricState | None, metric: Metric) -> bool:
    return state is None or len(state.recent) < min(metric.keep, state.count)


def _richer(stored: MetricState, found: MetricState) -> MetricState:
    """Join what was counted for ever with timestamps found in the journal."""
    if found.count >= stored.count:
        return found
    longer = max(stored, found, key=lambda state: len(state.recent))
    return msgspec.structs.replace(stored, recent=longer.recent, amounts=longer.amounts)


def _feed(state: MetricState, metric: Metric, event: Event, visit: Visit | None) -> MetricState:
    at_ms = event.at_ms
    if metric.steps:
        return _advance(state, metric, at_ms)
    amount = _amount(event, metric.sum_of) if metric.sum_of else 0
    recent, amounts = state.recent, state.amounts
    if metric.keep:
        place = 0 if not recent or at_ms >= recent[0] else bisect(recent, -at_ms, key=neg)
        if place < metric.keep:
            recent = (*recent[:place], at_ms, *recent[place:])[: metric.keep]
            if metric.sum_of:
                amounts = (*amounts[:place], amount, *amounts[place:])[: metric.keep]
    distinct = state.distinct
    if metric.distinct_of:
        value = event.properties.get(metric.distinct_of)
        if value is not None and str(value) not in distinct and len(distinct) < MAX_DISTINCT:
            distinct = (*distinct, str(value))
    seen, earlier_ms = _recency(state, at_ms, visit)
    return MetricState(
        state.count + 1,
        min(state.first_ms, at_ms) if state.count else at_ms,
        max(state.last_ms, at_ms),
        _add(state.total, amount),
        recent,
        distinct,
        amounts,
        seen,
        earlier_ms,
    )


def _advance(state: MetricState, metric: Metric, at_ms: int) -> MetricState:
    """Take one step of a sequence; events come in the order of their time."""
    if metric.step == metric.steps:
        if not state.count or state.earlier_ms:
            return state
        return msgspec.structs.replace(state, earlier_ms=at_ms)
    starts = list(state.recent or (0,) * metric.steps)
    start = starts[metric.step - 1] if metric.step else at_ms
    if not start:
        return state
    starts[metric.step] = max(starts[metric.step], start)
    if metric.step < metric.steps - 1:
        return msgspec.structs.replace(state, recent=tuple(starts))
    return msgspec.structs.replace(
        state, recent=tuple(starts), count=state.count + 1, last_ms=at_ms, earlier_ms=0
    )


def _recency(state: MetricState | EventTotal, at_ms: int, visit: Visit | None) -> tuple[int, int]:
    """Answer the latest visit with such an event, and the last one before that visit."""
    if visit is not None and at_ms >= visit.started_ms:
        if state.visit == visit.number:
            return visit.number, state.earlier_ms
        return visit.number, state.last_ms
    return state.visit, max(state.earlier_ms, at_ms) if state.visit else 0


def _amount(event: Event, name: str) -> int | float:
    amount = event.properties.get(name)
    is_number = isinstance(amount, int | float) and not isinstance(amount, bool)
    return amount if is_number else 0  # type: ignore[return-value]


def _add(total: float, amount: float) -> float:
    """Add up so that the sum can be stored: finite, and an integer only within 64 bits."""
    added = total + amount
    if -_INTEGER_BOUND <= added < _INTEGER_BOUND:
        return added
    return float(added) if isfinite(added) else total


class _Fold:
    """The working copy of one fold; nothing of it outlives the call."""

    def __init__(self, profile: Profile, plan: MetricPlan) -> None:
        self.plan = plan
        self.created_ms = profile.created_ms
        self.attributes: Mapping[str, Value] = profile.attributes
        self.tags = profile.tags
        self.consents: Mapping[str, bool] = profile.consents
        self.totals = dict(profile.totals)
        self.metrics = dict(profile.metrics)
        self.visit = profile.visit
        self.first_landing_path = profile.first_landing_path
        self.first_referrer_host = profile.first_referrer_host
        self.recent_ids = profile.recent_ids
        self.lists = profile.lists
        self.pins: Mapping[str, bool] = profile.pins
        self.affinities = profile.affinities

    def add(self, event: Event) -> None:
        if event.message_id:
            if event.message_id in self.recent_ids:
                return
            self.recent_ids = (*self.recent_ids, event.message_id)[-MAX_RECENT_IDS:]
        self.created_ms = min(self.created_ms or event.at_ms, event.at_ms)
        if event.name.startswith("$"):
            self._change(event)
            return
        self._visit(event)
        self._count(event)
        for position in self.plan.feeds(event.name, event.properties):
            metric = self.plan.metrics[position]
            if metric.covers(event.at_ms):
                state = self.metrics.get(metric.key, _EMPTY_STATE)
                self.metrics[metric.key] = _feed(state, metric, event, self.visit)
        if self.plan.affinities:
            self.affinities = add_affinities(self.affinities, event, self.plan.affinities)

    def _change(self, event: Event) -> None:
        match event.name:
            case events.CONSENT_CHANGED:
                changed = {purpose: bool(granted) for purpose, granted in event.properties.items()}
                self.consents = {**self.consents, **changed}
            case events.ATTRIBUTES_SET:
                merged = {**self.attributes, **event.properties}
                self.attributes = {name: value for name, value in merged.items() if value != []}
            case events.TAGS_ADDED:
                self.tags = _with(self.tags, _names(event, "tags"))
            case events.TAGS_REMOVED:
                self.tags = _without(self.tags, _names(event, "tags"))
            case events.PINS_CHANGED:
                pinned = {**self.pins, **event.properties}
                self.pins = {id_: bool(pin) for id_, pin in pinned.items() if pin != []}
            case events.LISTS_ADDED:
                self.lists = _with(self.lists, _names(event, "lists"))
            case events.LISTS_REMOVED:
                self.lists = _without(self.lists, _names(event, "lists"))

    def _count(self, event: Event) -> None:
        at_ms = event.at_ms
        total = self.totals.get(event.name) or EventTotal(0, at_ms, 0)
        self.totals[event.name] = EventTotal(
            total.count + 1,
            min(total.first_ms, at_ms),
            max(total.last_ms, at_ms),
            *_recency(total, at_ms, self.visit),
        )

    def _visit(self, event: Event) -> None:
        page = event.name == events.PAGE_VIEWED
        visit = self.visit
        if visit is None or event.at_ms - visit.last_ms > VISIT_TIMEOUT_MS:
            visit = Visit(visit.number + 1 if visit else 1, event.at_ms, event.at_ms)
        elif event.at_ms < visit.started_ms:
            return  # a late event of an earlier visit, which has ended
        landing = visit.landing_path
        if page:
            path = _text(event, "path")
            landing = landing or path
            if not self.first_landing_path:
                self.first_landing_path = path
                self.first_referrer_host = _text(event, "referrer_host")
        last_ms = max(visit.last_ms, event.at_ms)
        self.visit = Visit(visit.number, visit.started_ms, last_ms, visit.pages + page, landing)

    def result(self) -> Profile:
        return Profile(
            self.created_ms,
            dict(self.attributes),
            self.tags,
            dict(self.consents),
            self.totals,
            self.metrics,
            self.visit,
            self.first_landing_path,
            self.first_referrer_host,
            self.recent_ids,
            self.plan.id,
            self.lists,
            dict(self.pins),
            dict(self.affinities),
        )


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
