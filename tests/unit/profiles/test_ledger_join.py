"""Ledgers of two visitors who turn out to be one."""

from collections.abc import Sequence

import pytest

from edgeseg.events.event import Event, Value
from edgeseg.events.keyed import ORDERS
from edgeseg.metric_plan import Metric
from edgeseg.profiles.combine import combine
from edgeseg.profiles.fold import fold, refold
from edgeseg.profiles.ledger import MAX_ENTRIES
from edgeseg.profiles.ledger_join import join_ledgers
from edgeseg.profiles.profile import EMPTY_PROFILE, Ledger, LedgerEntry
from tests.conformance.plans import NOW_MS, plan_of

SPENT = Metric(key=1, event="order_completed", sum_of="revenue")
PLAN = plan_of(SPENT)


def entry(second: int, revenue: int, *, is_cancelled: bool = False) -> LedgerEntry:
    """Answer an order that was made at a second."""
    at_ms = NOW_MS + second * 1_000
    layers = () if is_cancelled else ((at_ms, {"revenue": revenue}),)
    return LedgerEntry(at_ms, at_ms, layers, is_cancelled=is_cancelled)


def join(one: Ledger, other: Ledger) -> Ledger:
    """Answer both, of whom nothing is settled."""
    return join_ledgers(one, other, Ledger(), ORDERS, PLAN, None)


def test_the_oldest_orders_beyond_the_bound_stay_counted() -> None:
    """They make place, as in the ledger of one visitor; cancelled ones count nothing."""
    full = {f"a{number:02}": entry(2 * number + 4, 1) for number in range(MAX_ENTRIES)}
    few = {"b": entry(0, 30), "c": entry(1, 500, is_cancelled=True), "d": entry(2, 12)}
    one, other = Ledger(full, dropped=4), Ledger(few, dropped=2)
    joined = join(one, other)
    assert joined.entries == one.entries
    assert joined.dropped == 4 + 2 + len(other.entries)
    assert joined.total is not None
    assert joined.total.count == joined.settled[SPENT.key].count == 2
    assert joined.settled[SPENT.key].total == 42


def test_of_two_values_of_one_instant_that_of_the_profile_that_stays_wins() -> None:
    """Whatever else only the other one names is added."""
    at_ms = NOW_MS
    one = Ledger({"a": LedgerEntry(at_ms, at_ms, ((at_ms, {"revenue": 1, "status": "paid"}),))})
    other = Ledger({"a": LedgerEntry(at_ms, at_ms, ((at_ms, {"revenue": 2, "items": 3}),))})
    (layers,) = (joined.layers for joined in join(one, other).entries.values())
    assert dict(pair for _at_ms, layer in layers for pair in layer.items()) == {
        "revenue": 1,
        "status": "paid",
        "items": 3,
    }


def told(name: str, second: int, **properties: Value) -> Event:
    """Answer what is told of an order at a second."""
    return Event(f"order_{name}", NOW_MS + second * 1_000, {"order_id": "a", **properties})


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ([told("completed", 1, revenue=50)], [told("cancelled", 2)]),
        ([told("updated", 1, revenue=50)], [told("updated", 2, revenue=40)]),
        ([told("completed", 1, revenue=50)], [told("refunded", 2, revenue=20)]),
        ([told("completed", 1, revenue=50)], [told("refunded", 2)]),
        ([told("completed", 3, revenue=50)], [told("completed", 1, revenue=40)]),
        (
            [told("completed", 1, revenue=50), told("refunded", 2, revenue=20)],
            [told("refunded", 3, revenue=20), told("updated", 4, revenue=60)],
        ),
    ],
)
def test_an_order_is_what_both_were_told_of_it(
    mine: Sequence[Event], theirs: Sequence[Event]
) -> None:
    """As if one profile had been told all of that, whoever joins whom."""
    expected = fold(EMPTY_PROFILE, [*mine, *theirs], PLAN)
    for events in ((mine, theirs), (theirs, mine)):
        joined = combine(*(fold(EMPTY_PROFILE, each, PLAN) for each in events), PLAN)
        counted = refold(joined, [], PLAN)  # from the ledger
        assert counted.metrics.get(SPENT.key) == expected.metrics.get(SPENT.key)
        assert counted.ledgers == expected.ledgers
