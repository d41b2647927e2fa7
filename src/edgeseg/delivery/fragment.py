"""``GET /v1/fragment/{slot}``: one slot as HTML, for CMS templates.

Reads only: no page view, no id, no Set-Cookie. Always 200, since servers put the
body of an error page into the page around it.
"""

from typing import Final
from urllib.parse import parse_qs

from litestar.types import Receive, Scope, Send

from edgeseg.delivery.caller import caller_of
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import NO_STORE, Headers, header, send_response
from edgeseg.errors import EdgesegError, InputError
from edgeseg.events.enrich import device_context, page_context
from edgeseg.events.event import Value
from edgeseg.personalize import PageView, SlotContent, personalize

HTML: Final = b"text/html; charset=utf-8"
STATUS: Final = b"edgeseg-status"
MAX_QUERY: Final = 20


class Fragment:
    """The ASGI callable of the route, mounted on ``/v1/fragment``."""

    def __init__(self, edge: Edge) -> None:
        """Keep the service's parts."""
        self._edge = edge
        self._duration_s = edge.telemetry.duration_s.labels("fragment")
        self._answered = edge.telemetry.requests.labels("fragment", "200")

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request: the variant, the fallback, or a comment."""
        slot_id = scope["path"].strip("/").rpartition("/")[2]
        with self._duration_s.time():
            try:
                html, status = await self._content(scope, slot_id)
            except EdgesegError as error:
                html, status = "", f"error; {type(error).__name__}"
        self._answered.inc()
        headers: Headers = [NO_STORE, (STATUS, status.encode("latin-1", "replace"))]
        body = html or f"<!-- edgeseg: {_safe(status)} -->"
        await send_response(send, 200, HTML, body.encode(), headers)

    async def _content(self, scope: Scope, slot_id: str) -> tuple[str, str]:
        edge = self._edge
        rules = edge.rules.current
        slot = rules.slots.get(slot_id)
        if slot is None:
            return "", "unknown slot"
        caller = caller_of(scope, edge, {}, mint=False)
        view = PageView(
            visitor_id=caller.visitor_id,
            context=self._context(scope),
            consents=caller.consent.purposes,
            slots=[slot],
        )
        decision = await personalize(
            view,
            rules=rules,
            store=edge.store,
            telemetry=edge.telemetry,
            now_ms=edge.clock(),
            time_zone=edge.limits.time_zone,
        )
        content = decision.slots[slot_id]
        return content.html, _status(content, degraded=decision.degraded)

    def _context(self, scope: Scope) -> dict[str, Value]:
        try:
            query = parse_qs(scope["query_string"].decode("latin-1"), max_num_fields=MAX_QUERY)
        except ValueError as error:
            raise InputError(f"a query has at most {MAX_QUERY} members") from error
        url = query.get("url", [""])[0] or header(scope, b"referer")
        device = device_context(self._edge.devices.detect(header(scope, b"user-agent")))
        return (page_context(url) if url else {}) | device


def _status(content: SlotContent, *, degraded: bool) -> str:
    shown = f"variant; {content.campaign}/{content.variant}" if content.campaign else "fallback"
    return f"{shown}; {content.reason}{'; degraded' if degraded else ''}"


def _safe(text: str) -> str:
    """Keep a comment a comment, whatever is in it."""
    return "".join(letter for letter in text if letter.isalnum() or letter in " ;/_")
