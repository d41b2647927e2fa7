"""Where in a page a piece of a template stands: text, a tag, an attribute, a script. Pure.

Escaping depends on it: what is harmless as text may run as an address or as a handler.
A part of the HTML tokenizer (https://html.spec.whatwg.org/#tokenization), enough to tell
these places apart. What ``<title>``, ``<style>`` and others are within ``<svg>`` and ``<math>``
depends on what is open; there a piece stands in both of the places that it may be in.
"""

import re
from collections.abc import Iterable, Iterator
from html import unescape
from typing import Final, NamedTuple, TypeAlias

from edgeseg.decisions.style_text import place_within

ADDRESSES: Final = frozenset(
    {
        "action", "background", "cite", "data", "formaction", "from", "href", "icon", "longdesc",
        "manifest", "ping", "poster", "src", "srcset", "to", "xlink:href",
    }
)  # fmt: skip
"""Attributes that browsers take as addresses, those of animations included."""
_RAW: Final = frozenset(
    {"iframe", "noembed", "noframes", "script", "style", "textarea", "title", "xmp"}
)
"""Elements whose content has no tags. ``<noscript>`` has, for whoever runs no scripts."""
_FOREIGN: Final = frozenset({"math", "svg"})
# Of all that Python takes for blank, HTML takes these alone.
_TAG: Final = re.compile(r"<(/?)([a-zA-Z][^\t\n\f\r />]*)")
_COMMENT: Final = re.compile(r"<!--(-?>)?")
"""The beginning of a comment, and its end where that follows at once."""
_DECLARATION: Final = re.compile(r"<(?:!(\[CDATA\[)?|\?|/[^a-zA-Z>])")
"""What is a comment, too; in SVG and MathML the first is text."""
_ENDS: Final = {each: re.compile(each) for each in ("--!?>", ">", "]]>")}
_ATTRIBUTE: Final = re.compile(
    r"""[\t\n\f\r /]*(?:(>)|([^\t\n\f\r =/>]+)(?:[\t\n\f\r ]*(=)[\t\n\f\r ]*(["']?))?)"""
)
_UNQUOTED_END: Final = re.compile(r"[\t\n\f\r >]")
_SCRIPT_PART: Final = re.compile(
    r"<!--|-->|<(/?)script(?=[\t\n\f\r />]|$)", re.ASCII | re.IGNORECASE
)
_LONGEST: Final = 100


class Place(NamedTuple):
    """A place in a page.

    Attributes:
        kind: ``text``, ``tag``, ``value`` (of an attribute), ``raw`` (in an element without
            tags) or ``comment``.
        element: name of the tag that was opened last, in lower case.
        attribute: whose value it is, in lower case.
        quote: around the value, "" for none; or the end of the comment.
        begun: beginning of the value that stands there already; of a style, where in it
            (see `place_within`); of a script, how many beginnings of ``<!--`` and
            ``<script>`` within it are open.
        foreign: how many ``<svg>`` and ``<math>`` are open.
    """

    kind: str = "text"
    element: str = ""
    attribute: str = ""
    quote: str = ""
    begun: str = ""
    foreign: int = 0

    @property
    def is_style(self) -> bool:
        """Whether it is in an attribute ``style`` or an element ``<style>``."""
        named = self.attribute if self.kind == "value" else self.element
        return self.kind in {"value", "raw"} and named == "style"


TEXT: Final = Place()


def advance(places: Iterable[Place], text: str) -> set[Place]:
    """Answer the places after ``text``, which stands in all of ``places``."""
    met = {(place, 0) for place in places}
    pending = list(met)
    while pending:
        place, at = pending.pop()
        if at < len(text):
            found = set(_STEPS[place.kind](place, text, at)) - met
            pending += found
            met |= found
    return {place for place, at in met if at == len(text)}


_Steps: TypeAlias = Iterator[tuple[Place, int]]


def _leave_text(place: Place, text: str, at: int) -> _Steps:
    start = text.find("<", at)
    if start < 0:
        yield place, len(text)
    elif comment := _COMMENT.match(text, start):
        inside = place._replace(kind="comment", quote="--!?>")
        yield (place if comment[1] else inside), comment.end()
    elif comment := _DECLARATION.match(text, start):
        yield place._replace(kind="comment", quote=">"), start + 2
        if comment[1] and place.foreign:
            yield place._replace(kind="comment", quote="]]>"), comment.end()
    elif found := _TAG.match(text, start):
        element = found[1] + found[2].lower()
        yield place._replace(kind="tag", element=element), found.end()
    else:
        is_tag = start + 1 == len(text) or text[start:] == "</"  # a value gives its name
        yield (place._replace(kind="tag") if is_tag else place), start + 1


def _read_attribute(place: Place, text: str, at: int) -> _Steps:
    found = _ATTRIBUTE.match(text, at)
    if found is None:
        yield place, at + 1
    elif found[1]:
        inside = _enter(place, is_closed=found[0].endswith("/>"))
        yield from ((each, found.end()) for each in inside)
    elif found[3]:
        value = place._replace(kind="value", attribute=found[2].lower(), quote=found[4])
        yield value, found.end()
    else:
        yield place, found.end()


def _enter(place: Place, *, is_closed: bool) -> Iterator[Place]:
    """Answer the places behind a tag, which is ``is_closed`` where it ends by ``/>``."""
    element = place.element
    depth = place.foreign
    if element.removeprefix("/") in _FOREIGN and not is_closed:
        depth = max(0, depth - 1) if element.startswith("/") else depth + 1
    if element in _RAW:
        yield Place("raw", element, foreign=depth)
    if element not in _RAW or depth:
        yield Place(foreign=depth)


def _read_value(place: Place, text: str, at: int) -> _Steps:
    if place.quote:
        end = text.find(place.quote, at)
    else:
        found = _UNQUOTED_END.search(text, at)
        end = found.start() if found else -1
    if end < 0 and place.is_style:
        yield place._replace(begun=place_within(place.begun + unescape(text[at:]))), len(text)
    elif end < 0:
        yield place._replace(begun=(place.begun + text[at:])[:_LONGEST]), len(text)
    else:
        yield Place("tag", place.element, foreign=place.foreign), end + len(place.quote)


def _leave_comment(place: Place, text: str, at: int) -> _Steps:
    found = _ENDS[place.quote].search(text, at)
    if found:
        yield Place(foreign=place.foreign), found.end()
    else:
        yield place, len(text)


def _leave_raw(place: Place, text: str, at: int) -> _Steps:
    if place.element == "script":
        yield _leave_script(place, text, at)
        return
    pattern = rf"</{place.element}(?=[\t\n\f\r />]|$)"
    end = re.compile(pattern, re.ASCII | re.IGNORECASE).search(text, at)
    if end:
        yield Place("tag", f"/{place.element}", foreign=place.foreign), end.end()
    elif place.is_style:
        yield place._replace(begun=place_within(place.begun + text[at:])), len(text)
    else:
        yield place, len(text)


def _leave_script(place: Place, text: str, at: int) -> tuple[Place, int]:
    """Read on until something begins or ends: within ``<!-- <script>`` a script ends twice."""
    found = _SCRIPT_PART.search(text, at)
    if found is None:
        return place, len(text)
    depth = len(place.begun)
    if found[0] == "<!--":
        return place._replace(begun=place.begun or "-"), found.end() - 2  # as `<!-->` ends it
    if found[0] == "-->":
        depth = 0
    elif not found[1]:
        depth = 2 if depth else 0
    elif depth < 2:  # noqa: PLR2004 - the innermost of the two
        return Place("tag", "/script", foreign=place.foreign), found.end()
    else:
        depth = 1
    return place._replace(begun="-" * depth), found.end()


_STEPS: Final = {
    "text": _leave_text,
    "tag": _read_attribute,
    "value": _read_value,
    "comment": _leave_comment,
    "raw": _leave_raw,
}
