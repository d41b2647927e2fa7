"""The behaviour of two visitors added up, where no events are retained to tell it again."""

import msgspec
import pytest

from edgeseg.events.event import Event
from edgeseg.metric_plan import Metric
from edgeseg.profiles.affinity import MAX_VALUES
from edgeseg.profiles.combine import combine
from edgeseg.profiles.fold import fold
from edgeseg.profiles.profile import EMPTY_PROFILE, MAX_EVENT_NAMES, Profile, Visit
from tests.conformance.plans import NOW_MS, plan_of

MINUTE_MS = 60_000
ORDERED = Metric(key=2, event="ordered", steps=2, step=1)
PLAN = msgspec.structs.replace(
    plan_of(
        Metric(key=1, event="searched"),
        ORDERED,
        Metric(key=2, event="page_viewed", steps=2, step=0),
    ),
    affinities=("topic",),
)


def done(*events: tuple[str, int]) -> Profile:
    """Answer the profile of a visitor who did this, each at a minute."""
    happened = [
        Event(name, NOW_MS + minute * MINUTE_MS, {"path": f"/{minute}"}) for name, minute in events
    ]
    return fold(EMPTY_PROFILE, happened, PLAN)


def viewed(*minutes: int) -> Profile:
    """Answer the profile of a visitor who viewed a page at each of these minutes."""
    return done(*(("page_viewed", minute) for minute in minutes))


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("one", "other", "visit"),
    [
        (viewed(0, 100), viewed(200), (3, 200, 200, 1, "/200")),
        (viewed(0, 100), viewed(120, 140), (2, 100, 140, 3, "/100")),
        (viewed(0), viewed(30), (1, 0, 30, 2, "/0")),
        (viewed(0), viewed(31), (2, 31, 31, 1, "/31")),
        (viewed(0, 20), viewed(10), (1, 0, 20, 3, "/0")),
        (done(("searched", 0), ("searched", 20)), viewed(10), (1, 0, 20, 1, "/10")),
        (done(("searched", 0)), viewed(10), (1, 0, 10, 1, "/10")),
    ],
)
def test_visits_are_added_up_and_two_that_overlap_are_one(
    one: Profile, other: Profile, visit: tuple[int, int, int, int, str], order: int
) -> None:
    """So are those less than half an hour apart; whoever joins whom."""
    number, started, last, pages, landing_path = visit
    started_ms, last_ms = (NOW_MS + minute * MINUTE_MS for minute in (started, last))
    joined = combine(*(one, other)[::order], PLAN)
    assert joined.visit == Visit(number, started_ms, last_ms, pages, landing_path)


def test_what_either_did_is_before_the_visit_that_comes_next() -> None:
    """Also what belongs to no visit of the profile that stays."""
    joined = combine(done(("searched", 0)), viewed(500), PLAN)
    later = Event("searched", NOW_MS + 1_000 * MINUTE_MS)
    total = fold(joined, [later], PLAN).totals["searched"]
    assert (total.count, total.last_ms, total.earlier_ms) == (2, later.at_ms, NOW_MS)


@pytest.mark.parametrize("order", [1, -1])
def test_a_sequence_stays_if_only_one_of_both_took_its_steps(order: int) -> None:
    """Whatever else the other did; where both did, their runs are added up and that is told."""
    ran = done(("page_viewed", 0), ("ordered", 1))
    sides = (ran, done(("searched", 5)))[::order]
    assert combine(*sides, PLAN).metrics[ORDERED.key] == ran.metrics[ORDERED.key]
    again = done(("page_viewed", 9), ("ordered", 10), ("searched", 11))
    state = combine(*(ran, again)[::order], PLAN).metrics[ORDERED.key]
    last_ms = NOW_MS + 10 * MINUTE_MS
    assert (state.count, state.last_ms, state.since_ms) == (2, last_ms, last_ms + MINUTE_MS)


def test_a_sequence_that_nobody_began_is_not_begun_by_a_merge() -> None:
    """Both ordered without a look at a page: the next order ends no sequence either."""
    joined = combine(done(("ordered", 0)), done(("ordered", 1)), PLAN)
    after = fold(joined, [Event("ordered", NOW_MS + 2 * MINUTE_MS)], PLAN)
    assert after.metrics[ORDERED.key].count == 0


def test_steps_may_be_among_the_names_that_are_counted_together() -> None:
    """They were of no interest then, so nobody knows whether there were any."""
    many = done(*((f"n{number}", 5) for number in range(MAX_EVENT_NAMES + 1)))
    state = combine(viewed(0), many, PLAN).metrics[ORDERED.key]
    assert state.since_ms == NOW_MS + 5 * MINUTE_MS


def interested(*topics: str) -> Profile:
    """Answer the profile of a visitor who viewed pages of these topics."""
    views = [Event("page_viewed", NOW_MS, {"topic": topic}) for topic in topics]
    return fold(EMPTY_PROFILE, views, PLAN)


def test_interests_are_added_up_and_the_lightest_go() -> None:
    """As in one profile that is told of all those pages."""
    mine = [topic for topic in map(str, range(MAX_VALUES)) for _ in range(2)]
    theirs = ["0", "other", "other", "other", "rare"]
    joined = combine(interested(*mine), interested(*theirs), PLAN).affinities["topic"]
    expected = interested(*mine, "0", "other", "other", "other").affinities["topic"]
    assert len(joined) == MAX_VALUES
    assert joined["0"] == joined["other"] == expected["0"]
    assert "rare" not in joined


def test_what_is_complete_of_both_is_so_from_the_later_instant_on() -> None:
    """The one who was asked later misses more."""
    one, other = viewed(0), viewed(1)
    one = msgspec.structs.replace(one, since_ms=5, affinities_since_ms={"topic": 3, "brand": 4})
    other = msgspec.structs.replace(other, since_ms=2, affinities_since_ms={"topic": 9})
    for sides in ((one, other), (other, one)):
        joined = combine(*sides, PLAN)
        assert joined.since_ms == 5
        assert joined.affinities_since_ms == {"topic": 9, "brand": 4}
