"""Families of devices, systems and browsers, by the ua-parser project's patterns.

That project's own way in Rust takes 25 MB of each worker, and its way by RE2 searches again by
Python's `re`, which is not linear in time and compiles each pattern when it first fits. So RE2
does all of it here: the first of the patterns that fits tells the family.

The patterns are https://github.com/ua-parser/uap-core, as ``ua-parser-builtins`` packs them.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Final, NamedTuple, Protocol, cast

import re2
from ua_parser import load_lazy_builtins
from ua_parser.utils import fa_simplifier

_GROUP: Final = re.compile(r"\$([1-9])")


class Pattern(Protocol):
    """One pattern of the project."""

    @property
    def regex(self) -> str:
        """The expression, searched for anywhere."""
        ...

    @property
    def flags(self) -> int:
        """`re.IGNORECASE` or 0."""
        ...

    @property
    def family(self) -> str:
        """Name, in which ``$1`` stands for the first group."""
        ...


class Families:
    """Tells the family of one kind, such as of browsers."""

    def __init__(self, patterns: Sequence[Pattern]) -> None:
        """Compile the patterns, most telling first."""
        self._names = [each.family for each in patterns]
        self._filter = re2.Filter()
        options = re2.Options()
        options.log_errors = False  # a search that runs out of memory goes on another way
        for each in patterns:
            prefix = "(?i)" if each.flags & re.IGNORECASE else ""
            # Without large bounds on repetitions, which guard engines that are not linear.
            self._filter.Add(prefix + fa_simplifier(each.regex), options)
        self._filter.Compile()
        self._patterns = [self._filter.re(index) for index in range(len(patterns))]

    def find(self, agent: bytes) -> str:
        """Answer the family of a User-Agent header in UTF-8, "" for none that is known."""
        # Which patterns might fit is seen by the words in them, of all at once.
        for index in sorted(self._filter.Match(agent, potential=True) or ()):
            found = self._patterns[index].search(agent)
            if found:
                return _fill_in(self._names[index], found)
        return ""


def _fill_in(name: str, found: re2._Match) -> str:
    """Answer a name with the groups that it asks for."""
    return _GROUP.sub(lambda at: (found[int(at[1])] or b"").decode(), name).strip()


class AgentFamilies(NamedTuple):
    """The families of all kinds."""

    browsers: Families
    systems: Families
    devices: Families


@cache
def agent_families() -> AgentFamilies:
    """Answer all families; the first call compiles the patterns, which takes 50 ms and 8 MB."""
    return AgentFamilies(
        *(Families(cast("Sequence[Pattern]", each)) for each in load_lazy_builtins())
    )
