"""``GET /v1/segment-key``: the segment key of the visitor of the cookie."""

from time import perf_counter
from typing import ClassVar, Final

import msgspec
from litestar.types import Receive, Scope, Send

from edgeseg.clock import instant
from edgeseg.delivery.caller import caller_of
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import JSON, READING, Headers, Reply, headers_for, send_reply
from edgeseg.delivery.page_address import read_query, request_context
from edgeseg.delivery.problems import CONTENT_TYPE, problem_of, refuse_method
from edgeseg.errors import EdgesegError
from edgeseg.personalize import PageView, personalize

KEY_HEADER: Final = b"edgeseg-segment-key"
# Nobody but the visitor's own server may keep it, and only to ask again.
_PRIVATE: Final = [(b"cache-control", b"private, no-cache"), (b"vary", b"Cookie")]


class SegmentKeyAnswer(msgspec.Struct, frozen=True):
    """Body of the answer.

    Attributes:
        key: also in the header ``Edgeseg-Segment-Key``.
        segments: those that slots vary on and the visitor is in, sorted.
        valid_until: RFC 3339; time alone changes nothing in it before.
        degraded: whether the store failed: decided without the profile, or by a copy of it.
    """

    key: str
    segments: list[str]
    valid_until: str
    degraded: bool


class SegmentKey:
    """The ASGI callable of the route."""

    method: ClassVar = "GET"

    def __init__(self, edge: Edge) -> None:
        """Keep the service's parts."""
        self._edge = edge
        self._encoder = msgspec.json.Encoder()
        self._route = edge.telemetry.hot.route("GET", "/v1/segment-key")

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer one request over ASGI."""
        if scope["method"] not in READING:  # type: ignore[typeddict-item]
            await send_reply(send, refuse_method(b"GET, HEAD"))
            return
        await send_reply(send, await self.respond(scope))

    async def respond(self, scope: Scope, _body: bytes = b"") -> Reply:
        """Answer one request; it reads only."""
        began_s = perf_counter()
        try:
            answer = await self._answer(scope)
        except EdgesegError as error:
            document = problem_of(error)
            status, kind, body = document.status, CONTENT_TYPE, self._encoder.encode(document)
            headers: Headers = [*_PRIVATE, *headers_for(error)]
        except Exception:
            self._route.answered(500, began_s)
            raise
        else:
            status, kind, body = 200, JSON, self._encoder.encode(answer)
            headers = [*_PRIVATE, (KEY_HEADER, answer.key.encode())]
        self._route.answered(status, began_s)
        return Reply(status, kind, body, headers)

    async def _answer(self, scope: Scope) -> SegmentKeyAnswer:
        edge = self._edge
        rules, now_ms = edge.rules.current, edge.clock()
        caller = caller_of(scope, edge, {}, mint=False, now_ms=now_ms)
        if not caller.server:
            edge.floods.check_network(scope)
        view = PageView(
            visitor_id=caller.visitor_id,
            context=request_context(scope, edge, read_query(scope).get("url", "")),
            consents=caller.consent.purposes,
            slots=[],
            expires_ms=caller.consents_end_ms(now_ms, edge.limits.consent_ms),
        )
        decision = await personalize(
            view,
            rules=rules,
            store=edge.store,
            telemetry=edge.telemetry,
            now_ms=now_ms,
            time_zone=edge.limits.time_zone,
        )
        if decision.degraded:
            edge.telemetry.degraded.inc()
        # Audiences see segments before exclusive groups, so the key does too.
        held = {*rules.evaluator.evaluate(decision.facts, now_ms, exclude=False).held}
        return SegmentKeyAnswer(
            key=edge.segment_keys.write(rules.varied, held, now_ms),
            segments=[segment for segment in rules.varied if segment in held],
            valid_until=instant(decision.valid_until_ms),
            degraded=decision.degraded,
        )
