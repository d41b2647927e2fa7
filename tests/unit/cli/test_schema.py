"""The schema for editors takes what the reader takes, and refuses much of what it refuses."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from edgeseg.cli.copy_segment import smart_files
from edgeseg.decisions.campaign_reader import _CAMPAIGN, _SLOT
from edgeseg.decisions.rule_schema import rule_schema
from edgeseg.decisions.variant_reader import _TRIGGERS, _VARIANT
from edgeseg.errors import Problem
from edgeseg.segments.condition_reader import ConditionReader
from edgeseg.segments.context_names import CONTEXT
from edgeseg.segments.definitions import SECTIONS
from edgeseg.segments.event_reader import _EVENT
from edgeseg.segments.rule_files import RuleReader
from edgeseg.segments.segment_reader import _KEYS
from edgeseg.segments.test_reader import APPLICABLE, IGNORE_CASE, TESTS
from tests.unit.cli.conftest import ROOT, Run
from tests.unit.docs.pages import RULE_BLOCKS, Block, name_of

SCHEMA: dict[str, Any] = json.loads(json.dumps(rule_schema()))
DEFINITIONS = SCHEMA["$defs"]
CASES = ROOT / "tests/cases"
VALID = [
    *sorted(CASES.glob("valid/*.yaml")),
    *sorted(CASES.glob("warnings/**/*.yaml")),
    *sorted((ROOT / "rules").rglob("*.yaml")),
]
WRONG_FORM = (
    *("bad-duration", "bad-id", "between-one-end", "count-of-text", "count-too-large"),
    *("date-test-of-a-text", "empty-in", "first-without-test", "metric-with-two-aggregates"),
    *("missing-when", "no-test", "not-a-list", "not-a-mapping", "not-an-instant"),
    *("not-followed-without-window", "only-ignore-case", "popup-without-trigger"),
    *("rank-zero", "reserved-event", "sequence-of-one", "several-at-once", "share-over-100"),
    *("share-without-salt", "step-with-a-count", "sum-of-nothing", "two-kinds"),
    *("two-measures", "unknown-condition", "unknown-context", "unknown-key"),
    *("unknown-section", "unknown-test", "unknown-weekday", "variants-without-weight"),
    *("value-of-the-request-not-there", "time-zone-of-a-path", "instant-of-a-property"),
    *("versions-without-weight", "window-and-span", "window-of-a-first"),
)
"""Cases that show by the form of the file alone; values and other files are not compared."""


def complaints(text: str) -> list[str]:
    """Answer what the schema says about a rule file, read as edgeseg reads it."""
    problems: list[Problem] = []
    node = RuleReader("", problems).document(text)
    assert not problems
    validator = jsonschema.Draft202012Validator(SCHEMA)
    errors = validator.iter_errors(plain(node))
    return [f"{error.json_path}: {error.message}"[:300] for error in errors]


def plain(node: yaml.Node | None) -> object:
    """Answer the value of a node."""
    match node:
        case yaml.MappingNode():
            return {key.value: plain(value) for key, value in node.value}
        case yaml.SequenceNode():
            return [plain(part) for part in node.value]
        case yaml.ScalarNode():
            return RuleReader("", []).scalar(node)
    return None


def test_the_schema_is_one() -> None:
    """An editor must be able to read it."""
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", VALID, ids=name_of)
def test_what_loads_fits(path: Path) -> None:
    """An editor underlines nothing that is right."""
    text = path.read_text("utf-8")
    rules = text.partition("\nexamples:")[0] if CASES / "valid" in path.parents else text

    assert complaints(rules) == []


@pytest.mark.parametrize("smart_id", smart_files())
def test_smart_segments_fit(smart_id: str) -> None:
    """They carry examples, too."""
    assert complaints(smart_files()[smart_id]) == []


@pytest.mark.parametrize("block", RULE_BLOCKS, ids=lambda block: f"{block.page}:{block.line}")
def test_what_the_documentation_shows_fits(block: Block) -> None:
    """Who copies an example sees no complaint."""
    assert complaints(block.text) == []


@pytest.mark.parametrize("case", WRONG_FORM)
def test_what_is_wrong_by_its_form_does_not_fit(case: str) -> None:
    """An editor tells of it while it is written."""
    assert complaints((CASES / f"invalid/{case}.yaml").read_text("utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        "metrics: [{id: m, event: e, count: false}]",
        "metrics: [{id: m, event: e}]",
        "fields: [{id: f, type: number, values: [a]}]",
        "segments: [{id: a, when: {event: e, not_followed_by: {event: f}}}]",
        "segments: [{id: a, when: {event: e, count: {between: [1, 1000]}}}]",
        "segments: [{id: a, when: {all: []}, examples: {in: [{history: []}]}}]",
        "segments: [{id: a, when: {all: []}, active: {time_zone: Europe/Prague}}]",
        "segments: [{id: a, when: {list: 5}}]",
    ],
)
def test_more_that_does_not_fit(text: str) -> None:
    """Forms that the reader refuses and no case holds."""
    assert complaints(text)


def test_the_schema_knows_every_name_that_the_readers_know() -> None:
    """What is added to the language must reach the editors."""
    kinds = {name.removeprefix("condition-") for name in DEFINITIONS if "condition-" in name}
    events = [each["properties"] for each in DEFINITIONS["condition-event"]["anyOf"]]
    field = DEFINITIONS["condition-field"]["properties"]
    named = DEFINITIONS["condition-context"]["anyOf"]
    contexts = {
        name
        for each in named
        for part in each["properties"]["context"].get("anyOf", [each["properties"]["context"]])
        for name in part.get("enum", [])
    }

    assert kinds == {*ConditionReader(RuleReader("", []), {}, {})._kinds}
    assert {*events[0]} == {*_EVENT}
    assert {*field} == {"field", IGNORE_CASE, *TESTS}
    assert contexts == CONTEXT
    assert {*SCHEMA["properties"]} == {*SECTIONS}
    assert {*DEFINITIONS["segment"]["properties"]} == {*_KEYS}
    assert {*DEFINITIONS["campaign"]["properties"]} == {*_CAMPAIGN}
    assert {*DEFINITIONS["slot"]["properties"]} == {*_SLOT}
    assert {*DEFINITIONS["variant"]["properties"]} == {*_VARIANT}
    triggers = DEFINITIONS["popup"]["properties"]["trigger"]["properties"]
    assert {*triggers} == {*_TRIGGERS}


@pytest.mark.parametrize("type_", APPLICABLE)
def test_a_test_of_a_property_is_taken_where_it_applies(type_: str) -> None:
    """The table of tests is the reader's own."""
    value = DEFINITIONS["value"]["anyOf"][1]["properties"]

    assert {*value} == {IGNORE_CASE, *APPLICABLE["any"]}
    assert APPLICABLE[type_] <= {*TESTS}


def test_the_command_prints_it(run: Run) -> None:
    """What goes into a file is the schema and nothing else."""
    printed = run("schema")

    assert printed.exit_code == 0
    assert json.loads(printed.stdout) == SCHEMA


def test_names_of_the_rules_are_offered(run: Run) -> None:
    """Wherever they are referred to; a name that is not there yet is right as well."""
    result = run("schema", "--rules", str(ROOT / "rules"))
    assert result.exit_code == 0, result.output
    offered = {
        kind.removesuffix("-name"): definition["anyOf"][0]["enum"]
        for kind, definition in json.loads(result.stdout)["$defs"].items()
        if kind.endswith("-name")
    }
    assert set(offered) == {"field", "metric", "segment", "slot", "goal", "event", "campaign"}
    assert "total_spend" in offered["metric"]
    assert "cart-abandoners" in offered["segment"]
    assert {"page_viewed", "order_completed", "form_submitted"} <= set(offered["event"])
    validator = jsonschema.Draft202012Validator(json.loads(result.stdout))
    newer = {"segments": [{"id": "a", "when": {"metric": "made_just_now", "gte": 1}}]}
    assert list(validator.iter_errors(newer)) == []


def test_names_are_offered_while_the_rules_are_broken(run: Run, tmp_path: Path) -> None:
    """Which is when they are edited."""
    (tmp_path / "a.yaml").write_text("segments:\n  - {id: shoppers, when: {bought: x}}\n", "utf-8")
    (tmp_path / "b.yaml").write_text("segments: [", "utf-8")
    result = run("schema", "--rules", str(tmp_path))
    assert result.exit_code == 0, result.output
    assert "shoppers" in json.loads(result.stdout)["$defs"]["segment-name"]["anyOf"][0]["enum"]
