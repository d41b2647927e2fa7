"""Say conditions on events in plain English."""

from typing import Final, NamedTuple

from edgeseg.segments.condition import CapTest, EventTest, SequenceTest, Test
from edgeseg.segments.index import Index
from edgeseg.segments.test_formulas import tests_formula
from edgeseg.segments.test_phrases import (
    duration,
    enumerate_parts,
    is_equality,
    phrase_constant,
    phrase_span,
    phrase_tests,
    phrase_times,
    phrase_when,
)


class Phrase(NamedTuple):
    """How an event is told: participle, its bare object, and the property that names it."""

    verb: str
    thing: str
    named_by: str = ""
    named: str = "{}"

    def is_named_by(self, condition: EventTest) -> bool:
        """Tell whether the condition asks for one value of the naming property alone."""
        return [name for name, _tests in condition.where] == [self.named_by] and is_equality(
            condition.where[0][1]
        )


_PHRASES: Final = {
    "page_viewed": Phrase("viewed", "a page", "path"),
    "form_submitted": Phrase("submitted", "a form", "form", "the form {}"),
    "product_viewed": Phrase("viewed", "a product", "name", "the product {}"),
    "product_added": Phrase("added", "a product to the cart", "name", "{} to the cart"),
    "order_completed": Phrase("completed", "an order"),
    "order_refunded": Phrase("been refunded", "an order"),
    "order_cancelled": Phrase("cancelled", "an order"),
    "appointment_booked": Phrase("booked", "an appointment"),
    "appointment_cancelled": Phrase("cancelled", "an appointment"),
    "email_opened": Phrase("opened", "an email"),
    "email_clicked": Phrase("clicked in", "an email"),
    "campaign_shown": Phrase("been shown", "a campaign", "campaign", "the campaign {}"),
    "campaign_clicked": Phrase("clicked on", "a campaign", "campaign", "the campaign {}"),
    "campaign_dismissed": Phrase("dismissed", "a campaign", "campaign", "the campaign {}"),
    "campaign_converted": Phrase("converted after", "a campaign", "campaign", "the campaign {}"),
}
_PERIODS: Final = {"visit": " in this visit", "day": " today", "": ""}


def phrase_of(condition: EventTest) -> Phrase:
    """Answer how an event is told."""
    return _PHRASES.get(condition.event, Phrase("done", f"“{condition.event}”"))


def phrase_event(conditions: tuple[EventTest, ...], *, negated: bool) -> str:
    """Tell one event, or any of several that differ in their object only."""
    first = conditions[0]
    things = [_thing(condition) for condition in conditions]
    are_named = all(phrase_of(each).is_named_by(each) for each in conditions)
    any_of = "any of " if len(things) > 1 and are_named else ""
    told = f"{phrase_of(first).verb} {any_of}{enumerate_parts(things, 'or')}{_window(first)}"
    if first.sum:
        of = first.sum_of.replace("_", " ")
        amount = phrase_tests(first.sum, negated=negated)
        never = ", or not at all" if _is_met_by_zero(first.sum) != negated else ""
        return f"who have {told} for a total {of} that {amount}{never}"
    if first.first or first.last:
        return _extreme(first, told, negated=negated)
    happened = _happened(first.count)
    if happened is not None:
        return f"who have {'' if happened != negated else 'not '}{told}"
    often = [phrase_times(test, negated=negated) for test in first.count]
    return f"who have {told} {enumerate_parts(often, 'or' if negated else 'and')}"


def _is_met_by_zero(tests: tuple[Test, ...]) -> bool:
    """Tell whether whoever did nothing passes tests of a sum."""
    return bool(Index([("sum", tests_formula("sum", tests))]).evaluate({"sum": 0}).held)


def _happened(count: tuple[Test, ...]) -> bool | None:
    """Tell whether it is asked if something happened at all, or never; None for how often."""
    if not count or count in {(Test("gte", 1),), (Test("gt", 0),)}:
        return True
    return False if count in {(Test("eq", 0),), (Test("lt", 1),), (Test("lte", 0),)} else None


def _extreme(condition: EventTest, told: str, *, negated: bool) -> str:
    """Tell when something happened for the first or the last time."""
    which, tests = ("first", condition.first) if condition.first else ("last", condition.last)
    if not any(test.op in {"exists", "ne"} for test in tests):
        when = enumerate_parts([phrase_when(test) for test in tests], "and")
        return f"who have {'not ' if negated else ''}{told} for the {which} time {when}"
    clauses = []
    for test in tests:
        is_no = negated != (test.op == "ne" or test.operand is False)
        ever = " before this visit" if which == "last" else ""
        when = f" for the {which} time {phrase_when(test)}" if test.op != "exists" else ever
        clauses.append(f"who have {'not ' if is_no else ''}{told}{when}")
    return enumerate_parts(clauses, "or" if negated else "and")


def _window(condition: EventTest) -> str:
    if condition.within_ms:
        return f" in the last {phrase_span(condition.within_ms)}"
    if condition.between:
        return f" from {condition.between[0]} until {condition.between[1]}"
    return ""


def phrase_sequence(condition: SequenceTest, *, negated: bool) -> str:
    """Answer a clause about events that follow each other."""
    told = [f"{phrase_of(step).verb} {_thing(step)}" for step in condition.steps]
    have = f"who have {'not ' if negated else ''}{' and then '.join(told)}"
    span = duration(condition.within_ms) if condition.within_ms else ""
    unwanted = condition.not_followed_by
    if unwanted:
        return f"{have} without having {phrase_of(unwanted).verb} {_thing(unwanted)} within {span}"
    return f"{have} in the last {phrase_span(condition.within_ms)}" if condition.within_ms else have


def phrase_cap(condition: CapTest, *, negated: bool) -> str:
    """Answer a clause about a cap that is not reached; negated, about one that is."""
    asked = EventTest(condition.event, condition.where, condition.within_ms)
    told = f"{phrase_of(asked).verb} {_thing(asked)}"
    often = f"{condition.at_most} time{'' if condition.at_most == 1 else 's'}"
    when = _window(asked) or _PERIODS[condition.per]
    if condition.at_most == 1:
        return f"who have {'' if negated else 'not '}{told}{when}"
    return f"who have {told} {'at least' if negated else 'fewer than'} {often}{when}"


def _thing(condition: EventTest) -> str:
    """Name the object by its own property where one value is asked for; the rest follows."""
    phrase = phrase_of(condition)
    thing, rest = phrase.thing, []
    for name, tests in condition.where:
        if name == phrase.named_by and is_equality(tests):
            thing = phrase.named.format(phrase_constant(tests[0].operand))
        else:
            rest.append(f"{name.replace('_', ' ')} {phrase_tests(tests, negated=False)}")
    return f"{thing} whose {enumerate_parts(rest, 'and')}" if rest else thing
