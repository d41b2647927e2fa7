"""Join what two visitors' ledgers tell of the same things. Pure."""

from itertools import zip_longest

import msgspec

from edgeseg.events.event import Value
from edgeseg.events.keyed import KeyedEvents
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.ledger import MAX_ENTRIES, MAX_PROPERTIES, net_event
from edgeseg.profiles.metric_state import add_up, feed, tally
from edgeseg.profiles.profile import Ledger, LedgerEntry, MetricState, Visit


def join_ledgers(
    one: Ledger, other: Ledger, settled: Ledger, made_by: str, plan: MetricPlan, visit: Visit | None
) -> Ledger:
    """Answer one ledger with the things of both.

    Args:
        one: a ledger.
        other: of another visitor, of the same kind.
        settled: without entries: what both have settled.
        made_by: event that makes the things.
        plan: what to remember of things that have to make place.
        visit: the latest visit of both.
    """
    entries = dict(one.entries)
    for id_, entry in other.entries.items():
        entries[id_] = _join(entries[id_], entry) if id_ in entries else entry
    oldest_first = sorted(entries, key=lambda id_: (_instant_ms(entries[id_]), id_))
    states, total = dict(settled.settled), settled.total
    excess = oldest_first[: max(0, len(entries) - MAX_ENTRIES)]
    for id_ in excess:
        event = net_event(KeyedEvents(made_by, ""), entries.pop(id_))
        if event is None:
            continue
        total = tally(total, event.at_ms, visit)
        for position in plan.feeds(event.name, event.properties):
            metric = plan.metrics[position]
            if not metric.steps and metric.covers(event.at_ms):
                state = states.get(metric.key, MetricState())
                states[metric.key] = feed(state, metric, event, visit, plan)
    return Ledger(entries, states, total, one.dropped + other.dropped + len(excess))


def _join(one: LedgerEntry, other: LedgerEntry) -> LedgerEntry:
    made = [entry.made_ms for entry in (one, other) if entry.made_ms]
    made_ms, told_ms = min(made, default=0), max(one.told_ms, other.told_ms)
    if one.is_cancelled or other.is_cancelled:
        return LedgerEntry(made_ms=made_ms, told_ms=told_ms, is_cancelled=True)
    refunded = zip_longest(one.refunded, other.refunded, fillvalue=0)
    return msgspec.structs.replace(
        one,
        made_ms=made_ms,
        told_ms=told_ms,
        layers=_lay((*one.layers, *other.layers)),
        refunded=tuple(add_up(mine, theirs) for mine, theirs in refunded),
        is_refunded=one.is_refunded or other.is_refunded,
    )


def _lay(
    layers: tuple[tuple[int, dict[str, Value]], ...],
) -> tuple[tuple[int, dict[str, Value]], ...]:
    """Answer the layers in the order of time, each property in the latest that names it."""
    named: set[str] = set()
    kept = []
    for told_ms, properties in sorted(layers, key=lambda layer: layer[0], reverse=True):
        own = {name: value for name, value in properties.items() if name not in named}
        own = dict(list(own.items())[: MAX_PROPERTIES - len(named)])
        named.update(own)
        if own:
            kept.append((told_ms, own))
    return tuple(reversed(kept))


def _instant_ms(entry: LedgerEntry) -> int:
    return entry.made_ms or entry.told_ms
