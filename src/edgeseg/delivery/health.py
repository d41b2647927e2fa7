"""``/healthz``, ``/readyz``, ``/status`` and ``/metrics``, for operators."""

import asyncio
import os
from typing import Any, Final

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from edgeseg import __version__
from edgeseg.clock import instant
from edgeseg.delivery.edge import Edge
from edgeseg.delivery.problems import CONTENT_TYPE, problem
from edgeseg.errors import Problem, StoreError
from edgeseg.profiles.breaker import Breaker

PING_TIMEOUT_S: Final = 0.5
_EXPOSITION: Final = "text/plain; version=0.0.4"  # Litestar adds the charset


class StoreStatus(msgspec.Struct, frozen=True):
    """Whether the profile store answers; ``error`` says why not.

    ``breaker`` is the state of the page views' connection in the worker that answers.
    """

    reachable: bool
    breaker: Breaker
    error: str = ""


class RulesStatus(msgspec.Struct, frozen=True):
    """The rules in force, and what is wrong with the files if they are newer."""

    version: str
    loaded_at: str
    segments: int
    campaigns: int
    slots: list[str]
    problems: list[Problem]


class UnknownStatus(msgspec.Struct, frozen=True):
    """A name that came in and that the rules do not declare.

    ``kind`` is ``event``, ``property`` or ``field``; ``outcome`` what became of it.
    """

    kind: str
    name: str
    outcome: str
    times: int


class ListSummary(msgspec.Struct, frozen=True):
    """A list: its size, when it was put last, and why its source could not be read since."""

    name: str
    members: int
    put_at: str
    error: str


class Status(msgspec.Struct, frozen=True):
    """Body of ``/status``; ``unknown`` is of the worker that answers, the latest first.

    ``worker`` is its process id. ``lists`` is empty while the store does not answer.
    """

    version: str
    worker: int
    store: StoreStatus
    rules: RulesStatus
    unknown: list[UnknownStatus]
    lists: list[ListSummary]


def health_routes(edge: Edge) -> list[HTTPRouteHandler]:
    """Answer the routes, bound to the service's parts."""

    @get("/healthz", sync_to_thread=False, summary="Is the process alive?")
    def healthz() -> dict[str, str]:
        return {"status": "alive"}

    @get("/readyz", sync_to_thread=False, summary="May requests be sent here?")
    def readyz() -> Response[Any]:
        """Answer ready once rules are loaded; a dead store only degrades answers.

        Answers 503 from SIGTERM on, while what still comes is answered.
        """
        if edge.readiness.draining:
            document = problem(503, "draining", "Not ready", "told to end; ask another one")
            return Response(document, status_code=503, media_type=CONTENT_TYPE.decode())
        return Response({"status": "ready", "rules": edge.rules.current.version})

    @get("/status", summary="What is going on?")
    async def status() -> Status:
        rules = edge.rules
        current = rules.current
        return Status(
            version=__version__,
            worker=os.getpid(),
            store=await _store_status(edge),
            rules=RulesStatus(
                version=current.version,
                loaded_at=instant(rules.loaded_at_ms),
                segments=len(current.definitions.segments),
                campaigns=sum(map(len, current.campaigns.values())),
                slots=list(current.slots),
                problems=list(rules.problems),
            ),
            unknown=[UnknownStatus(*each) for each in edge.intake.unknown_names()],
            lists=await _lists(edge),
        )

    @get(
        "/metrics",
        sync_to_thread=True,  # reads the files of all workers
        media_type=_EXPOSITION,
        summary="Counters and timings for Prometheus",
    )
    def metrics() -> Response[Any]:
        return Response(edge.telemetry.exposition(), media_type=_EXPOSITION)

    return [healthz, readyz, status, metrics]


async def _store_status(edge: Edge) -> StoreStatus:
    try:
        async with asyncio.timeout(PING_TIMEOUT_S):
            await edge.store.ping()
    except (StoreError, TimeoutError) as error:
        why = str(error) or "no answer in time"
        return StoreStatus(reachable=False, breaker=edge.store.breaker, error=why)
    return StoreStatus(reachable=True, breaker=edge.store.breaker)


async def _lists(edge: Edge) -> list[ListSummary]:
    try:
        async with asyncio.timeout(PING_TIMEOUT_S):
            known = await edge.store.lists.all()
    except (StoreError, TimeoutError):
        return []
    return [
        ListSummary(
            each.name, each.members, instant(each.put_ms) if each.put_ms else "", each.error
        )
        for each in known
    ]
