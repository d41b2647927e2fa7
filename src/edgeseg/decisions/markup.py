"""Where in a page a piece of a template stands: text, a tag, an attribute, a script. Pure.

Escaping depends on it: what is harmless as text may run as an address or as a handler.
A small part of the HTML tokenizer (https://html.spec.whatwg.org/#tokenization), enough to
tell these places apart.
"""

import re
from typing import Final, NamedTuple

ADDRESSES: Final = frozenset(
    {
        "action", "background", "cite", "data", "formaction", "from", "href", "icon", "longdesc",
        "manifest", "ping", "poster", "src", "srcset", "to", "values", "xlink:href",
    }
)  # fmt: skip
"""Attributes that browsers take as addresses, those of animations included."""
_TAG: Final = re.compile(r"</?([a-zA-Z][^\s/>]*)?")
_COMMENT: Final = re.compile(r"<!--(-?>)?")
"""The beginning of a comment, and its end where that follows at once."""
_COMMENT_END: Final = re.compile(r"--!?>")
_ATTRIBUTE: Final = re.compile(r"[\s/]*(?:(>)|([^\s=/>]+)(?:\s*(=)\s*([\"']?))?)")
_UNQUOTED_END: Final = re.compile(r"[\s>]")
_LONGEST: Final = 100


class Place(NamedTuple):
    """A place in a page.

    Attributes:
        kind: ``text``, ``tag``, ``value`` (of an attribute), ``raw`` (in a script or a
            style sheet) or ``comment``.
        element: name of the tag that was opened last, in lower case.
        attribute: whose value it is, in lower case.
        quote: around the value, "" for none.
        begun: beginning of the value that stands there already.
    """

    kind: str = "text"
    element: str = ""
    attribute: str = ""
    quote: str = ""
    begun: str = ""


TEXT: Final = Place()


def advance(place: Place, text: str) -> Place:
    """Answer the place after ``text``."""
    at = 0
    while at < len(text):
        match place.kind:
            case "text":
                place, at = _leave_text(text, at)
            case "tag":
                place, at = _read_attribute(place, text, at)
            case "value":
                place, at = _read_value(place, text, at)
            case "comment":
                found = _COMMENT_END.search(text, at)
                place, at = (TEXT, found.end()) if found else (place, len(text))
            case _:
                place, at = _leave_raw(place, text, at)
    return place


def _leave_text(text: str, at: int) -> tuple[Place, int]:
    start = text.find("<", at)
    if start < 0:
        return TEXT, len(text)
    comment = _COMMENT.match(text, start)
    if comment:
        return TEXT if comment[1] else Place("comment"), comment.end()
    found = _TAG.match(text, start)
    is_tag = found is not None and (found[1] or found.end() == len(text))
    if found is None or not is_tag:
        return TEXT, start + 1
    closing = text.startswith("</", start)
    return Place("tag", "" if closing else (found[1] or "").lower()), found.end()


def _read_attribute(place: Place, text: str, at: int) -> tuple[Place, int]:
    found = _ATTRIBUTE.match(text, at)
    if found is None:
        return place, at + 1
    if found[1]:
        raw = place.element in {"script", "style"}
        return (Place("raw", place.element) if raw else TEXT), found.end()
    if found[3]:
        return Place("value", place.element, found[2].lower(), found[4]), found.end()
    return place, found.end()


def _read_value(place: Place, text: str, at: int) -> tuple[Place, int]:
    if place.quote:
        end = text.find(place.quote, at)
    else:
        found = _UNQUOTED_END.search(text, at)
        end = found.start() if found else -1
    if end < 0:
        return place._replace(begun=(place.begun + text[at:])[:_LONGEST]), len(text)
    return Place("tag", place.element), end + len(place.quote)


def _leave_raw(place: Place, text: str, at: int) -> tuple[Place, int]:
    found = re.compile(f"</{place.element}", re.ASCII | re.IGNORECASE).search(text, at)
    return (Place("tag"), found.end()) if found else (place, len(text))
