"""Problems and warnings as a compiler shows them: the place, the words, the line itself."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from edgeseg.errors import Problem
from edgeseg.spelling import counted

ERROR: Final = "error"
WARNING: Final = "warning"
INVALID: Final = "invalid-rule"
"""Code of everything that keeps rules from loading."""
FAILED_EXAMPLE: Final = "failed-example"
"""Code of a segment's example that is not as the segment says."""

_TAB_STOP: Final = 4
_PIPE_WIDTH: Final = 120
"""Columns of an excerpt that no terminal shows."""
_MAX_WIDTH: Final = 160
_LINE_ENDS: Final = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""Where YAML, which counted the lines, ends one."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What would steer the terminal, or reorder what it shows. Tabs are expanded instead."""


class Finding(NamedTuple):
    """A problem or a warning, in the order to show: errors first, then by file and place.

    Attributes:
        level: `ERROR` or `WARNING`.
        code: what machines match, `INVALID`, `FAILED_EXAMPLE` or one of the review's.
    """

    level: str
    problem: Problem
    code: str


def find_errors(problems: Iterable[Problem]) -> list[Finding]:
    """Answer problems that keep rules from loading as findings."""
    return [Finding(ERROR, problem, INVALID) for problem in problems]


def show_findings(findings: Sequence[Finding]) -> None:
    """Print findings to standard error, errors first, each with its line, and their number.

    The first line of each begins with ``file:line:column:``, which editors and CI link.
    """
    console = Console(stderr=True, soft_wrap=True, highlight=False, emoji=False)
    width = min(console.width, _MAX_WIDTH) if console.is_terminal else _PIPE_WIDTH
    sources: dict[str, list[str]] = {}
    for finding in sorted(findings):
        problem = finding.problem
        lines = sources.setdefault(problem.file, [])
        if not lines:
            lines += _lines_of(problem.file)
        console.print(_headline(finding))
        for line in _excerpt(problem, lines, width):
            console.print(line)
    console.print(_summary(findings))


def _headline(finding: Finding) -> Text:
    problem = finding.problem
    parts = [Text(f"{problem.file}:{problem.line}:{problem.column}:", "bold")]
    if finding.level == WARNING:
        parts.append(Text("warning:", "yellow bold"))
    if problem.at:
        parts.append(Text(f"[{problem.at}]", "dim"))
    parts.append(Text(problem.message))
    if problem.suggestion:
        parts.append(Text(f"({problem.suggestion})", "cyan"))
    if finding.level == WARNING:
        parts.append(Text(f"[{finding.code}]", "dim"))
    line = Text(" ").join(parts)
    line.plain = _visible(line.plain)  # as long as before, so the styles stay in place
    return line


def _summary(findings: Sequence[Finding]) -> Text:
    warnings = sum(finding.level == WARNING for finding in findings)
    problems = len(findings) - warnings
    counts = [
        Text(counted(count, noun), style)
        for count, noun, style in (
            (problems, "problem", "red bold"),
            (warnings, "warning", "yellow bold"),
        )
        if count
    ]
    return Text(" and ").join(counts) + Text(" in the rules")


def _excerpt(problem: Problem, lines: Sequence[str], width: int) -> Iterator[Text]:
    """Answer the line in question with its number, and a caret below the column."""
    if not problem.line <= len(lines) or not lines[problem.line - 1].strip():
        return
    number = f"{problem.line:>4}"
    source, caret = clip_line(lines[problem.line - 1], problem.column, width - len(number) - 3)
    gutter = " " * len(number)
    yield Text.assemble((f"{number} | ", "dim"), source)
    yield Text.assemble((f"{gutter} | ", "dim"), " " * caret, ("^", "red bold"))


def clip_line(line: str, column: int, width: int) -> tuple[str, int]:
    """Answer what to show of a line, and how many cells before the column's character.

    Args:
        line: without its end.
        column: of the character to point at, from 1; beyond the end is the end.
        width: cells to show at most; what does not fit is cut around the column.
    """
    shown = _expand(_visible(line.rstrip()))
    at = min(column - 1, len(shown))
    starts = [0, *accumulate(cell_len(part) for part in shown)]
    if starts[-1] <= width:
        return "".join(shown), starts[at]
    first = 0
    if starts[at] > width // 2:  # the caret goes to the middle, or further right near the end
        from_cell = min(starts[at] - width // 2, starts[-1] - width + 1)
        first = next(place for place, start in enumerate(starts) if start >= from_cell)
    before = "…" if first else ""
    room = width - len(before)
    last = max(place for place, start in enumerate(starts) if start - starts[first] <= room)
    if last < len(shown):
        last = max(place for place, start in enumerate(starts) if start - starts[first] < room)
    after = "…" if last < len(shown) else ""
    return before + "".join(shown[first:last]) + after, starts[at] - starts[first] + len(before)


def _expand(line: str) -> list[str]:
    """Answer what stands for each character; tabs reach to the next stop."""
    shown: list[str] = []
    cells = 0
    for character in line:
        part = " " * (_TAB_STOP - cells % _TAB_STOP) if character == "\t" else character
        shown.append(part)
        cells += cell_len(part)
    return shown


def _visible(text: str) -> str:
    return _CONTROL.sub("\ufffd", text)


def _lines_of(file: str) -> list[str]:
    """Answer the lines of a file, none if it cannot be read as text."""
    try:
        return _LINE_ENDS.split(Path(file).read_bytes().decode())
    except (OSError, ValueError):
        return []
