"""The page that a fragment, or a segment key, is asked for."""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import parse_qs

from litestar.types import Scope

from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import header, headers_of
from edgeseg.errors import InputError
from edgeseg.events.device import DeviceDetector
from edgeseg.events.enrich import MAX_URL, device_context, page_context
from edgeseg.events.event import Value

MAX_QUERY: Final = 20
"""Members of the query of a call."""
_REMEMBERED: Final = 1_024
"""Queries that are remembered, and as many pages seen with one browser: a page's slots are
asked for one after the other."""
_SHORT: Final = 1_000
"""Characters of what is remembered; longer ones are read anew each time."""
# Templates of servers cannot always escape: an address that is written out, as the last
# member, goes to the end of the query, with whatever query it has itself.
_WRITTEN_OUT: Final = re.compile(r"(?:^|&)url=(https?://.*)$")


def read_query(scope: Scope) -> Mapping[str, str]:
    """Answer the members of the query, the first of each name.

    Raises:
        InputError: there are more than `MAX_QUERY`.
    """
    query = scope["query_string"]
    return _known_members(query) if len(query) <= _SHORT else _read_members(query)


def _read_members(query: bytes) -> Mapping[str, str]:
    text = query.decode("latin-1")
    written_out = _WRITTEN_OUT.search(text)
    if written_out:
        text = text[: written_out.start()]
    try:
        members = parse_qs(text, max_num_fields=MAX_QUERY) if text else {}
    except ValueError as error:
        raise InputError(f"a query has at most {MAX_QUERY} members") from error
    first = {name: values[0] for name, values in members.items()}
    if written_out:
        first["url"] = written_out[1]
    return first


_known_members = lru_cache(_REMEMBERED)(_read_members)


def request_context(scope: Scope, edge: Edge, url: str) -> Mapping[str, Value]:
    """Answer the context of a request for the page ``url``, "" for the one of its Referer.

    A long address is cut, as the snippet does: rather that than a page with a hole.

    Raises:
        InputError: the address is not one.
    """
    address = (url or header(scope, b"referer"))[:MAX_URL]
    return browser_context(scope, edge, address, headers_of(scope).get(b"accept-language", b""))


def browser_context(
    scope: Scope, edge: Edge, url: str, languages: bytes = b""
) -> Mapping[str, Value]:
    """Answer what a page's address, and the browser that asks, tell; not to be changed.

    Raises:
        InputError: the address is not one.
    """
    agent = headers_of(scope).get(b"user-agent", b"")
    is_short = len(url) + len(agent) + len(languages) <= _SHORT
    read = _known_context if is_short else _read_context
    context, place = read(edge.devices, url, agent, languages), edge.geography.locate(scope)
    return {**context, **place} if place else context


def _read_context(
    devices: DeviceDetector, url: str, agent: bytes, languages: bytes
) -> Mapping[str, Value]:
    context = page_context(url) if url else {}
    context.update(device_context(devices.detect(agent.decode("latin-1"))))
    language = languages.decode("latin-1").partition(",")[0].partition(";")[0].strip()
    if language:
        context["language"] = language
    return context


_known_context = lru_cache(_REMEMBERED)(_read_context)
