"""Count the things of a ledger: the metrics and the tally that ask about them. Pure."""

from collections.abc import Iterable, Mapping

import msgspec

from edgeseg.events.event import Event
from edgeseg.events.keyed import KeyedEvents
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.ledger import net_events
from edgeseg.profiles.metric_state import feed, tally
from edgeseg.profiles.profile import NO_STATE, EventTotal, Ledger, MetricState, Visit


def open_ledger(
    total: EventTotal | None,
    states: Mapping[int, MetricState],
    asked: Iterable[int],
    since_ms: int,
) -> Ledger:
    """Answer a ledger without entries; what was counted so far is settled.

    Args:
        total: the tally of the event, None for none.
        states: metric → its state.
        asked: the metrics over the event.
        since_ms: of those without a state, nothing before this instant is known, 0 for all.
    """
    settled = {key: states[key] for key in asked if key in states}
    if total is not None and since_ms:
        settled |= {key: MetricState(since_ms=since_ms) for key in asked if key not in settled}
    return Ledger(settled=settled, total=total)


def settle(ledger: Ledger, event: Event, plan: MetricPlan, visit: Visit | None) -> Ledger:
    """Answer the ledger with an event counted that nothing will change any more."""
    states = dict(ledger.settled)
    _feed(states, event, plan, visit)
    total = tally(ledger.total, event.at_ms, visit)
    return msgspec.structs.replace(ledger, settled=states, total=total)


def count_things(
    kind: KeyedEvents, ledger: Ledger, plan: MetricPlan, visit: Visit | None
) -> tuple[EventTotal | None, dict[int, MetricState]]:
    """Answer the tally and the metrics of what is settled and what the entries come to."""
    total, states = ledger.total, dict(ledger.settled)
    for event in net_events(kind, ledger):
        total = tally(total, event.at_ms, visit)
        _feed(states, event, plan, visit)
    return total, {key: state for key, state in states.items() if state.count}


def _feed(
    states: dict[int, MetricState], event: Event, plan: MetricPlan, visit: Visit | None
) -> None:
    for position in plan.feeds(event.name, event.properties):
        metric = plan.metrics[position]
        if not metric.steps and metric.covers(event.at_ms):
            state = states.get(metric.key, NO_STATE)
            states[metric.key] = feed(state, metric, event, visit, plan)
