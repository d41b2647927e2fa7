"""``GET /v1/fragment/{slot}``: one slot as HTML, for CMS templates.

Reads only: no page view, no id, no Set-Cookie. A GET is always answered 200, since servers
put the body of an error page into the page around it; any other method is refused.

A slot that varies on segments, asked for with a segment key, is answered from the
key's segments alone, so that a CDN may give the answer to everyone with that key.
"""

import logging
from collections.abc import Sequence
from functools import lru_cache, partial
from time import perf_counter
from typing import ClassVar, Final

import msgspec
from litestar.types import Receive, Scope, Send

from edgeseg.clock import SECOND_MS, instant
from edgeseg.decisions.campaign import Slot
from edgeseg.decisions.choose import Chance, Reason
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.delivery.caller import caller_of
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.exposures import count_served
from edgeseg.delivery.http import NO_STORE, READING, Headers, Reply, header, send_reply
from edgeseg.delivery.page_address import read_query, request_context
from edgeseg.delivery.preview_link import MEMBER, find_previews, previews_end_ms
from edgeseg.delivery.segment_key import NotAKey
from edgeseg.delivery.segment_key_route import KEY_HEADER
from edgeseg.delivery.validity import REMEMBERED, told_until_ms
from edgeseg.errors import EdgesegError
from edgeseg.events.enrich import MAX_URL, page_context
from edgeseg.personalize import PageView, decide, personalize
from edgeseg.segments.shared_facts import shared_facts

HTML: Final = b"text/html; charset=utf-8"
STATUS: Final = b"edgeseg-status"
VALID_UNTIL: Final = b"edgeseg-valid-until"
KEY_MEMBER: Final = "segment_key"
FRESH_S: Final = 60
"""A shared answer is fresh for so long, seconds, but never beyond its ``valid_until``."""
STALE_S: Final = 30
"""And may be shown for so much longer while a cache fetches it anew."""
_STATUSES: Final = 1_024
"""Of so many contents the header ``Edgeseg-Status`` is remembered."""
_BEGINNING: Final = "/v1/fragment"
_REFUSED: Final = Reply(
    405, HTML, b"<!-- edgeseg: use GET -->", [NO_STORE, (b"allow", b"GET, HEAD")]
)
_VARY: Final = (b"vary", b"Edgeseg-Segment-Key")
_VARY_BY_ORIGIN: Final = (b"vary", b"Edgeseg-Segment-Key, Origin")
"""Where pages of other origins may call: one of them can read only what was made for it."""

_log = logging.getLogger(__name__)


class Content(msgspec.Struct, frozen=True):
    """What a fragment shows.

    Attributes:
        status: of the header ``Edgeseg-Status``.
        html: "" where there is nothing to show.
        cache: of the header ``Cache-Control``.
        varies: whether another segment key might give another answer.
        until: the header ``Edgeseg-Valid-Until``, if it is known.
    """

    status: str
    html: str = ""
    cache: bytes = NO_STORE[1]
    varies: bool = False
    until: Sequence[tuple[bytes, bytes]] = ()


class Fragment:
    """The ASGI callable of the route, mounted on ``/v1/fragment``."""

    method: ClassVar = "GET"

    def __init__(self, edge: Edge) -> None:
        """Keep the service's parts."""
        self._edge = edge
        self._route = edge.telemetry.hot.route("GET", "/v1/fragment/{name}")
        self._most, self._waiting = edge.limits.max_requests, 0
        self._vary = _VARY_BY_ORIGIN if edge.limits.allowed_origins else _VARY
        self._personalize = partial(
            personalize,
            store=edge.store,
            telemetry=edge.telemetry,
            time_zone=edge.limits.time_zone,
            assortment=edge.products,
        )

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request over ASGI."""
        known = scope["method"] in READING  # type: ignore[typeddict-item]
        await send_reply(send, await self.respond(scope) if known else _REFUSED)

    async def respond(self, scope: Scope, _body: bytes = b"") -> Reply:
        """Answer one request: the variant, the fallback, or a comment."""
        began_s = perf_counter()
        try:
            content = await self._content(scope)
        except EdgesegError as error:
            content = Content(f"error; {type(error).__name__}")
        except Exception:  # noqa: BLE001 - whatever it is, the page around it must not break
            _log.exception("a fragment failed")
            content = Content("error; internal")
        self._route.answered(200, began_s)
        status = content.status.encode("latin-1", "replace")
        headers: Headers = [(b"cache-control", content.cache), (STATUS, status), *content.until]
        if content.varies:
            headers.append(self._vary)
        body = content.html or f"<!-- edgeseg: {_safe(content.status)} -->"
        return Reply(200, HTML, body.encode(), headers)

    async def _content(self, scope: Scope) -> Content:
        rules = self._edge.rules.current
        # Litestar leaves out the beginning. A path of several parts names no slot.
        slot = rules.slots.get(scope["path"].removeprefix(_BEGINNING).strip("/"))
        if slot is None:
            return Content("unknown slot")
        query = read_query(scope)
        url, now_ms = query.get("url", ""), self._edge.clock()
        if slot.vary_on and MEMBER not in url:  # a preview is for one, never shared
            key = header(scope, KEY_HEADER) or query.get(KEY_MEMBER, "")
            held = self._segments(key, rules, now_ms)
            if held is not None:
                return self._shared(slot, rules, held, url, now_ms)
        return await self._personal(scope, slot, rules, url, now_ms)

    def _segments(self, key: str, rules: Snapshot, now_ms: int) -> set[str] | None:
        """Answer the segments of a key, None where there is none that is genuine."""
        if not key:
            return None
        try:
            return self._edge.segment_keys.read(key, rules.varied, now_ms)
        except NotAKey:
            self._edge.telemetry.refused_keys.inc()
            return None

    def _shared(
        self, slot: Slot, rules: Snapshot, held: set[str], url: str, now_ms: int
    ) -> Content:
        """Decide from the page's address and the segments of the key alone."""
        edge = self._edge
        context = page_context(url[:MAX_URL]) if url else {}
        facts = shared_facts(
            rules.sources,
            segments={segment: segment in held for segment in slot.vary_on},
            context=context,
            now_ms=now_ms,
            time_zone=edge.limits.time_zone,
        )
        view = PageView(visitor_id="", context=context, consents={}, slots=[slot])
        decision = decide(
            view,
            None,
            rules.judge(facts, Chance(""), now_ms),
            rules=rules,
            telemetry=edge.telemetry,
            now_ms=now_ms,
            assortment=edge.products,
        )
        content = decision.slots[slot.id]
        cache = _cache_control((decision.valid_until_ms - now_ms) // SECOND_MS)
        if content.failed:
            cache = NO_STORE[1]
        status = _status(content.campaign, content.variant, content.reason, decision.degraded)
        until = _until(told_until_ms(decision, now_ms, failed=content.failed))
        return Content(f"{status}; shared", content.html, cache, varies=True, until=until)

    async def _personal(
        self, scope: Scope, slot: Slot, rules: Snapshot, url: str, now_ms: int
    ) -> Content:
        """Decide for the visitor of the cookie."""
        edge = self._edge
        caller = caller_of(scope, edge, {}, mint=False, now_ms=now_ms)
        context = request_context(scope, edge, url)
        previews = find_previews(context, rules, edge.previews, now_ms)
        ends_ms = caller.holds_until_ms or caller.consents_end_ms(now_ms, edge.limits.consent_ms)
        if previews:
            ends_ms = previews_end_ms(context, edge.previews, now_ms, ends_ms)
        is_shed = self._waiting >= self._most
        view = PageView(
            visitor_id="" if is_shed else caller.visitor_id,
            context=context,
            consents=caller.consent.purposes,
            slots=[slot],
            previews=previews,
            expires_ms=ends_ms,
        )
        self._waiting += 1
        try:
            decision = await self._personalize(view, rules=rules, now_ms=now_ms)
        finally:
            self._waiting -= 1
        if is_shed and caller.visitor_id:
            edge.telemetry.shed.inc()
            decision = msgspec.structs.replace(decision, degraded=True)
        elif decision.degraded:
            edge.telemetry.degraded.inc()
        content = decision.slots[slot.id]
        count_served(edge, decision, content, context, now_ms)
        status = _status(content.campaign, content.variant, content.reason, decision.degraded)
        until = _until(told_until_ms(decision, now_ms, failed=content.failed))
        return Content(status, content.html, varies=bool(slot.vary_on), until=until)


def _cache_control(left_s: int) -> bytes:
    """Answer the header of an answer that many may share for ``left_s`` seconds at most."""
    if left_s <= 0:
        return NO_STORE[1]
    fresh_s = min(FRESH_S, left_s)
    stale_s = min(STALE_S, left_s - fresh_s)
    stale = b", stale-while-revalidate=%d" % stale_s if stale_s else b""
    return b"public, s-maxage=%d%b" % (fresh_s, stale)


@lru_cache(_STATUSES)
def _status(campaign: str, variant: str, reason: Reason, degraded: bool) -> str:  # noqa: FBT001
    shown = f"variant; {campaign}/{variant}" if campaign else "fallback"
    return f"{shown}; {reason}{'; degraded' if degraded else ''}"


@lru_cache(REMEMBERED)
def _until(until_ms: int) -> Headers:
    """Answer the header that tells the instant, none for 0."""
    return [(VALID_UNTIL, instant(until_ms).encode())] if until_ms else []


def _safe(text: str) -> str:
    """Keep a comment a comment, whatever is in it."""
    return "".join(letter for letter in text if letter.isalnum() or letter in " ;/_")
