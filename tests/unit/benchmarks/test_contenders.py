"""The contenders of the benchmarks do the same work."""

import json
import xml.etree.ElementTree as ET
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks.classify.rules import SEGMENTS, SLOT, write_rules
from benchmarks.segments.bars import list_bars, narrate
from benchmarks.segments.chart import draw
from benchmarks.segments.measure import Measured, measure
from benchmarks.segments.population import NOW_MS, make_definitions, make_visitors
from benchmarks.segments.run import (
    CONTENDERS,
    RIVALS,
    Disagreement,
    check_agreement,
    versions_of_rivals,
)
from benchmarks.slots.rules import CAMPAIGNS, SLOTS, write_campaigns
from benchmarks.spread import shorten, spread_of
from edgeseg.rule_folder import RuleFolder
from edgeseg.segments.facts import Facts

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("share", [0.01, 0.5])
@pytest.mark.parametrize("segments", [10, 200])
def test_all_contenders_find_the_same_segments(segments: int, share: float) -> None:
    """Index, generated function, naive loop and what else is installed agree."""
    definitions = make_definitions(segments, share)
    visitors = make_visitors(20)
    answers = {}
    for name in (*CONTENDERS, *versions_of_rivals()):
        module = import_module(f"benchmarks.segments.{name}")
        evaluate = module.build(definitions)
        prepare = getattr(module, "prepare", dict)
        answers[name] = [evaluate(prepare(facts), NOW_MS) for facts in visitors]
    expected = answers["naive_loop"]
    assert any(expected)
    assert [name for name, found in answers.items() if found != expected] == []


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


def test_every_rival_is_pinned() -> None:
    """Whoever measures again measures the same versions."""
    pinned = (ROOT / "benchmarks/requirements.txt").read_text("utf-8")
    for library in RIVALS.values():
        assert f"\n{library}==" in pinned


def _measured(contender: str, segments: int, microseconds: float) -> Measured:
    return Measured(
        contender=contender,
        segments=segments,
        share=0.01,
        round_us=[microseconds],
        build_ms=1_500.0,
        memory_bytes=200_000_000,
        matching=0.01,
        digest="",
    )


MEASURED = [
    _measured("edgeseg_index", 10, 10.0),
    _measured("edgeseg_index", 10_000, 100.0),
    _measured("fused_function", 10_000, 400.0),
    _measured("naive_loop", 10_000, 10_000.0),
]


def test_a_bar_that_is_missed_is_told() -> None:
    """Of these figures the generated function's and the memory are not good enough."""
    reached = {bar.name: bar.reached for bar in list_bars(MEASURED)}
    missed = [name for name, is_reached in reached.items() if not is_reached]
    assert missed[:2] == ["time at 10,000 / fused function", "memory"]
    assert reached["time at 10,000 / naive loop"]
    assert reached["time at 10,000 / at 10"]
    assert reached["build"]


def test_explaining_and_describing_are_timed() -> None:
    """Both take some time, describing is part of explaining."""
    explain_ms, describe_ms = narrate(segments=20)
    assert 0 < describe_ms < explain_ms


def test_the_chart_has_a_line_for_each_contender() -> None:
    """Its labels name the contender and the time at most segments."""
    root = ET.fromstring(draw(MEASURED))  # noqa: S314 - our own text
    lines = root.findall("{http://www.w3.org/2000/svg}polyline")
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert len(lines) == 3
    assert "naive loop, 10.0 ms" in texts or "naive loop, 10 ms" in texts


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


def test_the_campaigns_of_the_slots_benchmark_fill_every_slot(tmp_path: Path) -> None:
    """Two hundred campaigns, of which one in each slot is for everybody."""
    rules = RuleFolder(*write_campaigns(tmp_path)).build()
    everybody = {"consent": ["marketing"], "cap": []}
    held = rules.evaluator.evaluate(Facts(everybody, None, None), NOW_MS).held
    filled = {rules.by_key[key].slot for key in held if key in rules.by_key}

    assert len(rules.by_key) == CAMPAIGNS
    assert filled >= {f"slot-{number}" for number in range(SLOTS)}
