"""Two profiles made one, against a naive reading of both histories."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.errors import ProfileCorrupt
from edgeseg.events.event import (
    ATTRIBUTES_SET,
    CONSENT_CHANGED,
    LISTS_ADDED,
    MERGED,
    PINS_CHANGED,
    TAGS_ADDED,
    Event,
    Value,
)
from edgeseg.metric_plan import EMPTY_PLAN, Metric, MetricPlan
from edgeseg.profiles import codec
from edgeseg.profiles.changes import consents_at
from edgeseg.profiles.codec import StoredProfile
from edgeseg.profiles.compaction import compact, read_history, read_profile
from edgeseg.profiles.fold import fold
from edgeseg.profiles.merge import merged_event
from edgeseg.profiles.past import EMPTY_PAST
from edgeseg.profiles.profile import EMPTY_PROFILE, MAX_EVENT_NAMES, OTHER_NAMES, Profile
from edgeseg.profiles.retention import Retention
from tests.conformance.plans import NOW_MS, plan_of

MINUTE_MS = 60_000
PLAN = msgspec.structs.replace(
    plan_of(
        Metric(key=1, event="page_viewed"),
        Metric(key=2, event="page_viewed", keep=5),
        Metric(key=3, event="order_completed", keep=3, sum_of="revenue"),
        Metric(key=4, event="order_completed", distinct_of="order_id"),
        Metric(key=5, event="order_completed", steps=2, step=1),
        Metric(key=5, event="page_viewed", steps=2, step=0),
    ),
    affinities=("topic",),
)
BEHAVIOUR = (
    *("totals", "metrics", "visit", "first_landing_path", "first_referrer_host"),
    *("affinities", "ledgers", "since_ms"),
)
# Instants differ, so that "the order of time" says everything.
HISTORIES = st.lists(
    st.builds(
        lambda name, at, properties: (name, at, properties),
        st.sampled_from(["page_viewed", "order_completed", "order_refunded", "form_submitted"]),
        st.integers(0, 2_000),
        st.fixed_dictionaries(
            {},
            optional={
                "revenue": st.integers(1, 100),
                "order_id": st.sampled_from(["a", "b", "c"]),
                "path": st.sampled_from(["/a", "/b"]),
                "topic": st.sampled_from(["art", "sport"]),
            },
        ),
    ),
    max_size=30,
    unique_by=lambda each: each[1],
)


def split(history: Sequence[tuple[str, int, dict[str, Value]]]) -> tuple[list[Event], list[Event]]:
    """Answer the history in two parts, by whether the instant is even."""
    events = [Event(name, NOW_MS + at * MINUTE_MS, each) for name, at, each in history]
    mine = [event for event in events if event.at_ms // MINUTE_MS % 2]
    return mine, [event for event in events if event not in mine]


def store(
    events: Sequence[Event], plan: MetricPlan = PLAN, *, compacted: int = 0, journal: int = 50
) -> bytes:
    """Answer the stored value of a visitor after ``events``, the first of them compacted."""
    value = codec.build_header(codec.fresh_generation(NOW_MS, 1))
    if compacted:
        stored = codec.parse_value(value + codec.encode_lines(events[:compacted]))
        kept = Retention(journal_events=journal)
        value = compact(
            read_profile(stored, plan), plan, kept, now_ms=NOW_MS, generation=b"%016x" % 7
        ).value
    return value + codec.encode_lines(events[compacted:])


def merge(mine: bytes, other: bytes, *, generation: str = "1") -> StoredProfile:
    """Answer what is stored of visitor "mine" once "other" has joined."""
    event = merged_event("other", "mine", generation, other, NOW_MS)
    return codec.parse_value(mine + codec.encode_lines([event]))


def behaviour(profile: Profile) -> dict[str, object]:
    """Answer the part of a profile that events without "$" make."""
    return {name: getattr(profile, name) for name in BEHAVIOUR}


@given(history=HISTORIES, cuts=st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_merging_equals_replaying_both_histories(
    history: list[tuple[str, int, dict[str, Value]]], cuts: tuple[int, int]
) -> None:
    """Whatever was compacted before, as long as it is retained; and once more after it is."""
    mine, other = split(history)
    stored = merge(
        store(mine, compacted=min(cuts[0], len(mine))),
        store(other, compacted=min(cuts[1], len(other))),
    )
    expected = fold(EMPTY_PROFILE, mine + other, PLAN)
    reading = read_profile(stored, PLAN)
    merged = reading.profile
    assert behaviour(merged) == behaviour(expected)
    assert merged.created_ms == expected.created_ms or not history
    assert reading.refreshed_ms == 0  # it is to be compacted soon
    assert list(read_history(stored)) == sorted(mine + other, key=lambda event: event.at_ms)
    again = compact(
        read_profile(stored, PLAN), PLAN, Retention(), now_ms=NOW_MS, generation=b"%016x" % 9
    )
    assert read_profile(codec.parse_value(again.value), PLAN).profile == merged


@given(history=HISTORIES)
def test_what_is_not_retained_is_added_up(
    history: list[tuple[str, int, dict[str, Value]]],
) -> None:
    """Counts, sums, first and last instants and latest timestamps are exact without a journal.

    So they are of orders with an id, of which the ledgers of both may tell.
    """
    mine, other = split(history)
    stored = merge(
        store(mine, compacted=len(mine), journal=0), store(other, compacted=len(other), journal=0)
    )
    expected = fold(EMPTY_PROFILE, mine + other, PLAN)
    merged = read_profile(stored, PLAN).profile
    assert {name: total.count for name, total in merged.totals.items()} == {
        name: total.count for name, total in expected.totals.items()
    }
    for name, total in expected.totals.items():
        assert (merged.totals[name].first_ms, merged.totals[name].last_ms) == (
            total.first_ms,
            total.last_ms,
        )
    for key in (1, 2, 3, 4):
        state, naive = merged.metrics.get(key), expected.metrics.get(key)
        assert (state is None) == (naive is None)
        if state is not None and naive is not None:
            for name in ("count", "first_ms", "last_ms", "total", "recent", "amounts"):
                assert getattr(state, name) == getattr(naive, name), name
    # An order of which both were told counts for the topics that either of them was told.
    assert set(merged.affinities) >= set(expected.affinities)
    assert merged.first_landing_path in {"", "/a", "/b"}


DAY = 1_440
VISITS = {
    "one after the other": (
        [("page_viewed", 0), ("page_viewed", DAY), ("form_submitted", DAY + 1)],
        [("form_submitted", DAY // 2), ("page_viewed", 2 * DAY), ("order_completed", 2 * DAY + 1)],
    ),
    "at the same time": (
        [("page_viewed", 0), ("page_viewed", DAY), ("page_viewed", DAY + 20)],
        [("order_completed", 5), ("form_submitted", DAY + 10), ("page_viewed", DAY + 40)],
    ),
}


def by_visit(profile: Profile) -> dict[object, object]:
    """Answer the latest visit, what was done in it, and what was done before it, and when."""
    visit = profile.visit
    assert visit is not None
    states = {**profile.totals, **{key: profile.metrics[key] for key in (1, 2, 3, 4)}}
    return {
        "visit": (visit.started_ms, visit.last_ms, visit.pages, visit.landing_path),
        "first": (profile.first_landing_path, profile.first_referrer_host),
        **{
            key: (state.last_ms, state.visit == visit.number, state.earlier_ms)
            for key, state in states.items()
        },
    }


@pytest.mark.parametrize("joins", [1, -1])
@pytest.mark.parametrize("name", VISITS)
def test_visits_of_both_that_are_not_retained(name: str, joins: int) -> None:
    """What belongs to the latest visit, and what came before, is right whoever joins whom."""
    histories = [
        [
            Event(
                event, NOW_MS + at * MINUTE_MS, {"path": f"/{at}", "referrer_host": f"{at}.example"}
            )
            for event, at in history
        ]
        for history in VISITS[name][::joins]
    ]
    one, other = (store(each, compacted=len(each), journal=0) for each in histories)
    merged = read_profile(merge(one, other), PLAN).profile
    assert by_visit(merged) == by_visit(fold(EMPTY_PROFILE, [*histories[0], *histories[1]], PLAN))


def test_of_the_names_of_both_the_rarest_stand_together() -> None:
    """Beyond the bound; those that a rule asks about stay, however rare they are."""
    often = [Event(f"mine-{number}", NOW_MS + at) for number in range(120) for at in range(2)]
    mine = [*often, Event("page_viewed", NOW_MS)]
    theirs = [Event(f"other-{number}", NOW_MS + number) for number in range(120)]
    plan = msgspec.structs.replace(PLAN, events=frozenset({"page_viewed"}))
    stored = merge(
        store(mine, plan, compacted=len(mine), journal=0),
        store(theirs, plan, compacted=len(theirs), journal=0),
    )
    totals = read_profile(stored, plan).profile.totals
    rare = totals.pop(OTHER_NAMES)
    assert len(totals) == MAX_EVENT_NAMES
    assert {f"mine-{number}" for number in range(120)} | {"page_viewed"} <= set(totals)
    assert rare.count + sum(total.count for total in totals.values()) == 361
    kept = {name for name in totals if name.startswith("other-")}
    gone = [event.at_ms for event in theirs if event.name not in kept]
    assert (rare.first_ms, rare.last_ms) == (min(gone), max(gone))


def test_steps_of_both_that_are_not_retained_leave_open_what_came_first() -> None:
    """So a sequence says since when it is complete, unless only one of the two took its steps."""
    view, order, search = (
        Event(name, NOW_MS + at) for at, name in enumerate(["page_viewed", "order_completed", "s"])
    )
    for other, since_ms in ((order, order.at_ms), (search, 0)):
        stored = merge(
            store([view], compacted=1, journal=0), store([other], compacted=1, journal=0)
        )
        state = read_profile(stored, PLAN).profile.metrics[5]
        assert (state.recent[0], state.since_ms) == (view.at_ms, since_ms)


def test_a_merge_that_is_told_twice_counts_once() -> None:
    """The generation of the other's pointer says that it is the same one."""
    views = [Event("page_viewed", NOW_MS + n) for n in range(3)]
    once = merge(store(views[:1]), store(views[1:]))
    value = once.header + once.snapshot + once.tail
    twice = merge(value, store(views[1:]))
    assert read_profile(twice, PLAN).profile.totals["page_viewed"].count == 3
    folded = compact(
        read_profile(once, PLAN), PLAN, Retention(), now_ms=NOW_MS, generation=b"%016x" % 9
    ).value
    late = merge(folded, store(views[1:]))
    assert read_profile(late, PLAN).profile.totals["page_viewed"].count == 3
    assert read_profile(merge(folded, store(views), generation="2"), PLAN).profile.aliases == {
        "other": "2"
    }


def test_a_profile_is_no_former_id_of_its_own() -> None:
    """Also where the other one was told before that this one had joined it."""
    other = store([]) + codec.encode_lines([merged_event("mine", "other", "1", store([]), NOW_MS)])
    assert set(read_profile(merge(store([]), other), PLAN).profile.aliases) == {"other"}


def test_each_part_follows_its_rule() -> None:
    """The latest attribute and consent win, denials and "out" win ties, the rest is united."""
    mine = [
        Event("page_viewed", NOW_MS + 10, {"path": "/late"}, "m1"),
        Event(ATTRIBUTES_SET, NOW_MS + 1, {"city": "Brno", "plan": "free", "gone": "x"}),
        Event(ATTRIBUTES_SET, NOW_MS + 9, {"gone": []}),
        Event(CONSENT_CHANGED, NOW_MS + 1, {"marketing": True, "statistics": True, "ads": True}),
        Event(TAGS_ADDED, NOW_MS, {"tags": ["a", "b"]}),
        Event(LISTS_ADDED, NOW_MS, {"lists": ["vip"]}),
        Event(PINS_CHANGED, NOW_MS, {"one": True, "two": True, "four": False}),
    ]
    other = [
        Event("page_viewed", NOW_MS, {"path": "/early"}, "o1"),
        Event("page_viewed", NOW_MS + 10, {"path": "/late"}, "m1"),
        Event(ATTRIBUTES_SET, NOW_MS + 5, {"city": "Praha", "gone": "y", "own": 1}),
        Event(ATTRIBUTES_SET, NOW_MS, {"plan": "paid"}),
        Event(CONSENT_CHANGED, NOW_MS + 1, {"marketing": False, "statistics": True}),
        Event(CONSENT_CHANGED, NOW_MS, {"ads": False}),
        Event(TAGS_ADDED, NOW_MS, {"tags": ["b", "c"]}),
        Event(LISTS_ADDED, NOW_MS, {"lists": ["beta"]}),
        Event(PINS_CHANGED, NOW_MS, {"one": False, "three": True, "four": True}, "o2"),
    ]
    profile = read_profile(merge(store(mine), store(other)), PLAN).profile
    assert profile.attributes == {"city": "Praha", "plan": "free", "own": 1}
    assert consents_at(profile.consents, now_ms=NOW_MS) == {
        "marketing": False,
        "statistics": True,
        "ads": True,
    }
    assert (profile.tags, profile.lists) == (("a", "b", "c"), ("vip", "beta"))
    assert profile.pins == {"one": False, "two": True, "three": True, "four": False}
    assert profile.totals["page_viewed"].count == 2  # m1 was told to both
    assert set(profile.recent_ids) == {"m1", "o1", "o2"}
    assert profile.first_landing_path == "/early"
    assert profile.aliases == {"other": "1"}


def test_the_older_profile_keeps_its_bucket() -> None:
    """So that assignments do not jump for whoever has seen one."""
    old = [Event("page_viewed", NOW_MS)]
    young = [Event("page_viewed", NOW_MS + 1)]
    assert read_profile(merge(store(young), store(old)), PLAN).profile.bucket_id == "other"
    for younger in (young, []):
        assert read_profile(merge(store(old), store(younger)), PLAN).profile.bucket_id == ""
    assert read_profile(merge(store([]), store(young)), PLAN).profile.bucket_id == "other"
    chained = merge(store(young), store(old))
    nested = merged_event("mine", "third", "2", chained.header + chained.tail, NOW_MS)
    third = codec.parse_value(store([]) + codec.encode_lines([nested]))
    assert read_profile(third, PLAN).profile.bucket_id == "other"
    assert set(read_profile(third, PLAN).profile.aliases) == {"mine", "other"}


def test_the_cap_counts_from_the_older_profile() -> None:
    """Nothing is kept longer for having been merged."""
    old = codec.encode_value(
        EMPTY_PROFILE,
        EMPTY_PAST,
        b"%016x" % 1,
        refreshed_ms=NOW_MS,
        kept_since_ms=NOW_MS - 1_000,
    )
    found = compact(
        read_profile(merge(store([]), old), PLAN),
        PLAN,
        Retention(cap_ms=5_000),
        now_ms=NOW_MS,
        generation=b"%016x" % 9,
    )
    assert found.ttl_ms == 4_000


def test_a_merge_that_carries_junk_is_a_corrupt_profile() -> None:
    """It is told as one, not raised as something else."""
    event = Event(MERGED, NOW_MS, {"from": "x", "into": "y", "generation": "1", "past": "junk"})
    stored = codec.parse_value(store([]) + codec.encode_lines([event]))
    with pytest.raises(ProfileCorrupt, match="carries no profile"):
        read_profile(stored, EMPTY_PLAN)
