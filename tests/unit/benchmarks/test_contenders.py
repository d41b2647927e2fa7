"""The contenders of the benchmarks do the same work."""

import json
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.classify.rules import SEGMENTS, SLOT, write_rules
from benchmarks.segments.measure import measure
from benchmarks.segments.population import NOW_MS, make_definitions, make_visitors
from benchmarks.segments.run import CONTENDERS, Disagreement, check_agreement
from benchmarks.spread import shorten, spread_of
from edgeseg.rule_reload import RuleFolder


@pytest.mark.parametrize("share", [0.01, 0.5])
@pytest.mark.parametrize("segments", [10, 300])
def test_all_contenders_find_the_same_segments(segments: int, share: float) -> None:
    """Index, generated function and naive loop agree on every made-up visitor."""
    definitions = make_definitions(segments, share)
    visitors = make_visitors(200)
    answers = [
        [evaluate(facts, NOW_MS) for facts in visitors]
        for evaluate in (
            import_module(f"benchmarks.segments.{name}").build(definitions) for name in CONTENDERS
        )
    ]
    assert answers[0] == answers[1] == answers[2]
    assert any(answers[0])


@pytest.mark.parametrize("share", [0.01, 0.5])
def test_the_wanted_share_of_the_segments_matches(share: float) -> None:
    """A table that says 1 % or 50 % is about that."""
    measured = measure("edgeseg_index", 1_000, share, 0.0)
    assert measured.matching == pytest.approx(share, rel=0.3)
    assert measured.memory_bytes > 0


def test_contenders_that_disagree_are_found_out() -> None:
    """Figures of different work are not compared."""
    one = measure("edgeseg_index", 10, 0.5, 0.0)
    other = measure("naive_loop", 10, 0.01, 0.0)
    check_agreement([one, one])
    with pytest.raises(Disagreement):
        check_agreement([one, other])


def test_the_service_loads_the_rules_of_the_benchmark(tmp_path: Path) -> None:
    """The rule files mean the very segments that the other benchmark measures."""
    rules, templates = write_rules(tmp_path)
    snapshot = RuleFolder(rules, templates).build()
    assert len(snapshot.definitions.segments) == SEGMENTS
    assert list(snapshot.slots) == [SLOT]
    assert json.loads((rules / "slots.yaml").read_text("utf-8"))["slots"][0]["id"] == SLOT


def test_a_spread_tells_the_middle_half() -> None:
    """One outlier moves neither the median nor its spread much."""
    assert spread_of([1.0, 2.0, 3.0, 4.0, 500.0]) == (3.0, 2.0, 4.0)
    assert str(spread_of([7.0])) == "7.00 ± 0.00"
    assert [shorten(value) for value in (0.123, 12.34, 1234.5)] == ["0.12", "12.3", "1,234"]
