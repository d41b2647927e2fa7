"""The facts of a visitor as other engines read them: flat names, ages instead of instants."""

from typing import Final

from benchmarks.segments.population import LATEST, NOW_MS, Facts, list_facts

_EVENT_OF: Final = {fact: event for event, fact in LATEST.items()}


def flatten(facts: Facts) -> Facts:
    """Answer every fact under its bare name, None where it is missing.

    An instant becomes its age at `NOW_MS` in milliseconds, for engines that cannot subtract.
    This is not part of what is timed.
    """
    return {_name(fact): _value(fact, facts.get(fact)) for fact in list_facts()}


def _name(fact: str) -> str:
    return _EVENT_OF.get(fact) or fact.partition(".")[2]


def _value(fact: str, value: object) -> object:
    return NOW_MS - value if fact in _EVENT_OF and isinstance(value, int) else value
