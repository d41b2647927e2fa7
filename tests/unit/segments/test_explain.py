"""Explanations: what was found, in words that answer the question that was asked."""

from zoneinfo import ZoneInfo

import pytest

from edgeseg.bucketing import bucket
from edgeseg.decisions.snapshot import build_snapshot
from edgeseg.events.event import ATTRIBUTES_SET, Event
from edgeseg.profiles.fold import fold
from edgeseg.profiles.profile import EMPTY_PROFILE
from edgeseg.segments.explain import explain_segment
from edgeseg.segments.facts import gather_facts

RULES = """
segments:
  - id: a
    active: {until: 2027-01-01}
    experiment:
      versions: [{id: v1, weight: 1, when: {tag: x}}, {id: v2, weight: 2, when: {tag: z}}]
"""


def test_places_among_all_visitors_and_seasons_are_told() -> None:
    """A version says where its share ends and where the visitor is; a season is its own answer."""
    snapshot = build_snapshot({"a.yaml": RULES}, {})
    now_ms = 1_800_000_000_000
    facts = gather_facts(
        snapshot.sources,
        profile=EMPTY_PROFILE,
        context={},
        consents={},
        now_ms=now_ms,
        bucket_id="v",
    )
    segment = snapshot.definitions.segments["a"]
    explained = explain_segment(segment, snapshot.definitions, facts, now_ms)
    season, versions = explained.conditions.children
    share = versions.children[0].children[0]

    assert (season.text, season.found) == ("who come in the season until 2027-01-01", "")
    assert share.text == "who are among the 33.33 % with version v1"
    assert share.found == f"at {100 * bucket('a', 'v'):.2f} %"
    assert share.holds is (bucket("a", "v") < 1 / 3)


@pytest.mark.parametrize(
    ("zone", "given", "shown"),
    [
        ("Europe/Prague", "0001-01-01", "0001-01-01T00:00:00.000Z"),
        ("America/New_York", "9999-12-31T23:59:59", "9999-12-31T23:59:59.999Z"),
    ],
)
def test_dates_that_stand_for_none_are_told(zone: str, given: str, shown: str) -> None:
    """Many systems write the first or the last instant they know; in UTC it may be beyond."""
    site = ZoneInfo(zone)
    rules = "{fields: [{id: d, type: date}], segments: [{id: a, when: {field: d, exists: true}}]}"
    snapshot = build_snapshot({"a.yaml": rules}, {}, site)
    profile = fold(EMPTY_PROFILE, [Event(ATTRIBUTES_SET, 1, {"d": given})], snapshot.plan)
    facts = gather_facts(
        snapshot.sources, profile=profile, context={}, consents={}, now_ms=1, time_zone=site
    )
    segment = snapshot.definitions.segments["a"]
    assert explain_segment(segment, snapshot.definitions, facts, 1).conditions.found == shown


def test_a_count_between_two_instants_is_not_told_as_one_ever() -> None:
    """What happened outside of them is not counted."""
    rules = "segments: [{id: a, when: {event: e, between: [2026-01-01, 2027-01-01]}}]"
    snapshot = build_snapshot({"a.yaml": rules}, {})
    happened = [Event("e", 1), Event("e", 1_780_000_000_000)]
    profile = fold(EMPTY_PROFILE, happened, snapshot.plan)
    facts = gather_facts(snapshot.sources, profile=profile, context={}, consents={}, now_ms=1)
    segment = snapshot.definitions.segments["a"]
    assert explain_segment(segment, snapshot.definitions, facts, 1).conditions.found == "1 time"
