"""The wire format of the tracking protocol that Segment's and RudderStack's SDKs speak. Pure.

Source: https://segment.com/docs/connections/spec/common/ and /connections/sources/catalog/
libraries/server/http-api/, and what the SDKs were seen to send. A message tells of one call::

    {"type": "track", "event": "Order Completed", "messageId": "…", "anonymousId": "…",
     "userId": "42", "properties": {…}, "context": {"page": {…}, "consent": {…}},
     "timestamp": "…", "sentAt": "…"}

Unknown members are ignored and null counts as absent. SDKs in loosely typed languages send
numbers for ids, so those are taken as text.
"""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from edgeseg.clock import epoch_ms, parse_instant
from edgeseg.errors import InputError, TooLargeError
from edgeseg.events.decode import MAX_PAST_MS

KINDS: Final = ("track", "page", "screen", "identify", "alias", "group")
MAX_ID: Final = 256
"""Characters of a ``userId``, ``anonymousId``, ``previousId``, ``groupId`` or ``messageId``."""

Id = str | int | float | None
Object = dict[str, Any] | None
Text = str | None


class PageContext(msgspec.Struct, frozen=True):
    """``context.page``: the page on which it happened."""

    url: Text = None
    path: Text = None
    referrer: Text = None
    title: Text = None


class CampaignContext(msgspec.Struct, frozen=True):
    """``context.campaign``: the UTM parameters, without their prefix."""

    name: Text = None
    source: Text = None
    medium: Text = None
    term: Text = None
    content: Text = None


class MessageContext(msgspec.Struct, frozen=True):
    """``context``, as far as it is used. The address in ``ip`` is not even looked at.

    Attributes:
        user_agent: the visitor's browser, by its User-Agent header.
        consent: ``{"categoryPreferences": {category: granted}}``, or purpose → granted.
        identity_token: proof of ``userId``, signed by the site's own server.
    """

    page: PageContext | None = None
    campaign: CampaignContext | None = None
    user_agent: Text = msgspec.field(default=None, name="userAgent")
    traits: Object = None
    consent: Object = None
    identity_token: Text = msgspec.field(default=None, name="identityToken")


class Message(msgspec.Struct, frozen=True, rename="camel"):
    """One call of an SDK."""

    type: Text = None
    event: Text = None
    name: Text = None
    category: Text = None
    message_id: Id = None
    anonymous_id: Id = None
    user_id: Id = None
    previous_id: Id = None
    group_id: Id = None
    properties: Object = None
    traits: Object = None
    context: MessageContext | None = None
    timestamp: Text = None
    original_timestamp: Text = None
    sent_at: Text = None
    write_key: Text = None

    def id_of(self, name: str) -> str:
        """Answer one of the ids as text, "" for none.

        Raises:
            TooLargeError: it is over `MAX_ID` characters.
        """
        given = getattr(self, name)
        text = "" if given is None else str(given)
        if len(text) > MAX_ID:
            message = f"an id has at most {MAX_ID} characters, this has {len(text)}"
            raise TooLargeError(message, field=_camel(name))
        return text


class Batch(msgspec.Struct, frozen=True, rename="camel"):
    """Body of a batch. Its messages are decoded one by one, so that a bad one spoils no other.

    Attributes:
        context: of every message, member by member, where its own says nothing.
    """

    batch: list[msgspec.Raw]
    context: MessageContext | None = None
    sent_at: Text = None
    write_key: Text = None


def consents_of(context: MessageContext | None) -> dict[str, bool]:
    """Answer purpose → granted as the message says, {} where it says nothing. Not bounded yet.

    Raises:
        InputError: a preference is neither true nor false.
    """
    given = context.consent if context else None
    if not given:
        return {}
    preferences = given.get("categoryPreferences")
    if preferences is None:
        preferences = given
    if not isinstance(preferences, Mapping):
        raise InputError("an object is needed", field="context.consent.categoryPreferences")
    stated = {str(name): value for name, value in preferences.items() if value is not None}
    wrong = [name for name, granted in stated.items() if not isinstance(granted, bool)]
    if wrong:
        raise InputError("true or false is needed", field=f"context.consent.{wrong[0][:100]}")
    return {name: bool(granted) for name, granted in stated.items()}


def happened_at_ms(message: Message, sent_at: str | None, received_ms: int) -> int:
    """Answer when it happened, freed of the error of the client's clock.

    ``receivedAt - (sentAt - originalTimestamp)``: the two stamps come from one clock,
    whatever it shows. Without ``sentAt`` the client's stamp is taken as it is, and without
    any stamp the time of receipt. Never later than that, and not much earlier.

    Raises:
        InputError: the stamp is not an ISO 8601 date and time.
    """
    stamp_ms = _stamp_ms(message, sent_at, received_ms)
    return max(received_ms - MAX_PAST_MS, min(stamp_ms, received_ms))


def _stamp_ms(message: Message, sent_at: str | None, received_ms: int) -> int:
    given = message.timestamp or message.original_timestamp
    if not given:
        return received_ms
    stamp_ms = _read_ms(given, "timestamp")
    sent = message.sent_at or sent_at
    if not sent:
        return stamp_ms
    try:
        sent_ms = _read_ms(sent, "sentAt")
    except InputError:
        return stamp_ms
    return received_ms - (sent_ms - stamp_ms)


def _read_ms(text: str, field: str) -> int:
    try:
        return epoch_ms(parse_instant(text.strip()))
    except (ValueError, OverflowError) as error:
        raise InputError("an ISO 8601 date and time is needed", field=field) from error


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)
