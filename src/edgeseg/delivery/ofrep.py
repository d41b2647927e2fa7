"""``POST /ofrep/v1/evaluate/flags[/{key}]``: flags for clients of OpenFeature.

The OpenFeature Remote Evaluation Protocol, version 0.3,
https://github.com/open-feature/protocol. What its clients need beyond the document, as
they were seen to act in 2026: a ``value`` and a ``variant`` in every success;
``errorDetails`` in every refusal, and ``key`` in that of a single flag; seconds in
``Retry-After``; statuses 400, 404 and 500 alone for what the body explains. A flag's key
may hold slashes, escaped or not.
"""

import logging
from collections.abc import Collection, Mapping
from functools import lru_cache
from operator import attrgetter
from time import perf_counter
from typing import ClassVar, Final
from urllib.parse import unquote

import msgspec
from litestar.types import Receive, Scope, Send

from edgeseg.clock import instant
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.flag_context import TargetingKeyMissing, decide_for
from edgeseg.delivery.flag_tag import find_good, tag_of
from edgeseg.delivery.flags import Flag, FlagSet
from edgeseg.delivery.http import (
    CHALLENGE,
    JSON,
    NO_STORE,
    ClientGone,
    Headers,
    Reply,
    header,
    headers_of,
    is_among,
    is_server,
    read_body,
    retry_after,
    send_reply,
)
from edgeseg.delivery.validity import REMEMBERED, told_until_ms
from edgeseg.errors import AccessError, EdgesegError, FloodError, InputError, NotFoundError
from edgeseg.hot_counts import Route
from edgeseg.personalize import Decision
from edgeseg.segments.tables import UNKNOWN

PATH: Final = "/ofrep/v1/evaluate/flags"
STREAM_PATH: Final = "/ofrep/v1/events"
MAX_FLAGS: Final = 1_000
"""Flags in one bulk answer: slots, campaigns, then segments; more are asked for singly."""
INACTIVITY_S: Final = 120
RETRY_AFTER_S: Final = 1
_MAX_PATH: Final = 200
"""Bytes of the address of a call whose flag is remembered."""
_ALLOW: Final = [(b"allow", b"POST")]
_IF_NONE: Final = b"if-none-match"
_FAILED: Final = attrgetter("failed")

_log = logging.getLogger(__name__)


class NotJson(EdgesegError):
    """The body cannot be parsed."""


class EvaluationRequest(msgspec.Struct, frozen=True):
    """Body of a call; what else a client sends is tolerated."""

    context: dict[str, object] = {}


class Failure(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of a refusal; ``key`` where a single flag was asked for."""

    errorCode: str  # noqa: N815 - the protocol's spelling
    errorDetails: str  # noqa: N815
    key: str = ""


class StreamEndpoint(msgspec.Struct, frozen=True):
    """Where events come from: below the origin that the client already knows."""

    requestUri: str = STREAM_PATH  # noqa: N815


class EventStream(msgspec.Struct, frozen=True):
    """How a client learns that flags may have changed."""

    type: str = "sse"
    endpoint: StreamEndpoint = StreamEndpoint()
    inactivityDelaySec: int = INACTIVITY_S  # noqa: N815


class BulkAnswer(msgspec.Struct, frozen=True):
    """Body of the answer to a call for all flags."""

    flags: list[Flag]
    metadata: dict[str, str | bool | int]
    eventStreams: tuple[EventStream, ...] = (EventStream(),)  # noqa: N815


class Ofrep:
    """The ASGI callable of the routes, mounted on `PATH`."""

    method: ClassVar = "POST"

    def __init__(self, edge: Edge) -> None:
        """Build the codecs once."""
        self._edge = edge
        self._decoder = msgspec.json.Decoder(EvaluationRequest)
        self._encoder = msgspec.json.Encoder()
        self._flags = FlagSet(edge.rules.current)
        self._under_way = 0
        self._all_flags = edge.telemetry.hot.route("POST", PATH)
        self._one_flag = edge.telemetry.hot.route("POST", f"{PATH}/{{name}}")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request over ASGI."""
        key = _flag_key(scope)
        if scope["method"] != "POST":  # type: ignore[typeddict-item]
            await send_reply(send, self._refuse(405, "GENERAL", "use POST", key, _ALLOW))
            return
        try:
            body = await read_body(receive, self._edge.limits.max_body_bytes)
        except ClientGone:
            return
        except InputError as error:
            reply = self._refuse_error(error, key)
            self._route_of(key).answered(reply.status, perf_counter())
        else:
            reply = await self.respond(scope, body)
        await send_reply(send, reply)

    async def respond(self, scope: Scope, body: bytes) -> Reply:
        """Answer one request; whatever is wrong becomes an answer in the protocol's form."""
        began_s = perf_counter()
        key = _flag_key(scope)
        if self._under_way >= self._edge.limits.max_flag_calls:
            reply = self._turn_away(key)
            self._route_of(key).answered(reply.status, began_s)
            return reply
        self._under_way += 1
        try:
            reply = await self._evaluate(scope, body, key)
        except FloodError as error:
            reply = self._refuse(429, "GENERAL", str(error), key, [retry_after(error)])
        except EdgesegError as error:
            reply = self._refuse_error(error, key)
        except Exception:  # noqa: BLE001 - the client is told in the protocol's form
            _log.exception("the evaluation of flags failed")
            reply = self._refuse(500, "GENERAL", "internal error; see the service's log", key)
        finally:
            self._under_way -= 1
        self._route_of(key).answered(reply.status, began_s)
        return reply

    def _route_of(self, key: str) -> Route:
        return self._one_flag if key else self._all_flags

    async def _evaluate(self, scope: Scope, body: bytes, key: str) -> Reply:
        # 1. Who asks, for what?
        server = _is_server(scope, self._edge)
        if not server:
            self._edge.floods.check_network(scope)
        attributes = self._attributes(body)
        # 2. Which slots have to be decided for that?
        rules, now_ms = self._edge.rules.current, self._edge.clock()
        flags = self._flags_of(rules)
        slots = flags.slots_of(key) if key else [*rules.slots.values()]
        # 3. Decide, reading only.
        decision = await decide_for(
            scope,
            attributes,
            server=server,
            edge=self._edge,
            rules=rules,
            slots=slots,
            now_ms=now_ms,
        )
        if decision.degraded:
            self._edge.telemetry.degraded.inc()
        # 4. Answer one flag, or all of them.
        undecided = _undecided(decision)
        failed = any(map(_FAILED, decision.slots.values()))
        until_ms = told_until_ms(decision, now_ms, failed=failed)
        told = _told(rules.version, decision.degraded, until_ms)
        if key:
            flag = flags.flag(key, decision, undecided, told)
            return Reply(200, JSON, self._encoder.encode(flag), [NO_STORE])
        chosen = flags.keys[:MAX_FLAGS]
        answer = BulkAnswer(
            flags=[flags.flag(each, decision, undecided) for each in chosen],
            metadata={**told, "omitted": len(flags.keys) - len(chosen)},
        )
        body = self._encoder.encode(answer)
        tag = tag_of(body, str(told.get("valid_until", "")), until_ms)
        return _answer_bulk(scope, body, tag, now_ms)

    def _attributes(self, body: bytes) -> dict[str, object]:
        try:
            return self._decoder.decode(body).context
        except msgspec.ValidationError as error:
            raise InputError(str(error)) from error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise NotJson(str(error)) from error

    def _flags_of(self, rules: Snapshot) -> FlagSet:
        """Answer the flags of the rules in force, named anew after a reload."""
        if self._flags.version != rules.version:
            self._flags = FlagSet(rules)
        return self._flags

    def _turn_away(self, key: str) -> Reply:
        retry: Headers = [(b"retry-after", b"%d" % RETRY_AFTER_S)]
        details = f"over {self._edge.limits.max_flag_calls} calls are under way"
        return self._refuse(429, "GENERAL", details, key, retry)

    def _refuse_error(self, error: EdgesegError, key: str) -> Reply:
        details = str(error)
        match error:
            case NotFoundError():
                return self._refuse(404, "FLAG_NOT_FOUND", details, key)
            case TargetingKeyMissing():
                return self._refuse(400, "TARGETING_KEY_MISSING", details, key)
            case NotJson():
                return self._refuse(400, "PARSE_ERROR", details, key)
            case InputError(field=field):
                named = f"{field}: {details}" if field else details
                return self._refuse(400, "INVALID_CONTEXT", named, key)
            case AccessError():
                return self._refuse(401, "GENERAL", details, key, [CHALLENGE])
            case _:
                return self._refuse(500, "GENERAL", details, key)

    def _refuse(
        self, status: int, code: str, details: str, key: str, headers: Headers | None = None
    ) -> Reply:
        body = self._encoder.encode(Failure(code, details, key))
        return Reply(status, JSON, body, [NO_STORE, *(headers or [])])


def _flag_key(scope: Scope) -> str:
    """Answer the key of the single flag that is asked for, "" for all flags."""
    raw = scope.get("raw_path") or scope["path"].encode()
    return _known_key(raw) if len(raw) <= _MAX_PATH else _read_key(raw)


def _read_key(raw: bytes) -> str:
    path = unquote(raw.decode("latin-1")).partition("?")[0]
    return path.partition(PATH)[2].strip("/")


_known_key = lru_cache(MAX_FLAGS)(_read_key)


def _is_server(scope: Scope, edge: Edge) -> bool:
    """Tell whether a server key is shown, in either of the protocol's two ways."""
    limits = edge.limits
    if not headers_of(scope).get(b"x-api-key"):
        return is_server(scope, limits.server_keys, limits.write_keys)
    given = header(scope, b"x-api-key")
    server = is_among(given, limits.server_keys)
    if not server and not is_among(given, limits.write_keys):
        raise AccessError("the key in the X-API-Key header is not known")
    return server


def _answer_bulk(scope: Scope, body: bytes, tag: str, now_ms: int) -> Reply:
    """Answer the body, or 304 with the tag of the client's own copy where that is as good."""
    known = [each.strip().removeprefix("W/") for each in header(scope, _IF_NONE).split(",")]
    good = find_good(known, tag, now_ms)
    headers: Headers = [NO_STORE, (b"etag", (good or tag).encode())]
    return Reply(304, b"", b"", headers) if good else Reply(200, JSON, body, headers)


@lru_cache(REMEMBERED)
def _told(version: str, degraded: bool, until_ms: int) -> Mapping[str, str | bool]:  # noqa: FBT001
    """Answer what the metadata tell of every answer."""
    until = {"valid_until": instant(until_ms)} if until_ms else {}
    return {"rules": version, "degraded": degraded, **until}


def _undecided(decision: Decision) -> Collection[str]:
    """Answer the segments that unknown facts leave open."""
    judgement = decision.judgement
    return frozenset(judgement.undecided) if judgement.facts.absent is UNKNOWN else ()
