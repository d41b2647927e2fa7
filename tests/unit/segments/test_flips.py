"""The smallest changes that would flip a segment."""

from collections.abc import Mapping
from itertools import product

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from edgeseg.decisions.snapshot import build_snapshot
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.segments.explain import Explanation, explain_segment
from edgeseg.segments.facts import gather_facts
from edgeseg.segments.flips import Flips, Group, Leaf, Node, find_flips, iterate_leaves
from tests.unit.segments.generate import NOW_MS
from tests.unit.segments.oracle import conjunction, disjunction, inverse

Truths = Mapping[object, bool | None]


@st.composite
def trees(draw: st.DrawFn) -> Node:
    """Small trees, with conditions that stand in several places."""
    truths = draw(st.lists(st.sampled_from((True, False, None)), min_size=5, max_size=5))
    leaf = st.integers(0, 4).map(lambda key: Leaf(key, truths[key]))

    def groups(parts: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        some = st.lists(parts, max_size=3).map(tuple)
        return st.builds(Group, some, st.booleans(), st.booleans())

    return draw(st.recursive(leaf, groups, max_leaves=8))


def _holds(node: Node, truths: Truths) -> bool | None:
    if isinstance(node, Leaf):
        return truths[node.key]
    parts = [_holds(part, truths) for part in node.parts]
    found = conjunction(parts) if node.of_all else disjunction(parts)
    return inverse(found) if node.inverted else found


def _smallest(root: Node, truths: Truths, *, wanted: bool) -> int | None:
    """Answer by brute force how many leaves must change, None if none will do."""
    sizes = [
        sum(one is not truths[key] for key, one in zip(truths, chosen, strict=True))
        for chosen in product((True, False, None), repeat=len(truths))
        if _holds(root, dict(zip(truths, chosen, strict=True))) is wanted
    ]
    return min(sizes, default=None)


@given(root=trees(), wanted=st.booleans())
def test_no_smaller_set_of_changes_would_do(root: Node, *, wanted: bool) -> None:
    """Making these changes, and nothing else, gets the tree there; fewer never do."""
    truths = {leaf.key: leaf.holds for leaf in iterate_leaves(root)}
    flips = find_flips(root, wanted=wanted)
    smallest = _smallest(root, truths, wanted=wanted)
    assert len(flips) == (smallest or 0)
    assert all(truths[key] is not becomes for key, becomes in flips.items())
    if smallest is not None:
        assert _holds(root, truths | flips) is wanted


def _flips(root: Node, *, wanted: bool = True) -> Flips:
    return find_flips(root, wanted=wanted)


def test_all_that_is_missing_must_change() -> None:
    """A group of all takes every part that does not hold, unknown ones included."""
    root = Group((Leaf("a", holds=False), Leaf("b", holds=True), Leaf("c", None)), of_all=True)
    assert _flips(root) == {"a": True, "c": True}


def test_the_cheapest_branch_is_told() -> None:
    """Of several ways the shortest one is enough."""
    both = Group((Leaf("a", holds=False), Leaf("b", holds=False)), of_all=True)
    assert _flips(Group((both, Leaf("c", holds=False)), of_all=False)) == {"c": True}


def test_a_condition_in_two_places_changes_in_both() -> None:
    """What one branch gains must not cost another: `not a` and (`a` or `b`) needs b."""
    root = Group(
        (
            Group((Leaf("a", holds=False),), of_all=False, inverted=True),
            Group((Leaf("a", holds=False), Leaf("b", holds=False)), of_all=False),
        ),
        of_all=True,
    )
    assert _flips(root) == {"b": True}


def test_what_lasts_is_left_alone_where_something_else_helps() -> None:
    """Nobody changes the share of visitors that they fall into."""
    share = Leaf("share", holds=False, is_lasting=True)
    other = Group((Leaf("a", holds=False), Leaf("b", holds=False)), of_all=True)
    assert _flips(Group((share, other), of_all=False)) == {"a": True, "b": True}
    assert _flips(share) == {"share": True}


def test_more_repeated_conditions_than_are_tried_still_give_a_way_that_works() -> None:
    """With very many repetitions the answer may be larger than needed, never wrong."""
    leaves = tuple(Leaf(number, holds=False) for number in range(12))
    way = (Leaf("a", holds=False), Leaf("b", holds=False))
    root = Group((Group(leaves, of_all=True), Group(leaves + way, of_all=False)), of_all=False)
    flips = _flips(root)
    assert len(flips) == 1
    truths = {leaf.key: leaf.holds for leaf in iterate_leaves(root)}
    assert _holds(root, truths | flips) is True


def _explained(rules: str, profile: Profile | None = EMPTY_PROFILE, **pins: bool) -> Explanation:
    """Explain the segment `a` to a visitor of whom nothing else is known."""
    snapshot = build_snapshot({"rules.yaml": rules}, {})
    facts = gather_facts(
        snapshot.sources, profile=profile, context={}, consents={}, now_ms=NOW_MS, bucket_id="v"
    )
    definitions = snapshot.definitions
    pinned = replace(facts, pins=pins)
    return explain_segment(definitions.segments["a"], definitions, pinned, NOW_MS)


READERS = """
segments:
  - id: a
    when:
      all:
        - consent: marketing
        - any:
            - {event: page_viewed, where: {path: /loans}, within: 30d}
            - all: [{tag: vip}, {metric: orders, gte: 3}]
metrics:
  - {id: orders, event: order_completed, count: true}
"""


def test_an_explanation_tells_what_would_put_the_visitor_in() -> None:
    """Each change is a sentence of its own, in the words of the condition."""
    assert _explained(READERS).flips == [
        "they have agreed to marketing",
        "they have viewed /loans in the last 30 days",
    ]


def test_an_explanation_tells_what_would_take_the_visitor_out() -> None:
    """What holds is flipped by its opposite."""
    rules = "segments: [{id: a, when: {all: [{not: {tag: vip}}, {not: {list: staff}}]}}]"
    assert _explained(rules).flips == ["they have the tag vip"]


def test_what_is_not_known_is_said_to_be_so() -> None:
    """A fact that cannot be read would have to become known."""
    rules = "segments: [{id: a, when: {tag: vip}}]"
    assert _explained(rules, None).flips == ["they have the tag vip (not known now)"]


def test_a_pin_would_have_to_go() -> None:
    """By hand beats the rule, so the pin is what to change first."""
    rules = "segments: [{id: a, when: {tag: vip}}]"
    assert _explained(rules, a=True).flips == ["they are no longer pinned in"]
    assert _explained(rules, a=False).flips == [
        "they are no longer pinned out",
        "they have the tag vip",
    ]


def test_a_segment_that_comes_first_would_have_to_be_left() -> None:
    """In an exclusive group it is not enough that the rule holds."""
    rules = """
segments:
  - {id: a, exclusive_group: g, when: {tag: vip}}
  - {id: b, name: Anyone, exclusive_group: g, priority: 1, when: {not: {tag: none}}}
"""
    assert _explained(rules).flips == ["they have the tag vip", "they are not in Anyone"]
    assert _explained(rules, a=True).flips == ["they are no longer pinned in"]


def test_what_nothing_can_change_has_no_flips() -> None:
    """Everyone is in it, come what may."""
    assert _explained("segments: [{id: a, when: {all: []}}]").flips == []
