"""The YAML parser as rule files need it: YAML 1.2's scalars, and a bound on nesting.

YAML 1.2's core schema is used, so that ``no`` is a country and ``08:00`` a time
of day, not a boolean and a number.
"""

import re
from sys import intern

import yaml

from edgeseg.segments.node_extent import MAX_DEPTH


class TooDeep(yaml.YAMLError):
    """A part stands too deep; composing it further would exhaust the stack, and the process."""

    def __init__(self, mark: yaml.Mark) -> None:
        """Take where it stands."""
        self.mark = mark


class RuleLoader(yaml.CSafeLoader):
    """The fast YAML parser, with the scalars of YAML 1.2 and a bound on nesting."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012
    _levels = 0

    def descend_resolver(
        self,
        current_node: yaml.Node | None,
        current_index: object,  # noqa: ARG002 - the parser's name for it
    ) -> None:
        """Enter a node; called before it is composed."""
        self._levels += 1
        if self._levels > MAX_DEPTH and current_node is not None:
            raise TooDeep(current_node.start_mark)

    def ascend_resolver(self) -> None:
        """Leave a node; called when it is composed."""
        self._levels -= 1


for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    ("float", r"^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$", list("-+.0123456789")),
    ("float", r"^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$", list("-+.")),
):
    RuleLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def text_of(node: yaml.Node) -> str:
    """Answer the text of a node as a copy, which stands elsewhere in memory; equal ones are one.

    Texts stay, nodes go. Where texts lay among the nodes, they would keep the memory of those
    from being given back: 6 MB of a worker at 1,000 segments.
    """
    return intern(str(node.value).encode().decode())


def mark_at(text: str, position: int) -> yaml.Mark:
    """Answer the line and column of a character."""
    before = text[:position]
    return yaml.Mark("", position, before.count("\n"), position - before.rfind("\n") - 1, None, 0)
