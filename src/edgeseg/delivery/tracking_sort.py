"""Sort the messages of a tracking call by visitor, each checked for itself."""

import asyncio
from typing import Final

import msgspec

from edgeseg.decisions.snapshot import Snapshot
from edgeseg.delivery.consent import check_purposes
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.identify import emails_among, emails_of
from edgeseg.delivery.tracking_body import Post, located, read_message
from edgeseg.delivery.tracking_caller import TrackingCaller
from edgeseg.delivery.tracking_identity import Whose, whose
from edgeseg.errors import EdgesegError, InputError, TooLargeError
from edgeseg.events.device import BOT
from edgeseg.events.event import ATTRIBUTES_SET, PAGE_VIEWED, Event
from edgeseg.events.schema import Writer
from edgeseg.events.tracking_events import Meaning, mean, name_traits
from edgeseg.events.tracking_message import Message, consents_of, happened_at_ms

MAX_PROBLEMS: Final = 20
"""Problems told in an answer; the others are counted only."""
MAX_SAME: Final = 20
_AT_ONCE: Final = 20
"""Messages read before other requests get their turn; each may name another device to tell."""


class TrackingProblem(msgspec.Struct, frozen=True):
    """What is wrong with one message, or with one value of it.

    Attributes:
        field: path of the member, beginning with ``batch[INDEX]`` in a batch.
        dropped: ``message`` or ``value``.
    """

    field: str
    detail: str
    dropped: str


class Share(msgspec.Struct):
    """What a call brings of one visitor.

    Attributes:
        stated: purpose → granted, as the messages themselves say; the last one wins.
        stated_ms: when that one happened, epoch ms; 0 where none says anything.
        events: to be recorded, in the order they came.
        same: ids of the same person, as the keys, in the order they came; at most `MAX_SAME`.
        email: an address by which the visitor is to be found, "" for none.
        is_bot: whether a robot did some of it.
    """

    stated: dict[str, bool] = {}
    stated_ms: int = 0
    events: list[Event] = []
    same: dict[str, None] = {}
    email: str = ""
    is_bot: bool = False


class Sorted(msgspec.Struct):
    """The messages of a call.

    Attributes:
        shares: visitor id → what is theirs.
        accepted: messages that are acceptable.
        refused: messages that are not; the first one's error is kept.
        problems: the first `MAX_PROBLEMS`.
        dropped_values: how many values were left out of acceptable messages.
        silent: acceptable messages that say nothing of consent.
    """

    shares: dict[str, Share] = {}
    accepted: int = 0
    refused: int = 0
    first_error: EdgesegError | None = None
    problems: list[TrackingProblem] = []
    dropped_values: int = 0
    silent: int = 0


class Sorter:
    """Reads the messages of one call."""

    def __init__(
        self, edge: Edge, rules: Snapshot, caller: TrackingCaller, post: Post, now_ms: int
    ) -> None:
        """Start with nothing sorted."""
        self._edge = edge
        self._definitions = rules.definitions
        self._caller = caller
        self._post = post
        self._now_ms = now_ms
        self._writer = Writer.SERVER if caller.server else Writer.BROWSER
        self.result = Sorted()

    async def sort(self) -> Sorted:
        """Answer all messages, sorted; a bad one spoils no other."""
        for index, encoded in enumerate(self._post.messages):
            if index % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
            place = None if self._post.kind else index
            try:
                self._read(encoded, place)
            except InputError as error:
                self._refuse(located(error, place))
        return self.result

    def _read(self, encoded: bytes | msgspec.Raw, place: int | None) -> None:
        limits = self._edge.limits
        message, kind = read_message(encoded, self._post, limits.max_message_bytes)
        about = whose(message, kind, self._caller, self._edge, self._now_ms)
        at_ms = happened_at_ms(message, self._post.sent_at, self._now_ms)
        stated = consents_of(message.context)
        check_purposes(stated)
        meaning = mean(message, kind, at_ms)
        device = self._device_of(message)
        events = self._events(meaning, device, at_ms, place)
        result = self.result
        self._check_joins(about)
        result.accepted += 1
        result.silent += not stated
        share = result.shares.setdefault(about.visitor_id, Share())
        share.same.update(dict.fromkeys(about.same))
        share.email = self._email(meaning) or share.email
        if stated and at_ms >= share.stated_ms:
            share.stated, share.stated_ms = stated, at_ms
        share.events += events
        share.is_bot |= device == BOT

    def _check_joins(self, about: Whose) -> None:
        share = self.result.shares.get(about.visitor_id)
        if share is not None and len({*share.same, *about.same}) > MAX_SAME:
            message = f"a call joins at most {MAX_SAME} profiles with one person"
            raise TooLargeError(message, field="previousId")

    def _email(self, meaning: Meaning) -> str:
        """Answer the address by which the visitor is to be found, "" for none."""
        name = self._edge.limits.identity_property
        form = [meaning.event] if meaning.event else []
        trait = meaning.traits.get(name) if meaning.event is None else None
        return next(iter([*emails_of(form, name), *emails_among([trait])]), "")

    def _events(self, meaning: Meaning, device: str, at_ms: int, place: int | None) -> list[Event]:
        """Answer what is to be recorded of a message, held to the schema."""
        events = []
        dropped = [InputError(reason, field=name) for name, reason in meaning.dropped]
        if meaning.event is not None:
            event = self._edge.intake.event(
                _on_device(meaning.event, device),
                self._definitions,
                writer=self._writer,
                path="",
            )
            events = [event] if event is not None else []
        if meaning.traits:
            fields = self._definitions.fields
            given = name_traits(meaning.traits, fields)
            if meaning.event is not None:  # it tells all of them; fields are wanted on top
                given = {name: value for name, value in given.items() if name in fields}
            verdict = self._edge.intake.judge_attributes(
                given, self._definitions, writer=self._writer, path="traits"
            )
            dropped += verdict.refusals
            if verdict.values:
                events.append(Event(ATTRIBUTES_SET, at_ms, verdict.values))
        for error in dropped:
            self._tell(located(error, place), "value")
        self.result.dropped_values += len(dropped)
        return events

    def _device_of(self, message: Message) -> str:
        """Answer the kind of the visitor's device, "" where nobody tells.

        The header of the call tells of the visitor's browser only where that is who calls.
        """
        agent = message.context.user_agent if message.context else None
        return self._edge.devices.detect(agent).kind if agent else self._caller.device

    def _refuse(self, error: InputError) -> None:
        self.result.refused += 1
        self.result.first_error = self.result.first_error or error
        self._tell(error, "message")

    def _tell(self, error: InputError, dropped: str) -> None:
        if len(self.result.problems) < MAX_PROBLEMS:
            problem = TrackingProblem(error.field, str(error), dropped)
            self.result.problems.append(problem)


def _on_device(event: Event, device: str) -> Event:
    """Answer a page view with the kind of device that it was seen on."""
    if event.name != PAGE_VIEWED or not device:
        return event
    return msgspec.structs.replace(event, properties={**event.properties, "device": device})
