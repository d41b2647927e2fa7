"""Fold events into a profile. Pure: the same input gives the same profile, always.

Live requests, recalculation and the store's compaction all use this one function.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from edgeseg.events import event as events
from edgeseg.events.event import BY_TIME, Event
from edgeseg.events.keyed import KEYED_EVENTS, KeyedEvents, Role
from edgeseg.metric_plan import Metric, MetricPlan
from edgeseg.profiles.affinity import add_affinities
from edgeseg.profiles.ledger import enter, net_event
from edgeseg.profiles.ledger_count import count_things, open_ledger, settle
from edgeseg.profiles.metric_state import advance, feed, tally
from edgeseg.profiles.profile import (
    MAX_EVENT_NAMES,
    MAX_RECENT_IDS,
    NO_STATE,
    OTHER_NAMES,
    VISIT_TIMEOUT_MS,
    EventTotal,
    Ledger,
    MetricState,
    Profile,
    Visit,
)
from edgeseg.profiles.profile_changes import change_all


def fold(profile: Profile, happened: Sequence[Event], plan: MetricPlan) -> Profile:
    """Answer ``profile`` with what ``happened`` folded in.

    Events may come in any order. Tallies and metrics do not depend on it; visits and
    sequences are right if none of them happened before those folded earlier (see `past`,
    which sees to that). An event whose message id is among the profile's recent ones is a
    repeat and changes nothing. The profile must already follow ``plan``. Attributes, tags
    and lists that nothing changes are the same objects as before.
    """
    if not happened:
        return profile
    changes, behaviour, recent_ids = admit(profile.recent_ids, happened)
    changed = change_all(profile, changes) if changes else profile
    work = _Fold(changed, plan)
    if behaviour:
        behaviour.sort(key=BY_TIME)
        work.add(behaviour)
    after = work.result(recent_ids)
    if changed is profile or _is_same(profile, after):
        after.memo.update(profile.memo)
    return after


def refold(profile: Profile, history: Sequence[Event], plan: MetricPlan) -> Profile:
    """Answer ``profile`` with ``history`` folded in: no repeats, no "$...", oldest first.

    Everything that depends on keyed events is computed again from the ledger, for
    metrics that are new in ``plan``.
    """
    work = _Fold(profile, plan)
    work.recount.update(profile.ledgers)
    if history:
        work.add(history)
    return work.result(profile.recent_ids)


def admit(
    recent_ids: tuple[str, ...], happened: Iterable[Event]
) -> tuple[list[Event], list[Event], tuple[str, ...]]:
    """Answer what is no repeat, and the message ids to know repeats of it by.

    First the changes of the profile itself ("$..."), then what the visitor did.
    """
    changes: list[Event] = []
    behaviour: list[Event] = []
    for event in happened:
        if event.message_id:
            if event.message_id in recent_ids:
                continue
            recent_ids = (*recent_ids, event.message_id)[-MAX_RECENT_IDS:]
        (changes if event.name[:1] == "$" else behaviour).append(event)
    return changes, behaviour, recent_ids


class _Fold:
    """The working copy of one fold; nothing of it outlives the call.

    What nearly every event changes is kept beside ``profile``. The rest, which few
    change, is changed in there at once.
    """

    def __init__(self, profile: Profile, plan: MetricPlan) -> None:
        self.before = self.profile = profile
        self.plan = plan
        self.created_ms = profile.created_ms
        self.totals = dict(profile.totals)
        self.metrics = profile.metrics
        """The profile's own until one of them changes."""
        self.visit = profile.visit
        """The latest visit; while events are added, only its number and start are right."""
        self.recount: set[str] = set()

    def add(self, behaviour: Sequence[Event]) -> None:
        """Add what the visitor did, at least one event, in the order of time."""
        created_ms = behaviour[0].at_ms
        self.created_ms = min(self.created_ms or created_ms, created_ms)
        totals, visit = self.totals, self.visit
        fed, feeds_all = self.plan.fed, bool(self.plan.affinities)
        last_ms, pages, landing = (
            (visit.last_ms, visit.pages, visit.landing_path) if visit else (0, 0, "")
        )
        for event in behaviour:
            name, at_ms = event.name, event.at_ms
            if visit is None or at_ms - last_ms > VISIT_TIMEOUT_MS:
                visit = self.visit = Visit(visit.number + 1 if visit else 1, at_ms, at_ms)
                last_ms, pages, landing = at_ms, 0, ""
            elif at_ms > last_ms:
                last_ms = at_ms
            if name == events.PAGE_VIEWED:
                is_late = at_ms < visit.started_ms  # of an earlier visit, which has ended
                pages += not is_late
                landing = landing or ("" if is_late else _text(event, "path"))
            elif name in KEYED_EVENTS and self._enter(event):
                continue
            total = totals.get(name)
            if total is None or at_ms < total.first_ms:
                name, total = self._begin(event, total)
            totals[name] = tally(total, at_ms, visit)
            if feeds_all or event.name in fed:
                self._feed(event)
        self.visit = visit and Visit(visit.number, visit.started_ms, last_ms, pages, landing)

    def _begin(self, event: Event, total: EventTotal | None) -> tuple[str, EventTotal | None]:
        """Look after the first event of its name, by time; answer what tallies it, so far."""
        name = event.name
        if name == events.PAGE_VIEWED:
            self.profile = replace(
                self.profile,
                first_landing_path=_text(event, "path"),
                first_referrer_host=_text(event, "referrer_host"),
            )
        if total is None and len(self.totals) >= MAX_EVENT_NAMES and name not in self.plan.events:
            return OTHER_NAMES, self.totals.get(OTHER_NAMES)
        return name, total

    def _feed(self, event: Event, *, sequences_only: bool = False) -> None:
        positions = self.plan.feeds(event.name, event.properties)
        if positions and self.metrics is self.before.metrics:
            self.metrics = dict(self.metrics)
        for position in positions:
            metric = self.plan.metrics[position]
            state = self.metrics.get(metric.key) or self._new_state()
            if metric.steps:
                self.metrics[metric.key] = self._step(state, metric, event.at_ms)
            elif metric.covers(event.at_ms) and not sequences_only:
                self.metrics[metric.key] = feed(state, metric, event, self.visit, self.plan)
        if self.plan.affinities:
            added = add_affinities(self.profile.affinities, event, self.plan.affinities)
            self.profile = replace(self.profile, affinities=added)

    def _new_state(self) -> MetricState:
        since_ms = self.before.since_ms
        return MetricState(since_ms=since_ms) if since_ms else NO_STATE

    def _step(self, state: MetricState, metric: Metric, at_ms: int) -> MetricState:
        state = advance(state, metric, at_ms)
        visit = self.before.visit
        if visit is not None and at_ms < visit.last_ms:  # it came too late to take its place
            return replace(state, since_ms=visit.last_ms)
        return state

    def _enter(self, event: Event) -> bool:
        """Enter a keyed event into its ledger; answer whether that is all there is to it."""
        kind, role = KEYED_EVENTS[event.name]
        ledger = self.profile.ledgers.get(kind.made_by)
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
        return open_ledger(self.totals.get(kind.made_by), self.metrics, asked, self.before.since_ms)

    def _put(self, kind: KeyedEvents, ledger: Ledger) -> None:
        ledgers = {**self.profile.ledgers, kind.made_by: ledger}
        self.profile = replace(self.profile, ledgers=ledgers)
        self.recount.add(kind.made_by)

    def _recount(self, kind: KeyedEvents) -> None:
        """Work out again whatever asks about the things of one kind."""
        ledger, asked = self.profile.ledgers[kind.made_by], self.plan.over.get(kind.made_by, ())
        total, states = count_things(kind, ledger, self.plan, self.visit)
        others = {key: state for key, state in self.metrics.items() if key not in asked}
        self.metrics = others | states
        self.totals.pop(kind.made_by, None)
        if total is not None:
            self.totals[kind.made_by] = total

    def result(self, recent_ids: tuple[str, ...]) -> Profile:
        for name in self.recount:
            self._recount(KEYED_EVENTS[name][0])
        return replace(
            self.profile,
            created_ms=self.created_ms,
            totals=self.totals,
            metrics=self.metrics,
            visit=self.visit,
            recent_ids=recent_ids,
            plan_id=self.plan.id,
        )


def _is_same(before: Profile, after: Profile) -> bool:
    """Tell whether they have the same of all that `Profile.memo` may be derived from."""
    is_same = after.attributes is before.attributes and after.tags is before.tags
    return is_same and after.lists is before.lists


def _text(event: Event, name: str) -> str:
    value = event.properties.get(name, "")
    return value if isinstance(value, str) else ""
