"""Facts for free: what the page's address and the request's headers tell."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import msgspec

from edgeseg.errors import InputError
from edgeseg.events.address import UTM
from edgeseg.events.device import Device
from edgeseg.events.event import PAGE_VIEWED, Event, Value

MAX_URL: Final = 2_048
MAX_TITLE: Final = 200
MAX_QUERY: Final = 50
KEPT: Final = ("path", "host", "referrer_host", "device", *UTM)
"""What of the context a stored page view keeps: no query string, no full address, no agent."""
_REMEMBERED: Final = 1_024
"""Pages, by address, referrer and title, whose context is remembered, and as many devices."""
_SHORT: Final = 500
"""Characters of address, referrer and title together; longer ones are read anew each time."""


class PageFacts(msgspec.Struct, frozen=True):
    """What a page tells of itself.

    Attributes:
        context: by name; remembered, so not to be changed.
        kept: what of it a stored page view keeps.
    """

    context: Mapping[str, Value]
    kept: Mapping[str, Value]

    def viewed(self, context: Mapping[str, Value], at_ms: int) -> Event:
        """Answer the event of a view of this page, with the device of ``context``."""
        properties = {**self.kept}
        if "device" in context:
            properties["device"] = context["device"]
        return Event(PAGE_VIEWED, at_ms, properties)


def read_page(url: str, referrer: str = "", title: str = "") -> PageFacts:
    """Answer what a page's address, referrer and title tell.

    Raises:
        InputError: ``url`` is not an http or https address, or too long.
    """
    if len(url) + len(referrer) + len(title) > _SHORT:
        return _read_page(url, referrer, title)
    return _known_page(url, referrer, title)


def page_context(url: str, referrer: str = "", title: str = "") -> dict[str, Value]:
    """Answer the context that a page gives, for the caller to keep; as `read_page`."""
    return {**read_page(url, referrer, title).context}


def _read_page(url: str, referrer: str, title: str) -> PageFacts:
    context = _page_context(url, referrer, title)
    return PageFacts(context, _kept(context))


def _page_context(url: str, referrer: str, title: str) -> dict[str, Value]:
    context: dict[str, Value] = {}
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError as error:
        message = f"not an address: {error}"
        raise InputError(message, field="page.url") from error
    if parts.scheme not in {"http", "https"} or not host or len(url) > MAX_URL:
        message = f"an http or https address of at most {MAX_URL:,} characters is needed"
        raise InputError(message, field="page.url")
    context["url"] = url
    context["host"] = host
    context["path"] = parts.path or "/"
    if parts.query:
        _add_query(context, parts.query)
    if title:
        context["title"] = title[:MAX_TITLE]
    if referrer and len(referrer) <= MAX_URL:
        _add_referrer(context, referrer, host)
    return context


_known_page = lru_cache(_REMEMBERED)(_read_page)


def _add_query(context: dict[str, Value], query: str) -> None:
    try:
        pairs = parse_qsl(query, max_num_fields=MAX_QUERY)
    except ValueError:
        return  # more fields than anyone means; the page itself still counts
    for name, value in pairs:
        if name in UTM:
            context[name] = value[:MAX_TITLE]
        context[f"query.{name}"] = value


def _add_referrer(context: dict[str, Value], referrer: str, host: str) -> None:
    try:
        referrer_host = urlsplit(referrer).hostname or ""
    except ValueError:
        return
    if referrer_host:
        context["referrer"] = referrer
        if referrer_host != host:
            context["referrer_host"] = referrer_host


@lru_cache(_REMEMBERED)
def device_context(device: Device) -> Mapping[str, Value]:
    """Answer the context that a device gives, without what is not known."""
    named = {"device": device.kind, "os": device.os, "browser": device.browser}
    return {name: value for name, value in named.items() if value}


def page_viewed(context: Mapping[str, Value], at_ms: int) -> Event:
    """Answer the event of a page view with this context."""
    return Event(PAGE_VIEWED, at_ms, _kept(context))


def _kept(context: Mapping[str, Value]) -> dict[str, Value]:
    return {name: context[name] for name in KEPT if name in context}
