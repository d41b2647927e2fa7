"""What events mean for campaigns: what is counted, once, for whom, on which day."""

from collections.abc import Iterable
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from edgeseg.clock import DAY_MS, HOUR_MS, MINUTE_MS
from edgeseg.decisions.snapshot import build_snapshot
from edgeseg.events.event import Event
from edgeseg.insights.judge import News, Witnessed, judge
from edgeseg.insights.tally import MAX_SEGMENTS
from edgeseg.profiles.fold import fold
from edgeseg.profiles.outcome_store import HORIZON_MS
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile

NOW_MS = 1_800_000_000_000  # 2027-01-15, 8:00 UTC
TODAY = "2027-01-15"
RULES = """
slots: [{id: hero, kind: html}, {id: side, kind: html}]
holdouts: [{id: silence, percent: 5}]
goals:
  - {id: asked, event: form_submitted, where: {form: quote}, window: 7d}
  - {id: bought, event: order_completed, window: 3d, revenue: revenue, credit: every}
  - {id: booked, event: appointment_booked, revenue: fee, credit: first}
  - {id: moved, event: appointment_rescheduled}
campaigns:
  - {id: spring, slot: hero, goal: asked, variants: [{id: a, template: t}, {id: b, template: t}]}
  - {id: summer, slot: side, goal: asked, variants: [{id: a, template: t}]}
  - {id: sale, slot: hero, goal: bought, variants: [{id: a, template: t}]}
  - {id: deal, slot: side, goal: bought, variants: [{id: a, template: t}]}
  - {id: early, slot: hero, goal: booked, variants: [{id: a, template: t}, {id: b, template: t}]}
  - {id: later, slot: side, goal: booked, variants: [{id: a, template: t}]}
  - {id: move, slot: side, goal: moved, variants: [{id: a, template: t}]}
  - {id: plain, slot: hero, variants: [{id: a, template: t}]}
"""
RULES_NOW = build_snapshot({"r.yaml": RULES}, {"t": ""})


def shown(at_ms: int, campaign: str = "spring", variant: str = "a", **more: Any) -> Event:
    """A variant that was shown."""
    slot = "side" if campaign in {"summer", "deal", "later", "move"} else "hero"
    told = {"campaign": campaign, "variant": variant, "slot": slot, **more}
    return Event("campaign_shown", at_ms, told, f"{campaign}{variant}{at_ms}")


def asked(at_ms: int, form: str = "quote", message_id: str = "m") -> Event:
    """A form that was submitted."""
    return Event("form_submitted", at_ms, {"form": form}, message_id)


def bought(at_ms: int, order_id: str = "o-1", **properties: Any) -> Event:
    """An order that was completed."""
    return Event("order_completed", at_ms, {"order_id": order_id, **properties})


class Visitor:
    """A visitor whose requests are judged one after the other, as a store would have it."""

    def __init__(self, id_: str = "v") -> None:
        self.id = id_
        self.profile: Profile = EMPTY_PROFILE

    def tell(self, *events: Event, now_ms: int = NOW_MS, **seen: Any) -> News:
        """Fold and judge events; what they lead to is folded, too."""
        self.profile = fold(self.profile, events, RULES_NOW.plan)
        segments = seen.pop("segments", ["s1"])
        witnessed = Witnessed(
            visitor=self.id, events=events, profile=self.profile, segments=segments, now_ms=now_ms,
            **seen,
        )  # fmt: skip
        news = judge(witnessed, RULES_NOW.outcomes, RULES_NOW.plan)
        self.profile = fold(self.profile, news.events, RULES_NOW.plan)
        return news


@pytest.fixture
def visitor() -> Visitor:
    """A new one."""
    return Visitor()


def counted(news: News) -> list[tuple[str, str, dict[str, int]]]:
    """Campaign, day and counts for all visitors of each outcome."""
    return [
        (each.campaign, each.day, {name[:-1]: n for name, n in each.adds if name.endswith("/")})
        for each in news.outcomes
    ]


def names(events: Iterable[Event]) -> list[tuple[str, object]]:
    """Name and campaign of events."""
    return [(event.name, event.properties["campaign"]) for event in events]


def test_the_first_exposure_makes_the_visitor_one_of_those_who_saw_it(visitor: Visitor) -> None:
    """Further ones count as exposures only."""
    first = visitor.tell(shown(NOW_MS - 2))
    assert counted(first) == [
        ("spring", TODAY, {"shown/a": 1}),
        ("spring", TODAY, {"visitors/a": 1}),
    ]
    assert ("visitors/a/s1", 1) in first.outcomes[1].adds
    second = visitor.tell(shown(NOW_MS - 1))
    assert counted(second) == [("spring", TODAY, {"shown/a": 1})]
    assert second.events == []


def test_repeats_have_the_same_mark_and_others_do_not(visitor: Visitor) -> None:
    """Which is how the store tells them apart."""
    marks = [visitor.tell(shown(at)).outcomes[0].mark for at in (NOW_MS - 9, NOW_MS - 9, NOW_MS)]
    assert marks[0] == marks[1] != marks[2]


def test_without_a_message_id_the_instant_tells_exposures_apart(visitor: Visitor) -> None:
    """Together with who did what, of which variant."""
    events = [
        Event(name, at_ms, shown(0, variant=variant).properties)
        for name in ("campaign_shown", "campaign_clicked")
        for at_ms in (NOW_MS - 9, NOW_MS)
        for variant in ("a", "b")
    ]
    marks = [
        who.tell(event).outcomes[0].mark for who in (visitor, Visitor("w")) for event in events
    ]
    assert len({*marks}) == 2 * len(events)
    assert [visitor.tell(event).outcomes[0].mark for event in events] == marks[: len(events)]


@pytest.mark.parametrize(
    "event",
    [
        shown(NOW_MS, "winter"),
        shown(NOW_MS, variant="z"),
        shown(NOW_MS, slot="side"),
        Event("campaign_shown", NOW_MS, {}),
        Event("campaign_shown", NOW_MS, {"campaign": ["spring"], "variant": 1, "slot": "hero"}),
    ],
)
def test_what_the_rules_do_not_have_is_not_counted(visitor: Visitor, event: Event) -> None:
    """A browser may say anything."""
    assert visitor.tell(event) == News([], [], 0)


def test_an_exposure_too_old_to_know_a_repeat_is_told_of_as_late(visitor: Visitor) -> None:
    """To the millisecond."""
    assert visitor.tell(shown(NOW_MS - HORIZON_MS - 1)) == News([], [], 1)
    assert visitor.tell(shown(NOW_MS - HORIZON_MS)).late == 0


def test_a_goal_is_credited_to_the_last_campaign_shown(visitor: Visitor) -> None:
    """Both know that their visitor converted, one is credited; both visitors respond."""
    visitor.tell(shown(NOW_MS - 9), shown(NOW_MS - 5, "summer"))
    news = visitor.tell(asked(NOW_MS))
    assert counted(news) == [
        ("summer", TODAY, {"conversions/a": 1}),
        ("spring", TODAY, {"responders/a": 1}),
        ("summer", TODAY, {"responders/a": 1}),
    ]
    credited = {each.properties["campaign"]: each.properties.get("credited") for each in news.events
                if each.name == "campaign_converted"}  # fmt: skip
    assert credited == {"spring": False, "summer": True}


def test_the_first_campaign_shown_may_get_the_credit_and_the_revenue(visitor: Visitor) -> None:
    """By the variant that was first; of what was shown after it, the profile knows only that."""
    visitor.tell(shown(NOW_MS - 9, "early"), shown(NOW_MS - 7, "early", "b"))
    visitor.tell(shown(NOW_MS - 5, "later"))
    news = visitor.tell(Event("appointment_booked", NOW_MS, {"appointment_id": "t", "fee": 20}))
    assert counted(news)[0] == ("early", TODAY, {"conversions/a": 1, "revenue/a": 20_000_000})
    assert sum("conversions/a/" in dict(each.adds) for each in news.outcomes) == 1
    told = {each.properties["campaign"]: each.properties.get("revenue") for each in news.events
            if each.name == "campaign_converted"}  # fmt: skip
    assert told == {"early": 20, "later": None}


def test_other_events_and_other_forms_convert_nobody(visitor: Visitor) -> None:
    """The goal's ``where`` is that of rules."""
    visitor.tell(shown(NOW_MS - 9))
    assert visitor.tell(asked(NOW_MS, "other")) == News([], [], 0)


@pytest.mark.parametrize(("age_ms", "converts"), [(7 * DAY_MS - 1, True), (7 * DAY_MS, False)])
def test_the_window_is_exact(visitor: Visitor, age_ms: int, *, converts: bool) -> None:
    """An exposure counts until exactly that much time has passed."""
    visitor.tell(shown(NOW_MS - age_ms), now_ms=NOW_MS - age_ms)
    assert bool(visitor.tell(asked(NOW_MS)).outcomes) is converts


def test_an_exposure_after_the_goal_is_no_cause(visitor: Visitor) -> None:
    """Nor one without."""
    assert visitor.tell(asked(NOW_MS - 9)).outcomes == []
    visitor.tell(shown(NOW_MS - 5))
    assert visitor.tell(asked(NOW_MS - 6, message_id="n")).outcomes == []


def test_a_repeated_goal_event_converts_once(visitor: Visitor) -> None:
    """However late it is sent again; a second form is another conversion by the same visitor."""
    visitor.tell(shown(NOW_MS - 9))
    visitor.tell(asked(NOW_MS))
    assert visitor.tell(asked(NOW_MS), now_ms=NOW_MS + DAY_MS) == News([], [], 0)
    another = visitor.tell(asked(NOW_MS + 5, message_id="n"))
    assert counted(another) == [("spring", TODAY, {"conversions/a": 1})]


def test_an_order_told_again_is_no_second_conversion(visitor: Visitor) -> None:
    """It is known by its id, and earns what its first event says."""
    visitor.tell(shown(NOW_MS - 9, "sale"), shown(NOW_MS - 8, "deal"))
    news = visitor.tell(bought(NOW_MS, revenue=49.9))
    micros = {"conversions/a": 1, "revenue/a": 49_900_000}
    assert counted(news)[:2] == [("deal", TODAY, micros), ("sale", TODAY, micros)]
    assert visitor.tell(bought(NOW_MS + MINUTE_MS, revenue=60)) == News([], [], 0)


def test_orders_without_an_id_are_each_an_order(visitor: Visitor) -> None:
    """Told apart as any goal event."""
    visitor.tell(shown(NOW_MS - 9, "sale"))
    told = [Event("order_completed", NOW_MS, {"revenue": 5}, id_) for id_ in ("m", "n", "m")]
    counts = [next(iter(counted(visitor.tell(event))), None) for event in told]
    once = ("sale", TODAY, {"conversions/a": 1, "revenue/a": 5_000_000})
    assert counts == [once, once, None]


def test_a_change_of_a_thing_may_be_the_goal(visitor: Visitor) -> None:
    """It tells of a thing that is known, and is no repeat of it for that."""
    visitor.tell(shown(NOW_MS - 9, "move"))
    visitor.tell(Event("appointment_booked", NOW_MS - 5, {"appointment_id": "t"}))
    news = visitor.tell(Event("appointment_rescheduled", NOW_MS, {"appointment_id": "t"}))
    assert counted(news)[0] == ("move", TODAY, {"conversions/a": 1})


@pytest.mark.parametrize("revenue", ["49.9", True, None, [49.9]])
def test_what_is_no_number_earns_nothing(visitor: Visitor, revenue: Any) -> None:
    """The conversion counts all the same."""
    visitor.tell(shown(NOW_MS - 9, "sale"))
    told = {} if revenue is None else {"revenue": revenue}
    assert counted(visitor.tell(bought(NOW_MS, **told)))[0][2] == {"conversions/a": 1}


def test_responders_count_on_the_day_and_in_the_segments_of_the_first_exposure(
    visitor: Visitor,
) -> None:
    """So that they are some of the visitors counted there."""
    before_ms = NOW_MS - 2 * DAY_MS
    visitor.tell(shown(before_ms), now_ms=before_ms, segments=["new"])
    news = visitor.tell(asked(NOW_MS), segments=["customers"])
    conversion, response = news.outcomes
    assert (conversion.day, response.day) == (TODAY, "2027-01-13")
    for each in news.outcomes:
        assert {name.rpartition("/")[2] for name, _n in each.adds} == {"", "new"}


def test_who_saw_several_variants_responds_to_each_in_its_window(visitor: Visitor) -> None:
    """Once, however often the goal is reached, and although others were seen too long ago."""
    for variant, at_ms in (("a", NOW_MS - 2), ("b", NOW_MS - 1)):
        visitor.tell(shown(at_ms, variant=variant), now_ms=at_ms)
    news = visitor.tell(asked(NOW_MS), asked(NOW_MS + 1, message_id="n"))
    responses = [counts for _campaign, _day, counts in counted(news) if len(counts) == 1]
    assert responses.count({"responders/a": 1}) == responses.count({"responders/b": 1}) == 1
    late = Visitor()
    for variant, at_ms in (("a", NOW_MS - 8 * DAY_MS), ("b", NOW_MS - 1)):
        late.tell(shown(at_ms, variant=variant), now_ms=at_ms)
    assert counted(late.tell(asked(NOW_MS)))[1:] == [("spring", TODAY, {"responders/b": 1})]


def test_who_is_in_no_segment_counts_among_all(visitor: Visitor) -> None:
    """When they saw it, and when they respond."""
    visitor.tell(shown(NOW_MS - 9), segments=[])
    news = visitor.tell(asked(NOW_MS), segments=["customers"])
    assert [each.adds for each in news.outcomes] == [
        (("conversions/a/", 1),),
        (("responders/a/", 1),),
    ]


def test_who_is_held_out_joins_once_and_responds_too(visitor: Visitor) -> None:
    """They are compared with, and are not credited."""
    view = Event("page_viewed", NOW_MS - 9)
    first = visitor.tell(view, withheld={"spring": "silence"}, now_ms=NOW_MS - 9)
    assert counted(first) == [("spring", TODAY, {"visitors/": 1})]
    assert first.events[0].properties["holdout"] == "silence"
    assert visitor.tell(view, withheld={"spring": "silence"}) == News([], [], 0)
    news = visitor.tell(asked(NOW_MS))
    assert counted(news) == [("spring", TODAY, {"responders/": 1})]
    assert names(news.events) == [("campaign_responded", "spring")]


def test_an_exposure_and_the_goal_in_one_request_belong_together(visitor: Visitor) -> None:
    """As when a page is left."""
    news = visitor.tell(shown(NOW_MS - 5), asked(NOW_MS))
    kinds = [next(iter(counts)) for _campaign, _day, counts in counted(news)]
    assert kinds == ["shown/a", "visitors/a", "conversions/a", "responders/a"]


def test_campaigns_without_goal_or_split_count_exposures_alone(visitor: Visitor) -> None:
    """Nothing is added to the profile for them."""
    news = visitor.tell(shown(NOW_MS, "plain"))
    assert counted(news) == [("plain", TODAY, {"shown/a": 1})]
    assert news.events == []


def test_days_are_those_of_the_site(visitor: Visitor) -> None:
    """Half an hour before midnight in Prague."""
    late = shown(NOW_MS + 14 * HOUR_MS + 30 * MINUTE_MS)
    seen = Witnessed(
        visitor="v", events=[late], profile=EMPTY_PROFILE, segments=[], now_ms=late.at_ms
    )
    for zone, day in (("Europe/Prague", "2027-01-15"), ("Asia/Tokyo", "2027-01-16")):
        news = judge(seen, RULES_NOW.outcomes, RULES_NOW.plan, ZoneInfo(zone))
        assert {each.day for each in news.outcomes} == {day}


def test_what_is_told_of_after_midnight_counts_on_the_day_it_happened(visitor: Visitor) -> None:
    """Exposures and goals alike."""
    midnight_ms = NOW_MS + 16 * HOUR_MS
    events = [shown(midnight_ms - 2), asked(midnight_ms - 1)]
    news = visitor.tell(*events, now_ms=midnight_ms + MINUTE_MS)
    assert len(news.outcomes) == 4
    assert {each.day for each in news.outcomes} == {TODAY}
    assert {each.at_ms for each in news.events} == {event.at_ms for event in events}


def test_segments_are_counted_up_to_a_bound(visitor: Visitor) -> None:
    """The most important ones come first."""
    many = [f"s{number}" for number in range(MAX_SEGMENTS + 5)]
    news = visitor.tell(shown(NOW_MS), segments=many)
    for each in news.outcomes:
        assert [name.rpartition("/")[2] for name, _n in each.adds] == ["", *many[:MAX_SEGMENTS]]
    assert news.events[0].properties["segments"] == ",".join(many[:MAX_SEGMENTS])
