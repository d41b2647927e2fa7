"""Feed one event to the state of one metric. Pure.

The state after several events does not depend on their order, but for sequences,
which ask about that order: they are fed in the order of time (see `past`).
"""

from bisect import bisect
from operator import neg

import msgspec

from edgeseg.events.event import Event, Value
from edgeseg.metric_plan import Metric, MetricPlan
from edgeseg.profiles import latest
from edgeseg.profiles.amounts import add_up
from edgeseg.profiles.profile import MAX_DISTINCT, EventTotal, MetricState, Visit

_NO_EVENTS = EventTotal(0, 0, 0)


def feed(
    state: MetricState, metric: Metric, event: Event, visit: Visit | None, plan: MetricPlan
) -> MetricState:
    """Answer the state with one event counted; the metric is none over a sequence."""
    at_ms = event.at_ms
    total: int | float = state.total
    amount: int | float = 0
    if metric.sum_of:
        amount = _amount(event, metric.sum_of)
        total = add_up(total, amount)
    recent, amounts, distinct = state.recent, state.amounts, state.distinct
    if metric.latest_of:
        given = event.properties.get(metric.latest_of)
        distinct, recent, amounts = latest.add(state, given, at_ms, metric.keep)
    elif metric.keep:
        moment = (
            plan.instant_ms(event.properties.get(metric.instant_of)) if metric.instant_of else at_ms
        )
        if moment is None:
            return state
        place = 0 if not recent or moment >= recent[0] else bisect(recent, -moment, key=neg)
        if place < metric.keep:
            recent = (*recent[:place], moment, *recent[place:])[: metric.keep]
            if metric.sum_of:
                amounts = (*amounts[:place], amount, *amounts[place:])[: metric.keep]
    if metric.distinct_of:
        distinct = _with(distinct, event.properties.get(metric.distinct_of))
    seen, earlier_ms = recency(state, at_ms, visit)
    return MetricState(
        state.count + 1,
        state.first_ms if state.count and state.first_ms < at_ms else at_ms,
        at_ms if at_ms > state.last_ms else state.last_ms,  # noqa: FURB136 - each event, and quicker
        total,
        recent,
        distinct,
        amounts,
        seen,
        earlier_ms,
        state.since_ms,
    )


def advance(state: MetricState, metric: Metric, at_ms: int) -> MetricState:
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


def tally(total: EventTotal | None, at_ms: int, visit: Visit | None) -> EventTotal:
    """Answer the tally of an event name with one more event counted."""
    if total is None:
        total = _NO_EVENTS
    elif visit and total.visit == visit.number and at_ms >= max(total.last_ms, visit.started_ms):
        # The usual case, and quick: one more in the same visit, at its end.
        return EventTotal(total.count + 1, total.first_ms, at_ms, total.visit, total.earlier_ms)
    seen, earlier_ms = recency(total, at_ms, visit)
    first_ms = total.first_ms
    return EventTotal(
        total.count + 1,
        first_ms if total.count and first_ms < at_ms else at_ms,
        max(total.last_ms, at_ms),
        seen,
        earlier_ms,
    )


def recency(state: MetricState | EventTotal, at_ms: int, visit: Visit | None) -> tuple[int, int]:
    """Answer the latest visit with such an event, and the last one before that visit."""
    if visit is not None and at_ms >= visit.started_ms:
        if state.visit == visit.number:
            return visit.number, state.earlier_ms
        return visit.number, state.last_ms
    return state.visit, max(state.earlier_ms, at_ms) if state.visit else 0


def _with(distinct: tuple[str, ...], value: Value | None) -> tuple[str, ...]:
    """Answer the values with another one, or of a list, each of its own."""
    if isinstance(value, list):
        return tuple(dict.fromkeys((*distinct, *map(str, value))))[:MAX_DISTINCT]
    if value is None or str(value) in distinct or len(distinct) >= MAX_DISTINCT:
        return distinct
    return (*distinct, str(value))


def _amount(event: Event, name: str) -> int | float:
    amount = event.properties.get(name)
    is_number = isinstance(amount, int | float) and not isinstance(amount, bool)
    return amount if is_number else 0  # type: ignore[return-value]
