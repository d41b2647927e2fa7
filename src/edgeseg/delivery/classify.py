"""``POST /v1/classify``: record a page view, answer segments and slot contents.

The hot path. It is a bare ASGI route, since injection and typed bodies would cost
several times its own work.
"""

from collections.abc import Sequence
from functools import lru_cache
from time import perf_counter
from typing import ClassVar, Final

import msgspec
from litestar.types import Receive, Scope, Send

from edgeseg.decisions.campaign import Slot
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.delivery.answer import Answer, answer_of, explained_answer_of
from edgeseg.delivery.caller import (
    caller_of,
    erase_revoked,
    id_named,
    recall_consent,
    sends_gpc,
    set_cookie,
)
from edgeseg.delivery.classify_body import (
    MAX_SHORT,
    NOTHING_TOLD,
    TOLD,
    ClassifyRequest,
    ClientContext,
    check_length,
    check_request,
)
from edgeseg.delivery.cookie_caller import Caller
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.exposures import personalize_and_count
from edgeseg.delivery.http import (
    JSON,
    NO_STORE,
    ClientGone,
    Headers,
    Reply,
    headers_for,
    headers_of,
    read_body,
    send_reply,
)
from edgeseg.delivery.identify import emails_of, index_email
from edgeseg.delivery.origin import check_origin
from edgeseg.delivery.preview_link import find_previews, is_about, previews_end_ms
from edgeseg.delivery.problems import CONTENT_TYPE, input_error, problem_of, refuse_method
from edgeseg.errors import BusyError, EdgesegError, InputError, StoreError
from edgeseg.events.decode import check_event, check_values, clock_lag_ms
from edgeseg.events.device import MAX_AGENT
from edgeseg.events.enrich import PageFacts, device_context, read_page
from edgeseg.events.event import Event, Value
from edgeseg.events.schema import Writer
from edgeseg.personalize import Decision, PageView
from edgeseg.spelling import suggest

_CLIENTS: Final = 1_024
"""Clients, by agent and language, of which is remembered what they tell."""


class Classify:
    """The ASGI callable of the route."""

    method: ClassVar = "POST"

    def __init__(self, edge: Edge) -> None:
        """Build the codecs once."""
        self._edge = edge
        self._decoder = msgspec.json.Decoder(ClassifyRequest)
        self._encoder = msgspec.json.Encoder()
        self._route = edge.telemetry.hot.route("POST", "/v1/classify")
        self._under_way = 0
        self._known_client = lru_cache(_CLIENTS)(self._read_client)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request over ASGI."""
        if scope["method"] != "POST":  # type: ignore[typeddict-item]
            await send_reply(send, refuse_method(b"POST"))
            return
        try:
            body = await read_body(receive, self._edge.limits.max_body_bytes)
        except ClientGone:
            return
        except EdgesegError as error:
            reply = self._refuse(error, [NO_STORE], perf_counter())
        else:
            reply = await self.respond(scope, body)
        await send_reply(send, reply)

    async def respond(self, scope: Scope, body: bytes) -> Reply:
        """Answer one request; whatever is wrong with it becomes a problem document."""
        began_s = perf_counter()
        headers: Headers = [NO_STORE]
        if self._under_way >= self._edge.limits.max_requests:
            return self._refuse(BusyError("too many page views are under way"), headers, began_s)
        self._under_way += 1
        try:
            answer = await self._answer(scope, body, headers)
        except EdgesegError as error:
            return self._refuse(error, headers, began_s)
        except Exception:
            self._route.answered(500, began_s)
            raise
        finally:
            self._under_way -= 1
        encoded = self._encoder.encode(answer)
        took_s = self._route.answered(200, began_s)
        headers.append((b"server-timing", b"edgeseg;dur=%.2f" % (took_s * 1_000)))
        return Reply(200, JSON, encoded, headers)

    def _refuse(self, error: EdgesegError, headers: Headers, began_s: float) -> Reply:
        document = problem_of(error)
        self._route.answered(document.status, began_s)
        headers = [*headers, *headers_for(error)]
        return Reply(document.status, CONTENT_TYPE, self._encoder.encode(document), headers)

    async def _answer(self, scope: Scope, body: bytes, headers: Headers) -> Answer:
        edge = self._edge
        now_ms = edge.clock()
        rules = edge.rules.current
        # 1. What is asked?
        request = self._decode(body)
        # 2. Who asks, and may anything be remembered?
        caller = self._caller(scope, request, now_ms)
        if (
            request.visitor
            and (caller.revoked_id or not request.consent)
            and not sends_gpc(scope, edge)
        ):
            named = id_named(request.visitor, edge.identities)
            caller = await recall_consent(caller, edge, named, now_ms, plan=rules.plan)
        purposes = caller.consent.purposes
        # 3. What happened, and in which context?
        page = read_page(request.page.url, request.page.referrer, request.page.title)
        context = self._context(scope, request, page, server=caller.server)
        previews = find_previews(context, rules, edge.previews, now_ms)
        events = self._events(request, caller, page.viewed(context, now_ms), rules, now_ms)
        ends_ms = caller.consents_end_ms(now_ms, edge.limits.consent_ms)
        if previews:
            events = [event for event in events if not is_about(event, previews)]
            ends_ms = previews_end_ms(context, edge.previews, now_ms, ends_ms)
        view = PageView(
            visitor_id=caller.visitor_id,
            context=context,
            consents=purposes,
            slots=_slots(request.slots, rules),
            events=events if caller.visitor_id else (),
            previews=previews,
            expires_ms=ends_ms,
        )
        # 4. Decide, without what is stored under a consent that is taken back.
        erased = not caller.revoked_id or await erase_revoked(caller, edge)
        decision = await personalize_and_count(edge, view, rules, now_ms)
        if request.events and view.events:
            await self._index_forms(decision, view.events, rules, now_ms)
        profile = decision.profile
        if profile is not None and not profile.consents and view.events:
            await self._tell_again(decision, caller, rules, now_ms)
        # 5. Answer, with the cookie that keeps the visitor recognisable.
        found = decision.visitor_id
        if caller.revoked_id or caller.needs_cookie(found, now_ms):
            told = decision.is_stored or purposes == caller.told
            settled = erased if caller.revoked_id else told
            set_cookie(headers, scope, edge, caller, now_ms, settled=settled, visitor_id=found)
        if decision.degraded or caller.unread or not erased:
            decision = self._degraded(decision, len(events) if caller.unread else 0)
        if request.explain:
            return explained_answer_of(decision, rules, now_ms, consent=purposes)
        return answer_of(decision, consent=purposes)

    def _degraded(self, decision: Decision, unsaved: int) -> Decision:
        """Answer the decision as a degraded one, and count it, and events not counted yet."""
        self._edge.telemetry.degraded.inc()
        self._edge.telemetry.unsaved_events.inc(unsaved)
        return msgspec.structs.replace(decision, degraded=True)

    def _caller(self, scope: Scope, request: ClassifyRequest, now_ms: int) -> Caller:
        """Answer who calls, and may ask for this, now."""
        edge = self._edge
        check_origin(scope, edge.limits.allowed_origins)
        named = id_named(request.visitor, edge.identities) if request.visitor else ""
        caller = caller_of(scope, edge, request.consent, named, now_ms=now_ms)
        if not caller.server:
            edge.floods.check_network(scope)
            if caller.cookie:
                edge.floods.check_visitor(caller.cookie.id)
        check_request(request, edge.limits, server=caller.server)
        return caller

    async def _index_forms(
        self, decision: Decision, events: Sequence[Event], rules: Snapshot, now_ms: int
    ) -> None:
        """Let a visitor who filled in a form be found by the address in it."""
        edge = self._edge
        for email in emails_of(events, edge.limits.identity_property):
            try:
                await index_email(edge, decision.visitor_id, email, now_ms, plan=rules.plan)
            except StoreError:
                edge.telemetry.failed_writes.labels("address").inc()

    async def _tell_again(
        self, decision: Decision, caller: Caller, rules: Snapshot, now_ms: int
    ) -> None:
        """Tell the consents to a profile that is younger than the cookie that has told them."""
        told = msgspec.structs.replace(caller, told={}).untold(now_ms, "cookie")
        try:
            await self._edge.store.record(decision.visitor_id, told, plan=rules.plan, now_ms=now_ms)
        except StoreError:
            self._edge.telemetry.failed_writes.labels("consent").inc()

    def _decode(self, body: bytes) -> ClassifyRequest:
        try:
            return self._decoder.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise input_error(error, ClassifyRequest) from error

    def _context(
        self, scope: Scope, request: ClassifyRequest, page: PageFacts, *, server: bool
    ) -> dict[str, Value]:
        headers, client = headers_of(scope), request.context
        agent = client.user_agent or headers.get(b"user-agent", b"").decode("latin-1")
        languages = headers.get(b"accept-language", b"").decode("latin-1")
        language = client.language or languages.partition(",")[0]
        if len(language) > MAX_SHORT:
            check_length(client.language, "context.language")
            language = language[:MAX_SHORT]  # of a header, which may hold anything
        context = {**page.context, **self._known_client(agent[:MAX_AGENT], language)}
        if not server:  # whose own place says nothing of the visitor's
            context |= self._edge.geography.locate(scope)
        if client is not NOTHING_TOLD:
            _add_told(context, client)
        return context

    def _read_client(self, agent: str, language: str) -> dict[str, Value]:
        """Answer device and language of a client."""
        told = {**device_context(self._edge.devices.detect(agent))}
        if language := language.partition(";")[0].strip():
            told["language"] = language
        return told

    def _events(
        self,
        request: ClassifyRequest,
        caller: Caller,
        viewed: Event,
        rules: Snapshot,
        now_ms: int,
    ) -> list[Event]:
        events = [viewed] if request.view else []
        if caller.consent.purposes != caller.told:
            events[:0] = caller.untold(now_ms, "server" if caller.server else "cookie")
        if not request.events:
            return events
        zone = self._edge.limits.time_zone
        lag_ms = clock_lag_ms(request.sent_at, now_ms=now_ms, time_zone=zone)
        writer = Writer.SERVER if caller.server else Writer.BROWSER
        for index, incoming in enumerate(request.events):
            field = f"events[{index}]"
            checked = check_event(
                incoming, field=field, now_ms=now_ms, time_zone=zone, lag_ms=lag_ms
            )
            event = self._edge.intake.event(checked, rules.definitions, writer=writer, path=field)
            if event is not None:
                events.append(event)
        return events


def _add_told(context: dict[str, Value], client: ClientContext) -> None:
    """Add what the client says of itself, its language and agent apart."""
    for name in TOLD:
        if value := getattr(client, name):
            check_length(value, f"context.{name}")
            context[name] = value
    if client.custom:
        custom = check_values(client.custom, field="context.custom")
        context |= {f"custom.{name}": value for name, value in custom.items()}


def _slots(ids: Sequence[str], rules: Snapshot) -> list[Slot]:
    try:
        return [rules.slots[id_] for id_ in ids]
    except KeyError as error:
        unknown = str(error.args[0])
        known = ", ".join(rules.slots) or "none"
        message = f"unknown slot `{unknown[:MAX_SHORT]}`, known: {known}"
        hint = suggest(unknown, tuple(rules.slots))
        if hint.startswith("did you mean"):
            message += f" ({hint})"
        raise InputError(message, field=f"slots[{list(ids).index(unknown)}]") from error
