"""Made-up segments and visitors, the same for every contender and every run.

Thirty facts: twelve texts with 2 to 200 values, eight numbers, four booleans, two
paths and the latest instant of four events. A visitor lacks one fact in ten. Segments
are trees of three to five conditions, whose selectivity is chosen so that a wanted
share of the segments matches a visitor.
"""

from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Final, TypeAlias

from edgeseg.clock import DAY_MS, SECOND_MS
from edgeseg.events.schema import Field
from edgeseg.segments.compiler import Compiler
from edgeseg.segments.condition import (
    All,
    Any,
    Condition,
    ContextTest,
    EventTest,
    FieldTest,
    Not,
    Test,
)
from edgeseg.segments.formula import Literal
from edgeseg.segments.rule import Definitions, Segment

NOW_MS: Final = 1_770_000_000_000
VISITORS: Final = 2_000
_MISSING: Final = 0.1
_TEXTS: Final = (2, 3, 4, 5, 5, 8, 10, 20, 20, 50, 100, 200)
"""How many values each text has."""
_NUMBERS: Final = 8
_BOOLEANS: Final = 4
_PATHS: Final = 2
_SECTIONS: Final = 12
"""Different first folders of a path."""
_EVENTS: Final = tuple(f"event_{number}" for number in range(4))
_MOST_VALUES: Final = 6
_HORIZON_MS: Final = 60 * DAY_MS

Facts: TypeAlias = dict[str, object]
Evaluate: TypeAlias = Callable[[Facts, int], list[str]]
"""From the facts of a visitor and the instant to the ids of the segments, in rule order."""


def make_definitions(segments: int, share: float) -> Definitions:
    """Make ``segments`` of which about ``share`` match a visitor."""
    random = Random(segments)
    fields = {name: Field(id=name, label=name, type=kind) for name, kind in _fields()}
    names = (f"segment-{number}" for number in range(segments))
    made = {name: Segment(id=name, name=name, when=_tree(random, share)) for name in names}
    return Definitions(fields=fields, segments=made)


def make_visitors(count: int = VISITORS) -> list[Facts]:
    """Make the facts of ``count`` visitors."""
    random = Random(1)
    return [_visitor(random) for _ in range(count)]


def latest_fact(event: str) -> str:
    """Answer the key of the fact that holds the latest instant of ``event``."""
    formula = Compiler(Definitions()).formula(EventTest(event, within_ms=1))
    assert isinstance(formula, Literal)
    return formula.fact


def list_facts() -> list[str]:
    """List the keys of all facts that a visitor may have."""
    fields = [f"field.{name}" for name, _kind in _fields()]
    return [*fields, *(f"context.path_{number}" for number in range(_PATHS)), *_LATEST]


def _fields() -> Iterator[tuple[str, str]]:
    for number in range(len(_TEXTS)):
        yield f"text_{number}", "text"
    for number in range(_NUMBERS):
        yield f"number_{number}", "number"
    for number in range(_BOOLEANS):
        yield f"boolean_{number}", "boolean"


def _visitor(random: Random) -> Facts:
    values: Facts = {}
    for number, size in enumerate(_TEXTS):
        values[f"field.text_{number}"] = f"value-{random.randrange(size)}"
    for number in range(_NUMBERS):
        values[f"field.number_{number}"] = round(random.uniform(0, 10_000), 2)
    for number in range(_BOOLEANS):
        values[f"field.boolean_{number}"] = random.random() < 0.5
    for number in range(_PATHS):
        path = f"/section-{random.randrange(_SECTIONS)}/page-{random.randrange(20)}"
        values[f"context.path_{number}"] = path
    for fact in _LATEST:
        values[fact] = NOW_MS - random.randrange(_HORIZON_MS)
    return {fact: value for fact, value in values.items() if random.random() >= _MISSING}


def _tree(random: Random, share: float) -> Condition:
    """Make a tree that holds for ``share`` of the visitors."""

    def leaf(part: float) -> Condition:
        return _leaf(random, part)

    match random.randrange(5):
        case 0 | 1:
            count = random.choice((3, 4, 5))
            return All(tuple(leaf(share ** (1 / count)) for _ in range(count)))
        case 2:
            each = share ** (1 / 3)
            either = 1 - (1 - each) ** (1 / 2)
            return All((leaf(each), Any((leaf(either), leaf(either))), leaf(each)))
        case 3:
            each = share ** (1 / 3)
            return All((leaf(each), leaf(each), Not(leaf(1 - each))))
        case _:
            each = 1 - (1 - share) ** (1 / 2)
            pair = All((leaf(each ** (1 / 2)), leaf(each ** (1 / 2))))
            return Any((pair, All(tuple(leaf(each ** (1 / 3)) for _ in range(3)))))


def _leaf(random: Random, share: float) -> Condition:
    """Make a condition that holds for about ``share`` of the visitors who have its fact."""
    if share > 0.5:
        share = min(0.95, share / (1 - _MISSING))
    kind = random.random()
    if kind < 0.5:
        return _text_leaf(random, share)
    if kind < 0.7:
        return _number_leaf(random, share)
    if kind < 0.85:
        event = random.choice(_EVENTS)
        span_s = max(1, round(share * _HORIZON_MS / SECOND_MS))
        return EventTest(event, within_ms=span_s * SECOND_MS)
    if kind < 0.95:
        return _path_leaf(random, share)
    return _boolean_leaf(random, share)


def _text_leaf(random: Random, share: float) -> Condition:
    fitting = [
        number
        for number, size in enumerate(_TEXTS)
        if 1 <= round(min(share, 1 - share) * size) <= _MOST_VALUES
    ]
    number = random.choice(fitting or [len(_TEXTS) - 1])
    size = _TEXTS[number]
    count = max(1, round(min(share, 1 - share) * size))
    values = tuple(f"value-{value}" for value in sorted(random.sample(range(size), count)))
    many, one = ("in", "eq") if share <= 0.5 else ("not_in", "ne")
    test = Test(one, values[0]) if count == 1 else Test(many, values)
    return FieldTest(f"text_{number}", (test,))


def _number_leaf(random: Random, share: float) -> Condition:
    name = f"number_{random.randrange(_NUMBERS)}"
    start = random.uniform(0, 1 - share)
    match random.randrange(3):
        case 0:
            return FieldTest(name, (Test("lt", round(10_000 * share)),))
        case 1:
            return FieldTest(name, (Test("gte", round(10_000 * (1 - share))),))
        case _:
            low, high = round(10_000 * start), round(10_000 * (start + share))
            return FieldTest(name, (Test("gte", low), Test("lt", high)))


def _path_leaf(random: Random, share: float) -> Condition:
    name = f"path_{random.randrange(_PATHS)}"
    count = max(1, round(share * _SECTIONS))
    sections = random.sample(range(_SECTIONS), min(count, _MOST_VALUES))
    tests = [
        ContextTest(name, (Test("starts_with", f"/section-{section}/"),)) for section in sections
    ]
    return tests[0] if len(tests) == 1 else Any(tuple(tests))


def _boolean_leaf(random: Random, share: float) -> Condition:
    name = f"boolean_{random.randrange(_BOOLEANS)}"
    if share > 0.8:
        return FieldTest(name, (Test("exists", operand=True),))
    return FieldTest(name, (Test("eq", random.random() < 0.5),))


_LATEST: Final = tuple(map(latest_fact, _EVENTS))
LATEST: Final[Mapping[str, str]] = dict(zip(_EVENTS, _LATEST, strict=True))
"""Event → key of the fact that holds its latest instant."""
