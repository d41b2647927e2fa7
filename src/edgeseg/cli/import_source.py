"""The file that is imported: CSV, JSON lines or Parquet, row by row, from any row on."""

import csv
import os
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from hashlib import blake2b
from importlib import import_module
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from edgeseg.cli.import_lines import BOM, MAX_LINE_BYTES, Lines, Texts, show_line
from edgeseg.cli.row_file import FORMATS
from edgeseg.delivery.unpacking import unpack
from edgeseg.errors import InputError, SettingsError
from edgeseg.spelling import counted

_SUFFIXES: Final = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}
_ENDS: Final = 65_536
_BATCH: Final = 2_000
_json = msgspec.json.Decoder()


class SourceRow(NamedTuple):
    """One row.

    Attributes:
        number: from 1, a header not counted.
        values: column → value; None for a row that cannot be read.
        end: where in the file the next row begins, for `open_rows`.
        raw: the row as it may be shown to a person.
        problem: why it cannot be read, "" if it can.
    """

    number: int
    values: Mapping[str, object] | None
    end: int
    raw: object = None
    problem: str = ""


class Source(NamedTuple):
    """An open file.

    Attributes:
        rows: raises `InputError` where the file breaks off.
        is_text: whether all values are text, see `import_rows`.
        size: of the file, in the unit of ``position``.
        position: answers how far the reading has come.
    """

    rows: Iterator[SourceRow]
    is_text: bool
    size: int
    position: Callable[[], int]


class Start(NamedTuple):
    """Where to begin: at a place that `SourceRow.end` told, after so many rows."""

    place: int = 0
    rows: int = 0


def format_of(path: Path) -> str:
    """Answer the format that a file's name tells.

    Raises:
        InputError: it tells none.
    """
    suffixes = [each.lower() for each in path.suffixes if each.lower() != ".gz"]
    last = suffixes[-1] if suffixes else ""
    if last == ".parquet":
        return "parquet"
    if last == ".json":
        return "jsonl"
    if last not in _SUFFIXES:
        message = f"{path.name}: name the format, --format {'|'.join(FORMATS)}"
        raise InputError(message, field="--format")
    return _SUFFIXES[last]


def fingerprint_of(path: Path) -> str:
    """Answer what changes when the file does: its size, beginning and end.

    Raises:
        InputError: it is no file, but a pipe, say.
    """
    size = path.stat().st_size
    if not path.is_file():
        message = f"{path} cannot be read twice, as an import must: write it into a file first"
        raise InputError(message, field="FILE")
    digest = blake2b(str(size).encode(), digest_size=12)
    with path.open("rb") as raw:
        digest.update(raw.read(_ENDS))
        raw.seek(max(0, size - _ENDS))
        digest.update(raw.read(_ENDS))
    return digest.hexdigest()


@contextmanager
def open_rows(path: Path, format_: str, start: Start) -> Iterator[Source]:
    """Open a file, packed by gzip (told by its first bytes) or not.

    Raises:
        SettingsError: what reads Parquet is not installed.
        InputError: the file is not of this format.
    """
    if format_ == "parquet":
        yield _open_parquet(path, start)
        return
    with path.open("rb") as raw:
        stream = unpack(raw)
        lines = Lines(stream)
        size = os.fstat(raw.fileno()).st_size
        read = _read_csv if format_ == "csv" else _read_json
        try:
            rows = read(lines, start)
        except (OSError, EOFError, zlib.error) as error:
            raise InputError(f"the file cannot be read: {error}") from error
        yield Source(_broken_off(rows), format_ == "csv", size, raw.tell)


def _broken_off(rows: Iterator[SourceRow]) -> Iterator[SourceRow]:
    try:
        yield from rows
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"the file breaks off here: {error}") from error


def _read_json(lines: Lines, start: Start) -> Iterator[SourceRow]:
    lines.seek(start.place)
    number = start.rows
    while line := lines.next():
        if not line.strip():
            continue
        number += 1
        values, problem = None, ""
        try:
            values = _json.decode(line.removeprefix(BOM) if lines.place == len(line) else line)
        except (ValueError, RecursionError) as error:
            problem = f"not JSON: {error}"
        if len(line) > MAX_LINE_BYTES:
            problem = f"a line has at most {MAX_LINE_BYTES:,} bytes"
        elif not problem and not isinstance(values, dict):
            problem = "a JSON object is needed"
        if problem:
            yield SourceRow(number, None, lines.place, show_line(line), problem)
        else:
            yield SourceRow(number, values, lines.place, values)


def _read_csv(lines: Lines, start: Start) -> Iterator[SourceRow]:
    given = Texts(lines)
    try:
        first = next(given, "")
        delimiter = max(",;\t|", key=first.count)
        header = next(csv.reader([first], delimiter=delimiter), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"the header cannot be read: {error}") from error
    if not header or len(set(header)) < len(header):
        message = "the first line of a CSV file names its columns, each once"
        raise InputError(message)
    if start.place:
        lines.seek(start.place)
    reader = csv.reader(given, delimiter=delimiter, strict=True)
    return _csv_rows(reader, header, given, start.rows)


def _csv_rows(
    reader: Iterator[list[str]], header: list[str], texts: Texts, number: int
) -> Iterator[SourceRow]:
    while True:
        number += 1
        texts.begin_row()
        try:
            cells = next(reader, None)
        except (UnicodeDecodeError, csv.Error) as error:
            what = "UTF-8" if isinstance(error, UnicodeDecodeError) else "CSV"
            first = texts.give_back()  # of a quote that is left open they are other rows
            yield SourceRow(number, None, texts.place, first, f"not {what}: {error}")
            continue
        if cells is None:
            return
        if not cells:
            number -= 1
        elif len(cells) != len(header):
            problem = f"{counted(len(cells), 'cell')}, the header has {len(header)}"
            yield SourceRow(number, None, texts.place, cells, problem)
        else:
            values = dict(zip(header, cells, strict=True))
            yield SourceRow(number, values, texts.place, values)


def _open_parquet(path: Path, start: Start) -> Source:
    try:
        parquet: Any = import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        message = "Parquet needs pyarrow: pip install 'edgeseg[parquet]'"
        raise SettingsError(message) from error
    try:
        file = parquet.ParquetFile(path)
    except (OSError, ValueError) as error:  # pyarrow's own errors are ValueErrors
        raise InputError(f"not a Parquet file: {error}") from error
    place = [start.place]
    return Source(
        _parquet_rows(file, start, place),
        is_text=False,
        size=file.metadata.num_rows,
        position=lambda: place[0],
    )


def _parquet_rows(file: Any, start: Start, place: list[int]) -> Iterator[SourceRow]:  # noqa: ANN401
    passed = 0
    for batch in file.iter_batches(batch_size=_BATCH):
        if passed + batch.num_rows <= start.place:
            passed += batch.num_rows
            continue
        for row in batch.to_pylist():
            passed += 1
            if passed > start.place:
                place[0] = passed
                values = {name: _plain(value) for name, value in row.items() if value is not None}
                yield SourceRow(passed, values, passed, values)


def _plain(value: object) -> object:
    """Answer a value of Parquet as JSON would have it."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if value is None or isinstance(value, str | int | float):
        return value
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else str(value)
