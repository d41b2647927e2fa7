"""Nodes for plain values, for readers of rules: without places, but several times as fast."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final

import msgspec
import yaml

from edgeseg.segments.node_extent import MAX_DEPTH

_TAG: Final = "tag:yaml.org,2002:"
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_NAMES: Final = 1_000
"""Names whose nodes are kept, since most conditions are made of the same few."""
_SCALARS: Final[Mapping[type, tuple[str, Callable[[object], str]]]] = {
    str: (f"{_TAG}str", str),
    bool: (f"{_TAG}bool", lambda value: str(value).lower()),
    int: (f"{_TAG}int", str),
    float: (f"{_TAG}float", repr),
    type(None): (f"{_TAG}null", lambda _value: ""),
}


def quick_node(text: str) -> yaml.Node | None:
    """Answer the node of a JSON text; None for one that needs a close look.

    That is one nested too deep, or with a name given twice in one object.
    """
    plain: object = msgspec.json.decode(text)
    builder = _Builder()
    try:
        node = builder.node(plain, 1)
    except RecursionError:
        return None
    # Outside of strings a colon follows a name, and nothing else.
    return node if _STRING.sub("", text).count(":") == builder.names else None


class _Builder:
    """Builds nodes and counts the names in them."""

    def __init__(self) -> None:
        self.names = 0

    def node(self, value: object, depth: int) -> yaml.Node:
        if depth > MAX_DEPTH:
            raise RecursionError
        if isinstance(value, dict):
            self.names += len(value)
            pairs = [(_name(name), self.node(each, depth + 1)) for name, each in value.items()]
            return yaml.MappingNode(f"{_TAG}map", pairs)
        if isinstance(value, list):
            return yaml.SequenceNode(f"{_TAG}seq", [self.node(each, depth + 1) for each in value])
        return _scalar(value)


@lru_cache(_NAMES)
def _name(name: str) -> yaml.ScalarNode:
    return _scalar(name)


def _scalar(value: object) -> yaml.ScalarNode:
    tag, write = _SCALARS[type(value)]
    return yaml.ScalarNode(tag, write(value))
