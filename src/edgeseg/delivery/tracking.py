"""``POST /v1/{track,page,screen,identify,alias,group,batch}``: events from existing SDKs.

The tracking protocol of Segment and RudderStack. What their SDKs need of the answers, as
they were seen to act in 2026: 200 for success; 400 for what must not be sent again; 429
with ``Retry-After`` for "later", which costs Node clients no attempt; 503 for "later" as
well, which the Python client of Segment waits out by ``Retry-After``; and ``code`` and
``message`` in refusals, without which the Python clients take a refusal for a network fault.
"""

from collections.abc import Mapping
from time import perf_counter
from types import MappingProxyType
from typing import ClassVar, Final

import msgspec
from litestar.types import Receive, Scope, Send

from edgeseg.delivery.edge import Edge
from edgeseg.delivery.http import (
    JSON,
    NO_STORE,
    ClientGone,
    Headers,
    Reply,
    headers_for,
    read_body,
    send_reply,
)
from edgeseg.delivery.problems import CONTENT_TYPE, ProblemDocument, problem, problem_of
from edgeseg.delivery.tracking_body import BATCH, read_post, unpack
from edgeseg.delivery.tracking_caller import caller_of
from edgeseg.delivery.tracking_record import Recorder
from edgeseg.delivery.tracking_sort import Sorted, Sorter, TrackingProblem
from edgeseg.errors import EdgesegError, FloodError, StoreError, StoreOverloaded, TooLargeError
from edgeseg.events.tracking_message import KINDS
from edgeseg.hot_counts import Route

PATHS: Final[Mapping[str, str]] = MappingProxyType(
    {f"/v1/{name}": kind for kind in (*KINDS, BATCH) for name in (kind, kind[0])}
    | {"/v1/import": BATCH}
)
"""Address → kind of message; ``import`` is where the SDKs send what happened long ago."""
RETRY_AFTER_S: Final = 1
_TOO_MANY: Final = 429


class TrackingAnswer(msgspec.Struct, frozen=True):
    """Body of the answer.

    Attributes:
        accepted: messages that are acceptable. Whether one was stored is not told, since a
            write key reads nothing.
        refused: messages that are not acceptable.
        without_consent: accepted messages that say nothing of consent.
        problems: the first 20.
    """

    success: bool
    accepted: int
    refused: int
    without_consent: int
    problems: list[TrackingProblem]


class TrackingRefusal(ProblemDocument, frozen=True, omit_defaults=True):
    """A problem document with what the SDKs look for.

    Attributes:
        code: the kind of problem.
        message: the same as ``detail``.
    """

    code: str = ""
    message: str = ""


class Tracking:
    """The ASGI callable of the routes, and what answers a whole body beside ASGI."""

    method: ClassVar = "POST"

    def __init__(self, edge: Edge) -> None:
        """Build the encoder once."""
        self._edge = edge
        self._encoder = msgspec.json.Encoder()
        self._routes = {path: edge.telemetry.hot.route("POST", path) for path in PATHS}
        self._under_way = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request over ASGI."""
        if scope["method"] != self.method:  # type: ignore[typeddict-item]
            document = problem(405, "method", "Method not allowed", "use POST")
            reply = self._refuse(document, [(b"allow", b"POST")])
        else:
            try:
                body = await read_body(receive, self._edge.limits.max_batch_bytes)
            except ClientGone:
                return
            except EdgesegError as error:
                reply = self._refuse(problem_of(error), [])
                self._route_of(scope).answered(reply.status, perf_counter())
            else:
                reply = await self.respond(scope, body)
        await send_reply(send, reply)

    async def respond(self, scope: Scope, body: bytes) -> Reply:
        """Answer one call; whatever is wrong with it becomes a problem document."""
        began_s, route = perf_counter(), self._route_of(scope)
        try:
            reply = await self._respond(scope, body)
        except Exception:
            route.answered(500, began_s)
            raise
        route.answered(reply.status, began_s)
        return reply

    def _route_of(self, scope: Scope) -> Route:
        return self._routes[scope["path"].rstrip("/")]

    async def _respond(self, scope: Scope, body: bytes) -> Reply:
        if self._under_way >= self._edge.limits.max_tracking_calls:
            return self._refuse_for_now(StoreOverloaded("too many tracking calls are under way"))
        self._under_way += 1
        try:
            answer = await self._answer(scope, body)
        except (StoreError, FloodError) as error:
            return self._refuse_for_now(error)
        except EdgesegError as error:
            return self._refuse(problem_of(error), headers_for(error))
        finally:
            self._under_way -= 1
        return Reply(200, JSON, self._encoder.encode(answer), [NO_STORE])

    async def _answer(self, scope: Scope, body: bytes) -> TrackingAnswer:
        edge = self._edge
        rules = edge.rules.current
        now_ms = edge.clock()
        # 1. What came, and who sent it?
        max_bytes = edge.limits.max_batch_bytes
        if len(body) > max_bytes:
            raise TooLargeError(f"the body is over the limit of {max_bytes:,} bytes")
        post = read_post(unpack(body, max_bytes), PATHS[scope["path"].rstrip("/")])
        caller = caller_of(scope, edge, post.write_key)
        if not caller.server:
            edge.floods.check_network(scope)
        # 2. Which messages are acceptable, and whose are they?
        found = await Sorter(edge, rules, caller, post, now_ms).sort()
        self._count(found)
        if found.first_error is not None and not found.accepted:
            raise found.first_error
        # 3. Record what consent allows.
        outcomes = await Recorder(edge, rules, caller, now_ms).record(found.shares)
        for outcome, count in outcomes.items():
            edge.telemetry.tracked_events.labels(outcome).inc(count)
        return TrackingAnswer(
            success=True,
            accepted=found.accepted,
            refused=found.refused,
            without_consent=found.silent,
            problems=found.problems,
        )

    def _count(self, found: Sorted) -> None:
        counted = {"refused": found.refused, "value_dropped": found.dropped_values}
        for outcome, count in counted.items():
            if count:
                self._edge.telemetry.tracked_events.labels(outcome).inc(count)

    def _refuse_for_now(self, error: StoreError | FloodError) -> Reply:
        """Make the client come back: nothing that was not answered 200 is lost."""
        document = problem_of(error)
        if isinstance(error, StoreOverloaded):
            document = problem(_TOO_MANY, "busy", "Too much at once", str(error))
        pause_s = error.retry_after_s if isinstance(error, FloodError) else RETRY_AFTER_S
        return self._refuse(document, [(b"retry-after", b"%d" % pause_s)])

    def _refuse(self, document: ProblemDocument, headers: Headers) -> Reply:
        refusal = TrackingRefusal(
            **msgspec.structs.asdict(document),
            code=document.type.rpartition(":")[2],
            message=document.detail,
        )
        body = self._encoder.encode(refusal)
        return Reply(document.status, CONTENT_TYPE, body, [NO_STORE, *headers])
