"""Read a catalogue from CSV, JSON lines or a JSON array: row by row, every problem named. Pure.

A row with a problem is left out, the others count; where a quote is left open, that is the
line where it opens. Columns that no product has are left
alone, since feeds are made for many readers; one that is nearly the name of ours is reported.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from hashlib import blake2b
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import msgspec

from edgeseg.decisions.catalogue import FIELDS, MAX_PRODUCTS, Catalogue, Product
from edgeseg.errors import InputError, Problem, TooLargeError
from edgeseg.spelling import counted, suggest

MAX_PROBLEMS: Final = 100
"""Problems that are told; there may be more."""
MAX_TEXT: Final = 1_000
MAX_ID: Final = 100
MAX_PRICE: Final = 1e12
MAX_READ_AGAIN: Final = 1_000_000
"""Lines of CSV that are read a second time, since a row with a problem had swallowed them."""
_REQUIRED: Final = ("id", "name", "url")
_TRUE: Final = frozenset({"true", "yes", "1", "in stock", "in_stock", "instock"})
_FALSE: Final = frozenset({"false", "no", "0", "out of stock", "out_of_stock", "outofstock"})
_BOM: Final = "\ufeff"

Row = Mapping[str, object]


class ReadCatalogue(NamedTuple):
    """A catalogue, and what was wrong with the rows that are not in it."""

    catalogue: Catalogue
    problems: tuple[Problem, ...]


def read_catalogue(text: str, name: str) -> ReadCatalogue:
    """Read a catalogue.

    Args:
        text: CSV with a header, JSON lines, or a JSON array of objects.
        name: of the file, whose ending tells which; also for problems.

    Raises:
        InputError: nothing of it can be read, or no row is a product; the field is ``name``.
        TooLargeError: it has more than `MAX_PRODUCTS` rows.
    """
    problems: list[Problem] = []
    rows = _rows(text.removeprefix(_BOM), name, problems)
    products: dict[str, Product] = {}
    for line, row in rows:
        try:
            product = _product(row)
        except _BadRow as error:
            _report(problems, name, line, str(error))
            continue
        if product.id in products:
            _report(problems, name, line, f"the id `{product.id}` is there twice")
            continue
        products[product.id] = product
        if len(products) > MAX_PRODUCTS:
            raise TooLargeError(f"a catalogue has at most {MAX_PRODUCTS:,} products", field=name)
    if problems and not products:
        message = f"there is no product in it; line {problems[0].line:,}: {problems[0].message}"
        raise InputError(message, field=name)
    version = blake2b(text.encode(), digest_size=6).hexdigest()
    return ReadCatalogue(Catalogue(products.values(), version), tuple(problems))


class _BadRow(Exception):
    """A row is no product; the text says why."""


def _report(
    problems: list[Problem], name: str, line: int, message: str, suggestion: str = ""
) -> None:
    if len(problems) < MAX_PROBLEMS:
        found = Problem(file=name, line=line, column=1, message=message, suggestion=suggestion)
        problems.append(found)


def _rows(text: str, name: str, problems: list[Problem]) -> Iterable[tuple[int, Row]]:
    """Answer line and values of each row."""
    if name.endswith(".csv"):
        return _csv_rows(text, name, problems)
    if name.endswith(".json"):
        return _objects(_array(text, name), name, problems)
    return _objects(_json_lines(text, name, problems), name, problems)


def _csv_rows(text: str, name: str, problems: list[Problem]) -> Iterator[tuple[int, Row]]:
    lines = _Lines(text)
    reader = csv.reader(lines, strict=True)
    columns = _csv_columns(reader, name, problems)
    for line, cells in _csv_cells(reader, lines, name, problems):
        if len(cells) == len(columns):
            row = zip(columns, cells, strict=True)
            yield line, {column: cell for column, cell in row if cell}
        elif cells:
            message = f"expected {counted(len(columns), 'column')}, as in the header"
            _report(problems, name, line, message)


def _csv_columns(reader: Iterator[list[str]], name: str, problems: list[Problem]) -> list[str]:
    try:
        columns = [column.strip() for column in next(reader, ())]
    except csv.Error as error:
        raise InputError(f"the header is not CSV: {error}", field=name) from error
    missing = [column for column in _REQUIRED if column not in columns]
    if missing:
        raise InputError(f"the header lacks {', '.join(missing)}", field=name)
    for column in columns:
        hint = suggest(column, FIELDS)
        if column not in FIELDS and hint.startswith("did you mean"):
            _report(problems, name, 1, f"no product has a `{column}`", hint)
    return columns


def _csv_cells(
    reader: Iterator[list[str]], lines: "_Lines", name: str, problems: list[Problem]
) -> Iterator[tuple[int, list[str]]]:
    """Iterate over first line and cells of rows; after a broken one, from its second line on."""
    read_again = 0
    while True:
        line = lines.passed + 1
        try:
            yield line, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            _report(problems, name, line, f"not CSV: {error}")
            read_again += lines.passed - line
            if read_again > MAX_READ_AGAIN:
                message = f"not CSV; is a quote of line {line:,} left open?"
                raise InputError(message, field=name) from error
            lines.passed = line


class _Lines:
    """The lines of a text; a reader of them can be sent back.

    Attributes:
        passed: lines that were read.
    """

    def __init__(self, text: str) -> None:
        self._lines = io.StringIO(text, newline="").readlines()
        self.passed = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        if self.passed >= len(self._lines):
            raise StopIteration
        self.passed += 1
        return self._lines[self.passed - 1]


def _json_lines(text: str, name: str, problems: list[Problem]) -> Iterator[tuple[int, object]]:
    for line, raw in enumerate(text.split("\n"), 1):
        if not raw.strip():
            continue
        try:
            yield line, msgspec.json.decode(raw)
        except (msgspec.DecodeError, RecursionError) as error:
            _report(problems, name, line, f"not JSON: {error}")


def _array(text: str, name: str) -> Iterator[tuple[int, object]]:
    try:
        rows = msgspec.json.decode(text, type=list[Any])
    except (msgspec.MsgspecError, RecursionError) as error:
        raise InputError(f"expected a JSON array of objects: {error}", field=name) from error
    yield from enumerate(rows, 1)


def _objects(
    rows: Iterable[tuple[int, object]], name: str, problems: list[Problem]
) -> Iterator[tuple[int, Row]]:
    for line, row in rows:
        if isinstance(row, dict):
            yield line, row
        else:
            _report(problems, name, line, "expected an object")


def _product(row: Row) -> Product:
    for column in _REQUIRED:
        if row.get(column, "") == "" or row[column] is None:
            raise _BadRow(f"`{column}` is missing")
    return Product(
        id=_text(row, "id", MAX_ID),
        name=_text(row, "name"),
        url=_address(row, "url"),
        price=_price(row),
        currency=_text(row, "currency"),
        category=_text(row, "category"),
        brand=_text(row, "brand"),
        in_stock=_flag(row, "in_stock"),
        image=_address(row, "image"),
        added=_date(row),
    )


def _text(row: Row, column: str, longest: int = MAX_TEXT) -> str:
    value = row.get(column)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _BadRow(f"`{column}` is no text")
    text = str(value).strip()
    if len(text) > longest:
        raise _BadRow(f"`{column}` has over {longest:,} characters")
    if "\0" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise _BadRow(f"`{column}` has characters that are none")
    return text


def _address(row: Row, column: str) -> str:
    """Read an address that is safe to link to."""
    text = _text(row, column)
    try:
        parts = urlsplit(text)
    except ValueError as error:
        raise _BadRow(f"`{column}` is no address: {error}") from error
    is_path = not parts.scheme and not parts.netloc and text.startswith("/")
    if "\\" in text:  # which browsers take for a slash: ``/\\host`` is no path
        raise _BadRow(f"`{column}` has a backslash")
    if text and not is_path and not (parts.scheme in {"http", "https"} and parts.netloc):
        raise _BadRow(f"`{column}` is neither an http address nor a path that begins with /")
    return text


def _price(row: Row) -> int | float | None:
    value = row.get("price")
    if value is None:
        return None
    try:
        price = value if isinstance(value, int | float) else float(str(value))
    except ValueError:
        price = float("nan")
    if isinstance(value, bool) or not 0 <= price <= MAX_PRICE:
        raise _BadRow(f"`price` is no number from 0: {str(value)[:50]!r}")
    return int(price) if price == int(price) else price


def _flag(row: Row, column: str) -> bool:
    value = row.get(column, True)
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text not in _FALSE:
        raise _BadRow(f"`{column}` is neither true nor false: {text[:50]!r}")
    return False


def _date(row: Row) -> str:
    text = _text(row, "added")
    try:
        return date.fromisoformat(text[:10]).isoformat() if text else ""
    except ValueError as error:
        raise _BadRow(f"`added` is no date such as 2026-11-22: {text[:50]!r}") from error
