"""Read the YAML text of rule files, keeping where everything stands."""

import re
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, suppress
from math import inf, isfinite
from typing import Final, TypeVar

import yaml

from edgeseg.errors import Problem
from edgeseg.events.event import Scalar
from edgeseg.segments.node_extent import MAX_DEPTH, MAX_REPEATED, measure_extent
from edgeseg.segments.rule_yaml import RuleLoader, TooDeep, mark_at, text_of
from edgeseg.spelling import suggest

Read = TypeVar("Read")


class Unreadable(Exception):
    """This part could not be read; the problem is already on the list."""


MAX_PRIORITY: Final = 1_000_000
MAX_HINTS: Final = 20
"""Problems of one load for which a name like the one at fault is looked for."""
MAX_TOLD: Final = 400
"""Characters that a problem quotes of a file, at most."""
_KNOWN_MISTAKES: Final = {
    "found character that cannot start any token": "indent by spaces, not by tabs; quote what "
    "begins with @, ` or %",
    "did not find expected ',' or": "close what { or [ opened; quote texts with : or ,",
    "did not find expected '-' indicator": "indent the keys of one entry alike",
    "did not find expected key": "indent the keys of one entry alike",
    "found unexpected end of stream": "a quote is not closed",
    "found another document": "a file holds one document; take away the `---` between them",
}
"""What the YAML parser says → what to do."""
_DEEP: Final = f"nested deeper than {MAX_DEPTH} levels"
_TEXT_TAG: Final = "tag:yaml.org,2002:str"
_LATELY: Final = 8
_INTEGERS: Final = range(-(2**63), 2**63)
_MAX_DIGITS: Final = 100
"""Written digits beyond which an integer is not even read."""
_BASES: Final = {"0o": 8, "0x": 16}


class RuleReader:
    """Reads one file's nodes and collects the problems of all files.

    Attributes:
        file: name shown in problems.
        problems: the list that every reader of one load shares.
        at: id of the definition that is being read, shown in problems.
    """

    def __init__(self, file: str, problems: list[Problem]) -> None:
        """Start with nothing being read."""
        self.file = file
        self.problems = problems
        self.at = ""

    def document(self, text: str) -> yaml.Node | None:
        """Parse the file; None for an empty one."""
        try:
            node = yaml.compose(text, Loader=RuleLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = str(error.problem or error.context)
            known = next((each for each in _KNOWN_MISTAKES if each in problem), "")
            self._add(mark, f"not valid YAML: {problem}", _KNOWN_MISTAKES.get(known, ""))
            raise Unreadable from error
        except TooDeep as error:
            self._add(error.mark, _DEEP)
            raise Unreadable from error
        except yaml.reader.ReaderError as error:
            mark = mark_at(text, error.position)
            self._add(mark, f"not valid YAML: {error.reason}", "take the character away")
            raise Unreadable from error
        if node is not None:
            self._check_extent(node)
        return node

    def _check_extent(self, node: yaml.Node) -> None:
        extent = measure_extent(node)
        if extent.depth > MAX_DEPTH:
            raise self.fail(node, _DEEP)
        if extent.repeated > MAX_REPEATED:
            message = f"aliases repeat more than {MAX_REPEATED:,} parts"
            raise self.fail(node, message, "write a segment and ask for it by `segment: ID`")

    def report(self, node: yaml.Node, message: str, suggestion: str = "") -> None:
        """Put a problem on the list and go on."""
        self._add(node.start_mark, message, suggestion)

    def fail(self, node: yaml.Node, message: str, suggestion: str = "") -> Unreadable:
        """Put a problem on the list and answer the signal to raise."""
        self.report(node, message, suggestion)
        return Unreadable()

    def hint(self, name: str, known: Collection[str]) -> str:
        """Answer what ``name`` may have been meant to be; for the first problems alone.

        A search among 10,000 names takes a fifth of a second, and a file that was taken away
        may leave thousands to search for.
        """
        return suggest(name, known) if len(self.problems) < MAX_HINTS else ""

    def _add(self, mark: yaml.Mark | None, message: str, suggestion: str = "") -> None:
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = Problem(
            file=self.file,
            line=line,
            column=column,
            message=_shortened(message),
            at=_shortened(self.at),
            suggestion=suggestion,
        )
        if problem not in self.problems[-_LATELY:]:  # a mapping may be read more than once
            self.problems.append(problem)

    def part(self) -> AbstractContextManager[None]:
        """Guard one part, so that a problem in it does not hide those of its siblings."""
        return suppress(Unreadable)

    def attempt(
        self, read: Callable[[yaml.Node], Read], node: yaml.Node | None, none: Read
    ) -> Read:
        """Read a part that may be absent; answer ``none`` where it is, or cannot be read.

        A caller that goes on after it ends by `require_sound`.
        """
        if node is not None:
            with self.part():
                return read(node)
        return none

    def require_sound(self, problems_before: int) -> None:
        """Raise `Unreadable` if a problem was reported since there were so many."""
        if len(self.problems) > problems_before:
            raise Unreadable

    def entries(self, node: yaml.Node) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        """Read a mapping as name → (node of the name, node of the value)."""
        if not isinstance(node, yaml.MappingNode):
            raise self.fail(node, f"expected a mapping, found {kind_of(node)}")
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        for key, value in node.value:
            name = self.text(key)
            if name in found:
                self.report(key, f"`{name}` is given twice")
            found[name] = (key, value)
        return found

    def mapping(
        self, node: yaml.Node, known: Collection[str], required: Collection[str] = ()
    ) -> dict[str, yaml.Node]:
        """Read a mapping whose names are all known; unknown and missing ones are problems."""
        found = self.entries(node)
        for name, (key, _value) in found.items():
            if name not in known:
                self.report(key, f"unknown key `{name}`", self.hint(name, known))
        missing = [name for name in required if name not in found]
        if missing:
            raise self.fail(node, "missing " + ", ".join(f"`{name}`" for name in missing))
        return {name: value for name, (_key, value) in found.items() if name in known}

    def sequence(self, node: yaml.Node) -> list[yaml.Node]:
        """Read a list."""
        if not isinstance(node, yaml.SequenceNode):
            is_one = isinstance(node, yaml.ScalarNode) and node.value
            hint = f"write [{node.value}]" if is_one else "begin each entry by `- `"
            raise self.fail(node, f"expected a list, found {kind_of(node)}", hint)
        return list(node.value)

    def scalar(self, node: yaml.Node) -> Scalar | None:
        """Read a string, number, boolean or null."""
        if not isinstance(node, yaml.ScalarNode):
            raise self.fail(node, f"expected a single value, found {kind_of(node)}")
        match node.tag:
            case "tag:yaml.org,2002:null":
                return None
            case "tag:yaml.org,2002:bool":
                return str(node.value).lower() == "true"
            case "tag:yaml.org,2002:int":
                return self._whole(node)
            case "tag:yaml.org,2002:float":
                return self._real(node)
            case tag if tag == _TEXT_TAG:
                return text_of(node)
            case tag:
                raise self.fail(
                    node, f"a value has no tag, such as `{tag}`", "write the value alone"
                )

    def _whole(self, node: yaml.ScalarNode) -> int:
        number = None
        if len(node.value) <= _MAX_DIGITS:
            with suppress(ValueError):
                number = int(node.value, _BASES.get(node.value[:2], 10))
        if number is None or number not in _INTEGERS:
            raise self.fail(node, "integers have at most 64 bits")
        return number

    def _real(self, node: yaml.ScalarNode) -> float:
        real = inf
        with suppress(ValueError):  # `.inf` and `.nan` are written with a dot
            real = float(node.value)
        if not isfinite(real):
            raise self.fail(node, "numbers are finite")
        return real

    def text(self, node: yaml.Node) -> str:
        """Read a string; numbers and booleans must be quoted."""
        value = text_of(node) if node.tag == _TEXT_TAG else self.scalar(node)
        if not isinstance(value, str) or not value:
            hint = "" if value in {None, ""} else "quote it"
            raise self.fail(node, f"expected text, found {kind_of(node)}", hint)
        return value

    def integer(self, node: yaml.Node, *, low: int, high: int) -> int:
        """Read an integer within bounds, both included."""
        value = self.scalar(node)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise self.fail(node, f"expected an integer from {low:,} to {high:,}")
        return value

    def priority(self, node: yaml.Node) -> int:
        """Read a priority."""
        return self.integer(node, low=-MAX_PRIORITY, high=MAX_PRIORITY)

    def boolean(self, node: yaml.Node) -> bool:
        """Read true or false."""
        value = self.scalar(node)
        if not isinstance(value, bool):
            raise self.fail(node, f"expected true or false, found {kind_of(node)}")
        return value

    def texts(self, node: yaml.Node) -> tuple[str, ...]:
        """Read a list of strings."""
        return tuple(self.text(part) for part in self.sequence(node))

    def event_name(self, node: yaml.Node) -> str:
        """Read the name of an event that clients may send."""
        name = self.text(node)
        if name.startswith("$"):
            raise self.fail(node, f"`{name}` is edgeseg's own; `$` begins no event in rules")
        return name

    def one_of(self, node: yaml.Node, allowed: Collection[str]) -> str:
        """Read a string out of a few."""
        value = self.text(node)
        if value not in allowed:
            raise self.fail(node, f"unknown value `{value}`", self.hint(value, allowed))
        return value

    def known(self, kind: str, node: yaml.Node, names: Collection[str]) -> str:
        """Read a name that must be among ``names``; another one is reported, and answered."""
        name = self.text(node)
        if name not in names:
            self.report(node, f"unknown {kind} `{name}`", self.hint(name, names))
        return name

    def identifier(self, node: yaml.Node) -> str:
        """Read an id: lower-case letters, digits, ``-`` and ``_``, at most 100 characters."""
        value = self.text(node)
        if not re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,99}", value):
            raise self.fail(
                node,
                f"`{value}` is not an id",
                "use lower-case letters, digits, - and _, at most 100 of them",
            )
        return value


def peek_id(node: yaml.Node) -> str:
    """Answer the id that an entry claims, for problems in the rest of it."""
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == "id" and isinstance(value, yaml.ScalarNode):
                return str(value.value)
    return ""


def kind_of(node: yaml.Node) -> str:
    """Say in plain words what a node is."""
    if isinstance(node, yaml.MappingNode):
        return "a mapping"
    if isinstance(node, yaml.SequenceNode):
        return "a list"
    if not node.value:
        return "nothing"
    kinds = {"null": "nothing", "bool": "a boolean", "int": "a number", "float": "a number"}
    return kinds.get(node.tag.rpartition(":")[2], f"`{node.value}`")


def _shortened(text: str) -> str:
    """Leave out the middle of what is long: what is wrong with it stands at the end."""
    half = MAX_TOLD // 2
    return text if len(text) <= MAX_TOLD else f"{text[:half]}…{text[-half + 1 :]}"
