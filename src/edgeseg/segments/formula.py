"""Formulas: what every condition is compiled to before it is indexed.

A formula is a tree of `And` and `Or` over literals in negation normal form: only
literals are negated. Under three-valued logic (a fact may be unknown) such a
tree is definitely true exactly when it is true with every unknown literal taken
as false, negated or not. That is how `Index` evaluates it.
"""

from collections.abc import Iterable, Iterator
from typing import Final, TypeAlias

import msgspec

from edgeseg.events.event import Scalar

Operand: TypeAlias = Scalar | tuple[Scalar, ...]


class Literal(msgspec.Struct, frozen=True, cache_hash=True):
    """One test of one fact, the leaf of a formula.

    Attributes:
        fact: key of the fact, such as ``context.path``.
        op: one of those below; the negative operators of the language are
            positive ones with ``positive`` false.
        operand: the constant; a tuple for ``in``, True for ``exists``.
        positive: False for the exact complement.
        ignore_case: whether texts are compared without regard to case.

    The hash is kept: tables ask for it once a constant, of which ``in`` may have thousands.
    """

    fact: str
    op: str
    operand: Operand
    positive: bool = True
    ignore_case: bool = False

    @property
    def constants(self) -> tuple[Scalar, ...]:
        """The constants in ``operand``."""
        return self.operand if isinstance(self.operand, tuple) else (self.operand,)


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
BETWEEN: Final = "between"
"""Of a number: from the first to the second of two operands, both included."""
SEMVER_ORDERS: Final = {
    "semver_eq": (0,),
    "semver_gt": (1,),
    "semver_gte": (0, 1),
    "semver_lt": (-1,),
    "semver_lte": (-1, 0),
}
"""Operator → how the text may compare with the constant, as `semver.Version.compare` says."""
PATTERNS: Final = frozenset(
    {"starts_with", "ends_with", "contains", "glob", "matches", *SEMVER_ORDERS}
)
PRESENCE: Final = "exists"
AGE: Final = "younger_than"
"""Of an instant: less than ``operand`` milliseconds ago; negative ones are in the future.

With two operands, of any of several instants: at least the first and less than the second.
"""
ANY_AGE: Final = 2**62
"""Every instant there is, is younger than this."""


def negate(formula: Formula) -> Formula:
    """Answer the exact complement, again in negation normal form."""
    match formula:
        case Literal(fact, op, operand, positive, ignore_case):
            return Literal(fact, op, operand, not positive, ignore_case)
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


def literals_of(formula: Formula) -> Iterator[Literal]:
    """Iterate over the leaves, from left to right."""
    match formula:
        case Literal():
            yield formula
        case And(parts) | Or(parts):
            for part in parts:
                yield from literals_of(part)


def identity(value: Scalar) -> tuple[bool, Scalar]:
    """Answer a dictionary key under which booleans are not numbers."""
    return (value.__class__ is bool, value)
