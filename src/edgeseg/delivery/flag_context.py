"""The evaluation context of a flag client: who the visitor is, and on which page.

Reading only: nothing is recorded, no id is made, no cookie is set.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from litestar.types import Scope

from edgeseg.decisions.campaign import Slot
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.delivery.caller import caller_of, id_named, opts_out
from edgeseg.delivery.consent import resolve_consent
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import header
from edgeseg.delivery.origin import is_same_origin
from edgeseg.delivery.page_address import browser_context
from edgeseg.delivery.preview_link import FACT, find_previews, previews_end_ms
from edgeseg.errors import EdgesegError, InputError
from edgeseg.events.decode import check_values
from edgeseg.events.enrich import MAX_URL, device_context, page_context
from edgeseg.events.event import Value
from edgeseg.personalize import Decision, PageView, decide, judge_visitor, personalize
from edgeseg.profiles.changes import consents_end_ms
from edgeseg.profiles.profile import Profile
from edgeseg.profiles.recollection import Trust, recollect

TARGETING_KEY: Final = "targetingKey"
MAX_SHORT: Final = 200
_NAMES: Final = {
    "language": "language",
    "timeZone": "time_zone",
    "time_zone": "time_zone",
    "referrer": "referrer",
    "title": "title",
}
"""Attribute → context, as anybody may set it."""
_SERVER_NAMES: Final = {"country": "country", "region": "region", "city": "city"}
_AGENTS: Final = ("userAgent", "user_agent")
_CONSENT: Final = "consent"
_OF_PAGE: Final = frozenset({TARGETING_KEY, "url", _CONSENT})
"""What most clients send, and no more."""
_RESERVED: Final = frozenset(
    {TARGETING_KEY, "url", "path", _CONSENT, *_AGENTS, *_NAMES, *_SERVER_NAMES}
)


class TargetingKeyMissing(EdgesegError):
    """Nobody is named, and no cookie of this origin tells who it is."""


async def decide_for(
    scope: Scope,
    attributes: Mapping[str, object],
    *,
    server: bool,
    edge: Edge,
    rules: Snapshot,
    slots: Sequence[Slot],
    now_ms: int,
) -> Decision:
    """Decide for the visitor of an evaluation context.

    Args:
        scope: of the request.
        attributes: the context as it came, ``targetingKey`` among it.
        server: whether a server key was shown; the key then names any visitor.
        edge: the service's parts.
        rules: one snapshot of them.
        slots: what to fill.
        now_ms: the instant of the request.

    Raises:
        InputError: an attribute is not acceptable.
        TargetingKeyMissing: nobody is named.
    """
    name = _targeting_key(attributes)
    context = _context(scope, attributes, edge, server=server)
    previews = find_previews(context, rules, edge.previews, now_ms) if FACT in context else {}
    if server:
        return await _named(scope, name, context, attributes, edge, rules, slots, previews, now_ms)
    caller = (
        caller_of(scope, edge, {}, mint=False, now_ms=now_ms) if is_same_origin(scope) else None
    )
    if caller is not None and (caller.visitor_id or not name):
        ends_ms = caller.holds_until_ms or caller.consents_end_ms(now_ms, edge.limits.consent_ms)
        if previews:
            ends_ms = previews_end_ms(context, edge.previews, now_ms, ends_ms)
        view = PageView(
            visitor_id=caller.visitor_id,
            context=context,
            consents=caller.consent.purposes,
            slots=slots,
            previews=previews,
            expires_ms=ends_ms,
        )
        return await personalize(
            view,
            rules=rules,
            store=edge.store,
            telemetry=edge.telemetry,
            now_ms=now_ms,
            time_zone=edge.limits.time_zone,
            assortment=edge.products,
        )
    if not name:
        raise TargetingKeyMissing("the context needs a `targetingKey`")
    # Whoever makes up a key sees nobody's profile by it; it only deals out variants.
    bucket_id = edge.identities.anonymous(name, field=TARGETING_KEY)
    view = PageView(
        visitor_id=bucket_id, context=context, consents={}, slots=slots, previews=previews
    )
    return _decide(view, None, edge, rules, now_ms)


async def _named(  # noqa: PLR0913, PLR0917 - the parts of one request
    scope: Scope,
    name: str,
    context: Mapping[str, Value],
    attributes: Mapping[str, object],
    edge: Edge,
    rules: Snapshot,
    slots: Sequence[Slot],
    previews: Mapping[str, tuple[str, str]],
    now_ms: int,
) -> Decision:
    """Decide for the visitor that a server names, if what is stored, or it, tells of consent."""
    if not name:
        raise TargetingKeyMissing("the context needs a `targetingKey`: the id of the visitor")
    visitor_id = id_named(name, edge.identities, field=TARGETING_KEY)
    profile, trust = await recollect(edge.store, visitor_id, (), plan=rules.plan, now_ms=now_ms)
    consent = resolve_consent(
        edge.consents_of(profile, now_ms),
        _consent(attributes),
        storage_purpose=edge.limits.storage_purpose,
        opted_out=opts_out(scope, edge),
    )
    known = profile if consent.may_store else None
    given = profile.consents if profile else {}
    view = PageView(
        visitor_id=visitor_id,
        context=context,
        consents=consent.purposes,
        slots=slots,
        previews=previews,
        expires_ms=consents_end_ms(given, now_ms=now_ms, valid_ms=edge.limits.consent_ms),
    )
    return _decide(view, known, edge, rules, now_ms, degraded=trust is not Trust.FULL)


def _decide(
    view: PageView,
    profile: Profile | None,
    edge: Edge,
    rules: Snapshot,
    now_ms: int,
    *,
    degraded: bool = False,
) -> Decision:
    zone = edge.limits.time_zone
    if view.previews:
        ends_ms = previews_end_ms(view.context, edge.previews, now_ms, view.expires_ms)
        view = msgspec.structs.replace(view, expires_ms=ends_ms)
    return decide(
        view,
        profile,
        judge_visitor(view, profile, rules, now_ms=now_ms, time_zone=zone),
        rules=rules,
        telemetry=edge.telemetry,
        now_ms=now_ms,
        degraded=degraded,
        assortment=edge.products,
    )


def _targeting_key(attributes: Mapping[str, object]) -> str:
    name = attributes.get(TARGETING_KEY)
    if name is not None and not isinstance(name, str):
        raise InputError("`targetingKey` is a text", field=TARGETING_KEY)
    return name or ""


def _context(
    scope: Scope, attributes: Mapping[str, object], edge: Edge, *, server: bool
) -> Mapping[str, Value]:
    url = _text(attributes, "url")[:MAX_URL]
    if not server and attributes.keys() <= _OF_PAGE:
        return browser_context(scope, edge, url)
    # A server's own agent, and place, say nothing of the visitor's.
    if server:
        agent = next((text for each in _AGENTS if (text := _text(attributes, each))), "")
    else:
        agent = header(scope, b"user-agent")
    referrer, title = _text(attributes, "referrer"), _text(attributes, "title")
    return {
        **_told(attributes, server=server),
        **(page_context(url, referrer, title) if url else {}),
        **device_context(edge.devices.detect(agent)),
        **({} if server else edge.geography.locate(scope)),
        **_custom(attributes),
    }


def _told(attributes: Mapping[str, object], *, server: bool) -> dict[str, Value]:
    """Answer what is told by its own name; what the page's address tells wins over it."""
    told: dict[str, Value] = {}
    path = _text(attributes, "path")
    if path and not _text(attributes, "url"):
        told["path"] = path
    for attribute, name in (_NAMES | _SERVER_NAMES if server else _NAMES).items():
        value = _text(attributes, attribute)
        if value:
            told.setdefault(name, value[:MAX_SHORT])
    return told


def _custom(attributes: Mapping[str, object]) -> dict[str, Value]:
    """Answer the site's own context; `InputError` where it is beyond its bounds."""
    custom = {name: value for name, value in attributes.items() if name not in _RESERVED}
    plain = {name: value for name, value in custom.items() if _is_plain(value)}
    checked = check_values(plain, field="context")  # type: ignore[arg-type]
    return {f"custom.{name}": value for name, value in checked.items()}


def _consent(attributes: Mapping[str, object]) -> dict[str, bool]:
    given = attributes.get(_CONSENT, {})
    try:
        return msgspec.convert(given, dict[str, bool])
    except msgspec.ValidationError as error:
        raise InputError("purpose → true or false is expected", field=_CONSENT) from error


def _text(attributes: Mapping[str, object], name: str) -> str:
    value = attributes.get(name, "")
    return value if isinstance(value, str) else ""


def _is_plain(value: object) -> bool:
    """Tell the values that rules can ask about; clients send others as well."""
    if isinstance(value, list):
        return all(isinstance(each, str | int | float) for each in value)
    return isinstance(value, str | int | float)
