"""Conditions tried on made-up visitors mean what the reference says, operator by operator."""

import json
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edgeseg.cli.try_rules import Outcome, outcome
from edgeseg.errors import InputError, RulesError
from edgeseg.segments.definitions import read_definitions, read_sections
from edgeseg.segments.rule import Definitions
from edgeseg.segments.trial import Trial, Trials, Verdict

CASES = Path(__file__).parents[2] / "cases/trials"
NOW_MS = 1_800_000_000_000
DAY_MS = 86_400_000
RULES = """
fields:
  - {id: plan, type: text, values: [free, pro]}
  - {id: born, type: date}
metrics:
  - {id: spent, event: order_completed, sum: revenue}
segments:
  - {id: payers, when: {metric: spent, gt: 0}}
  - {id: pros, when: {all: [{segment: payers}, {field: plan, eq: pro}]}}
"""


def cases() -> Iterator[Any]:
    """Every line of every file of trials."""
    for path in sorted(CASES.glob("*.jsonl")):
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            yield pytest.param(json.loads(line), id=f"{path.stem}-{number}")


@pytest.mark.parametrize("case", [*cases()])
def test_a_trial_comes_to_what_the_reference_says(case: dict[str, Any]) -> None:
    """Whether it holds, until when, or what kind of mistake it is and where."""
    expected, until, at = case.pop("expect"), case.pop("until", None), case.pop("at", None)

    found = outcome(json.dumps(case).encode(), Trials())

    if isinstance(expected, bool):
        assert isinstance(found, Outcome), found
        assert found.holds is expected
        assert until is None or found.valid_until == until
    else:
        assert not isinstance(found, Outcome), found
        assert found.error.code == expected
        assert found.error.message
        assert at is None or found.error.at == at


def judge(trials: Trials, **members: object) -> Verdict:
    """Judge a trial of these members."""
    trial = msgspec.json.decode(msgspec.json.encode(members), type=Trial)
    return trials.judge(trial, now_ms=NOW_MS)


@pytest.fixture
def rules() -> Definitions:
    """A schema, a metric and two segments, one on top of the other."""
    problems: list[Any] = []
    definitions, _readers = read_definitions(read_sections({"rules.yaml": RULES}, problems), UTC)
    assert not problems
    return definitions


ORDER = {"event": "order_completed", "properties": {"revenue": 5}, "ago": "1d"}


def test_rules_lend_their_segments_and_metrics(rules: Definitions) -> None:
    """A condition may lean on whatever the rules define, at any depth."""
    trials = Trials(rules)

    assert judge(trials, when={"segment": "pros"}, fields={"plan": "pro"}, events=[ORDER]).holds
    assert not judge(trials, when={"segment": "pros"}, fields={"plan": "pro"}).holds
    assert judge(trials, when={"metric": "spent", "eq": 5}, events=[ORDER]).holds


@pytest.mark.parametrize("fields", [{"plan": "max"}, {"plan": 3}, {"plna": "pro"}, {"born": "x"}])
def test_values_must_fit_the_rules(rules: Definitions, fields: dict[str, Any]) -> None:
    """With a schema a value of another type, or of an unknown field, is refused by its path."""
    with pytest.raises(InputError) as caught:
        judge(Trials(rules), when={"tag": "x"}, fields=fields)

    assert caught.value.field == f"fields.{next(iter(fields))}"


@pytest.mark.parametrize("when", [{"timestamp": "1969-12-31T23:59:59Z"}, {"ago": "99999d"}])
def test_events_before_1970_are_refused(when: dict[str, Any]) -> None:
    """No profile can tell when they were: as the last ones they would count as never."""
    condition = {"event": "x", "last": {"before": "60d"}}
    with pytest.raises(InputError) as caught:
        judge(Trials(), when=condition, events=[{"event": "x"}, {"event": "x", **when}])

    assert caught.value.field == "events[1]"


def test_a_problem_of_the_condition_has_its_place() -> None:
    """Line and column count within the condition as it was written."""
    line = '{"when":   {"all": [{"tag": "a"}, {"field": "é", "eqq": "\\ud83d\\ude00"}]}}'

    with pytest.raises(RulesError) as caught:
        Trials().judge(msgspec.json.decode(line, type=Trial), now_ms=NOW_MS)

    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (1, line.index('"eqq"') - line.index('{"all"') + 1)
    assert problem.suggestion == "did you mean `eq`?"


def test_the_same_condition_is_tried_on_fields_of_different_types() -> None:
    """What was compiled for one type of value does not judge another."""
    trials = Trials()
    when = {"field": "n", "in": [1, 2]}

    assert judge(trials, when=when, fields={"n": 1}).holds
    assert judge(trials, when=when, fields={"n": [3, 2]}).holds
    assert not judge(trials, when=when).holds
    with pytest.raises(RulesError):
        judge(trials, when=when, fields={"n": "1"})


def test_nothing_changes_before_the_announced_instant() -> None:
    """The verdict names the instant when the passage of time changes it, None for never."""
    when = {"event": "x", "within": "2d"}
    events = [{"event": "x", "ago": "1d"}]

    assert judge(Trials(), when=when, events=events) == Verdict(
        holds=True, now_ms=NOW_MS, change_ms=NOW_MS + DAY_MS
    )
    assert judge(Trials(), when=when) == Verdict(holds=False, now_ms=NOW_MS, change_ms=None)


def test_compiled_conditions_do_not_pile_up() -> None:
    """What is kept of compiled conditions is bounded."""
    trials = Trials()
    for number in range(600):
        judge(trials, when={"tag": f"t{number}"})

    assert len(trials._compiled) <= 256
    assert len(trials._asked) <= 256
