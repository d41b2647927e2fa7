"""The body of ``POST /v1/classify``: what may be in it, and who may say what."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from edgeseg.delivery.consent import check_purposes
from edgeseg.delivery.edge import Limits
from edgeseg.errors import AccessError, InputError, TooLargeError
from edgeseg.events.decode import IncomingEvent, IncomingValue

MAX_SHORT: Final = 100
MAX_SLOTS: Final = 50


class Page(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """The page that is viewed; ``url`` is absolute."""

    url: str
    referrer: str = ""
    title: str = ""


class ClientContext(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the client knows of itself.

    Attributes:
        country: like region, city and user_agent only with a server key.
        custom: the site's own values, asked about as ``context: custom.NAME``.
    """

    time_zone: str = ""
    language: str = ""
    custom: dict[str, IncomingValue] = {}
    country: str = ""
    region: str = ""
    city: str = ""
    user_agent: str = ""


NOTHING_TOLD: Final = ClientContext()
TOLD: Final = ("time_zone", "country", "region", "city")


class ClassifyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """Body of the call.

    Attributes:
        visitor: name of the visitor (see `id_named`); only with a server key.
        consent: purpose → granted, wins over what the cookie remembers.
        slots: ids of the slots to fill.
        explain: whether to say why, for every segment.
        view: False to record the events without counting a page view.
        sent_at: now, by the client's clock; frees the events' timestamps of its error.
    """

    page: Page
    visitor: str = ""
    context: ClientContext = NOTHING_TOLD
    consent: dict[str, bool] = {}
    events: list[IncomingEvent] = []
    slots: list[str] = []
    explain: bool = False
    view: bool = True
    sent_at: datetime | None = None


def check_request(request: ClassifyRequest, limits: Limits, *, server: bool) -> None:
    """Hold a body to what its sender may say, and to the limits.

    Raises:
        AccessError: only a server key may say it.
        InputError: the same, of a part that names its field.
        TooLargeError: there is too much of it.
    """
    if not server:
        if request.visitor:
            message = "only a server key may name a visitor; a browser is known by its cookie"
            raise AccessError(message)
        if request.context is not NOTHING_TOLD:
            _check_told(request.context)
        if request.explain and not limits.public_explain:
            message = "explanations need a server key, or the setting EDGESEG_PUBLIC_EXPLAIN"
            raise AccessError(message)
    if len(request.events) > limits.max_events:
        raise _too_many(request.events, f"{limits.max_events} (EDGESEG_MAX_EVENTS)", "events")
    if len(request.slots) > MAX_SLOTS:
        raise _too_many(request.slots, f"{MAX_SLOTS}", "slots")
    if request.consent:
        check_purposes(request.consent)


def _check_told(context: ClientContext) -> None:
    for name in ("country", "region", "city", "user_agent"):
        if getattr(context, name):
            raise InputError("only a server key may set this", field=f"context.{name}")


def _too_many(values: Sequence[object], limit: str, field: str) -> TooLargeError:
    message = f"at most {limit}, there are {len(values)}: send the others in another call"
    return TooLargeError(message, field=field)


def check_length(text: str, field: str) -> None:
    """Hold a short text to its limit.

    Raises:
        TooLargeError: it is longer.
    """
    if len(text) > MAX_SHORT:
        message = f"at most {MAX_SHORT} characters, there are {len(text)}"
        raise TooLargeError(message, field=field)
