"""Formulas: what every condition is compiled to before it is indexed.

A formula is a tree of `And` and `Or` over literals in negation normal form: only
literals are negated. Under three-valued logic (a fact may be unknown) such a
tree is definitely true exactly when it is true with every unknown literal taken
as false, negated or not. That is how `Index` evaluates it.
"""

from collections.abc import Iterable
from typing import Final, TypeAlias

import msgspec
import re2

from edgeseg.events.event import Scalar

Operand: TypeAlias = Scalar | tuple[Scalar, ...]


class Literal(msgspec.Struct, frozen=True):
    """One test of one fact, the leaf of a formula.

    Attributes:
        fact: key of the fact, such as ``context.path``.
        op: one of `OPERATORS`; the negative operators of the language are
            positive ones with ``positive`` false.
        operand: the constant; a tuple for ``in``, True for ``exists``.
        positive: False for the exact complement.
    """

    fact: str
    op: str
    operand: Operand
    positive: bool = True


class And(msgspec.Struct, frozen=True):
    """Holds when every part does; without parts it holds."""

    parts: tuple["Formula", ...]


class Or(msgspec.Struct, frozen=True):
    """Holds when any part does; without parts it does not."""

    parts: tuple["Formula", ...]


Formula: TypeAlias = Literal | And | Or

TRUE: Final = And(())
FALSE: Final = Or(())

EQUALITIES: Final = frozenset({"eq", "in", "is"})
"""``is`` compares booleans, so that True and 1 make different literals."""
ORDERS: Final = frozenset({"gt", "gte", "lt", "lte"})
PATTERNS: Final = frozenset({"starts_with", "glob"})
PRESENCE: Final = "exists"
AGE: Final = "younger_than"
"""Of an instant: less than ``operand`` milliseconds ago."""
OPERATORS: Final = EQUALITIES | ORDERS | PATTERNS | {PRESENCE, AGE}


def negate(formula: Formula) -> Formula:
    """Answer the exact complement, again in negation normal form."""
    match formula:
        case Literal(fact, op, operand, positive):
            return Literal(fact, op, operand, not positive)
        case And(parts):
            return any_of(negate(part) for part in parts)
        case Or(parts):
            return all_of(negate(part) for part in parts)


def all_of(parts: Iterable[Formula]) -> Formula:
    """Join by "and", without nested or repeated parts."""
    flat = _flatten(parts, And)
    return flat[0] if len(flat) == 1 else And(flat)


def any_of(parts: Iterable[Formula]) -> Formula:
    """Join by "or", without nested or repeated parts."""
    flat = _flatten(parts, Or)
    return flat[0] if len(flat) == 1 else Or(flat)


def _flatten(parts: Iterable[Formula], kind: type[And] | type[Or]) -> tuple[Formula, ...]:
    flat: dict[Formula, None] = {}
    for part in parts:
        flat.update(dict.fromkeys(part.parts if isinstance(part, kind) else (part,)))
    return tuple(flat)


def identity(value: Scalar) -> tuple[bool, Scalar]:
    """Answer a dictionary key under which booleans are not numbers."""
    return (value.__class__ is bool, value)


def is_number(value: object) -> bool:
    """Tell whether ``value`` is a number; booleans are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def glob_to_regex(pattern: str) -> str:
    """Translate a glob: ``*`` and ``?`` stay within one path segment, ``**`` crosses them."""
    pieces = []
    position = 0
    while position < len(pattern):
        if pattern.startswith("**", position):
            pieces.append("(?s:.*)")
            position += 2
            continue
        character = pattern[position]
        pieces.append({"*": "[^/]*", "?": "[^/]"}.get(character) or re2.escape(character))
        position += 1
    return "".join(pieces)
