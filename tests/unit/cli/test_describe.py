"""`edgeseg describe` says in plain English who is in a segment."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

RULES = """
segments:
  - id: readers
    name: Readers [new]
    description: Come to read
    tags: [habit, reading]
    priority: 7
    when: {all: [{segment: agreed}, {not: {tag: staff}}]}
  - id: agreed
    name: Agreed
    when: {consent: marketing}
"""


@pytest.fixture
def rules(tmp_path: Path) -> str:
    """A folder with two segments, one of which refers to the other."""
    (tmp_path / "rules.yaml").write_text(RULES, "utf-8")
    return str(tmp_path)


def test_a_segment_is_described(run: Run, rules: str) -> None:
    """Who is in it comes first; what the rule says of itself and leans on follows."""
    result = run("describe", "readers", "--rules", rules)

    assert result.exit_code == 0, result.output
    name, text, *rest = result.stdout.splitlines()
    assert name == "Readers [new] (readers)"
    assert text.startswith("Visitors who are in Agreed")
    assert rest[:3] == ["Description: Come to read", "Tags: habit, reading", "Priority: 7"]
    assert rest[3:] == ["Refers to Agreed (agreed): Visitors who have agreed to marketing."]


def test_a_description_as_json(run: Run, rules: str) -> None:
    """A machine reads the same, member by member."""
    result = run("describe", "readers", "--rules", rules, "--json")

    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found.pop("text").startswith("Visitors who are in Agreed")
    assert found == {
        "segment": "readers",
        "name": "Readers [new]",
        "description": "Come to read",
        "tags": ["habit", "reading"],
        "priority": 7,
        "refers_to": ["agreed"],
    }


def test_a_segment_without_words_is_described_shortly(run: Run, rules: str) -> None:
    """What the rule does not say leaves no empty line."""
    result = run("describe", "agreed", "--rules", rules)

    assert "Description" not in result.stdout
    assert "Tags" not in result.stdout


def test_every_sample_segment_is_described(run: Run) -> None:
    """The rules that a newcomer starts with read well without options."""
    result = run("describe", "cart-abandoners")

    assert result.exit_code == 0
    assert "Visitors who" in result.stdout


def test_an_unknown_segment_gets_a_suggestion(run: Run, rules: str) -> None:
    """Exit code 1, with the segment that was meant."""
    result = run("describe", "reader", "--rules", rules)

    assert result.exit_code == 1
    assert "did you mean `readers`?" in result.stderr


def test_a_campaign_is_described(run: Run) -> None:
    """What it shows to whom, how often, and how chance deals it out."""
    told = " ".join(run("describe", "cart-reminder").output.split())

    assert "Fills Popup on leaving for visitors who are in Cart abandoners" in told
    assert "fewer than 3 times today" in told
    found = json.loads(run("describe", "open-an-account", "--json").output)
    assert found["campaign"] == "open-an-account"
    assert "Shows calm to 50 % and bold to 50 % of them, who keep it." in found["text"]
    assert found["refers_to"] == ["prospective-account-clients"]
