"""Conditions as typed, frozen structs: what the rule files ask about visitors."""

from typing import ClassVar, Final, TypeAlias

import msgspec

from edgeseg.segments.formula import Operand
from edgeseg.segments.schedule import Schedule


class Test(msgspec.Struct, frozen=True):
    """One test of a value.

    Attributes:
        op: the operator, see `test_reader.TESTS`.
        operand: the constant; a tuple for operators that take a list. Of instants it
            is RFC 3339 text, or a duration in milliseconds.
        ignore_case: whether texts are compared without regard to case.
    """

    __test__: ClassVar[bool] = False  # nothing that pytest is to collect

    op: str
    operand: Operand
    ignore_case: bool = False


Where: TypeAlias = tuple[tuple[str, tuple[Test, ...]], ...]
"""Tests per property of an event."""


class All(msgspec.Struct, frozen=True):
    """Every condition holds."""

    conditions: tuple["Condition", ...]


class Any(msgspec.Struct, frozen=True):
    """At least one condition holds."""

    conditions: tuple["Condition", ...]


class NoneOf(msgspec.Struct, frozen=True):
    """No condition holds."""

    conditions: tuple["Condition", ...]


class Not(msgspec.Struct, frozen=True):
    """The condition does not hold."""

    condition: "Condition"


class FieldTest(msgspec.Struct, frozen=True):
    """A profile attribute passes every test."""

    name: str
    tests: tuple[Test, ...]


class MetricTest(msgspec.Struct, frozen=True):
    """A named metric passes every test."""

    name: str
    tests: tuple[Test, ...]


class ContextTest(msgspec.Struct, frozen=True):
    """A value of this request passes every test.

    Attributes:
        name: one of `context_names`; by the visitor's own clock with ``visitor.`` before it.
    """

    name: str
    tests: tuple[Test, ...]


class EventTest(msgspec.Struct, frozen=True):
    """Events happened: which, with what properties, since when, how often.

    Attributes:
        event: name.
        where: tests per property, all on the same event.
        within_ms: sliding window that ends now, None for ever.
        between: only events from the first instant to before the second, RFC 3339.
        count: tests of how many there were.
        sum_of: property that ``sum`` adds up.
        sum: tests of the sum.
        first: tests of the instant of the first one ever.
        last: tests of the instant of the last one before the current visit.

    Of ``count``, ``sum``, ``first`` and ``last`` at most one is not empty; none means
    that it happened at least once.
    """

    event: str
    where: Where = ()
    within_ms: int | None = None
    count: tuple[Test, ...] = ()
    between: tuple[str, str] | None = None
    sum_of: str = ""
    sum: tuple[Test, ...] = ()
    first: tuple[Test, ...] = ()
    last: tuple[Test, ...] = ()


class SequenceTest(msgspec.Struct, frozen=True):
    """Events happened one after the other.

    Attributes:
        steps: which events; of each only ``event`` and ``where`` count.
        within_ms: the first of them is this young, None for ever. With
            ``not_followed_by``: how long nothing may have followed the last one.
        not_followed_by: what did not happen after the last one, None for nothing asked.
    """

    steps: tuple[EventTest, ...]
    within_ms: int | None = None
    not_followed_by: EventTest | None = None


class AffinityTest(msgspec.Struct, frozen=True):
    """A value is among the visitor's strongest interests.

    Attributes:
        to: event property that the interest is in, such as ``category``.
        value: which one.
        rank: among how many of the strongest.
    """

    to: str
    value: str
    rank: int = 1


class ConsentTest(msgspec.Struct, frozen=True):
    """The visitor has granted the purpose."""

    purpose: str


class TagTest(msgspec.Struct, frozen=True):
    """The visitor has the tag."""

    tag: str


class ListTest(msgspec.Struct, frozen=True):
    """The visitor is on the list."""

    name: str


class ShareTest(msgspec.Struct, frozen=True):
    """The visitor falls into a fixed share of all visitors.

    Attributes:
        percent: size of the share, 0 to 100.
        salt: different salts divide the visitors independently.
        above: without the share of this size, which is part of the former.
        version: of a segment, which this share of the visitors gets; "" for none.
    """

    percent: int | float
    salt: str
    above: int | float = 0
    version: str = ""


class SeasonTest(msgspec.Struct, frozen=True):
    """The schedule is active; made from a segment's ``active``, not written by itself."""

    schedule: Schedule


class CapTest(msgspec.Struct, frozen=True):
    """Something happened less often than a cap allows; made from ``caps``, not written by itself.

    Attributes:
        event: what is counted, such as ``campaign_shown``.
        at_most: so often and the cap is reached, 1 to `cap_reader.MAX_OFTEN`.
        where: tests per property, all on the same event.
        per: ``visit``, ``day`` (of the site's zone) or "" for ever.
        within_ms: sliding window that ends now, None for none; then ``per`` is "".
    """

    event: str
    at_most: int
    where: Where = ()
    per: str = ""
    within_ms: int | None = None


class SegmentTest(msgspec.Struct, frozen=True):
    """The visitor is in another segment."""

    segment: str


Condition: TypeAlias = (
    All | Any | NoneOf | Not
    | FieldTest | MetricTest | ContextTest | EventTest | SequenceTest | AffinityTest
    | ConsentTest | TagTest | ListTest | ShareTest | SeasonTest | CapTest | SegmentTest
)  # fmt: skip

EVERYONE: Final[Condition] = All(())
