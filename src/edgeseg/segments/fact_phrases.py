"""Name fields, metrics and values of the request as they stand in an English sentence."""

from calendar import day_name
from typing import Final

from edgeseg.events.event import Scalar
from edgeseg.events.schema import Field
from edgeseg.segments.condition import Test
from edgeseg.segments.context_names import VISITORS
from edgeseg.segments.rule import NamedMetric
from edgeseg.segments.schedule import WEEKDAYS
from edgeseg.segments.test_phrases import phrase_any_of_whose, phrase_whose

_CONTEXT: Final = {
    "url": "page's address",
    "os": "operating system",
    "visit.number": "number of visits",
    "visit.pages": "number of pages in this visit",
    "visit.seconds": "time in this visit, in seconds,",
    "visit.landing_path": "first page of this visit",
    "first.landing_path": "first page ever",
    "first.referrer_host": "very first referrer host",
}
_PREFIXES: Final = {"query.": "query parameter ", "custom.": "custom ", "utm_": "UTM "}
_DAYS: Final[dict[Scalar, Scalar]] = dict(zip(WEEKDAYS, day_name, strict=True))
_OF_LISTS: Final = {"has_any": "in", "has_none": "not_in"}
"""Of a list each test is about any one element, so these say the same."""


def phrase_context(name: str, tests: tuple[Test, ...], *, negated: bool) -> str:
    """Answer a clause about a value of the request: "whose device is mobile"."""
    if name.removeprefix(VISITORS) == "weekday":
        tests = tuple(map(_with_whole_days, tests))
    return phrase_whose(name_context(name), tests, negated=negated)


def phrase_field(field: Field, tests: tuple[Test, ...], *, negated: bool) -> str:
    """Answer a clause about an attribute; of a list, about its elements."""
    name = uncapitalize(field.label)
    alike = tuple(
        Test(_OF_LISTS.get(test.op, test.op), test.operand, test.ignore_case) for test in tests
    )
    if field.type != "list":
        return phrase_whose(name, alike, negated=negated)
    return phrase_any_of_whose(name, alike, negated=negated)


def phrase_metric(metric: NamedMetric, tests: tuple[Test, ...], *, negated: bool) -> str:
    """Answer a clause about a named metric: "whose number of orders is at least 2"."""
    name = uncapitalize(metric.label)
    if metric.aggregate == "instants":
        return phrase_any_of_whose(name, tests, negated=negated)
    counted = "number of " if metric.aggregate in {"count", "distinct"} else ""
    if name.startswith(counted):
        counted = ""
    return phrase_whose(counted + name, tests, negated=negated)


def name_context(name: str) -> str:
    """Answer what follows "whose" for a name of the request's values."""
    if name.startswith(VISITORS):
        return f"{name.removeprefix(VISITORS)} in their own time zone"
    if name in _CONTEXT:
        return _CONTEXT[name]
    for prefix, word in _PREFIXES.items():
        if name.startswith(prefix):
            return word + name.removeprefix(prefix)
    return name.replace("_", " ")


def uncapitalize(label: str) -> str:
    """Answer a label as it stands within a sentence: "total spend in EUR" keeps its EUR."""
    words = label.split(" ")
    return " ".join(word if _has_inner_capital(word) else word.lower() for word in words)


def _with_whole_days(test: Test) -> Test:
    """Answer a test of a weekday with "Saturday" for "sat"."""
    operand = test.operand
    if isinstance(operand, tuple):
        return Test(test.op, tuple(_DAYS.get(each, each) for each in operand))
    return Test(test.op, _DAYS.get(operand, operand))


def _has_inner_capital(word: str) -> bool:
    return any(map(str.isupper, word[1:]))
