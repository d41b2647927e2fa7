"""Ledgers of two visitors who turn out to be one."""

from edgeseg.events.keyed import ORDERS
from edgeseg.metric_plan import Metric
from edgeseg.profiles.ledger import MAX_ENTRIES
from edgeseg.profiles.ledger_join import join_ledgers
from edgeseg.profiles.profile import Ledger, LedgerEntry
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
    one = Ledger({f"a{number:02}": entry(2 * number + 4, 1) for number in range(MAX_ENTRIES)})
    other = Ledger({"b": entry(0, 30), "c": entry(1, 500, is_cancelled=True), "d": entry(2, 12)})
    joined = join(one, other)
    assert joined.entries == one.entries
    assert joined.dropped == len(other.entries)
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
