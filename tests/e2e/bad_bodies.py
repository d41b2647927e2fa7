"""Bodies that classify must refuse, each with the status and the field it is refused for."""

import json
from typing import Any, NamedTuple

from tests.e2e.views import HOME

DEEP = 3_000
MARK = '"MARK"'


class Bad(NamedTuple):
    """A body, and how it is refused: the status, the field named, words of the text."""

    body: str | bytes
    status: int
    field: str
    says: str


def body(**members: Any) -> str:
    """Answer a body that is good but for ``members``."""
    return json.dumps({"page": {"url": HOME}, **members})


def page(url: str) -> str:
    """Answer a body that views this address."""
    return body(page={"url": url})


def event(**members: Any) -> str:
    """Answer a body with one event that is good but for ``members``."""
    return body(events=[{"event": "seen", **members}])


def custom(value: str) -> str:
    """Answer a body with a custom value, written as in JSON text."""
    return body(context={"custom": {"a": "MARK"}}).replace(MARK, value)


def deep(around: str, opening: str = "[", closing: str = "]") -> str:
    """Answer ``around`` with far too many levels in the place of its mark."""
    return around.replace(MARK, opening * DEEP + closing * DEEP)


NOT_JSON = {
    "empty": Bad("", 400, "", "truncated"),
    "a form": Bad("page=1", 400, "", "malformed"),
    "cut off": Bad(body()[:-1], 400, "", "truncated"),
    "not UTF-8": Bad(b'{"page": {"url": "\xff\xfe"}}', 400, "", "utf-8"),
    "an encoded surrogate": Bad(b'{"page": {"url": "\xed\xa0\x80"}}', 400, "", "utf-8"),
    "a lone surrogate": Bad(page("https://a.example/\ud800/more"), 400, "", "surrogate"),
    "NaN": Bad(custom("NaN"), 400, "", "malformed"),
    "Infinity": Bad(custom("Infinity"), 400, "", "malformed"),
}

WRONG_TYPES = {
    "a list": Bad("[]", 400, "", "expected `object`"),
    "null": Bad("null", 400, "", "expected `object`"),
    "no page": Bad("{}", 400, "page", "missing"),
    "a page without an address": Bad(body(page={}), 400, "page.url", "missing"),
    "a number for an address": Bad(body(page={"url": 1}), 400, "page.url", "expected `str`"),
    "one slot for a list": Bad(body(slots="home-hero"), 400, "slots", "expected `array`"),
    "a number for a slot": Bad(body(slots=["home-hero", 1]), 400, "slots[1]", "expected `str`"),
    "a word for a consent": Bad(
        body(consent={"marketing": "yes"}), 400, "consent[...]", "expected `bool`"
    ),
    "an object for a value": Bad(custom("{}"), 400, "context.custom[...]", "got `object`"),
    "an event without a name": Bad(
        body(events=[{}]), 400, "events[0].event", "missing required field"
    ),
    "an event at no time": Bad(event(timestamp="yesterday"), 400, "events[0].timestamp", "RFC3339"),
}

UNKNOWN = {
    "a member": Bad(body(colour=1), 400, "colour", "unknown member"),
    "an inner member": Bad(body(page={"url": HOME, "size": 1}), 400, "page.size", "unknown member"),
    "a member of an event": Bad(event(when=1), 400, "events[0].when", "unknown member"),
    "a slot": Bad(body(slots=["home-hore"]), 400, "slots[0]", "home-hero"),
    "a slot with NUL": Bad(body(slots=["a\0"]), 400, "slots[0]", "unknown slot"),
}

OUT_OF_BOUNDS = {
    "a file's address": Bad(page("file:///x"), 400, "page.url", "http or https"),
    "a broken address": Bad(page("http://[::1"), 400, "page.url", "not an address"),
    "a long address": Bad(page(HOME + "a" * 2_048), 400, "page.url", "2,048"),
    "many slots": Bad(body(slots=["home-hero"] * 51), 413, "slots", "at most 50"),
    "many purposes": Bad(
        body(consent={f"p{n}": False for n in range(21)}), 413, "consent", "at most 20"
    ),
    "a long purpose": Bad(body(consent={"p" * 101: False}), 413, "consent", "at most 100"),
    "many events": Bad(body(events=[{"event": "a"}] * 21), 413, "events", "at most 20"),
    "a nameless event": Bad(event(event=""), 400, "events[0].event", "1 to 100"),
    "an event of ours": Bad(event(event="$consent"), 400, "events[0].event", "`$`"),
    "an event name with NUL": Bad(event(event="a\0b"), 400, "events[0].event", "printable"),
    "a long message id": Bad(event(messageId="m" * 101), 413, "events[0].messageId", "100"),
    "a long property": Bad(
        event(properties={"a": "x" * 1_001}), 413, "events[0].properties.a", "1,000"
    ),
    "many properties": Bad(
        event(properties={str(n): n for n in range(51)}), 413, "events[0].properties", "50"
    ),
    "a nameless property": Bad(event(properties={"": 1}), 400, "events[0].properties", "1 to 100"),
    "a long list": Bad(custom(f"[{'1,' * 100}1]"), 413, "context.custom.a", "at most 100"),
    "a long language": Bad(
        body(context={"language": "x" * 101}), 413, "context.language", "at most 100"
    ),
    "a float beyond all": Bad(custom("1e999"), 400, "context.custom[...]", "out of range"),
    "an integer of 65 bits": Bad(custom(str(2**64)), 400, "context.custom.a", "64 bits"),
    "an integer of 65 bits below zero": Bad(
        custom(f"-{2**64}"), 400, "context.custom.a", "64 bits"
    ),
    "an integer of 5,000 digits": Bad(
        custom("9" * 5_000), 400, "context.custom[...]", "out of range"
    ),
}

TOO_DEEP = {
    "arrays": Bad(deep(MARK), 400, "", ""),
    "objects": Bad(deep(MARK, '{"a":', "}"), 400, "a", ""),
    "pages in pages": Bad(deep(MARK, '{"page":', "}"), 400, "page.page", ""),
    "an unknown member": Bad(deep(body(more="MARK")), 400, "more", ""),
    "the address": Bad(deep(body(page={"url": "MARK"})), 400, "page.url", ""),
    "the slots": Bad(deep(body(slots="MARK")), 400, "slots[0]", ""),
    "the consents": Bad(deep(body(consent={"a": "MARK"})), 400, "consent[...]", ""),
    "a custom value": Bad(deep(custom(MARK)), 400, "context.custom[...][0]", ""),
    "custom values": Bad(deep(custom(MARK), '{"a":', "}"), 400, "context.custom[...]", ""),
    "an event": Bad(deep(body(events="MARK")), 400, "events[0]", ""),
    "a property": Bad(
        deep(event(properties={"a": "MARK"})), 400, "events[0].properties[...][0]", ""
    ),
}

REFUSED = {
    f"{kind}: {name}": bad
    for kind, cases in (
        ("not JSON", NOT_JSON),
        ("wrong type", WRONG_TYPES),
        ("unknown", UNKNOWN),
        ("out of bounds", OUT_OF_BOUNDS),
        ("too deep", TOO_DEEP),
    )
    for name, bad in cases.items()
}
