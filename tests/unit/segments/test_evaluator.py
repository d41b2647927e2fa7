"""Rules that see each other: in what order they come, until when, pins and exclusive groups."""

from collections.abc import Mapping

from edgeseg.segments.evaluator import Evaluator
from edgeseg.segments.fact_keys import SEGMENT, TAG
from edgeseg.segments.facts import Facts
from edgeseg.segments.formula import AGE, Formula, Literal, all_of

NOW_MS = 1_800_000_000_000


def tagged(name: str) -> Literal:
    """Answer the formula of whoever has a tag."""
    return Literal(TAG, "eq", name)


def member(of: str) -> Literal:
    """Answer the formula of whoever is in another segment."""
    return Literal(SEGMENT, "eq", of)


def younger(than_ms: int) -> Literal:
    """Answer the formula of whoever did it less than so long ago."""
    return Literal("age", AGE, than_ms)


def evaluator_of(rules: Mapping[str, Formula], *group: str) -> Evaluator:
    """Compile rules, some of them in one exclusive group."""
    return Evaluator(rules, is_multi={SEGMENT, TAG}.__contains__, groups=dict.fromkeys(group, "g"))


def facts_of(
    *tags: str, change_ms: int | None = None, pins: Mapping[str, bool] | None = None
) -> Facts:
    """Answer the facts of a visitor who did something at this very instant."""
    return Facts({TAG: tags, "age": NOW_MS}, None, change_ms, pins or {})


def test_segments_come_in_the_order_of_the_rules() -> None:
    """Whether they ask about others, which are evaluated before them, or somebody pinned them."""
    flat = {"a": tagged("x"), "b": tagged("y"), "c": tagged("x")}
    found = evaluator_of(flat).evaluate(facts_of("y", pins={"a": True, "c": True}), NOW_MS)
    assert found.held == ["a", "b", "c"]
    deep = {"last": member("base"), "base": tagged("x"), "other": tagged("y")}
    assert evaluator_of(deep).evaluate(facts_of("x", "y"), NOW_MS).held == [*deep]


def test_the_earliest_change_of_all_is_announced() -> None:
    """Be it of a segment, of one that asks about it, or of what was known before."""
    base, above = {"base": younger(30)}, {"above": all_of((member("base"), younger(20)))}
    for rules, change_ms, expected_ms in (
        (base, None, 30),
        (base, NOW_MS + 40, 30),
        (base, NOW_MS + 10, 10),
        (base | above, None, 20),
        (base | {"above": member("base")}, None, 30),
        ({"base": tagged("x"), "above": member("base")}, NOW_MS + 10, 10),
    ):
        found = evaluator_of(rules).evaluate(facts_of(change_ms=change_ms), NOW_MS)
        assert found.change_ms == NOW_MS + expected_ms


def test_a_group_is_seen_by_other_segments_before_one_of_it_is_left() -> None:
    """The first by the rules' order holds, unless another one is pinned; all do on request."""
    rules = {"a": tagged("x"), "b": tagged("x"), "c": member("b"), "d": tagged("x")}
    evaluator = evaluator_of(rules, "a", "b")
    assert evaluator.evaluate(facts_of("x"), NOW_MS).held == ["a", "c", "d"]
    assert evaluator.evaluate(facts_of("x"), NOW_MS, exclude=False).held == [*rules]
    pinned = facts_of("x", pins={"b": True, "d": False})
    assert evaluator.evaluate(pinned, NOW_MS).held == ["b", "c"]
