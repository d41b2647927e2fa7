"""Conditions of an explanation as a tree on the terminal."""

from typing import Final

from rich.text import Text
from rich.tree import Tree

from edgeseg.cli.printable import printable
from edgeseg.segments.explain import ConditionReport

_SIGNS: Final = {True: ("✔", "green"), False: ("✘", "red"), None: ("?", "yellow")}


def grow(tree: Tree, report: ConditionReport) -> None:
    """Add the parts of a condition."""
    for child in report.children:
        grow(tree.add(line_of(child)), child)


def line_of(report: ConditionReport) -> Text:
    """Answer one condition with its sign and what was found."""
    sign, colour = _SIGNS[report.holds]
    line = Text.assemble((sign, colour), " ", report.text)
    if report.found:
        line.append(f" (found: {printable(report.found)})", "dim")
    if report.complete_since:
        line.append(f" (complete since {report.complete_since})", "yellow")
    if report.approximate:
        line.append(f" (approximate: {report.approximate})", "yellow")
    return line
