"""The examples of segments are run, and those that fail say what decided."""

from datetime import UTC

import pytest

from edgeseg.errors import Problem
from edgeseg.segments.definitions import read_definitions, read_sections
from edgeseg.segments.examples import run_examples

NOW_MS = 1_800_000_000_000
RULES = """
fields:
  - {id: plan, type: text}
segments:
  - {id: agreed, when: {consent: marketing}}
  - id: a
    when:
      all:
        - segment: agreed
        - not: {event: sent, within: 30d}
        - none: [{event: opened}, {tag: staff}]
        - any: [{field: plan, eq: pro}, {tag: vip}]
    examples:
      in: [%s]
      out: [%s]
"""
MEMBER = "{consents: {marketing: true}, tags: [vip]}"
OUTSIDERS = (
    ("{tags: [vip]}", "`who are in agreed` does not hold"),
    ("{consents: {marketing: true}}", "`whose plan is pro` does not hold (found: nothing); "),
    ("{consents: {marketing: true}, events: [{event: sent}]}", "in the last 30 days` holds"),
    ("{consents: {marketing: true}, tags: [vip, staff]}", "`who have the tag staff` holds"),
)  # fmt: skip
BROKEN = (
    ("{fields: {pln: x}}", "fields.pln: unknown field `pln`; did you mean `plan`?", "x}}"),
    ("{events: [{event: a, ago: soon}]}", "events[0].ago: a whole number and", "soon"),
    ("{event: []}", "object contains unknown field `event`", "{event: []"),
    ("{now: 1812-01-01T00:00:00Z}", "now: an instant from 1970", "1812"),
    ("{events: [{event: a}, 7]}", "expected `object`, got `int`", "7]"),
    ("{context: {custom.a: {}}}", "context.custom.a: a string", "{custom.a"),
    ("{tags: {}}", "expected `array | null`, got `object`", "{}}"),
    ("7", "expected `object`, got `int`", "7, {}"),
)


def run(text: str) -> list[Problem]:
    """Run the examples of a rule file."""
    problems: list[Problem] = []
    sections = read_sections({"a.yaml": text}, problems)
    definitions, _readers = read_definitions(sections, UTC)
    assert not problems
    return run_examples(sections["segments"], definitions, now_ms=NOW_MS)


def place(text: str, part: str) -> tuple[int, int]:
    """Answer line and column of the part."""
    before = text[: text.index(part)]
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def test_examples_that_are_as_they_should_be_are_no_problem() -> None:
    """Members in, the others out, as often as one likes."""
    outsiders = ", ".join(example for example, _reason in OUTSIDERS)

    assert run(RULES % (MEMBER, outsiders)) == []
    assert run(RULES % ("", "")) == []


@pytest.mark.parametrize(("example", "reason"), OUTSIDERS)
def test_one_who_should_be_in_and_is_not_is_named_with_the_reason(
    example: str, reason: str
) -> None:
    """The problem stands at the example, and tells which conditions kept the visitor out."""
    text = RULES % (example, "")

    (problem,) = run(text)

    assert (problem.line, problem.column) == place(text, example)
    assert (problem.file, problem.at) == ("a.yaml", "a")
    assert problem.message.startswith("the visitor of this example is not in the segment: ")
    assert reason in problem.message


def test_one_who_should_be_out_and_is_in_is_named_with_the_reasons() -> None:
    """Every condition that had to hold is named, up to three."""
    (problem,) = run(RULES % ("", MEMBER))

    assert problem.message.startswith("the visitor of this example is in the segment: ")
    assert "`who are in agreed` holds" in problem.message


@pytest.mark.parametrize(("example", "message", "part"), BROKEN)
def test_an_example_that_is_not_one_is_a_problem_of_its_own(
    example: str, message: str, part: str
) -> None:
    """It stands at the very member; the other examples are run all the same."""
    text = RULES % (f"{example}, {{}}", "")

    found, other = sorted(run(text))

    assert message in found.message
    assert (found.line, found.column) == place(text, part)
    assert "is not in the segment" in other.message


@pytest.mark.parametrize("examples", ["5", "{on: []}", "{in: {}}"])
def test_examples_of_another_form_are_a_problem(examples: str) -> None:
    """What cannot be run is not passed over."""
    text = f"segments: [{{id: a, when: {{all: []}}, examples: {examples}}}]\n"

    assert len(run(text)) == 1
