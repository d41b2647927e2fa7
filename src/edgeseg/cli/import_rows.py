"""Rows of a file to be imported, turned into events. The rules' schema decides, as for HTTP."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from hashlib import blake2b
from math import isfinite
from typing import Final, NamedTuple

import msgspec
from cachetools import LRUCache

from edgeseg.delivery.caller import check_visitor_id
from edgeseg.errors import InputError
from edgeseg.events.decode import IncomingEvent, IncomingValue, check_event, check_values
from edgeseg.events.event import ATTRIBUTES_SET, LISTS_ADDED, TAGS_ADDED, Event, Value
from edgeseg.events.schema import Declaration, Writer
from edgeseg.intake import Intake
from edgeseg.profiles.identity import Identities
from edgeseg.segments.rule import Definitions

IGNORED: Final = "-"
"""As the target of a column: leave it out."""
OWN_TARGETS: Final = {
    "events": ("visitor", "user", "event", "timestamp", "message_id"),
    "profiles": ("visitor", "user", "timestamp", "tags", "lists"),
}
"""Kind of import → what a column may be besides a property or an attribute."""
_SYNONYMS: Final = {"messageId": "message_id"}
_TYPES: Final = ("text", "number", "boolean", "date", "list")
_WORDS: Final = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_NUMBER: Final = re.compile(r"[-+]?\d+")
_MAX_NAMES: Final = 100
_MAX_NAME: Final = 100
_SECONDS_BEFORE: Final = 100_000_000_000
"""A number below stands for seconds since 1970, others for milliseconds."""
_REPEATS_REMEMBERED: Final = 65_536
_encoder = msgspec.json.Encoder(order="sorted")


class Target(NamedTuple):
    """What a column is: its name among the targets, and its type if the map says so."""

    name: str
    type: str = ""


class Imported(NamedTuple):
    """One row, checked: whose it is, and what it adds to the profile, at once."""

    visitor_id: str
    events: tuple[Event, ...]


def read_map(texts: Sequence[str]) -> dict[str, Target]:
    """Read ``COLUMN=TARGET[:TYPE]`` options.

    Raises:
        InputError: one is not of this form.
    """
    found: dict[str, Target] = {}
    for text in texts:
        column, equals, target = text.rpartition("=")
        name, colon, type_ = target.rpartition(":")
        if not colon:
            name, type_ = target, ""
        if not equals or not column or not name or (colon and type_ not in _TYPES):
            message = f"`{text}`: COLUMN=TARGET or COLUMN=TARGET:TYPE, of {', '.join(_TYPES)}"
            raise InputError(message, field="--map")
        found[column] = Target(name, type_)
    return found


class RowReader:
    """Turns rows into events by the rules in force; each row is taken whole, or refused."""

    def __init__(
        self,
        kind: str,
        targets: Mapping[str, Target],
        definitions: Definitions,
        intake: Intake,
        identities: Identities,
        *,
        now_ms: int,
        time_zone: tzinfo,
    ) -> None:
        """Prepare.

        Args:
            kind: ``events`` or ``profiles``.
            targets: column → what it is; other columns are what they are called.
            definitions: the schema.
            intake: holds values to it.
            identities: turn foreign ids of people into visitor ids.
            now_ms: nothing in the file is later than that.
            time_zone: of instants that name none.
        """
        self._is_events = kind == "events"
        self._own = frozenset(OWN_TARGETS[kind])
        self._targets = targets
        self._definitions = definitions
        self._intake = intake
        self._identities = identities
        self._now_ms = now_ms
        self._time_zone = time_zone
        self._repeats: LRUCache[bytes, int] = LRUCache(_REPEATS_REMEMBERED)
        self._sorted: dict[str, Target] = {}

    def read(self, row: Mapping[str, object], *, is_text: bool) -> Imported | None:
        """Answer what a row adds to which profile, None for an event that settings drop.

        Args:
            row: column → value.
            is_text: whether all values are text, as in CSV, to be read by the schema; an
                empty one is then absent.

        Raises:
            InputError: something in it is not acceptable.
        """
        own: dict[str, object] = {}
        values: dict[str, object] = {}
        declared: dict[str, str] = {}
        for column, value in row.items():
            target = self._sorted.get(column) or self._target_of(column)
            name = target.name
            if name == IGNORED or (is_text and value == "") or (value is None and self._is_events):
                continue
            if name in self._own:
                own[name] = value
            elif name == "properties" and isinstance(value, dict):
                values |= value
            else:
                values[name] = value
                if target.type:
                    declared[name] = target.type
        visitor_id = self._visitor_of(own)
        if self._is_events:
            return self._event(visitor_id, own, values, declared, is_text=is_text)
        return self._profile(visitor_id, own, values, declared, is_text=is_text)

    def _target_of(self, column: str) -> Target:
        target = self._targets.get(column) or Target(_SYNONYMS.get(column, column))
        name = target.name
        for prefix in ("properties.", "attributes."):
            name = name.removeprefix(prefix)
        found = self._sorted[column] = Target(name, target.type)
        return found

    def _visitor_of(self, own: Mapping[str, object]) -> str:
        user = own.get("user")
        if user is not None:
            return self._identities.known(str(user))
        visitor = own.get("visitor")
        if visitor is None:
            message = "missing; name the column by --map COLUMN=visitor, or COLUMN=user"
            raise InputError(message, field="visitor")
        text = str(visitor)
        check_visitor_id(text)
        return text

    def _event(
        self,
        visitor_id: str,
        own: Mapping[str, object],
        values: Mapping[str, object],
        types: Mapping[str, str],
        *,
        is_text: bool,
    ) -> Imported | None:
        name, at = own.get("event"), own.get("timestamp")
        if not isinstance(name, str):
            message = "the name of the event is missing; name the column by --map COLUMN=event"
            raise InputError(message, field="event")
        if at is None:
            message = "missing; name the column by --map COLUMN=timestamp"
            raise InputError(message, field="timestamp")
        if is_text:
            type_ = self._definitions.events.get(name)
            values = _typed(values, (type_ and type_.properties) or {}, types)
        incoming = IncomingEvent(
            event=name,
            properties=_as_values(values),
            timestamp=self._instant(at),
            message_id=str(own.get("message_id", "")),
        )
        checked = check_event(incoming, field="", now_ms=self._now_ms, time_zone=self._time_zone)
        if not checked.message_id:
            checked = msgspec.structs.replace(checked, message_id=self._digest(visitor_id, checked))
        event = self._intake.event(checked, self._definitions, writer=Writer.SERVER, path="")
        return Imported(visitor_id, (event,)) if event is not None else None

    def _profile(
        self,
        visitor_id: str,
        own: Mapping[str, object],
        values: Mapping[str, object],
        types: Mapping[str, str],
        *,
        is_text: bool,
    ) -> Imported:
        at_ms = self._now_ms
        if own.get("timestamp") is not None:
            at_ms = int(self._instant(own["timestamp"]).timestamp() * 1_000)
        if is_text:
            values = _typed(values, self._definitions.fields, types)
        removed = {name: None for name, value in values.items() if value is None}
        admitted = self._intake.attributes(
            {**check_values(_as_values(values), field=""), **removed},
            self._definitions,
            writer=Writer.SERVER,
            path="",
        )
        events = [Event(ATTRIBUTES_SET, at_ms, admitted)] if admitted else []
        for member, name in (("tags", TAGS_ADDED), ("lists", LISTS_ADDED)):
            if own.get(member) is not None:
                events.append(Event(name, at_ms, {member: _names(own[member], member)}))
        return Imported(visitor_id, tuple(events))

    def _instant(self, given: object) -> datetime:
        """Read RFC 3339 text, or seconds or milliseconds since 1970.

        Raises:
            InputError: it is neither, or later than now.
        """
        try:
            instant = _read_instant(given)
        except (ValueError, OverflowError, OSError) as error:
            message = "an RFC 3339 instant, or seconds or milliseconds since 1970, is needed"
            raise InputError(message, field="timestamp") from error
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=self._time_zone)
        if instant.timestamp() * 1_000 > self._now_ms:
            raise InputError("a time in the future", field="timestamp")
        return instant

    def _digest(self, visitor_id: str, event: Event) -> str:
        """Answer an id by which the same row, imported again, is known for a repeat.

        Equal rows of one file are different events: they are numbered in their order, as
        long as no more than 65,536 other rows lie between them.
        """
        told = _encoder.encode((visitor_id, event.name, event.at_ms, event.properties))
        key = blake2b(told, digest_size=12).digest()
        number = self._repeats[key] = self._repeats.get(key, 0) + 1
        return blake2b(key, digest_size=6, salt=str(number).encode()).hexdigest()


def _read_instant(given: object) -> datetime:
    if isinstance(given, datetime):
        return given
    if isinstance(given, str) and not _NUMBER.fullmatch(given):
        return datetime.fromisoformat(given)
    if isinstance(given, str | int | float) and not isinstance(given, bool):
        number = float(given)
        return datetime.fromtimestamp(number if number < _SECONDS_BEFORE else number / 1_000, UTC)
    raise ValueError(given)


def _names(given: object, member: str) -> list[str | int | float | bool]:
    texts = given if isinstance(given, list) else str(given).split(";")
    names = [str(each).strip() for each in texts]
    names = [name for name in names if name]
    if len(names) > _MAX_NAMES or any(len(name) > _MAX_NAME for name in names):
        message = f"at most {_MAX_NAMES} of 1 to {_MAX_NAME} characters"
        raise InputError(message, field=member)
    return [*names]


def _as_values(values: Mapping[str, object]) -> dict[str, IncomingValue]:
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


def _typed(
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
    try:
        number = int(text) if _NUMBER.fullmatch(text) else float(text)
    except ValueError:
        return text
    return number if isfinite(number) else text
