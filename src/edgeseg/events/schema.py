"""The schema: what a site declares of its events and of the fields of profiles. Pure."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

import msgspec

from edgeseg.clock import parse_instant
from edgeseg.events.enrich import KEPT
from edgeseg.events.event import PAGE_VIEWED, Value, is_number
from edgeseg.spelling import suggest

SERVER_EVENTS: Final = frozenset(
    {
        *("order_completed", "order_updated", "order_refunded", "order_cancelled"),
        *("campaign_converted", "campaign_refunded", "campaign_joined", "campaign_responded"),
    }
)
"""Events that browsers may send only where the site declares them with ``write: browser``."""
_EXPOSURE: Final = ("campaign", "variant", "slot", "layer", "experiment")
OWN_EVENTS: Final[Mapping[str, tuple[str, ...]]] = {
    PAGE_VIEWED: KEPT,
    "campaign_shown": _EXPOSURE,
    "campaign_clicked": _EXPOSURE,
    "campaign_dismissed": _EXPOSURE,
    "campaign_converted": (*_EXPOSURE, "goal", "credited", "revenue", "earned"),
    "campaign_refunded": ("campaign", "variant", "goal", "revenue", "taken"),
    "campaign_joined": ("campaign", "variant", "segments", "holdout"),
    "campaign_responded": ("campaign", "variant", "goal"),
}
"""Events that edgeseg and its snippet record → their properties; known without a declaration."""


class Writer(StrEnum):
    """Who sends something: anybody's browser, or a server with its key."""

    BROWSER = "browser"
    SERVER = "server"


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """What is declared of a value.

    Attributes:
        type: ``text``, ``number``, ``boolean``, ``date`` or ``list``.
        of: type of a list's elements: ``text``, ``number`` or ``boolean``.
        values: the allowed ones, empty for any.
        pii: whether it identifies a person; masked and kept out of logs.
    """

    id: str
    label: str
    type: str
    of: str = "text"
    values: tuple[str, ...] = ()
    pii: bool = False


class Field(Declaration, frozen=True, kw_only=True):
    """One attribute of the profile schema.

    Attributes:
        source: where it comes from, for people.
        write: who may set it; a server may set everything.
    """

    source: str = ""
    write: Writer = Writer.SERVER


class Property(Declaration, frozen=True, kw_only=True):
    """One property of an event; without a required one the event is refused."""

    required: bool = False


class EventType(msgspec.Struct, frozen=True, kw_only=True):
    """One event of the schema.

    Attributes:
        id: its name.
        properties: by id; None where nothing is said of them, so that any will do.
        source: where it comes from, for people.
        write: who may send it; a server may send everything.
    """

    id: str
    label: str
    properties: dict[str, Property] | None = None
    source: str = ""
    write: Writer = Writer.BROWSER


def misfit(value: Value, declared: Declaration, noun: str) -> str:
    """Answer what is wrong with a value, "" for nothing."""
    if not _FITS[declared.type](value, declared):
        of = f" of {declared.of}" if declared.type == "list" else ""
        return f"the {noun} is a {declared.type}{of}: {_EXPECTED[declared.type]} is needed"
    if declared.values:
        for each in value if isinstance(value, list) else (value,):
            if each not in declared.values:
                hint = suggest(str(each), declared.values)
                return f"`{each}` is not an allowed value; {hint}"
    return ""


def is_date(text: str) -> bool:
    """Tell whether the text is an RFC 3339 date or instant."""
    try:
        parse_instant(text)
    except ValueError:
        return False
    return True


_ELEMENTS: Final[Mapping[str, Callable[[object], bool]]] = {
    "text": lambda value: isinstance(value, str),
    "number": is_number,
    "boolean": lambda value: isinstance(value, bool),
}
_FITS: Final[Mapping[str, Callable[[Value, Declaration], bool]]] = {
    "text": lambda value, _declared: isinstance(value, str),
    "number": lambda value, _declared: is_number(value),
    "boolean": lambda value, _declared: isinstance(value, bool),
    "date": lambda value, _declared: isinstance(value, str) and is_date(value),
    "list": lambda value, declared: (
        isinstance(value, list) and all(map(_ELEMENTS[declared.of], value))
    ),
}
_EXPECTED: Final = {
    "text": "a string",
    "number": "a number",
    "boolean": "true or false",
    "date": "an RFC 3339 date or instant, such as 2026-11-21",
    "list": "a list of such values",
}
TYPES: Final = tuple(_EXPECTED)
ELEMENT_TYPES: Final = tuple(_ELEMENTS)
