"""Say tests, numbers and durations in plain English."""

import re
from typing import Final

from edgeseg.clock import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS
from edgeseg.events.event import Scalar
from edgeseg.segments.condition import Test
from edgeseg.segments.formula import SEMVER_ORDERS, Operand
from edgeseg.segments.test_formulas import COMPLEMENTS

_TESTS: Final = {
    "eq": ("is {}", "is not {}"),
    "gt": ("is over {}", "is not over {}"),
    "gte": ("is at least {}", "is not at least {}"),
    "lt": ("is under {}", "is not under {}"),
    "lte": ("is at most {}", "is not at most {}"),
    "in": ("is {}", "is not {}"),
    "has_any": ("has {}", "does not have {}"),
    "between": ("is between {} and {}", "is not between {} and {}"),
    "contains": ("contains {}", "does not contain {}"),
    "starts_with": ("starts with {}", "does not start with {}"),
    "ends_with": ("ends with {}", "does not end with {}"),
    "glob": ("matches {}", "does not match {}"),
    "matches": ("matches the expression {}", "does not match the expression {}"),
    "semver_eq": ("is {}", "is not {}"),
    "semver_gt": ("is newer than {}", "is not newer than {}"),
    "semver_gte": ("is {} or newer", "is not {} or newer"),
    "semver_lt": ("is older than {}", "is not older than {}"),
    "semver_lte": ("is {} or older", "is not {} or older"),
    "before": ("is before {}", "is not before {}"),
    "after": ("is after {}", "is not after {}"),
    "within_last": ("is within the last {}", "is not within the last {}"),
    "within_next": ("is within the next {}", "is not within the next {}"),
}
_AGO: Final = {
    "before": ("is more than {} ago", "is not more than {} ago"),
    "after": ("is later than {} ago", "is not later than {} ago"),
}
"""The same where the constant is a duration."""
_LIKE_OTHERS: Final = re.compile(r"|true|false|[-+]?[0-9.]+")
"""Texts that would be taken for a boolean, a number, or nothing."""
_AGES: Final = frozenset({"before", "after", "within_last", "within_next"})
_UNITS: Final = (("day", DAY_MS), ("hour", HOUR_MS), ("minute", MINUTE_MS), ("second", SECOND_MS))
_WHEN: Final = {"eq": "on {}", "ne": "on {}"}
"""Of an event's instant, where it is not told as in `_TESTS` without its "is"."""
_TIMES: Final = {
    "eq": ("exactly", "not exactly"),
    "in": ("exactly", "not exactly"),
    "gt": ("more than", "at most"),
    "gte": ("at least", "fewer than"),
    "lt": ("fewer than", "at least"),
    "lte": ("at most", "more than"),
}


def enumerate_parts(parts: list[str], word: str) -> str:
    """Join by commas and ``word``: "a and b", "a, b, and c"."""
    if len(parts) < 2:  # noqa: PLR2004 - nothing to join
        return "".join(parts)
    comma = "," if len(parts) > 2 else ""  # noqa: PLR2004
    return f"{', '.join(parts[:-1])}{comma} {word} {parts[-1]}"


def duration(milliseconds: int) -> str:
    """Answer a duration in its largest whole unit: "30 days"."""
    name, size = next(unit for unit in _UNITS if milliseconds % unit[1] == 0)
    number = milliseconds // size
    return f"{number} {name}{'' if number == 1 else 's'}"


def phrase_span(milliseconds: int) -> str:
    """Answer a duration as it follows "the last": "30 days", but "day"."""
    return duration(milliseconds).removeprefix("1 ")


def phrase_whose(name: str, tests: tuple[Test, ...], *, negated: bool) -> str:
    """Answer a clause about a fact: "whose plan is pro"."""
    return f"whose {name} {phrase_tests(tests, negated=negated)}"


def phrase_any_of_whose(name: str, tests: tuple[Test, ...], *, negated: bool) -> str:
    """Answer a clause about several values, any of which may pass each test."""
    clauses = []
    for test in tests:
        is_none = negated != (test.op in COMPLEMENTS or test.operand is False)
        if test.op == "exists":
            clauses.append(f"who have {'no' if is_none else 'any'} {name}")
        elif test.op == "has_all":
            every = _has_all(test)[0].removeprefix("has ")
            verb = "do not include all of" if negated else "include"
            clauses.append(f"whose {name} {verb} {every}{_case(test)}")
        else:
            positive = Test(COMPLEMENTS.get(test.op, test.op), test.operand, test.ignore_case)
            told = phrase_tests((positive,), negated=False)
            clauses.append(f"{'none' if is_none else 'one'} of whose {name} {told}")
    return enumerate_parts(clauses, "or" if negated else "and")


def phrase_tests(tests: tuple[Test, ...], *, negated: bool) -> str:
    """Answer tests that must all pass, as what follows the name of a fact."""
    return enumerate_parts(
        [_test(test, negated=negated) for test in tests], "or" if negated else "and"
    )


def _test(test: Test, *, negated: bool) -> str:
    if test.op == "exists":
        return "is known" if (test.operand is True) != negated else "is not known"
    op = COMPLEMENTS.get(test.op, test.op)
    told = _has_all(test) if op == "has_all" else _words(op, test.operand)
    return told[negated != (test.op in COMPLEMENTS)].format(*_constants(test)) + _case(test)


def _case(test: Test) -> str:
    return ", whatever the case" if test.ignore_case else ""


def _words(op: str, operand: Operand) -> tuple[str, str]:
    return _AGO[op] if op in _AGO and isinstance(operand, int) else _TESTS[op]


def _has_all(test: Test) -> tuple[str, str]:
    """Tell a list that needs every constant; it has its own words, not "or"."""
    constants = test.operand if isinstance(test.operand, tuple) else (test.operand,)
    every = enumerate_parts([_shown(value) for value in constants], "and")
    return (f"has {every}", f"does not have all of {every}")


def _constants(test: Test) -> tuple[str, ...]:
    operand = test.operand
    if test.op in _AGES and isinstance(operand, int):
        return (duration(operand) if test.op in _AGO else phrase_span(operand),)
    if test.op == "between" and isinstance(operand, tuple):
        return tuple(_shown(value) for value in operand)
    if test.op in SEMVER_ORDERS:
        return (str(operand),)
    return (phrase_constant(operand),)


def phrase_constant(operand: Operand) -> str:
    """Answer a constant, or several to choose from."""
    if isinstance(operand, tuple):
        return enumerate_parts([_shown(value) for value in operand], "or")
    return _shown(operand)


def _shown(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and _LIKE_OTHERS.fullmatch(value):
        return f"“{value}”"
    return f"{value:,}" if isinstance(value, int) else str(value)


def phrase_times(test: Test, *, negated: bool) -> str:
    """Answer how often, by a test of a count: "at least 3 times"."""
    op = COMPLEMENTS.get(test.op, test.op)
    if op == "between" and isinstance(test.operand, tuple):
        low, high = map(_shown, test.operand)
        ends = f"fewer than {low} or more than {high}" if negated else f"between {low} and {high}"
        return f"{ends} times"
    told = _TIMES[op][negated != (test.op in COMPLEMENTS)]
    return f"{told} {phrase_constant(test.operand)} time{'' if test.operand == 1 else 's'}"


def phrase_when(test: Test) -> str:
    """Answer when something happened, by a test of its instant: "before 60 days ago"."""
    told = _WHEN.get(test.op) or _words(test.op, test.operand)[0].removeprefix("is ")
    return told.format(*_constants(test))


def is_equality(tests: tuple[Test, ...]) -> bool:
    """Tell whether one value is asked for, as it is written, and nothing else."""
    return len(tests) == 1 and tests[0].op == "eq" and not tests[0].ignore_case
