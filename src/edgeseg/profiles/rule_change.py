"""What a change of the rules changes in a profile. Pure.

Tallies, visits and whatever else depends on no rule stay as they are. Metrics that the former
rules asked for, too, are taken over; the others, and they alone, are told from the retained
past. Where orders and the like are remembered by themselves everything is told again.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from edgeseg.events.event import Event
from edgeseg.events.keyed import KEYED_EVENTS
from edgeseg.metric_plan import Metric, MetricPlan
from edgeseg.profiles.affinity import add_affinities
from edgeseg.profiles.fold import refold
from edgeseg.profiles.ledger_count import open_ledger
from edgeseg.profiles.metric_state import advance, feed
from edgeseg.profiles.profile import (
    MAX_EVENT_NAMES,
    NO_STATE,
    VISIT_TIMEOUT_MS,
    MetricState,
    Profile,
    Visit,
)


def change_rules(
    profile: Profile, before: Profile, events: Sequence[Event], plan: MetricPlan
) -> Profile:
    """Answer ``profile`` as if ``plan`` had been in force as far back as events are retained.

    Args:
        profile: folded by another plan.
        before: what it was before ``events``, by any plan.
        events: the retained ones, oldest first.
        plan: what to remember.
    """
    start = follow(before, plan)
    if profile.ledgers or len(profile.totals) >= MAX_EVENT_NAMES or _any_keyed(events):
        return take_behaviour(profile, refold(start, events, plan))
    return msgspec.structs.replace(
        profile,
        metrics=_metrics(profile, start, events, plan),
        affinities=_affinities(profile, start, events, plan),
        plan_id=plan.id,
        since_ms=start.since_ms,
        affinities_since_ms=_affinities_since_ms(profile, start, plan),
    )


def take_behaviour(profile: Profile, behaviour: Profile) -> Profile:
    """Answer ``profile`` with everything that follows from what the visitor did."""
    return msgspec.structs.replace(
        profile,
        totals=behaviour.totals,
        metrics=behaviour.metrics,
        visit=behaviour.visit,
        first_landing_path=behaviour.first_landing_path,
        first_referrer_host=behaviour.first_referrer_host,
        plan_id=behaviour.plan_id,
        affinities=behaviour.affinities,
        ledgers=behaviour.ledgers,
        since_ms=behaviour.since_ms,
        affinities_since_ms=behaviour.affinities_since_ms,
    )


def follow(before: Profile, plan: MetricPlan) -> Profile:
    """Make what was folded by another plan follow this one, without any event of that time.

    Metrics that the plan lacks are forgotten. Of those that are not kept, nothing before
    this instant can be known.
    """
    if before.visit is None or before.plan_id == plan.id:
        return before
    since_ms = before.visit.last_ms + 1
    ledgers = {
        name: msgspec.structs.replace(
            open_ledger(
                ledger.total,
                dict(_asked(ledger.settled, plan)),
                plan.over.get(name, ()),
                since_ms,
            ),
            entries=ledger.entries,
            dropped=ledger.dropped,
        )
        for name, ledger in before.ledgers.items()
    }
    return msgspec.structs.replace(
        before,
        metrics=dict(_asked(before.metrics, plan)),
        affinities={
            name: each for name, each in before.affinities.items() if name in plan.affinities
        },
        plan_id=plan.id,
        ledgers=ledgers,
        since_ms=since_ms,
        affinities_since_ms={
            name: before.affinities_since_ms.get(name, since_ms)
            for name in plan.affinities
            if name not in before.affinities or name in before.affinities_since_ms
        },
    )


def _metrics(
    profile: Profile, start: Profile, events: Iterable[Event], plan: MetricPlan
) -> dict[int, MetricState]:
    asked = _asked(profile.metrics, plan)
    kept = {key: state for key, state in asked if _has_all(state, plan.by_key[key])}
    found = {**start.metrics, **kept}
    nothing = MetricState(since_ms=start.since_ms) if start.since_ms else NO_STATE
    reached_ms = start.visit.last_ms if start.visit else 0
    for event, visit in _in_visits(events, start.visit):
        for position in plan.feeds(event.name, event.properties):
            metric = plan.metrics[position]
            key = metric.key
            if key in kept:
                continue
            if metric.steps:
                state = advance(found.get(key, nothing), metric, event.at_ms)
                # Of what came too late to take its place, only what follows is complete.
                late = event.at_ms < reached_ms
                found[key] = msgspec.structs.replace(state, since_ms=reached_ms) if late else state
            elif metric.covers(event.at_ms):
                found[key] = feed(found.get(key, nothing), metric, event, visit, plan)
    return found


def _asked(
    states: Mapping[int, MetricState], plan: MetricPlan
) -> Iterator[tuple[int, MetricState]]:
    """Iterate over the states of metrics of the plan, without what is not asked any more.

    That would not be kept up, and then be taken for the latest when it is asked again.
    """
    for key, state in states.items():
        metric = plan.by_key.get(key)
        if metric is not None:
            is_long = not metric.steps and len(state.recent) > metric.keep
            yield key, _cut(state, metric) if is_long else state


def _has_all(state: MetricState, metric: Metric) -> bool:
    """Tell whether a state remembers as much as the metric asks."""
    known = len(state.recent)
    if metric.steps or known >= metric.keep:
        return True
    return known == state.count and not metric.latest_of  # there was no more


def _cut(state: MetricState, metric: Metric) -> MetricState:
    recent, amounts = state.recent[: metric.keep], state.amounts[: metric.keep]
    distinct = state.distinct[: metric.keep] if metric.latest_of else state.distinct
    return msgspec.structs.replace(state, recent=recent, amounts=amounts, distinct=distinct)


def _in_visits(events: Iterable[Event], visit: Visit | None) -> Iterator[tuple[Event, Visit]]:
    """Pair each event with the visit that it falls into, as `fold` would.

    Of the visit only the number and the start are true.
    """
    last_ms = visit.last_ms if visit else 0
    for event in events:
        at_ms = event.at_ms
        if visit is None or at_ms - last_ms > VISIT_TIMEOUT_MS:
            visit = Visit(visit.number + 1 if visit else 1, at_ms, at_ms)
        last_ms = max(last_ms, at_ms)
        yield event, visit


def _affinities(
    profile: Profile, start: Profile, events: Iterable[Event], plan: MetricPlan
) -> dict[str, dict[str, float]]:
    kept = {name: each for name, each in profile.affinities.items() if name in plan.affinities}
    asked = [name for name in plan.affinities if name not in kept]
    found = start.affinities
    for event in events if asked else ():
        found = add_affinities(found, event, asked)
    return {**found, **kept}


def _affinities_since_ms(profile: Profile, start: Profile, plan: MetricPlan) -> dict[str, int]:
    sources = (
        (name, (profile if name in profile.affinities else start).affinities_since_ms)
        for name in plan.affinities
    )
    return {name: source[name] for name, source in sources if name in source}


def _any_keyed(events: Iterable[Event]) -> bool:
    named = [event for event in events if event.name in KEYED_EVENTS]
    return any(KEYED_EVENTS[event.name][0].id_of(event) for event in named)
