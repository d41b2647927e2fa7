"""Cells of a file to be imported: what their texts mean, and whether they may be imported."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Final

from edgeseg.clock import parse_instant
from edgeseg.errors import InputError
from edgeseg.events.decode import IncomingValue
from edgeseg.events.event import Value
from edgeseg.events.schema import Declaration

TYPES: Final = ("text", "number", "boolean", "date", "list")
_WORDS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_NUMBER: Final = re.compile(r"[-+]?\d+")
_DAY: Final = re.compile(r"(19|20)\d{6}")
"""Seconds since 1970 with as many digits would be of that very year."""
_MAX_NAMES: Final = 100
_MAX_NAME: Final = 100
_SECONDS_BEFORE: Final = 100_000_000_000
"""A number below stands for seconds since 1970, others for milliseconds."""


def read_instant(given: object) -> datetime:
    """Read RFC 3339, a day as 2026-12-24 or 20261224, or seconds or milliseconds since 1970.

    Raises:
        ValueError: it is none of them; so do OverflowError and OSError tell.
    """
    if isinstance(given, datetime):
        return given
    if _DAY.fullmatch(str(given)) or (isinstance(given, str) and not _NUMBER.fullmatch(given)):
        return parse_instant(str(given))
    if isinstance(given, str | int | float) and not isinstance(given, bool):
        number = float(given)
        return datetime.fromtimestamp(number if number < _SECONDS_BEFORE else number / 1_000, UTC)
    raise ValueError(given)


def read_names(given: object, member: str) -> list[str | int | float | bool]:
    """Read tags or lists: a list, or texts separated by ``;``.

    Raises:
        InputError: there are too many, or one is too long.
    """
    texts = given if isinstance(given, list) else str(given).split(";")
    names = [str(each).strip() for each in texts]
    names = [name for name in names if name]
    if len(names) > _MAX_NAMES or any(len(name) > _MAX_NAME for name in names):
        message = f"at most {_MAX_NAMES} of 1 to {_MAX_NAME} characters"
        raise InputError(message, field=member)
    return [*names]


def as_values(values: Mapping[str, object]) -> dict[str, IncomingValue]:
    """Answer ``values`` if they are of types that events and attributes may have.

    Raises:
        InputError: one is not.
    """
    for name, value in values.items():
        if value is None or isinstance(value, str | int | float):
            continue
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, str | int | float) for part in parts):
            message = "text, a number, true, false or a list of these is needed"
            raise InputError(message, field=name)
    return values  # type: ignore[return-value]


def read_texts(
    values: Mapping[str, object], declared: Mapping[str, Declaration], types: Mapping[str, str]
) -> dict[str, object]:
    """Read texts by what is declared; one that does not fit stays as it is, to be refused."""
    found = dict(values)
    for name, text in values.items():
        declaration = declared.get(name)
        type_ = types.get(name) or (declaration.type if declaration else "text")
        if type_ in {"number", "boolean", "list"} and isinstance(text, str):
            found[name] = read_text(text, type_, declaration.of if declaration else "text")
    return found


def read_text(text: str, type_: str, of: str = "text") -> Value:
    """Read the text of a cell as a type of the schema; answer it as it is where it is none.

    A list is separated by ``;``.
    """
    if type_ == "list":
        parts = [read_text(part.strip(), of) for part in text.split(";")]
        return [part for part in parts if not isinstance(part, list) and part != ""]
    if type_ == "boolean":
        return _WORDS.get(text.strip().lower(), text)
    if type_ == "number":
        return _number(text)
    return text


def _number(text: str) -> Value:
    if "_" in text:  # between digits in Python, not in what people write
        return text
    try:
        number = int(text) if _NUMBER.fullmatch(text) else float(text)
    except ValueError:
        return text
    return number if isinstance(number, int) or isfinite(number) else text
