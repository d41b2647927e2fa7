"""What a message of the tracking protocol means: events and attributes of ours. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from edgeseg.errors import InputError
from edgeseg.events.decode import check_event_name
from edgeseg.events.enrich import MAX_TITLE, page_context, page_viewed
from edgeseg.events.event import Event, Value, shorten_id
from edgeseg.events.event_names import name_event
from edgeseg.events.flatten import Flattened, flatten
from edgeseg.events.schema import Field
from edgeseg.events.tracking_message import CampaignContext, Message, MessageContext, PageContext

GROUP_JOINED: Final = "group_joined"
"""What a ``group`` call is recorded as; properties: ``group_id`` and the group's traits."""
_PAGE_MEMBERS: Final = frozenset({"url", "path", "referrer", "search", "title", "host"})
_WORD: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+")


class Meaning(NamedTuple):
    """What one message asks to remember.

    Attributes:
        event: None where nothing happened but a change of attributes.
        traits: attribute → value, not yet held to the schema.
        dropped: values that do not fit: (name, reason).
    """

    event: Event | None
    traits: Mapping[str, Value] = {}
    dropped: tuple[tuple[str, str], ...] = ()


def mean(message: Message, kind: str, at_ms: int) -> Meaning:
    """Answer what the message means.

    Args:
        message: as it came.
        kind: one of `KINDS`; ``alias`` means nothing by itself.
        at_ms: when it happened, see `happened_at_ms`.

    Raises:
        InputError: a name is missing or not acceptable.
    """
    context = message.context or _NO_CONTEXT
    match kind:
        case "track":
            return _track(message, at_ms)
        case "page" | "screen":
            return _page(message, context, at_ms)
        case "identify":
            traits = flatten({**_given(context.traits), **_given(message.traits)})
            return Meaning(None, traits.values, tuple(traits.dropped))
        case "group":
            return _group(message, at_ms)
        case _:
            return Meaning(None)


def _track(message: Message, at_ms: int) -> Meaning:
    name = name_event(message.event or "")
    check_event_name(name, "event")
    properties = flatten(message.properties or {})
    return _happened(
        Event(name, at_ms, properties.values, shorten_id(message.id_of("message_id"))), properties
    )


def _page(message: Message, context: MessageContext, at_ms: int) -> Meaning:
    """Read a page view; what is kept of its address is what classify keeps."""
    given = _given(message.properties)
    page = context.page or _NO_PAGE
    facts = _page_facts(given, page) | _utm(context.campaign)
    others = {name: value for name, value in given.items() if name not in _PAGE_MEMBERS}
    named = {"name": message.name, "category": message.category}
    properties = flatten({**others, **{name: text for name, text in named.items() if text}})
    viewed = page_viewed(facts, at_ms)
    properties = properties._replace(values={**properties.values, **viewed.properties})
    event = Event(viewed.name, at_ms, properties.values, shorten_id(message.id_of("message_id")))
    return _happened(event, properties)


def _page_facts(given: Mapping[str, object], page: PageContext) -> dict[str, Value]:
    url, path, referrer, title = (
        _text(given.get(name)) or getattr(page, name) or ""
        for name in ("url", "path", "referrer", "title")
    )
    if url:
        try:
            return page_context(url, referrer, title)
        except (InputError, ValueError):
            pass  # an app's own scheme, or nonsense: the path may still tell something
    path = path.partition("?")[0].partition("#")[0]
    return {"path": path[:MAX_TITLE]} if path else {}


def _utm(campaign: CampaignContext | None) -> dict[str, Value]:
    if campaign is None:
        return {}
    given = {
        "utm_source": campaign.source,
        "utm_medium": campaign.medium,
        "utm_campaign": campaign.name,
        "utm_term": campaign.term,
        "utm_content": campaign.content,
    }
    return {name: text[:MAX_TITLE] for name, text in given.items() if text}


def _group(message: Message, at_ms: int) -> Meaning:
    group = message.id_of("group_id")
    if not group:
        raise InputError("a group call needs a `groupId`", field="groupId")
    properties = flatten({**(message.traits or {}), "group_id": group})
    traits = {
        name if name == "group_id" else f"group_{name}": value
        for name, value in properties.values.items()
    }
    event = Event(GROUP_JOINED, at_ms, properties.values, shorten_id(message.id_of("message_id")))
    return _happened(event, properties)._replace(traits=traits)


def _happened(event: Event, properties: Flattened) -> Meaning:
    return Meaning(event, {}, tuple(properties.dropped))


def name_traits(traits: Mapping[str, Value], fields: Mapping[str, Field]) -> dict[str, Value]:
    """Answer the traits under the names of the fields that they mean.

    A trait means the field of its own name, or of its name in snake_case:
    ``firstName`` is ``first_name`` and ``address.city`` is ``address_city``.
    """
    return dict(_renamed(traits, fields))


def _renamed(
    traits: Mapping[str, Value], fields: Mapping[str, Field]
) -> Iterator[tuple[str, Value]]:
    for name, value in traits.items():
        snake = _WORD.sub("_", name).lower()
        yield (snake if name not in fields and snake in fields else name), value


def _given(values: Mapping[str, object] | None) -> dict[str, object]:
    return {name: value for name, value in (values or {}).items() if value is not None}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


_NO_CONTEXT: Final = MessageContext()
_NO_PAGE: Final = PageContext()
