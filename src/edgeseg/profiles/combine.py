"""Add up the behaviour of two visitors who turn out to be one. Pure.

For what is not retained as events any more; retained ones are told again (see `merge`).
Counts, sums, first and last instants, timestamps and different values come out as if one
profile had seen everything. What depends on how the two pasts interleave cannot be told
any more: visits are added up, and sequences keep their latest steps and say so
(``since_ms``). Interests are added up as well, those of an order that both were told of, too.
"""

from collections.abc import Mapping, Sequence
from heapq import nlargest
from itertools import chain

import msgspec

from edgeseg.events.keyed import KEYED_EVENTS, MADE_BY
from edgeseg.metric_plan import Metric, MetricPlan
from edgeseg.profiles import latest
from edgeseg.profiles.affinity import MAX_VALUES
from edgeseg.profiles.amounts import add_up
from edgeseg.profiles.ledger_count import open_ledger
from edgeseg.profiles.ledger_join import join_ledgers
from edgeseg.profiles.profile import (
    MAX_DISTINCT,
    MAX_EVENT_NAMES,
    OTHER_NAMES,
    VISIT_TIMEOUT_MS,
    EventTotal,
    Ledger,
    MetricState,
    Profile,
    Visit,
)
from edgeseg.profiles.rule_change import take_behaviour


def combine(one: Profile, other: Profile, plan: MetricPlan) -> Profile:
    """Answer the behaviour of both; the rest of ``one`` stays. Both follow ``plan``."""
    if not other.totals:
        return one
    if not one.totals:
        return take_behaviour(one, other)
    work = _Combination(one, other, plan)
    first = min(one, other, key=_first_view_ms)
    return msgspec.structs.replace(
        one,
        totals=work.totals(),
        metrics=work.metrics(),
        visit=work.visit,
        first_landing_path=first.first_landing_path,
        first_referrer_host=first.first_referrer_host,
        plan_id=plan.id,
        affinities=_add_weights(one, other),
        ledgers=work.ledgers(),
        since_ms=max(one.since_ms, other.since_ms),
        affinities_since_ms=_later(one.affinities_since_ms, other.affinities_since_ms),
    )


class _Combination:
    """Both sides, and the visit that they come to."""

    def __init__(self, one: Profile, other: Profile, plan: MetricPlan) -> None:
        self.sides = (one, other)
        self.plan = plan
        self.visit = _join_visits(one.visit, other.visit)

    def totals(self) -> dict[str, EventTotal]:
        """Answer the tallies of all event names; beyond the bound the rarest stand together."""
        one, other = self.sides
        joined = {
            name: self._total(one.totals.get(name), other.totals.get(name))
            for name in one.totals | other.totals
        }
        names = sorted(joined, key=lambda name: (name in self.plan.events, joined[name].count))
        for name in names[: max(0, len(joined) - MAX_EVENT_NAMES)]:
            if name not in self.plan.events and name != OTHER_NAMES:
                rare = joined.pop(name)
                joined[OTHER_NAMES] = self._total(joined.get(OTHER_NAMES), rare)
        return joined

    def metrics(self) -> dict[int, MetricState]:
        """Answer the states of all metrics; of the steps of a sequence there is one state."""
        one, other = self.sides
        return self._states(one.metrics, other.metrics)

    def _states(
        self, ones: Mapping[int, MetricState], others: Mapping[int, MetricState]
    ) -> dict[int, MetricState]:
        known = self.plan.by_key
        return {
            key: self._state(known[key], ones.get(key), others.get(key))
            for key in {**ones, **others}
            if key in known
        }

    def ledgers(self) -> dict[str, Ledger]:
        """Answer what became of the things of both, whatever was settled included."""
        return {
            made_by: self._ledger(made_by)
            for made_by in sorted(MADE_BY)
            if any(made_by in side.ledgers for side in self.sides)
        }

    def _ledger(self, made_by: str) -> Ledger:
        one, other = (self._opened(side, made_by) for side in self.sides)
        settled = self._states(one.settled, other.settled)
        total = self._total(one.total, other.total) if one.total or other.total else None
        kind, _role = KEYED_EVENTS[made_by]
        return join_ledgers(one, other, Ledger({}, settled, total), kind, self.plan, self.visit)

    def _opened(self, side: Profile, made_by: str) -> Ledger:
        """Answer the ledger of one side; without one, what it has counted is settled."""
        if made_by in side.ledgers:
            return side.ledgers[made_by]
        asked = self.plan.over.get(made_by, ())
        return open_ledger(side.totals.get(made_by), side.metrics, asked, side.since_ms)

    def _total(self, one: EventTotal | None, other: EventTotal | None) -> EventTotal:
        known = [total for total in (one, other) if total is not None and total.count]
        if not known:
            return EventTotal(0, 0, 0)
        return EventTotal(
            sum(total.count for total in known),
            min(total.first_ms for total in known),
            max(total.last_ms for total in known),
            *self._recency(one, other),
        )

    def _state(
        self, metric: Metric, one: MetricState | None, other: MetricState | None
    ) -> MetricState:
        states = tuple(
            state or MetricState(since_ms=side.since_ms)
            for state, side in zip((one, other), self.sides, strict=True)
        )
        if metric.steps:
            return self._sequence(metric, *states)
        counted = [state for state in states if state.count]
        if metric.latest_of:
            return self._latest(metric, states, counted)
        pairs = nlargest(
            metric.keep,
            chain.from_iterable(_dated_amounts(state) for state in states),
            key=lambda pair: pair[0],
        )
        return MetricState(
            sum(state.count for state in states),
            min((state.first_ms for state in counted), default=0),
            max(state.last_ms for state in states),
            add_up(states[0].total, states[1].total),
            tuple(at_ms for at_ms, _amount in pairs),
            tuple(dict.fromkeys((*states[0].distinct, *states[1].distinct)))[:MAX_DISTINCT],
            tuple(amount for _at_ms, amount in pairs) if metric.sum_of else (),
            *self._recency(*states),
            max(state.since_ms for state in states),
        )

    def _latest(
        self, metric: Metric, states: Sequence[MetricState], counted: Sequence[MetricState]
    ) -> MetricState:
        """Answer the state of the latest values of both."""
        distinct, recent, amounts = latest.join(states, metric.keep)
        return MetricState(
            sum(state.count for state in states),
            min((state.first_ms for state in counted), default=0),
            max(state.last_ms for state in states),
            0,
            recent,
            distinct,
            amounts,
            *self._recency(*states),
            max(state.since_ms for state in states),
        )

    def _sequence(self, metric: Metric, one: MetricState, other: MetricState) -> MetricState:
        """Answer the latest steps of both; where both took some, who knows in which order."""
        events = {step.event for step in self.plan.metrics if step.key == metric.key}
        took = [
            state
            for state, side in zip((one, other), self.sides, strict=True)
            if not events.isdisjoint({*side.totals, *side.ledgers}) or OTHER_NAMES in side.totals
        ]
        if len(took) < len(self.sides):
            return took[0] if took else one
        last = max(took, key=lambda state: state.last_ms)
        starts = (state.recent or (0,) * metric.steps for state in took)
        return MetricState(
            count=one.count + other.count,
            last_ms=last.last_ms,
            recent=tuple(map(max, zip(*starts, strict=True))),
            earlier_ms=last.earlier_ms,
            since_ms=max(side.visit.last_ms for side in self.sides if side.visit),
        )

    def _recency(
        self, one: EventTotal | MetricState | None, other: EventTotal | MetricState | None
    ) -> tuple[int, int]:
        """Answer the number of the latest visit with such an event, and the last one before it.

        Of visits before the latest one the number does not matter, but that it is another.
        """
        started_ms = self.visit.started_ms if self.visit else 0
        found = [state for state in (one, other) if state is not None and state.count]
        instants = sorted({at_ms for each in found for at_ms in (each.last_ms, each.earlier_ms)})
        within = [at_ms for at_ms in instants if self.visit and at_ms >= started_ms]
        before = [at_ms for at_ms in instants if 0 < at_ms < started_ms]
        if self.visit and within:
            return self.visit.number, max(before, default=0)
        number = max(1, self.visit.number - 1) if self.visit else 0
        return (number if found else 0), (before[-2] if len(before) > 1 else 0)


def _dated_amounts(state: MetricState) -> list[tuple[int, int | float]]:
    amounts = state.amounts or (0,) * len(state.recent)
    return list(zip(state.recent, amounts, strict=True))


def _join_visits(one: Visit | None, other: Visit | None) -> Visit | None:
    """Answer the latest visit; two that overlap are one."""
    if one is None or other is None:
        return one or other
    early, late = sorted((one, other), key=lambda visit: (visit.last_ms, visit.started_ms))
    number = early.number + late.number
    if late.started_ms - early.last_ms > VISIT_TIMEOUT_MS:
        return msgspec.structs.replace(late, number=number)
    first = min(one, other, key=lambda visit: visit.started_ms)
    return Visit(
        number - 1,
        first.started_ms,
        late.last_ms,
        early.pages + late.pages,
        first.landing_path or early.landing_path or late.landing_path,
    )


def _first_view_ms(profile: Profile) -> float:
    total = profile.totals.get("page_viewed")
    return total.first_ms if total else float("inf")


def _add_weights(one: Profile, other: Profile) -> dict[str, dict[str, float]]:
    added = {name: dict(weights) for name, weights in one.affinities.items()}
    for name, weights in other.affinities.items():
        mine = added.setdefault(name, {})
        for value, weight in weights.items():
            mine[value] = mine.get(value, 0.0) + weight
        if len(mine) > MAX_VALUES:
            added[name] = dict(nlargest(MAX_VALUES, mine.items(), key=lambda pair: pair[1]))
    return added


def _later(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in {**one, **other}}
