"""Rows of a file to be imported, turned into events. The rules' schema decides, as for HTTP."""

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo
from hashlib import blake2b
from typing import Final, NamedTuple

import msgspec
from cachetools import LRUCache

from edgeseg.cli.import_cells import TYPES, as_values, read_instant, read_names, read_texts
from edgeseg.clock import epoch_ms
from edgeseg.delivery.caller import id_named
from edgeseg.errors import InputError
from edgeseg.events.decode import IncomingEvent, check_event, check_values
from edgeseg.events.event import ATTRIBUTES_SET, LISTS_ADDED, TAGS_ADDED, Event
from edgeseg.events.schema import Writer
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
        if not equals or not column or not name or (colon and type_ not in TYPES):
            message = f"`{text}`: COLUMN=TARGET or COLUMN=TARGET:TYPE, of {', '.join(TYPES)}"
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

    @property
    def unmet(self) -> list[str]:
        """Columns that the map names and no row has had, none before the first row."""
        return [column for column in self._targets if self._sorted and column not in self._sorted]

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
        return id_named(str(visitor), self._identities)

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
            values = read_texts(values, (type_ and type_.properties) or {}, types)
        incoming = IncomingEvent(
            event=name,
            properties=as_values(values),
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
            at_ms = epoch_ms(self._instant(own["timestamp"]), self._time_zone)
            if at_ms <= 0:
                message = "a time before 1970, which some systems write for none"
                raise InputError(message, field="timestamp")
        if is_text:
            values = read_texts(values, self._definitions.fields, types)
        removed = {name: None for name, value in values.items() if value is None}
        admitted = self._intake.attributes(
            {**check_values(as_values(values), field=""), **removed},
            self._definitions,
            writer=Writer.SERVER,
            path="",
        )
        events = [Event(ATTRIBUTES_SET, at_ms, admitted)] if admitted else []
        for member, name in (("tags", TAGS_ADDED), ("lists", LISTS_ADDED)):
            if own.get(member) is not None:
                events.append(Event(name, at_ms, {member: read_names(own[member], member)}))
        return Imported(visitor_id, tuple(events))

    def _instant(self, given: object) -> datetime:
        """Read what `read_instant` does.

        Raises:
            InputError: it is no instant, or later than now.
        """
        try:
            instant = read_instant(given)
        except (ValueError, OverflowError, OSError) as error:
            message = (
                "an RFC 3339 instant, a day such as 2026-12-24 or 20261224, or seconds or "
                "milliseconds since 1970, is needed"
            )
            raise InputError(message, field="timestamp") from error
        if epoch_ms(instant, self._time_zone) > self._now_ms:
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
