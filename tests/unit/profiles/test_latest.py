"""The latest different values of a property, as profiles remember them."""

from hypothesis import given
from hypothesis import strategies as st

from edgeseg.events.event import Event
from edgeseg.metric_plan import Metric, MetricPlan
from edgeseg.profiles import latest
from edgeseg.profiles.combine import combine
from edgeseg.profiles.fold import fold
from edgeseg.profiles.latest import Met, latest_of
from edgeseg.profiles.profile import EMPTY_PROFILE, MetricState

KEEP = 3
PLAN = MetricPlan(
    id="p",
    metrics=(Metric(key=1, event="seen", latest_of="id", keep=KEEP),),
    feeds=lambda name, _properties: (0,) if name == "seen" else (),
)
WIDE = MetricPlan(
    id="w",
    metrics=(Metric(key=1, event="seen", latest_of="id", keep=100),),
    feeds=PLAN.feeds,
)
SEEN = st.lists(
    st.builds(
        lambda id_, at_ms: Event("seen", at_ms, {"id": id_}),
        st.sampled_from("abcdef"),
        st.integers(1, 50),
    ),
    max_size=20,
)


def seen(id_: object, at_ms: int) -> Event:
    """Answer that something was seen."""
    return Event("seen", at_ms, {"id": id_})  # type: ignore[dict-item]


def remembered(*events: Event, plan: MetricPlan = PLAN) -> dict[str, Met]:
    """Answer what a profile remembers of these."""
    return latest_of(fold(EMPTY_PROFILE, events, plan).metrics.get(1))


def test_each_value_is_there_once_with_its_last_two_instants() -> None:
    """The latest comes first."""
    found = remembered(seen("a", 1), seen("b", 2), seen("a", 3), seen("a", 4))
    assert found == {"a": Met(4, 3), "b": Met(2, 0)}
    assert list(found) == ["a", "b"]


def test_the_oldest_value_makes_place() -> None:
    """So many are kept as the plan says."""
    found = remembered(*(seen(id_, at_ms) for at_ms, id_ in enumerate("abcd", 1)))
    assert list(found) == ["d", "c", "b"]


def test_of_a_list_each_value_counts() -> None:
    """An order has several products; numbers are ids as well, and truth is none."""
    assert list(remembered(seen(["b", 7, "b", "", True], 1))) == ["7", "b"]
    assert remembered(Event("seen", 1, {})) == {}


@given(SEEN, st.randoms())
def test_the_order_of_arrival_does_not_matter(events: list[Event], chance: object) -> None:
    """Late events leave what they would have left in time."""
    shuffled = list(events)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert remembered(*shuffled, plan=WIDE) == remembered(*events, plan=WIDE)


@given(SEEN)
def test_what_is_remembered_is_what_happened(events: list[Event]) -> None:
    """Against the plainest way to find it: of distinct instants the last two of each value."""
    instants: dict[str, set[int]] = {}
    for event in events:
        instants.setdefault(str(event.properties["id"]), set()).add(event.at_ms)
    expected = {id_: Met(*[*sorted(at, reverse=True), 0][:2]) for id_, at in instants.items()}
    assert remembered(*events, plan=WIDE) == expected


@given(SEEN, SEEN)
def test_two_visitors_who_are_one_remember_both(one: list[Event], other: list[Event]) -> None:
    """A merge leaves what one profile would have that had seen everything."""
    first, second = (fold(EMPTY_PROFILE, events, WIDE) for events in (one, other))
    joined = latest_of(combine(first, second, WIDE).metrics.get(1))
    assert joined == remembered(*one, *other, plan=WIDE)


def test_nothing_known_is_nothing_remembered() -> None:
    """A profile without the metric, and a state without values."""
    assert latest_of(None) == latest_of(MetricState()) == {}
    assert latest.join([], KEEP) == ((), (), ())
