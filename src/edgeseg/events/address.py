"""Addresses in properties, without what may name a person. Pure.

Query strings carry session ids, tokens and e-mail addresses. Of an address that is stored
only scheme, host, port and path are kept, and the parameters that are allowed.
"""

from collections.abc import Collection
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec

from edgeseg.events.event import Event, Scalar, Value

UTM: Final = ("utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content")
"""Always allowed: they say where a visit came from."""
MAX_PARAMETERS: Final = 50
"""An address with more loses all of them."""
_WEB: Final = ("http://", "https://")


def without_queries(event: Event, allowed: Collection[str]) -> Event:
    """Answer the event with every address among its properties stripped, see `strip_address`."""
    stripped = {
        name: _strip(value, allowed)
        for name, value in event.properties.items()
        if _has_address(value)
    }
    if not stripped:
        return event
    return msgspec.structs.replace(event, properties={**event.properties, **stripped})


def strip_address(text: str, allowed: Collection[str]) -> str:
    """Answer an address without fragment, user name, password and parameters not ``allowed``."""
    try:
        parts = urlsplit(text)
        port = f":{parts.port}" if parts.port else ""
        pairs = parse_qsl(parts.query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return text.partition("?")[0].partition("#")[0].rpartition("@")[2]
    kept = [(name, value) for name, value in pairs if name in UTM or name in allowed]
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    return urlunsplit((parts.scheme, host + port, parts.path, urlencode(kept), ""))


def _has_address(value: Value) -> bool:
    if isinstance(value, list):
        return any(_has_address(each) for each in value)
    return isinstance(value, str) and value[:8].lower().startswith(_WEB)


def _strip(value: Value, allowed: Collection[str]) -> Value:
    if isinstance(value, list):
        return [_strip_one(each, allowed) for each in value]
    return _strip_one(value, allowed)


def _strip_one(value: Scalar, allowed: Collection[str]) -> Scalar:
    return strip_address(value, allowed) if _has_address(value) else value  # type: ignore[arg-type]
