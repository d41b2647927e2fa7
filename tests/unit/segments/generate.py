"""Hypothesis strategies for whole rule sets, visitors and instants."""

from datetime import UTC, datetime, time
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from edgeseg.events.event import Event
from edgeseg.events.schema import Field
from edgeseg.segments.condition import (
    EVERYONE,
    AffinityTest,
    All,
    Any,
    Condition,
    ConsentTest,
    ContextTest,
    EventTest,
    FieldTest,
    ListTest,
    MetricTest,
    NoneOf,
    Not,
    SegmentTest,
    SequenceTest,
    ShareTest,
    TagTest,
    Test,
)
from edgeseg.segments.rule import Definitions, NamedMetric, Segment, Version
from edgeseg.segments.schedule import WEEKDAYS, Schedule
from tests.unit.segments.oracle import Visitor

NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000

words = st.sampled_from(["a", "A", "b", "/x/y", "/X/z/y", "/q", "1.2.0", "1.10.0"])
numbers = st.one_of(st.integers(-2, 4), st.sampled_from([0.5, 1.0, 2.5]))
scalars = st.one_of(words, numbers, st.booleans())


def text_tests() -> st.SearchStrategy[Test]:
    """Tests of text."""
    return st.one_of(
        st.builds(
            Test,
            st.sampled_from(["eq", "ne", "starts_with", "ends_with", "contains"]),
            words,
            st.booleans(),
        ),
        st.builds(Test, st.just("matches"), st.sampled_from(["^/x", "y$", "[ab]|q", r"1\.\d\."])),
        st.builds(
            Test,
            st.sampled_from(["semver_eq", "semver_gt", "semver_gte", "semver_lt", "semver_lte"]),
            st.sampled_from(["1.2.0", "1.9.9"]),
        ),
        st.builds(
            Test,
            st.sampled_from(["has_any", "has_all", "has_none"]),
            st.lists(words, min_size=1, max_size=3).map(tuple),
            st.booleans(),
        ),
        st.builds(
            Test,
            st.just("glob"),
            st.sampled_from(["/x/*", "/**", "/x/**/y", "?", "a*", "/X/*"]),
            st.booleans(),
        ),
        st.builds(
            Test,
            st.sampled_from(["in", "not_in"]),
            st.lists(words, min_size=1, max_size=3).map(tuple),
            st.booleans(),
        ),
        st.builds(Test, st.just("exists"), st.booleans()),
    )


def number_tests() -> st.SearchStrategy[Test]:
    """Tests of numbers."""
    orders = st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"])
    return st.one_of(
        st.builds(Test, orders, numbers),
        st.builds(
            Test,
            st.just("between"),
            st.lists(numbers, min_size=2, max_size=2).map(sorted).map(tuple),
        ),
        st.builds(
            Test,
            st.sampled_from(["in", "not_in"]),
            st.lists(numbers, min_size=1, max_size=3).map(tuple),
        ),
        st.builds(Test, st.just("exists"), st.booleans()),
    )


def any_tests() -> st.SearchStrategy[Test]:
    """Tests of values whose type is not declared."""
    several = st.lists(scalars, min_size=1, max_size=3).map(tuple)
    return st.one_of(
        text_tests(),
        number_tests(),
        st.builds(Test, st.sampled_from(["eq", "ne"]), scalars),
        st.builds(Test, st.sampled_from(["in", "not_in"]), several),
    )


def age_tests() -> st.SearchStrategy[Test]:
    """Tests of instants relative to now."""
    ops = st.sampled_from(["within_last", "within_next", "before", "after"])
    return st.builds(Test, ops, st.integers(1, 6).map(lambda days: days * DAY_MS))


def instant_tests() -> st.SearchStrategy[Test]:
    """Tests of fields of type date."""
    constants = st.sampled_from([*DATES, "2027-01-15"])
    pairs = st.lists(constants, min_size=2, max_size=2).map(sorted).map(tuple)
    return st.one_of(
        age_tests(),
        st.builds(Test, st.sampled_from(["eq", "ne", "before", "after"]), constants),
        st.builds(Test, st.just("between"), pairs),
        st.builds(Test, st.just("exists"), st.booleans()),
    )


def one_or_two(tests: st.SearchStrategy[Test]) -> st.SearchStrategy[tuple[Test, ...]]:
    """One or two tests that must all pass."""
    return st.lists(tests, min_size=1, max_size=2).map(tuple)


windows = st.one_of(st.none(), st.integers(1, 6).map(lambda days: days * DAY_MS))
SPANS = [
    ("2027-01-12T08:00:00+00:00", "2027-01-15T08:00:00+00:00"),
    ("2027-01-14T08:00:00+00:00", "2027-01-20T00:00:00+00:00"),
]
"""Around `NOW_MS`, which is 2027-01-15T08:00:00Z."""

DATES = ["2027-01-12T08:00:00Z", "2027-01-15T08:00:00Z", "2027-01-18T08:00:00Z"]

wheres = st.lists(
    st.tuples(st.sampled_from(["path", "price", "flag", "revenue"]), one_or_two(any_tests())),
    max_size=2,
    unique_by=lambda each: each[0],
).map(tuple)

event_names = st.sampled_from(["e", "page_viewed", "order_completed", "order_refunded"])
steps = st.builds(EventTest, event_names, wheres)

counts = st.one_of(
    st.just(()),
    st.builds(
        lambda op, number: (Test(op, number),),
        st.sampled_from(["eq", "ne", "gt", "gte", "lt", "lte"]),
        st.integers(0, 4),
    ),
    st.builds(
        lambda op, several: (Test(op, tuple(several)),),
        st.sampled_from(["in", "not_in"]),
        st.lists(st.integers(0, 3), min_size=1, max_size=2),
    ),
)

FIELDS = {
    "plan": Field(id="plan", label="Plan", type="text"),
    "score": Field(id="score", label="Score", type="number"),
    "topics": Field(id="topics", label="Topics", type="list"),
    "due": Field(id="due", label="Due", type="date"),
}
AGGREGATES = (("count", ""), ("sum", "price"), ("distinct", "path"), ("first", ""), ("last", ""))
METRICS = {
    aggregate: NamedMetric(id=aggregate, label=aggregate, event="e", aggregate=aggregate, of=of)
    for aggregate, of in AGGREGATES
}
ORDER_AGGREGATES = (
    ("count", ""),
    ("sum", "revenue"),
    ("average", "revenue"),
    ("distinct", "status"),
)
METRICS |= {
    f"orders-{aggregate}": NamedMetric(
        id=f"orders-{aggregate}",
        label=aggregate,
        event="order_completed",
        aggregate=aggregate,
        of=of,
    )
    for aggregate, of in ORDER_AGGREGATES
}
METRICS["appointments"] = NamedMetric(
    id="appointments",
    label="Appointments",
    event="appointment_booked",
    aggregate="instants",
    of="starts_at",
)


def leaves(earlier: tuple[str, ...]) -> st.SearchStrategy[Condition]:
    """Conditions without parts; ``earlier`` are the segments they may refer to."""
    found: list[st.SearchStrategy[Condition]] = [
        st.builds(ConsentTest, st.sampled_from(["m", "n"])),
        st.builds(TagTest, st.sampled_from(["t", "u"])),
        st.builds(
            SequenceTest,
            st.lists(steps, min_size=2, max_size=3).map(tuple),
            windows,
        ),
        st.builds(
            SequenceTest,
            st.lists(steps, min_size=1, max_size=2).map(tuple),
            st.integers(1, 6).map(lambda days: days * DAY_MS),
            steps,
        ),
        st.builds(
            AffinityTest,
            st.just("path"),
            st.sampled_from(["a", "b"]),
            st.integers(1, 2),
        ),
        st.builds(ListTest, st.sampled_from(["t", "u"])),
        st.builds(
            EventTest,
            event_names,
            wheres,
            between=st.sampled_from(SPANS),
            count=counts,
        ),
        st.builds(
            lambda of, where, window, tests: EventTest(
                of[0], where, window, sum_of=of[1], sum=tests
            ),
            st.sampled_from([("e", "price"), ("order_completed", "revenue")]),
            wheres,
            windows,
            one_or_two(number_tests()),
        ),
        st.builds(EventTest, event_names, wheres, first=one_or_two(age_tests())),
        st.builds(EventTest, event_names, wheres, last=one_or_two(age_tests())),
        st.builds(FieldTest, st.sampled_from(["plan", "topics"]), one_or_two(text_tests())),
        st.builds(FieldTest, st.just("score"), one_or_two(number_tests())),
        st.builds(FieldTest, st.just("due"), one_or_two(instant_tests())),
        st.builds(
            ShareTest, st.sampled_from([0, 0.07, 28, 29.5, 100]), st.sampled_from(["p", "q"])
        ),
        st.builds(
            ContextTest,
            st.sampled_from(["hour", "visitor.hour"]),
            st.integers(0, 23).map(lambda hour: (Test("gte", hour),)),
        ),
        st.builds(
            ContextTest,
            st.sampled_from(["weekday", "visitor.weekday"]),
            st.lists(st.sampled_from(WEEKDAYS), min_size=1).map(
                lambda days: (Test("in", (*days,)),)
            ),
        ),
        st.builds(ContextTest, st.just("path"), one_or_two(text_tests())),
        st.builds(ContextTest, st.just("custom.x"), one_or_two(any_tests())),
        st.builds(
            ContextTest,
            st.sampled_from(["visit.number", "visit.pages", "visit.seconds"]),
            one_or_two(number_tests()),
        ),
        st.builds(
            MetricTest,
            st.sampled_from(
                ["count", "sum", "distinct", *(f"orders-{of}" for of, _of in ORDER_AGGREGATES)]
            ),
            one_or_two(number_tests()),
        ),
        st.builds(
            MetricTest,
            st.just("appointments"),
            one_or_two(st.one_of(age_tests(), st.builds(Test, st.just("exists"), st.booleans()))),
        ),
        st.builds(
            lambda name, known: MetricTest(name, (Test("exists", known),)),
            st.sampled_from(["first", "last"]),
            st.booleans(),
        ),
        st.builds(
            EventTest,
            event_names,
            wheres,
            windows,
            counts,
        ),
    ]
    if earlier:
        found.append(st.builds(SegmentTest, st.sampled_from(earlier)))
    return st.one_of(found)


@cache  # building a strategy costs far more than drawing from it
def conditions(earlier: tuple[str, ...]) -> st.SearchStrategy[Condition]:
    """Conditions of any kind and depth."""

    def groups(parts: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
        several = st.lists(parts, max_size=3).map(tuple)
        return st.one_of(
            st.builds(All, several),
            st.builds(Any, several),
            st.builds(NoneOf, several),
            st.builds(Not, parts),
        )

    return st.recursive(leaves(earlier), groups, max_leaves=5)


zones = st.sampled_from([UTC, ZoneInfo("Asia/Kathmandu"), ZoneInfo("America/New_York")])
seasons = st.builds(
    Schedule,
    from_ms=st.none() | st.integers(-3, 3).map(lambda days: NOW_MS + days * DAY_MS),
    until_ms=st.none() | st.integers(-3, 9).map(lambda days: NOW_MS + days * DAY_MS),
    weekdays=st.frozensets(st.integers(0, 6), max_size=3),
    start=st.integers(0, 23).map(time),
    end=st.integers(0, 23).map(time),
    time_zone=zones,
)


def bases(earlier: tuple[str, ...]) -> st.SearchStrategy[Condition]:
    """Who may be in a segment at all."""
    everybody = [st.just(EVERYONE), st.builds(ListTest, st.sampled_from(["t", "u"]))]
    if not earlier:
        return st.one_of(everybody)
    one = st.builds(SegmentTest, st.sampled_from(earlier))
    return st.one_of(*everybody, one, st.builds(Any, st.lists(one, max_size=2).map(tuple)))


def versions(earlier: tuple[str, ...]) -> st.SearchStrategy[tuple[Version, ...]]:
    """None, or up to three definitions under test."""
    some = st.lists(
        st.tuples(st.integers(0, 3), conditions(earlier)), min_size=1, max_size=3
    ).filter(lambda each: any(weight for weight, _when in each))
    return st.just(()) | some.map(
        lambda each: tuple(
            Version(id=f"v{at}", weight=weight, when=when) for at, (weight, when) in enumerate(each)
        )
    )


@st.composite
def definitions(draw: st.DrawFn) -> Definitions:
    """A set of segments, of which later ones may refer to earlier ones."""
    segments: dict[str, Segment] = {}
    for index in range(draw(st.integers(1, 4))):
        id_ = f"s{index}"
        when = draw(conditions(tuple(segments)))
        segments[id_] = Segment(
            id=id_,
            name=id_,
            when=when,
            priority=draw(st.integers(-1, 1)),
            base=draw(bases(tuple(segments))),
            season=draw(st.none() | st.none() | seasons),
            versions=draw(versions(tuple(segments))),
            exclusive_group=draw(st.sampled_from(["", "", "g"])),
        )
    return Definitions(fields=FIELDS, metrics=METRICS, segments=segments)


event_instants = st.one_of(
    st.integers(0, 6 * DAY_MS).map(lambda ago: NOW_MS - ago),
    st.integers(0, 6).map(lambda days: NOW_MS - days * DAY_MS),
    st.integers(0, 3_600_000).map(lambda ago: NOW_MS - ago),
)
event_values = st.one_of(scalars, st.lists(scalars, max_size=2))
plain_events = st.builds(
    Event,
    st.sampled_from(["e", "page_viewed"]),
    event_instants,
    st.dictionaries(st.sampled_from(["path", "price", "flag"]), event_values, max_size=3),
)
order_events = st.builds(
    Event,
    st.sampled_from(
        ["order_completed", "order_completed", "order_updated", "order_refunded", "order_cancelled"]
    ),
    event_instants,
    st.fixed_dictionaries(
        {},
        optional={
            "order_id": st.sampled_from(["x", "y"]),
            "revenue": st.one_of(numbers, st.just("much")),
            "total": numbers,
            "status": words,
            "path": words,
        },
    ),
)
starts = [
    datetime.fromtimestamp((NOW_MS + days * DAY_MS) / 1_000, UTC).isoformat()
    for days in (-9, -2, 0, 1, 3, 30)
]
appointment_events = st.builds(
    Event,
    st.sampled_from(["appointment_booked", "appointment_rescheduled", "appointment_cancelled"]),
    event_instants,
    st.fixed_dictionaries(
        {},
        optional={
            "appointment_id": st.sampled_from(["x", "y", "z"]),
            "starts_at": st.sampled_from([*starts, "soon"]),
        },
    ),
)
events = st.one_of(plain_events, order_events, appointment_events)

visitors = st.builds(
    Visitor,
    events=st.lists(events, max_size=8).map(tuple),
    attributes=st.fixed_dictionaries(
        {},
        optional={
            "plan": words,
            "score": numbers,
            "topics": st.lists(words, min_size=1, max_size=3),
            "due": st.sampled_from(DATES),
        },
    ),
    tags=st.lists(st.sampled_from(["t", "u"]), unique=True).map(tuple),
    lists=st.lists(st.sampled_from(["t", "u"]), unique=True).map(tuple),
    consents=st.dictionaries(st.sampled_from(["m", "n"]), st.booleans()),
    context=st.fixed_dictionaries(
        {},
        optional={
            "path": words,
            "custom.x": st.one_of(scalars, st.lists(scalars, max_size=2)),
            "time_zone": st.sampled_from(["Asia/Kathmandu", "America/New_York", "Nowhere"]),
        },
    ),
    pins=st.dictionaries(st.sampled_from(["s0", "s1", "s2"]), st.booleans(), max_size=2),
    bucket_id=st.sampled_from(["", *(f"visitor-{number}" for number in range(9))]),
    known=st.booleans(),
)
