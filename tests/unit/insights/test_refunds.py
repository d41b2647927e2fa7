"""Refunds and cancellations: what they take off credited revenue, once, in any order."""

from itertools import permutations
from typing import Any

import pytest

from edgeseg.clock import DAY_MS, MINUTE_MS
from edgeseg.decisions.campaign import Goal
from edgeseg.decisions.snapshot import build_snapshot
from edgeseg.events.event import Event
from edgeseg.insights.judge import News, Witnessed, judge
from edgeseg.insights.refunds import Amount, revenue_of, taken_by
from edgeseg.insights.tally import MICRO
from edgeseg.profiles.fold import fold
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile

NOW_MS = 1_800_000_000_000  # 2027-01-15, 8:00 UTC
TODAY = "2027-01-15"
RULES = build_snapshot(
    {
        "r.yaml": """
slots: [{id: hero, kind: html}, {id: side, kind: html}]
goals:
  - {id: bought, event: order_completed, window: 3d, revenue: revenue, credit: every}
  - {id: margin, event: order_completed, revenue: margin}
  - {id: visit, event: appointment_booked, revenue: fee}
campaigns:
  - {id: sale, slot: hero, goal: bought, variants: [{id: a, template: t}]}
  - {id: deal, slot: side, goal: bought, variants: [{id: a, template: t}]}
  - {id: gain, slot: hero, goal: margin, variants: [{id: a, template: t}]}
  - {id: meet, slot: hero, goal: visit, variants: [{id: a, template: t}]}
"""
    },
    {"t": ""},
)


def shown(campaign: str = "sale", at_ms: int = NOW_MS - 9) -> Event:
    """A variant that was shown."""
    told = {"campaign": campaign, "variant": "a", "slot": "side" if campaign == "deal" else "hero"}
    return Event("campaign_shown", at_ms, told, f"{campaign}{at_ms}")


def about(what: str, after_ms: int = 0, order_id: str = "o-1", **more: Any) -> Event:
    """Something that is told of an order, with an id of its own."""
    id_ = f"{what}{order_id}{after_ms}"
    return Event(f"order_{what}", NOW_MS + after_ms, {"order_id": order_id, **more}, id_)


class Visitor:
    """A visitor who has seen campaigns; requests are judged one after the other."""

    def __init__(self, *campaigns: str) -> None:
        self.profile: Profile = EMPTY_PROFILE
        self.revenue: dict[str, float] = {}
        self.days: set[str] = set()
        self.conversions = 0
        self.marks: set[str] = set()
        self.tell(*(shown(each) for each in campaigns))

    def tell(self, *events: Event, segments: tuple[str, ...] = ("s1",)) -> News:
        """Fold and judge events, and count what follows as the store does: each mark once."""
        self.profile = fold(self.profile, events, RULES.plan)
        now_ms = max([NOW_MS, *(event.at_ms for event in events)])
        seen = Witnessed(
            visitor="v", events=events, profile=self.profile, segments=segments, now_ms=now_ms
        )
        news = judge(seen, RULES.outcomes, RULES.plan)
        self.profile = fold(self.profile, news.events, RULES.plan)
        for each in news.outcomes:
            if each.mark in self.marks:
                continue
            self.marks.add(each.mark)
            counts = dict(each.adds)
            self.conversions += counts.get("conversions/a/", 0)
            if "revenue/a/" in counts:
                self.days.add(each.day)
                earned = self.revenue.get(each.campaign, 0) + counts["revenue/a/"] / MICRO
                self.revenue[each.campaign] = earned
        return news


@pytest.fixture
def visitor() -> Visitor:
    """Who has seen the sale."""
    return Visitor("sale")


def test_a_refund_is_taken_off_on_the_day_and_in_the_segments_of_the_conversion(
    visitor: Visitor,
) -> None:
    """A week later, in other segments; the conversion itself stays one."""
    visitor.tell(about("completed", revenue=49.9))
    news = visitor.tell(about("refunded", 7 * DAY_MS, revenue=20), segments=("customers",))
    assert [(each.day, each.adds) for each in news.outcomes] == [
        (TODAY, (("revenue/a/", -20_000_000), ("revenue/a/s1", -20_000_000)))
    ]
    assert visitor.revenue == {"sale": 29.9}
    assert visitor.conversions == 1
    (noted,) = news.events
    assert noted.name == "campaign_refunded"
    assert noted.properties["revenue"] == -20


def test_refunds_add_up_and_never_take_more_than_there_is(visitor: Visitor) -> None:
    """As for spend: three of 20 leave nothing of 50."""
    visitor.tell(about("completed", revenue=50))
    for number in range(1, 4):
        visitor.tell(about("refunded", number * DAY_MS, revenue=20))
    assert visitor.revenue == {"sale": 0}


@pytest.mark.parametrize("what", ["refunded", "cancelled"])
def test_without_an_amount_all_that_is_left_is_taken(visitor: Visitor, what: str) -> None:
    """A refund of everything, or a cancellation, after a part was given back."""
    visitor.tell(about("completed", revenue=50))
    visitor.tell(about("refunded", MINUTE_MS, amount=20))
    visitor.tell(about(what, DAY_MS))
    visitor.tell(about(what, DAY_MS + 1))
    assert visitor.revenue == {"sale": 0}


def test_a_repeated_refund_is_taken_once(visitor: Visitor) -> None:
    """Whether a batch is sent again as a whole, or the refund alone, by any worker."""
    order, refund = about("completed", revenue=50), about("refunded", 1, revenue=20)
    visitor.tell(order, refund)
    assert visitor.revenue == {"sale": 30}
    visitor.tell(order, refund)
    visitor.tell(refund)
    assert visitor.revenue == {"sale": 30}
    assert not visitor.tell(refund).events
    another = Visitor("sale")
    another.tell(order)
    before = another.profile
    another.tell(refund)
    another.profile = before  # as another worker sees it that got the repeat at the same time
    another.tell(refund)
    assert another.revenue == {"sale": 30}


def test_refunds_are_told_apart_by_their_message_else_by_order_and_instant(
    visitor: Visitor,
) -> None:
    """Each is taken, and taken once."""
    for order_id in ("o-1", "o-2"):
        visitor.tell(about("completed", 0, order_id, revenue=50))
    refunds = [
        Event(
            "order_refunded", NOW_MS + after_ms, {"order_id": order_id, "revenue": 10}, message_id
        )
        for order_id in ("o-1", "o-2")
        for after_ms, message_id in ((1, ""), (2, ""), (3, f"{order_id} m"), (3, f"{order_id} n"))
    ]
    for refund in (*refunds, *refunds):
        visitor.tell(refund)
    assert visitor.revenue == {"sale": 20}


def test_an_order_that_is_told_of_again_converts_nobody_again(visitor: Visitor) -> None:
    """As by the shop's server, some time after the page: what was shown since led to nothing."""
    visitor.tell(about("completed", revenue=50))
    visitor.tell(shown("deal", NOW_MS + 5))
    visitor.tell(about("completed", 10, revenue=50))
    assert (visitor.revenue, visitor.conversions) == ({"sale": 50}, 1)


def test_the_order_in_which_they_arrive_does_not_matter() -> None:
    """A refund may be told of before its order; all ways end with the same revenue."""
    refunds = [about("refunded", 1, revenue=20), about("refunded", 2, revenue=5)]
    told = [about("completed", revenue=50), *refunds]
    for way in permutations(told):
        visitor = Visitor("sale")
        for event in way:
            visitor.tell(event)
        assert visitor.revenue == {"sale": 25}, [event.name for event in way]
    cancelled = Visitor("sale")
    cancelled.tell(about("cancelled", 1))
    cancelled.tell(about("completed", revenue=50))
    assert cancelled.revenue == {}
    assert cancelled.conversions == 1


def test_a_refund_that_came_before_its_order_is_not_taken_again() -> None:
    """It is in what the order earned; the next one is not, nor the one that takes the rest."""
    visitor = Visitor("sale")
    first, order = about("refunded", 1, revenue=20), about("completed", revenue=50)
    for event in (first, order, first, about("refunded", 2, revenue=5), first):
        visitor.tell(event)
    assert visitor.revenue == {"sale": 25}
    visitor.tell(about("refunded", 3))
    visitor.tell(first)
    assert visitor.revenue == {"sale": 0}


def test_each_campaign_gives_back_what_it_was_credited_with() -> None:
    """Where every campaign gets the credit, all of them lose it; others are not concerned."""
    visitor = Visitor("sale", "deal")
    visitor.tell(about("completed", revenue=50), about("completed", 1, "o-2", revenue=8))
    assert visitor.revenue == {"sale": 58, "deal": 58}
    visitor.tell(about("refunded", DAY_MS, revenue=20), about("cancelled", DAY_MS, "o-3"))
    assert visitor.revenue == {"sale": 38, "deal": 38}


def test_a_refund_of_what_nobody_was_credited_with_changes_nothing(visitor: Visitor) -> None:
    """Another order, or one without an id, or one before the campaign was shown."""
    visitor.tell(about("completed", -10, "o-0", revenue=50))
    visitor.tell(about("completed", revenue=50))
    for order_id in ("o-0", "o-9", ""):
        assert visitor.tell(about("refunded", 5, order_id, revenue=20)) == News([], [], 0)
    assert visitor.revenue == {"sale": 50}


def test_figures_that_no_refund_names_go_with_the_whole_order() -> None:
    """A refund of 20 says nothing of the margin; a cancellation does."""
    visitor = Visitor("gain")
    visitor.tell(about("completed", revenue=50, margin=9))
    visitor.tell(about("refunded", 1, revenue=20))
    assert visitor.revenue == {"gain": 9}
    visitor.tell(about("cancelled", 2))
    assert visitor.revenue == {"gain": 0}


@pytest.mark.parametrize(
    "requests", [["completed", "refunded"], ["refunded", "completed"], ["completed refunded"]]
)
def test_a_refund_of_everything_takes_the_figures_that_none_names_too(requests: list[str]) -> None:
    """Whether it arrives after the order, before it or with it."""
    events = {
        "completed": about("completed", revenue=50, margin=9),
        "refunded": about("refunded", 1),
    }
    visitor = Visitor("gain")
    for request in requests:
        visitor.tell(*(events[what] for what in request.split()))
    assert visitor.revenue.get("gain", 0) == 0
    assert visitor.conversions == 1


def test_cancelled_appointments_earn_nothing() -> None:
    """Whatever is keyed by an id works alike."""
    visitor = Visitor("meet")
    booked = {"appointment_id": "t-1", "fee": 70}
    visitor.tell(Event("appointment_booked", NOW_MS, booked, "m1"))
    assert visitor.revenue == {"meet": 70}
    visitor.tell(Event("appointment_cancelled", NOW_MS + 1, {"appointment_id": "t-1"}, "m2"))
    assert visitor.revenue == {"meet": 0}


def test_a_goal_without_revenue_earns_nothing() -> None:
    """Only a property that is named is added up; what is no number counts as 0."""
    event = Event("order_completed", 5, {"revenue": 9, "note": "x"})
    for name, earned in (("", 0), ("revenue", 9 * MICRO), ("note", 0), ("missing", 0)):
        goal = Goal(id="g", event="order_completed", revenue=name)
        assert revenue_of(event, goal, EMPTY_PROFILE) == earned


def test_amounts_are_read_as_they_are_written() -> None:
    """Negative and large ones, too; a refund may name its amount with either sign."""
    for before in (0, 10**15):
        amount = Amount("aB-_9", -(10**15), NOW_MS, before)
        assert Amount.read(str(amount)) == amount
    assert str(Amount("aB-_9", 5, 7)) == "aB-_9 5 7"  # as former versions write and read it
    goal = Goal(id="g", event="order_completed", revenue="total")
    for value in (3, -3):
        assert taken_by(about("refunded", total=value), goal, 5 * MICRO) == 3 * MICRO
