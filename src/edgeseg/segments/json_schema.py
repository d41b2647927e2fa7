"""Words of JSON Schema (draft 2020-12), from which the schema of rule files is put together.

The schema is for editors, which complete and underline while a rule is written. It
knows a file by its form; names that other files define are left to `edgeseg check`.
"""

from collections.abc import Collection, Mapping
from typing import Final, TypeAlias

from edgeseg.segments.rule_files import MAX_PRIORITY
from edgeseg.segments.test_reader import DURATION, MAX_PATTERN

Schema: TypeAlias = dict[str, object]

TEXT: Final[Schema] = {"type": "string", "minLength": 1}
TEXTS: Final[Schema] = {"type": "array", "items": TEXT}
BOOLEAN: Final[Schema] = {"type": "boolean"}
NUMBER: Final[Schema] = {"type": "number"}
SCALAR: Final[Schema] = {"type": ["boolean", "number", "string"]}
ID: Final[Schema] = {"type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,99}$"}
EVENT_NAME: Final[Schema] = {"type": "string", "pattern": "^[^$]"}
NAMED: Final[Mapping[str, Schema]] = {
    "field": ID, "metric": ID, "segment": ID, "slot": ID, "goal": ID, "event": EVENT_NAME,
    "campaign": ID,
}  # fmt: skip
"""What rules refer to by name → what such a name looks like."""
DURATION_TEXT: Final[Schema] = {"type": "string", "pattern": f"^{DURATION.pattern}$"}
INSTANT: Final[Schema] = {"type": "string", "pattern": "^[0-9]{4}-?[0-9W]"}
REGEX: Final[Schema] = {**TEXT, "maxLength": MAX_PATTERN}


def whole(low: int, high: int) -> Schema:
    """Answer the schema of an integer within bounds, both included."""
    return {"type": "integer", "minimum": low, "maximum": high}


PRIORITY: Final = whole(-MAX_PRIORITY, MAX_PRIORITY)


def one_of(values: Collection[str]) -> Schema:
    """Answer the schema of one of a few texts."""
    return {"enum": list(values)}


def listed(parts: Schema, low: int = 0, high: int | None = None) -> Schema:
    """Answer the schema of a list of so many parts."""
    bounds = {"minItems": low} if low else {}
    return {"type": "array", "items": parts, **bounds, **({"maxItems": high} if high else {})}


def mapping(parts: Mapping[str, Schema], required: Collection[str] = ()) -> Schema:
    """Answer the schema of a mapping that has no other names."""
    needs = {"required": list(required)} if required else {}
    return {
        "type": "object",
        "properties": dict(parts),
        **needs,
        "additionalProperties": False,
    }


def need_any(names: Collection[str]) -> Schema:
    """Answer what a mapping must meet to have at least one of the names."""
    return {"anyOf": [{"required": [name]} for name in names]}


def need_only_one(names: Collection[str]) -> Schema:
    """Answer what a mapping must meet to have at most one of the names."""
    pairs = [[name, other] for name in names for other in names if name < other]
    return {"not": {"anyOf": [{"required": pair} for pair in pairs]}}


def either(*schemas: Schema) -> Schema:
    """Answer the schema of what fits one of these, each named once."""
    different: list[Schema] = []
    for schema in schemas:
        if schema not in different:
            different.append(schema)
    return different[0] if len(different) == 1 else {"anyOf": different}


def refer(name: str) -> Schema:
    """Answer a reference to one of the definitions of the document."""
    return {"$ref": f"#/$defs/{name}"}


def told(schema: Schema, description: str) -> Schema:
    """Answer a schema with words that an editor shows."""
    return {**schema, "description": description}


def name_of(kind: str) -> Schema:
    """Answer the schema of the name of something that is defined elsewhere, one of `NAMED`."""
    return refer(f"{kind}-name")


def name_definitions(known: Mapping[str, Collection[str]]) -> dict[str, Schema]:
    """Answer the definitions that `name_of` refers to.

    Args:
        known: kind → names that an editor may offer; others are right as well, since
            they may have been added since.
    """
    return {
        f"{kind}-name": either(one_of(sorted(known[kind])), plain) if known.get(kind) else plain
        for kind, plain in NAMED.items()
    }
