"""A line of a file is shown so that the caret stands below the right character."""

import pytest

from edgeseg.cli.problem_report import ERROR, Finding, clip_line, show_findings
from edgeseg.errors import Problem

LONG = "a" * 50 + "X" + "b" * 50


@pytest.mark.parametrize(
    ("line", "column", "width", "shown", "caret"),
    [
        pytest.param("when: x", 7, 80, "when: x", 6, id="plain"),
        pytest.param("a:\tx", 4, 80, "a:  x", 4, id="tab-to-the-next-stop"),
        pytest.param("\t\tx", 3, 80, "        x", 8, id="tabs"),
        pytest.param("名: x", 4, 80, "名: x", 4, id="wide-characters"),
        pytest.param("e\u0301: x", 5, 80, "e\u0301: x", 3, id="combining-characters"),
        pytest.param("abc", 9, 80, "abc", 3, id="beyond-the-end"),
        pytest.param("", 1, 80, "", 0, id="empty"),
        pytest.param("a\x1b[31mb", 7, 80, "a�[31mb", 6, id="escape-sequences"),
        pytest.param(LONG, 1, 20, "a" * 19 + "…", 0, id="cut-on-the-right"),
        pytest.param(LONG, 51, 21, "…" + "a" * 10 + "X" + "b" * 8 + "…", 11, id="cut-around"),
        pytest.param(LONG, 101, 21, "…" + "b" * 20, 20, id="cut-on-the-left"),
        pytest.param("a" * 20, 20, 20, "a" * 20, 19, id="just-fits"),
    ],
)
def test_a_line_is_cut_around_the_column(
    line: str, column: int, width: int, shown: str, caret: int
) -> None:
    """What is shown, and how many cells stand before the caret."""
    assert clip_line(line, column, width) == (shown, caret)


def test_every_column_of_a_long_line_is_in_sight() -> None:
    """The character that the caret points at is shown, within the width, wherever it is."""
    line = "".join(chr(0x4E00 + place) if place % 3 else "x" for place in range(90))
    for column, character in enumerate(line, start=1):
        shown, caret = clip_line(line, column, 30)
        cells = "".join(each if each in "x…" else each + "\0" for each in shown)
        assert len(cells) <= 30
        assert cells[caret] == character


def test_what_steers_a_terminal_is_not_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Names come from files, so escape sequences in them are made visible."""
    problem = Problem(file="no\x1b[2Jne", line=1, column=1, message="a\u202eb", suggestion="\x9b")
    show_findings([Finding(ERROR, problem, "invalid-rule")])
    assert capsys.readouterr().err == "no�[2Jne:1:1: a�b (�)\n1 problem in the rules\n"
