"""Two versions of the rules compared by what they mean."""

from datetime import UTC

import pytest

from edgeseg.audiences.rule_diff import Moves, RuleDiff, compare_rules, held_segments
from edgeseg.decisions.snapshot import Snapshot, build_snapshot
from edgeseg.events.event import CONSENT_CHANGED, PAGE_VIEWED, Event
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.profiles.profile import Profile

NOW_MS = 1_790_000_000_000

METRICS = """
metrics:
  - {id: orders, event: order_completed, count: true}
  - {id: spend, label: Spend, event: order_completed, sum: revenue}
fields:
  - {id: plan, type: text}
"""


def _rules(text: str, metrics: str = METRICS) -> Snapshot:
    return build_snapshot({"segments.yaml": text, "metrics.yaml": metrics}, {})


def _compare(old: str, new: str) -> RuleDiff:
    return compare_rules(_rules(old), _rules(new))


def _causes(found: RuleDiff) -> dict[str, list[str]]:
    return {each.segment: each.because for each in found.segments}


def test_added_removed_and_changed_segments_are_told_in_words() -> None:
    """Each comes with who was, and who is now, in it."""
    found = _compare(
        "segments: [{id: a, when: {tag: x}}, {id: b, when: {tag: y}}]",
        "segments: [{id: c, when: {tag: z}}, {id: b, when: {list: y}}]",
    )
    told = [(each.segment, each.kind, each.old, each.new) for each in found.segments]
    assert told == [
        ("c", "added", "", "Visitors who have the tag z."),
        ("a", "removed", "Visitors who have the tag x.", ""),
        ("b", "changed", "Visitors who have the tag y.", "Visitors who are on the list y."),
    ]
    assert _causes(found)["b"] == ["its condition"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("{all: [{tag: x}, {tag: y}]}", "{all: [{tag: y}, {tag: x}]}"),
        ("{tag: x}", "{any: [{tag: x}]}"),
        ("{not: {any: [{tag: x}, {tag: y}]}}", "{none: [{tag: x}, {tag: y}]}"),
        ("{event: page_viewed, within: 7d}", "{event: page_viewed, within: 168h, count: {gte: 1}}"),
        (
            "{event: e, where: {a: {gt: 1, in: [3, 2]}, b: c}}",
            "{event: e, where: {b: c, a: {in: [2, 3], gt: 1}}}",
        ),
        (
            "{sequence: [{event: e}, {event: e, where: {a: {in: [x, y]}}}]}",
            "{sequence: [{event: e}, {event: e, where: {a: {in: [y, x]}}}]}",
        ),
    ],
)
def test_another_way_to_write_the_same_is_no_change(old: str, new: str) -> None:
    """Order, nesting and units do not count."""
    assert not _compare(
        f"segments: [{{id: a, when: {old}}}]", f"segments: [{{id: a, when: {new}}}]"
    ).segments


def test_the_order_of_months_is_no_change() -> None:
    """Nor that of weekdays."""
    versions = [
        f"segments: [{{id: a, active: {{every: {every}}}, when: {{tag: x}}}}]"
        for every in (
            "{month: [1, 9], weekday: [mon, sun]}",
            "{weekday: [sun, mon], month: [9, 1]}",
        )
    ]
    assert not _compare(*versions).segments


def test_renamings_are_listed_apart() -> None:
    """A label decides on nothing."""
    old = _rules("segments: [{id: a, name: One, when: {tag: x}}]")
    new = _rules(
        "segments: [{id: a, name: Two, when: {tag: x}}]",
        METRICS.replace("label: Spend", "label: Revenue"),
    )
    found = compare_rules(old, new)
    assert not found.segments
    assert [(each.section, each.id, each.old, each.new) for each in found.renamed] == [
        ("segments", "a", "One", "Two"),
        ("metrics", "spend", "Spend", "Revenue"),
    ]


def test_a_segment_changes_with_its_metrics_and_fields() -> None:
    """The same words mean something else once the definitions behind them do."""
    text = """
segments:
  - {id: a, when: {metric: orders, gte: 3}}
  - {id: b, when: {field: plan, in: [pro, free]}}
  - {id: c, when: {metric: spend, gte: 3}}
"""
    changed = METRICS.replace("count: true", "count: {distinct: order_id}")
    found = compare_rules(_rules(text), _rules(text, changed.replace("type: text", "type: list")))
    assert _causes(found) == {"a": ["the metric orders"], "b": ["the field plan"]}


def test_a_segment_changes_with_those_it_refers_to_at_any_depth() -> None:
    """A reference brings the change along, once."""
    rest = """
  - {id: b, when: {segment: a}}
  - {id: c, when: {all: [{segment: b}, {segment: d}]}}
  - {id: d, when: {tag: d}}
"""
    old = "segments:\n  - {id: a, when: {tag: x}}" + rest
    found = _compare(old, old.replace("tag: x", "tag: y"))
    assert _causes(found) == {
        "a": ["its condition"],
        "b": ["the segment a"],
        "c": ["the segment b"],
    }


def test_a_segment_changes_with_those_before_it_in_its_exclusive_group() -> None:
    """Whoever comes first decides on who is left."""
    old = """
segments:
  - {id: a, exclusive_group: g, priority: 2, when: {tag: x}}
  - {id: b, exclusive_group: g, priority: 1, when: {tag: y}}
  - {id: c, when: {segment: b}}
"""
    causes = _causes(_compare(old, old.replace("tag: x", "tag: z")))
    assert causes == {"a": ["its condition"], "b": ["the segment a of its exclusive group"]}
    causes = _causes(_compare(old, old.replace("priority: 2", "priority: 0")))
    assert causes == {
        "a": ["the segment b of its exclusive group"],
        "b": ["the segment a of its exclusive group"],
    }


async def test_stored_visitors_tell_who_would_move() -> None:
    """Both versions judge each profile, the new one looking back over its history."""
    old = _rules("segments: [{id: a, when: {event: page_viewed, count: {gte: 2}}}]")
    new = _rules(
        "segments: [{id: a, when: {event: page_viewed, where: {path: /x}, within: 7d}},"
        " {id: b, when: {context: path, eq: /x}}]"
    )
    store = MemoryStore()
    for visitor, paths in {"u": ["/x"], "v": ["/y", "/y"], "w": ["/x", "/x"]}.items():
        events = [Event(PAGE_VIEWED, NOW_MS, {"path": path}) for path in paths]
        await store.record(visitor, events, plan=old.plan, now_ms=NOW_MS)
    moves = Moves()
    async for visitor in store.visitor_ids():
        held = []
        for rules in (old, new):
            profile = await store.read(visitor, plan=rules.plan)
            assert profile is not None
            held.append(_held(rules, visitor, profile))
        moves.add(*held)
    found = moves.put_into(compare_rules(old, new))
    assert found.visitors == 3
    assert [(each.segment, each.entering, each.leaving) for each in found.segments] == [
        ("b", 0, 0),
        ("a", 1, 1),
    ]


async def test_consents_that_have_expired_count_no_more() -> None:
    """As in a page view: who agreed too long ago is in no segment that asks for consent."""
    rules = _rules("segments: [{id: a, when: {consent: m}}]")
    store = MemoryStore()
    told = Event(CONSENT_CHANGED, NOW_MS - 10, {"m": True})
    profile = await store.record("v", [told], plan=rules.plan, now_ms=NOW_MS)
    held = [_held(rules, "v", profile, consent_ms=valid_ms) for valid_ms in (0, 11, 10)]
    assert held == [["a"], ["a"], []]


def _held(rules: Snapshot, visitor: str, profile: Profile, *, consent_ms: int = 0) -> list[str]:
    return held_segments(
        rules, visitor, profile, now_ms=NOW_MS, time_zone=UTC, consent_ms=consent_ms
    )
