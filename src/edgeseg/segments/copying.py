"""Plan how a ready-made segment joins rules that are there already. Pure."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, tzinfo
from typing import NamedTuple

import msgspec

from edgeseg.errors import InputError, Problem, RulesError
from edgeseg.events.schema import Field
from edgeseg.segments.definitions import Entry, read_definitions, read_sections
from edgeseg.segments.rule import Definitions, NamedMetric
from edgeseg.segments.rule_files import peek_id


class Copy(NamedTuple):
    """A rule file to be written.

    Attributes:
        text: of the file, without what the rules define already.
        shared: what that is, such as ``metric orders``.
    """

    text: str
    shared: tuple[str, ...]


def plan_copy(text: str, rule_files: Mapping[str, str], time_zone: tzinfo = UTC) -> Copy:
    """Answer a rule file fit to join others.

    Args:
        text: a rule file with segments, fields and metrics that loads on its own.
        rule_files: name → YAML text of the others.
        time_zone: of the site.

    Raises:
        InputError: the others define one of its segments, or a field or metric of
            its differently.
        RulesError: the others do not load.
    """
    there, found_in = _read(rule_files, time_zone)
    coming, entries = _read({"": text}, time_zone)
    for id_ in coming.segments:
        if id_ in there.segments:
            file = found_in["segments", id_].reader.file
            raise InputError(f"segment `{id_}` is defined already, in {file}")
    shared = [*_shared("field", coming.fields, there.fields)]
    shared += _shared("metric", coming.metrics, there.metrics)
    left_out = [entries[f"{kind}s", id_] for kind, id_ in shared]
    names = tuple(f"{kind} {id_}" for kind, id_ in shared)
    return Copy(_without(text, left_out), names)


def _read(
    files: Mapping[str, str], time_zone: tzinfo
) -> tuple[Definitions, dict[tuple[str, str], Entry]]:
    problems: list[Problem] = []
    sections = read_sections(files, problems)
    definitions, _readers = read_definitions(sections, time_zone)
    if problems:
        raise RulesError(problems)
    entries = {
        (section, peek_id(entry.node)): entry
        for section, found in sections.items()
        for entry in found
    }
    return definitions, entries


def _shared(
    kind: str,
    coming: Mapping[str, Field | NamedMetric],
    there: Mapping[str, Field | NamedMetric],
) -> Iterator[tuple[str, str]]:
    """Iterate over what need not be defined again, as kind and id."""
    for id_, definition in coming.items():
        if id_ not in there:
            continue
        if _meaning(definition) != _meaning(there[id_]):
            message = f"{kind} `{id_}` is defined already, and differently; rename one of them"
            raise InputError(message)
        yield kind, id_


def _meaning(definition: Field | NamedMetric) -> Field | NamedMetric:
    """Answer a definition without what makes no difference to conditions.

    The values that a field may have do restrict conditions; whether they allow those
    of the segment shows when it is read together with them.
    """
    if isinstance(definition, Field):
        return Field(id=definition.id, label="", type=definition.type, of=definition.of)
    return msgspec.structs.replace(definition, label="")


def _without(text: str, entries: Iterable[Entry]) -> str:
    """Leave out the lines of the entries, and the sections that are empty then."""
    lines = text.splitlines(keepends=True)
    for entry in entries:
        first, last = entry.node.start_mark.line, entry.node.end_mark.line
        lines[first : last + 1] = [""] * (last + 1 - first)
    return re.sub(r"^\w+:\n(?=\w|\Z)", "", "".join(lines), flags=re.MULTILINE)
