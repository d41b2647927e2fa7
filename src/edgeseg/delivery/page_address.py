"""The page that a fragment, or a segment key, is asked for."""

import re
from typing import Final
from urllib.parse import parse_qs

from litestar.types import Scope

from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import header
from edgeseg.errors import InputError
from edgeseg.events.enrich import device_context, page_context
from edgeseg.events.event import Value

MAX_QUERY: Final = 20
"""Members of the query of a call."""
# Templates of servers cannot always escape: an address that is written out, as the last
# member, goes to the end of the query, with whatever query it has itself.
_WRITTEN_OUT: Final = re.compile(r"(?:^|&)url=(https?://.*)$")


def read_query(scope: Scope) -> dict[str, str]:
    """Answer the members of the query, the first of each name.

    Raises:
        InputError: there are more than `MAX_QUERY`.
    """
    text = scope["query_string"].decode("latin-1")
    written_out = _WRITTEN_OUT.search(text)
    if written_out:
        text = text[: written_out.start()]
    try:
        members = parse_qs(text, max_num_fields=MAX_QUERY) if text else {}
    except ValueError as error:
        raise InputError(f"a query has at most {MAX_QUERY} members") from error
    query = {name: values[0] for name, values in members.items()}
    if written_out:
        query["url"] = written_out[1]
    return query


def request_context(scope: Scope, edge: Edge, url: str) -> dict[str, Value]:
    """Answer the context of a request for the page ``url``, "" for the one of its Referer.

    Raises:
        InputError: the address is not one.
    """
    address = url or header(scope, b"referer")
    device = device_context(edge.devices.detect(header(scope, b"user-agent")))
    language = header(scope, b"accept-language").partition(",")[0].partition(";")[0].strip()
    context = page_context(address) if address else {}
    context.update(device)
    context |= edge.geography.locate(scope)
    return context | {"language": language} if language else context
