"""Hold attribute values to the field schema, on the way in."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from edgeseg.errors import InputError
from edgeseg.events.event import Value
from edgeseg.segments.formula import is_number
from edgeseg.segments.rule import Field
from edgeseg.spelling import suggest

_EXPECTED: Final = {
    "text": "a string",
    "number": "a number",
    "boolean": "true or false",
    "date": "an RFC 3339 date or instant, such as 2026-11-21",
    "list": "a list of strings",
}


def check_attributes(
    values: Mapping[str, Value], fields: Mapping[str, Field], *, path: str
) -> dict[str, Value]:
    """Answer ``values`` if every one fits its field.

    Args:
        values: attribute → value, already within the bounds of `events.decode`.
        fields: the schema.
        path: of ``values`` in the request, for errors.

    Raises:
        InputError: a field is unknown, or a value is of another type or not allowed.
    """
    for name, value in values.items():
        field = fields.get(name)
        where = f"{path}.{name}"
        if field is None:
            message = f"unknown field `{name}`; {suggest(name, tuple(fields))}"
            raise InputError(message, field=where)
        if not _fits(value, field.type):
            message = f"the field is a {field.type}: {_EXPECTED[field.type]} is needed"
            raise InputError(message, field=where)
        given = value if isinstance(value, list) else [value]
        unknown = [each for each in given if field.values and each not in field.values]
        if unknown:
            hint = suggest(str(unknown[0]), field.values)
            message = f"`{unknown[0]}` is not an allowed value; {hint}"
            raise InputError(message, field=where)
    return dict(values)


def _fits(value: Value, type_: str) -> bool:
    match type_:
        case "number":
            return is_number(value)
        case "boolean":
            return isinstance(value, bool)
        case "list":
            return isinstance(value, list) and all(isinstance(each, str) for each in value)
        case "date":
            return isinstance(value, str) and is_date(value)
        case _:
            return isinstance(value, str)


def is_date(text: str) -> bool:
    """Tell whether the text is an RFC 3339 date or instant."""
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True
