"""Rule files as data: those that must not load, and those that must mean what they say."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgeseg.decisions.snapshot import Snapshot, build_snapshot
from edgeseg.errors import RulesError
from edgeseg.events.event import ATTRIBUTES_SET, LISTS_ADDED, PINS_CHANGED, TAGS_ADDED, Event
from edgeseg.profiles.fold import fold
from edgeseg.profiles.profile import EMPTY_PROFILE
from edgeseg.segments.facts import gather_facts

CASES = Path(__file__).parents[2] / "cases"
NOW_MS = 1_800_000_000_000
UNITS_MS = {"s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
TEMPLATES = {"a.html": "x"}


@pytest.mark.parametrize("path", sorted(CASES.glob("invalid/*.yaml")), ids=lambda path: path.stem)
def test_a_broken_file_is_refused_with_every_problem(path: Path) -> None:
    """Each ``#!`` line of the file is one problem: line:column, message and suggestion."""
    text = path.read_text("utf-8")
    expected = re.findall(r"^#! (.*)$", text, re.MULTILINE)
    with pytest.raises(RulesError) as caught:
        build_snapshot({path.name: text}, TEMPLATES)
    found = [
        f"{each.line}:{each.column} {each.message}"
        + (f" ({each.suggestion})" if each.suggestion else "")
        for each in caught.value.problems
    ]
    assert found == expected


def test_problems_of_several_files_come_together() -> None:
    """One load lists the problems of all files, by file and place."""
    names = ("unknown-field.yaml", "bad-duration.yaml")
    files = {name: (CASES / "invalid" / name).read_text("utf-8") for name in names}
    with pytest.raises(RulesError) as caught:
        build_snapshot(files, TEMPLATES)
    assert list(dict.fromkeys(each.file for each in caught.value.problems)) == sorted(names)


def examples() -> Iterator[Any]:
    """Every example of every valid file."""
    for path in sorted(CASES.glob("valid/*.yaml")):
        text = path.read_text("utf-8")
        rules, _, example_text = text.partition("examples:")
        for number, example in enumerate(yaml.safe_load(example_text), start=1):
            yield pytest.param(rules, example, id=f"{path.stem}-{number}")


@pytest.mark.parametrize(("rules", "example"), [*examples()])
def test_a_segment_means_what_its_examples_say(rules: str, example: dict[str, Any]) -> None:
    """Each example names a visitor and whether the segment holds."""
    snapshot = build_snapshot({"rules.yaml": rules}, TEMPLATES)
    assert (example["segment"] in held(snapshot, example)) is example["holds"]


def held(snapshot: Snapshot, example: dict[str, Any]) -> list[str]:
    """Answer the segments that hold for the example's visitor."""
    happened = [
        Event(ATTRIBUTES_SET, 0, example.get("attributes", {})),
        Event(TAGS_ADDED, 0, {"tags": example.get("tags", [])}),
        Event(LISTS_ADDED, 0, {"lists": example.get("lists", [])}),
        Event(PINS_CHANGED, 0, example.get("pins", {})),
    ]
    for name, ago, *properties in example.get("events", []):
        at_ms = NOW_MS - int(ago[:-1]) * UNITS_MS[ago[-1]]
        happened.append(Event(name, at_ms, properties[0] if properties else {}))
    facts = gather_facts(
        snapshot.sources,
        profile=fold(EMPTY_PROFILE, happened, snapshot.plan),
        context=example.get("context", {}),
        consents=example.get("consents", {}),
        now_ms=NOW_MS,
        bucket_id="visitor",
    )
    return snapshot.evaluator.evaluate(facts, NOW_MS).held
