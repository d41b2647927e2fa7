"""Review rules that cost more than rules usually do, by what the index and the profile do for them.

Few things do: most tests cost the same however many there are. An expression (`matches`, a
`glob` that is more than a beginning, a version) is run by itself, 3 to 5 µs on a text seen
for the first time; each level of segments that refer to segments is one more pass; and
every event that a count in a window has to tell apart is a number in every profile.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from edgeseg.segments.condition import EventTest
from edgeseg.segments.evaluator import levels_of
from edgeseg.segments.fact_keys import CONTEXT, FIELD
from edgeseg.segments.formula import SEMVER_ORDERS, Formula, Literal, literals_of
from edgeseg.segments.review import Remark, structs_in
from edgeseg.segments.rule import Definitions
from edgeseg.segments.test_formulas import tests_formula
from edgeseg.segments.text_masks import prefix_of

MAX_EXPRESSIONS: Final = 100
"""Different expressions on one fact, or one property of an event."""
MAX_COUNTED: Final = 100
"""Events that one count in a window tells apart; each takes some 8 bytes of a profile."""
MAX_LEVELS: Final = 8
"""Segments that refer to segments that refer to segments ..."""
_EXPRESSIONS: Final = frozenset({"glob", "matches", *SEMVER_ORDERS})
_MICROSECONDS: Final = 4
"""Time that one expression takes on one text, about."""


def review_cost(definitions: Definitions, formulas: Mapping[str, Formula]) -> Iterator[Remark]:
    """Remark on segments that go beyond the bounds of this module.

    Args:
        definitions: of the segments.
        formulas: of each segment.
    """
    yield from _review_expressions(definitions, formulas)
    levels = levels_of(formulas)
    for id_, segment in definitions.segments.items():
        kept = max(map(_kept, structs_in(segment)), default=0)
        if kept > MAX_COUNTED:
            message = f"this counts {kept} events in a window, which every profile has to remember"
            hint = f"ask for {MAX_COUNTED} at most, or count without `within`"
            yield _costly(id_, message, hint, "count")
        if levels[id_] == MAX_LEVELS:
            message = f"{MAX_LEVELS} levels of segments are below this one, each a pass of its own"
            yield _costly(id_, message, "refer to the segments further down", "")


def _review_expressions(
    definitions: Definitions, formulas: Mapping[str, Formula]
) -> Iterator[Remark]:
    """Remark once a fact, on the segment that goes beyond the bound."""
    met: dict[str, set[Literal]] = defaultdict(set)
    told: set[str] = set()
    for id_ in definitions.segments:
        asked = [*literals_of(formulas[id_]), *_of_events(definitions.segments[id_])]
        for literal in filter(_is_expression, asked):
            met[literal.fact].add(literal)
        for fact in {literal.fact for literal in asked} - told:
            number = len(met[fact])
            if number > MAX_EXPRESSIONS:
                told.add(fact)
                name = fact.removeprefix(CONTEXT).removeprefix(FIELD)
                message = (
                    f"with this, more than {MAX_EXPRESSIONS} expressions are tried on each new "
                    f"`{name}`, which takes {MAX_EXPRESSIONS * _MICROSECONDS} µs and more"
                )
                hint = "use `in`, `starts_with`, or a `glob` that ends with its only `**`"
                yield _costly(id_, message, hint, name.rpartition(" ")[2])


def _of_events(definition: object) -> Iterator[Literal]:
    """Iterate over the tests of event properties; the fact is named ``event property``."""
    for part in structs_in(definition):
        if isinstance(part, EventTest):
            for name, tests in part.where:
                yield from literals_of(tests_formula(f"{part.event} {name}", tests))


def _is_expression(literal: Literal) -> bool:
    return literal.op in _EXPRESSIONS and prefix_of(literal) is None


def _kept(part: object) -> int:
    """Answer how many events a condition has to tell apart."""
    if not isinstance(part, EventTest) or part.within_ms is None:
        return 0
    operands = [each.operand for each in part.count]
    numbers = [each if isinstance(each, tuple) else (each,) for each in operands]
    return max((int(number) for several in numbers for number in several), default=0)


def _costly(id_: str, message: str, suggestion: str, word: str) -> Remark:
    return Remark(
        code="high-cost",
        section="segments",
        id=id_,
        message=message,
        suggestion=suggestion,
        word=word,
    )
