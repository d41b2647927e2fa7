"""Join what two visitors' ledgers tell of the same things. Pure."""

from itertools import zip_longest

import msgspec

from edgeseg.events.keyed import KeyedEvents
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.amounts import add_up
from edgeseg.profiles.ledger import MAX_ENTRIES, instant_ms, lay, net_event
from edgeseg.profiles.ledger_count import settle
from edgeseg.profiles.profile import Ledger, LedgerEntry, Visit


def join_ledgers(
    one: Ledger,
    other: Ledger,
    settled: Ledger,
    kind: KeyedEvents,
    plan: MetricPlan,
    visit: Visit | None,
) -> Ledger:
    """Answer one ledger with the things of both.

    Args:
        one: a ledger.
        other: of another visitor, of the same kind.
        settled: without entries: what both have settled.
        kind: of the things.
        plan: what to remember of things that have to make place.
        visit: the latest visit of both.
    """
    entries = dict(one.entries)
    for id_, entry in other.entries.items():
        entries[id_] = _join(entries[id_], entry) if id_ in entries else entry
    oldest_first = sorted(entries, key=lambda id_: (instant_ms(entries[id_]), id_))
    excess = oldest_first[: max(0, len(entries) - MAX_ENTRIES)]
    gone = [net_event(kind, entries.pop(id_)) for id_ in excess]
    for event in gone:
        settled = settle(settled, event, plan, visit) if event else settled
    dropped = one.dropped + other.dropped + len(excess)
    return Ledger(entries, settled.settled, settled.total, dropped)


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
        layers=lay((*other.layers, *one.layers)),  # of one instant that of ``one`` is the latest
        refunded=tuple(add_up(mine, theirs) for mine, theirs in refunded),
        is_refunded=one.is_refunded or other.is_refunded,
    )
