"""Traces: a span for each request of a hot route, with the store, the rules and the texts below.

The parts of a service are wrapped where they are joined, if anybody wants traces; a service
without has the parts themselves, so its requests do not even ask (ADR 26). What makes the
spans is a port; `edgeseg.otel` stands behind it. No span names a visitor, an address or a query.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Protocol, cast

import msgspec
from litestar.types import Message, Receive, Scope, Send

from edgeseg.decisions.campaign import Campaign, Slot, Variant
from edgeseg.decisions.content import Content, Contents, Reader
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.delivery.door import Face
from edgeseg.delivery.http import Reply
from edgeseg.events.event import Event
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.profile import Profile
from edgeseg.profiles.store import ProfileStore
from edgeseg.rule_folder import RuleFolder, RuleTexts
from edgeseg.segments.evaluator import Evaluator
from edgeseg.segments.facts import Facts
from edgeseg.segments.index import Evaluation


class Request(Protocol):
    """The span of a request."""

    def answered(self, status: int) -> None:
        """Note the status of the answer."""
        ...


class Tracer(Protocol):
    """Makes spans; one that is made within another is its child."""

    def request(self, route: str, scope: Scope) -> AbstractContextManager[Request]:
        """Span a request, below the span of the caller, if the request names one."""
        ...

    def step(self, name: str) -> AbstractContextManager[object]:
        """Span one step of the work."""
        ...

    def round_trip(self, operation: str) -> AbstractContextManager[object]:
        """Span an operation of the store, as its client sees it."""
        ...

    def close(self) -> None:
        """Send what is left; may take some seconds."""
        ...


class TracedFace:
    """A face whose requests are traced."""

    method: ClassVar[str]

    def __init__(self, face: Face, route: str, tracer: Tracer) -> None:
        """Trace ``face`` under the name ``route``, such as ``/v1/fragment/{slot}``."""
        self._face = face
        self._route = route
        self._tracer = tracer
        # Of a face it belongs to the class; here it is that of whichever is wrapped.
        self.method = face.method  # type: ignore[misc]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request over ASGI."""
        with self._tracer.request(self._route, scope) as span:

            async def send_noting(message: Message) -> None:
                if message["type"] == "http.response.start":
                    span.answered(message["status"])
                await send(message)

            await self._face(scope, receive, send_noting)

    async def respond(self, scope: Scope, body: bytes) -> Reply:
        """Answer one request whose body is ``body``."""
        with self._tracer.request(self._route, scope) as span:
            reply = await self._face.respond(scope, body)
            span.answered(reply.status)
            return reply


class TracedStore:
    """A store whose round trips for page views are traced; the rest is the store's own."""

    def __init__(self, store: ProfileStore, tracer: Tracer) -> None:
        """Trace ``store``."""
        self._store = store
        self._tracer = tracer

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the store has
        """Answer what is not traced."""
        return getattr(self._store, name)

    async def record(
        self, visitor_id: str, events: Sequence[Event], *, plan: MetricPlan, now_ms: int
    ) -> Profile:
        """Record, see `ProfileStore`."""
        with self._tracer.round_trip("record"):
            return await self._store.record(visitor_id, events, plan=plan, now_ms=now_ms)

    async def read(self, visitor_id: str, *, plan: MetricPlan) -> Profile | None:
        """Read, see `ProfileStore`."""
        with self._tracer.round_trip("read"):
            return await self._store.read(visitor_id, plan=plan)


class TracedRules(RuleFolder):
    """Rules whose evaluation and whose texts are traced."""

    def __init__(self, folder: RuleFolder, tracer: Tracer) -> None:
        """Trace what ``folder`` compiles."""
        vars(self).update(vars(folder))
        self._tracer = tracer

    def compile(self, texts: RuleTexts) -> Snapshot:
        """Compile what was read, see `RuleFolder`."""
        snapshot = super().compile(texts)
        return msgspec.structs.replace(
            snapshot,
            evaluator=_TracedEvaluator(snapshot.evaluator, self._tracer),
            contents=_TracedContents(snapshot.contents, self._tracer),
        )


class _TracedEvaluator(Evaluator):
    def __init__(self, evaluator: Evaluator, tracer: Tracer) -> None:
        vars(self).update(vars(evaluator))
        self._tracer = tracer

    def evaluate(self, facts: Facts, now_ms: int, *, exclude: bool = True) -> Evaluation[str]:
        with self._tracer.step("evaluate"):
            return super().evaluate(facts, now_ms, exclude=exclude)


class _TracedContents(Contents):
    def __init__(self, contents: Contents, tracer: Tracer) -> None:
        vars(self).update(vars(contents))
        self._tracer = tracer

    def of_variant(self, campaign: Campaign, variant: Variant, reader: Reader) -> Content:
        with self._tracer.step("render"):
            return super().of_variant(campaign, variant, reader)

    def of_fallback(self, slot: Slot, reader: Reader) -> Content:
        with self._tracer.step("render"):
            return super().of_fallback(slot, reader)


def trace_store(store: ProfileStore, tracer: Tracer | None) -> ProfileStore:
    """Answer ``store``, traced if there is somebody to trace it."""
    # The other methods are found by name, so that the port may grow.
    return cast("ProfileStore", TracedStore(store, tracer)) if tracer else store


def trace_rules(folder: RuleFolder, tracer: Tracer | None) -> RuleFolder:
    """Answer ``folder``, traced if there is somebody to trace it."""
    return TracedRules(folder, tracer) if tracer else folder


def trace_faces(
    faces: Mapping[str, Face], tracer: Tracer | None, rest: str = ""
) -> Mapping[str, Face]:
    """Answer path → face, traced if there is somebody to trace it.

    Args:
        faces: see `Door`.
        tracer: who does.
        rest: what stands in the route for the rest of a path.
    """
    if tracer is None:
        return faces
    return {path: TracedFace(face, path + rest, tracer) for path, face in faces.items()}
