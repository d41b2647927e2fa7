"""Rule files that try to exhaust whoever reads them are refused at once, by a bound."""

import time

import pytest

from edgeseg.decisions.snapshot import build_snapshot
from edgeseg.errors import RulesError
from edgeseg.segments.compiler import Compiler
from edgeseg.segments.review import decided_segments, make_logic, review_events

SOON_S = 5.0
"""Refused in a fraction of it; what explodes would take hours."""


def _explode() -> str:
    """Nine aliases of nine aliases and so on: 9 to the power of 9 conditions."""
    lines = ["segments:", "  - id: a", "    when:", "      any:", "        - &x0 {tag: a}"]
    lines += [
        f"        - &x{level} {{any: [{', '.join([f'*x{level - 1}'] * 9)}]}}"
        for level in range(1, 10)
    ]
    return "\n".join(lines)


def _climb() -> str:
    """Each anchor wraps the one before: every line is flat, all of them are 500 levels."""
    lines = ["segments:", "  - id: a", "    when:", "      any:", "        - &x0 {tag: a}"]
    lines += [f"        - &x{level} {{not: *x{level - 1}}}" for level in range(1, 500)]
    return "\n".join(lines)


HOSTILE = {
    "an explosion": (_explode(), "aliases repeat more than 100,000 parts"),
    "a ladder": (_climb(), "nested deeper than 40 levels"),
    "a circle": ("segments:\n  - {id: a, when: &x {any: [*x]}}", "nested deeper than 40 levels"),
    "a circle of lists": ("segments: &x [*x]", "nested deeper than 40 levels"),
    "depth": ("segments: " + "[" * 500 + "]" * 500, "nested deeper than 40 levels"),
    "endless depth": ("segments: " + "[" * 200_000, "nested deeper than 40 levels"),
    "endless objects": ("segments: " + "{a: " * 100_000, "nested deeper than 40 levels"),
    "a large number": (
        "segments: [{id: a, priority: " + "9" * 900_000 + ", when: {tag: a}}]",
        "at most 64 bits",
    ),
    "a long id": ("segments: [{id: " + "a" * 900_000 + ", when: {tag: a}}]", "is not an id"),
    "a very large number": (
        "segments: [{id: a, priority: 1e" + "9" * 900_000 + ", when: {tag: a}}]",
        "are finite",
    ),
    "a large expression": (
        "segments: [{id: a, when: {context: path, matches: '((a{100}){100}){100}'}}]",
        "not a regular expression",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_file_that_explodes_is_refused_at_once(name: str) -> None:
    """By a problem that names the bound, not by memory, time or the interpreter's stack."""
    text, bound = HOSTILE[name]
    started_s = time.perf_counter()
    with pytest.raises(RulesError) as caught:
        build_snapshot({"a.yaml": text}, {})
    assert time.perf_counter() - started_s < SOON_S
    assert any(bound in problem.message for problem in caught.value.problems)
    assert all(len(str(problem)) < 1_000 for problem in caught.value.problems)


def test_anchors_that_repeat_a_little_are_welcome() -> None:
    """A condition written once and meant twice."""
    text = """
segments:
  - {id: a, when: &recent {event: order_completed, within: 30d}}
  - {id: b, when: {all: [*recent, {tag: vip}]}}
"""
    segments = build_snapshot({"a.yaml": text}, {}).definitions.segments
    assert segments["a"].when in segments["b"].when.conditions  # type: ignore[union-attr]


@pytest.mark.parametrize("value", ["v{}", "{}"], ids=["texts", "numbers"])
def test_a_long_list_of_values_is_read_once(value: str) -> None:
    """Thirty thousand values in one condition, not thirty thousand times as many steps."""
    values = ", ".join(value.format(n) for n in range(30_000))
    text = f"segments:\n  - {{id: a, when: {{context: custom.x, in: [{values}]}}}}"
    started_s = time.perf_counter()
    build_snapshot({"a.yaml": text}, {}).evaluator.prepare()
    assert time.perf_counter() - started_s < 2 * SOON_S


def test_a_long_row_of_references_is_followed() -> None:
    """Each segment asks for the one before; none of the work is done for each pair."""
    rows = [f"  - {{id: s{n}, when: {{segment: s{n - 1}}}}}" for n in range(1, 1_000)]
    text = "\n".join(["segments:", "  - {id: s0, when: {tag: a}}", *reversed(rows)])
    started_s = time.perf_counter()
    snapshot = build_snapshot({"a.yaml": text}, {})
    assert time.perf_counter() - started_s < 2 * SOON_S
    assert len(snapshot.definitions.segments) == 1_000


def test_a_pile_of_problems_is_told_whole() -> None:
    """Thousands of names to look for among thousands take no longer than few."""
    rows = [f"  - {{id: segment-{n}, when: {{segment: sgment-{n}}}}}" for n in range(2_000)]
    started_s = time.perf_counter()
    with pytest.raises(RulesError) as caught:
        build_snapshot({"a.yaml": "\n".join(["segments:", *rows])}, {})
    problems = caught.value.problems
    assert len(problems) == 2_000
    assert problems[0].suggestion.startswith("did you mean")
    assert time.perf_counter() - started_s < 4 * SOON_S


def test_a_review_of_thousands_of_names_and_counts_comes_to_an_end() -> None:
    """Names are compared, and alternatives tried, up to a bound; beyond it nothing is said."""
    counts = ", ".join(map(str, range(900)))
    rows = [
        f"  - {{id: s{n}, when: {{any: [{{event: event-of-kind-{n // 2}-x}},"
        f" {{event: evnt-of-kind-{n}-yy}}]}}}}"
        for n in range(2_000)
    ]
    rows.append(f"  - {{id: c, when: {{event: e, within: 1d, count: {{in: [{counts}]}}}}}}")
    snapshot = build_snapshot({"a.yaml": "\n".join(["segments:", *rows])}, {})
    segments, compiler = snapshot.definitions.segments, Compiler(snapshot.definitions)
    started_s = time.perf_counter()
    remarks = list(review_events({"segments": segments}))
    formulas = {"c": compiler.formula(segments["c"].condition)}
    assert decided_segments(formulas, segments, make_logic(compiler)) == {}
    assert time.perf_counter() - started_s < 2 * SOON_S
    assert any("event-of-kind-0-x" in remark.suggestion for remark in remarks)
