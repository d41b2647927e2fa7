"""The file that rows are exported to: CSV, JSON lines or Parquet."""

import csv
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Final

import msgspec

from edgeseg.errors import InputError, SettingsError

FORMATS: Final = ("csv", "jsonl", "parquet")
STDOUT: Final = "-"
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
"""Beginnings by which spreadsheets take a text for a formula: OWASP, CSV injection,
https://owasp.org/www-community/attacks/CSV_Injection."""

Row = tuple[str, ...]
Write = Callable[[Sequence[Row]], None]
"""Adds rows, each with a text for every column."""


@contextmanager
def open_rows(target: str, format_: str, columns: Sequence[str]) -> Iterator[Write]:
    """Answer what adds rows to the file ``target``, `STDOUT` for standard output.

    Raises:
        InputError: the file cannot be written, or Parquet is asked for on standard output.
        SettingsError: what writes Parquet is not installed.
    """
    try:
        with ExitStack() as stack:
            if format_ == "parquet":
                yield _parquet(stack, target, columns)
                return
            file: IO[str] = sys.stdout
            if target != STDOUT:
                file = stack.enter_context(Path(target).open("w", encoding="utf-8", newline=""))
            yield _csv(file, columns) if format_ == "csv" else _jsonl(file, columns)
            file.flush()
    except BrokenPipeError:  # whoever reads has seen enough
        raise
    except OSError as error:
        raise InputError(f"cannot write {target}: {error}", field="--out") from error


def _csv(file: IO[str], columns: Sequence[str]) -> Write:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    return lambda rows: writer.writerows(map(_harmless, rows))


def _harmless(row: Row) -> list[str]:
    return [f"'{text}" if text.startswith(_FORMULA) else text for text in row]


def _jsonl(file: IO[str], columns: Sequence[str]) -> Write:
    def write(rows: Sequence[Row]) -> None:
        for row in rows:
            told = {name: text for name, text in zip(columns, row, strict=True) if text}
            file.write(msgspec.json.encode(told).decode() + "\n")

    return write


def _parquet(stack: ExitStack, target: str, columns: Sequence[str]) -> Write:
    if target == STDOUT:
        raise InputError("Parquet goes to a file: name one", field="--out")
    try:
        arrow: Any = import_module("pyarrow")
        parquet: Any = import_module("pyarrow.parquet")
    except ImportError as error:
        message = "Parquet needs pyarrow: pip install 'edgeseg[parquet]'"
        raise SettingsError(message) from error
    schema = arrow.schema([(name, arrow.string()) for name in columns])
    writer = stack.enter_context(parquet.ParquetWriter(target, schema))

    def write(rows: Sequence[Row]) -> None:
        arrays = [arrow.array(list(column), arrow.string()) for column in zip(*rows, strict=True)]
        if arrays:
            writer.write_table(arrow.Table.from_arrays(arrays, schema=schema))

    return write
