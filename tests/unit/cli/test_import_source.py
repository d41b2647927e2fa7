"""Rows of a file: what is wrong with one of them costs no other."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.cli.import_lines import MAX_LINE_BYTES
from edgeseg.cli.import_source import SourceRow, Start, fingerprint_of, open_rows
from edgeseg.errors import InputError

HEADER = "visitor,note\n"
GOOD = "".join(f"v{number},fine\n" for number in range(3_000))
QUOTED = 'q,"two\nlines"\n'


def read(path: Path, start: Start) -> list[SourceRow]:
    """Answer the rows of a CSV file from a place on."""
    with open_rows(path, "csv", start) as source:
        return list(source.rows)


@pytest.mark.parametrize(
    "line",
    [
        'a,"left open\n',
        'a,27" wide,"\n',
        'a,"a "nice" one"\n',
        f"a,{'x' * MAX_LINE_BYTES}\n",
        "a,caf\udce9\n",
    ],
)
@pytest.mark.parametrize("end", ["", QUOTED])
def test_a_broken_line_costs_one_row(tmp_path: Path, line: str, end: str) -> None:
    """However many lines it swallows: they are read again, and an import can go on behind it."""
    path = tmp_path / "rows.csv"
    path.write_text(HEADER + QUOTED + line + GOOD + end, "utf-8", errors="surrogateescape")
    rows = read(path, Start())
    assert [row.number for row in rows if row.problem] == [2]
    assert len(rows) == 3_002 + bool(end)
    assert rows[0].values == {"visitor": "q", "note": "two\nlines"}
    assert rows[2].values == {"visitor": "v0", "note": "fine"}
    assert read(path, Start(rows[1].end, 2)) == rows[2:]


def test_a_row_is_bounded(tmp_path: Path) -> None:
    """Each line closes a quote and opens another one: all of them would be one row."""
    path = tmp_path / "rows.csv"
    line = f'a","""{"x" * 9_000}\n'
    path.write_text(HEADER + 'a,"\n' + line * 150 + "b,fine\n", "utf-8")
    rows = read(path, Start())
    assert "at most 1,000,000 bytes" in rows[0].problem
    assert rows[-1].values == {"visitor": "b", "note": "fine"}


@given(lines=st.lists(st.text('a,"\n', max_size=8), max_size=12))
def test_an_import_goes_on_after_any_row(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    """Each row tells where the next one begins, whatever is broken before."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_text(HEADER + "\n".join(lines), "utf-8")
    rows = read(path, Start())
    for done, row in enumerate(rows, 1):
        assert read(path, Start(row.end, row.number)) == rows[done:]


def test_a_row_that_cannot_be_read_is_shown(tmp_path: Path) -> None:
    """Whoever corrects refused rows needs to see them, also where a program wrote Latin-1."""
    path = tmp_path / "rows.csv"
    path.write_bytes(b'visitor,note\na,"left open\nb,caf\xe9\n')
    assert [(row.raw, row.problem[:9]) for row in read(path, Start())] == [
        ('a,"left open\n', "not UTF-8"),
        ("b,caf\ufffd\n", "not UTF-8"),
    ]


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """Some programs write one before JSON lines, too."""
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"visitor": "a"}\n{"visitor": "b"}\n')
    with open_rows(path, "jsonl", Start()) as source:
        assert [row.values for row in source.rows] == [{"visitor": "a"}, {"visitor": "b"}]


def test_a_pipe_is_refused(tmp_path: Path) -> None:
    """An import that is to go on has to read its file again."""
    pipe = tmp_path / "rows.csv"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="cannot be read twice"):
        fingerprint_of(pipe)
