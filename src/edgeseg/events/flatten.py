"""Turn the free-form objects of foreign protocols into our plain values. Pure.

    {"total": 12, "coupon": null,                      total = 12
     "address": {"city": "Brno"},                      address.city = "Brno"
     "products": [{"id": "a", "price": 5},             products.id = ["a", "b"]
                  {"id": "b"}]}                        products.price = [5]

An object's members get dotted names; a list of objects becomes one list a member, so
that rules can ask whether any of them fits. Null counts as absent.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, cast

from edgeseg.errors import InputError
from edgeseg.events.decode import MAX_LIST, MAX_NAME, MAX_PROPERTIES, check_scalar
from edgeseg.events.event import Scalar, Value

MAX_DEPTH: Final = 4
"""Levels of objects; what lies deeper is left out."""
_TOO_LONG: Final = f"a list keeps its first {MAX_LIST} elements"


class Flattened(NamedTuple):
    """Plain values, and why others were left out: (name, reason), in the order met."""

    values: dict[str, Value]
    dropped: list[tuple[str, str]]


def flatten(given: Mapping[str, object]) -> Flattened:
    """Answer what fits of ``given`` as plain values, within the bounds of `events.decode`."""
    flat = Flattened({}, [])
    for name, value in _walk(given, "", 1, flat.dropped):
        if not 0 < len(name) <= MAX_NAME:
            flat.dropped.append((name[:MAX_NAME], f"a name has 1 to {MAX_NAME} characters"))
        elif len(flat.values) >= MAX_PROPERTIES:
            flat.dropped.append((name, f"at most {MAX_PROPERTIES} members are kept"))
        else:
            _add(flat, name, value)
    return flat


def _walk(
    given: Mapping[str, object], prefix: str, depth: int, dropped: list[tuple[str, str]]
) -> Iterator[tuple[str, object]]:
    """Yield dotted name and value; the plain members of an object before its nested ones."""
    nested = []
    for key, value in given.items():
        if isinstance(value, dict) or _has_objects(value):
            nested.append((key, value))
        elif value is not None:
            yield prefix + key, value
    for key, value in nested:
        if depth >= MAX_DEPTH:
            dropped.append(((prefix + key)[:MAX_NAME], f"deeper than {MAX_DEPTH} objects"))
            continue
        name = prefix + key
        rows = cast("list[object]", value)
        inner = value if isinstance(value, dict) else _columns(rows, name[:MAX_NAME], dropped)
        yield from _walk(inner, f"{name}.", depth + 1, dropped)


def _has_objects(value: object) -> bool:
    return isinstance(value, list) and any(isinstance(each, dict) for each in value)


def _columns(rows: list[object], name: str, dropped: list[tuple[str, str]]) -> dict[str, object]:
    """Answer a list of objects as one list a member; what is no object is left out."""
    columns: dict[str, list[object]] = {}
    for row in rows[:MAX_LIST]:
        for key, value in row.items() if isinstance(row, dict) else ():
            if value is not None:
                columns.setdefault(key, []).extend(value if isinstance(value, list) else [value])
    if not all(row is None or isinstance(row, dict) for row in rows[:MAX_LIST]):
        dropped.append((name, "a value beside objects"))
    if len(rows) > MAX_LIST:
        dropped.append((name, _TOO_LONG))
    return dict(columns)


def _add(flat: Flattened, name: str, value: object) -> None:
    if not isinstance(value, list):
        _try(flat, name, value)
        return
    kept: list[Scalar] = []
    for each in value[:MAX_LIST]:
        if each is not None:
            try:
                kept.append(_check(each, name))
            except InputError as error:
                flat.dropped.append((name, str(error)))
                break
    if len(value) > MAX_LIST:
        flat.dropped.append((name, _TOO_LONG))
    if kept:
        flat.values[name] = kept


def _try(flat: Flattened, name: str, value: object) -> None:
    try:
        flat.values[name] = _check(value, name)
    except InputError as error:
        flat.dropped.append((name, str(error)))


def _check(value: object, name: str) -> Scalar:
    if not isinstance(value, str | int | float | bool):
        raise InputError("a list within a list", field=name)
    return check_scalar(value, name)
