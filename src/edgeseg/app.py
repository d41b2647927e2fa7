"""The composition root: the only place where things are built and joined."""

import asyncio
import gc
import logging
import multiprocessing
import os
import secrets
import signal
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

from litestar import Litestar, Request, Response
from litestar.config.cors import CORSConfig
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler

from edgeseg.assortment import LiveAssortment
from edgeseg.audiences.list_figures import ListFigures
from edgeseg.audiences.list_upkeep import ListSource, ListUpkeep
from edgeseg.catalogue_file import CatalogueFile, find_catalogue
from edgeseg.clock import DAY_MS, Clock, system_clock
from edgeseg.delivery.audit import AuditLog
from edgeseg.delivery.campaigns import campaign_routes
from edgeseg.delivery.catalogue import catalogue_routes
from edgeseg.delivery.classify import Classify
from edgeseg.delivery.door import Door, Face
from edgeseg.delivery.edge import Edge, Limits
from edgeseg.delivery.flood import Floods, Networks
from edgeseg.delivery.fragment import Fragment
from edgeseg.delivery.geography import Geography, open_database
from edgeseg.delivery.health import health_routes
from edgeseg.delivery.identity_token import TokenReader
from edgeseg.delivery.list_fetch import Reach
from edgeseg.delivery.list_folder import find_list_files
from edgeseg.delivery.list_sources import find_list_sources
from edgeseg.delivery.lists import list_routes
from edgeseg.delivery.management import listening
from edgeseg.delivery.me import me_routes
from edgeseg.delivery.memberships import membership_routes
from edgeseg.delivery.ofrep import PATH as FLAGS
from edgeseg.delivery.ofrep import Ofrep
from edgeseg.delivery.openapi import describe_hot_routes, openapi_config
from edgeseg.delivery.preview_link import PreviewSigner
from edgeseg.delivery.privacy import privacy_routes
from edgeseg.delivery.problems import CONTENT_TYPE, ProblemDocument, problem, problem_of
from edgeseg.delivery.readiness import Readiness
from edgeseg.delivery.routes import flag_routes, hot_routes
from edgeseg.delivery.segment_key import SegmentKeySigner
from edgeseg.delivery.segment_key_route import SegmentKey
from edgeseg.delivery.snippet import snippet_routes
from edgeseg.delivery.tracking import PATHS as TRACKED
from edgeseg.delivery.tracking import Tracking
from edgeseg.delivery.tracking_settings import tracking_routes
from edgeseg.delivery.visitor_id import CookieSigner
from edgeseg.delivery.visitor_rights import visitor_rights_routes
from edgeseg.delivery.visitors import visitor_routes
from edgeseg.errors import EdgesegError, SettingsError
from edgeseg.events.admission import Policies
from edgeseg.events.currency import Currencies, read_rates
from edgeseg.events.device import DeviceDetector
from edgeseg.insights.recorder import OutcomeRecorder
from edgeseg.intake import Intake
from edgeseg.kept_rules import kept_rules_from
from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.identity import Identities
from edgeseg.profiles.list_store import ListStore
from edgeseg.profiles.redis_connect import build_redis_store, build_redis_sweep
from edgeseg.profiles.redis_sweep import RedisSweep
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.store import ProfileStore
from edgeseg.rule_folder import RuleFolder
from edgeseg.rule_reload import LiveRules
from edgeseg.settings import Settings, read_settings
from edgeseg.telemetry import Telemetry
from edgeseg.tracing import Tracer, trace_faces, trace_rules, trace_store

_log = logging.getLogger(__name__)
_WARM_AGENT: Final = "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0 Safari/537.36"


def create_app(
    settings: Settings,
    *,
    store: ProfileStore,
    clock: Clock = system_clock,
    more_routes: Sequence[HTTPRouteHandler] = (),
) -> Litestar:
    """Build the service without its door, see `create_door`."""
    return create_door(settings, store=store, clock=clock, more_routes=more_routes).app


def create_door(
    settings: Settings,
    *,
    store: ProfileStore,
    clock: Clock = system_clock,
    more_routes: Sequence[HTTPRouteHandler] = (),
    tracer: Tracer | None = None,
) -> Door:
    """Build the service.

    Args:
        settings: read once, by the caller.
        store: where profiles are kept; opened and closed with the application.
        clock: answers the current instant, epoch milliseconds.
        more_routes: such as those of the demo site.
        tracer: makes spans; None for the one that the settings ask for, if they do.

    Raises:
        RulesError: the rule files have problems.
        SettingsError: the folder of the secret cannot be written.
    """
    telemetry = Telemetry(shared="PROMETHEUS_MULTIPROC_DIR" in os.environ)
    store.observe(telemetry)
    tracer = tracer or tracer_from(settings)
    store, folder = trace_store(store, tracer), trace_rules(rules_from(settings), tracer)
    keys = settings.secret or (find_secret(Path(settings.data_dir)),)
    identities = Identities(settings.id_key or keys[-1])
    networks = _networks(settings)
    edge = Edge(
        rules=LiveRules(folder, telemetry, clock, kept_rules_from(os.environ)),
        store=store,
        products=LiveAssortment(store.products, catalogue_from(settings), telemetry, clock),
        outcomes=OutcomeRecorder(store, telemetry, settings.zone),
        telemetry=telemetry,
        clock=clock,
        cookies=CookieSigner(keys),
        identities=identities,
        audit=AuditLog(settings.audit_log, identities),
        tokens=TokenReader(settings.identity_keys),
        segment_keys=SegmentKeySigner(keys),
        previews=PreviewSigner(keys),
        devices=DeviceDetector(),
        limits=_limits(settings),
        intake=intake_from(settings, telemetry),
        readiness=Readiness(),
        floods=Floods(settings.visitor_rate, settings.network_rate, networks),
        geography=_geography(settings, networks),
    )
    upkeep = ListUpkeep(
        store.lists,
        clock,
        settings.lists_s,
        lambda: _list_sources(settings, identities, store.lists),
        ListFigures(telemetry),
    )
    health = health_routes(edge)
    management = _bare_app(health) if settings.management_port else None
    # One of each for both ways in: they count what is under way.
    classify, tracking, flags = Classify(edge), Tracking(edge), Ofrep(edge)
    app = Litestar(
        route_handlers=[
            *hot_routes(edge, classify, tracking),
            *flag_routes(edge, flags),
            *privacy_routes(edge),
            *me_routes(edge),
            *visitor_routes(edge),
            *visitor_rights_routes(edge),
            *membership_routes(edge),
            *list_routes(edge, upkeep, settings.max_list_bytes),
            *catalogue_routes(edge, settings.max_catalogue_bytes),
            *campaign_routes(edge),
            *([] if management else health),
            *tracking_routes(edge),
            *snippet_routes(),
            *more_routes,
        ],
        lifespan=[lambda _app: _running(edge, settings, management, upkeep)],
        on_shutdown=[tracer.close] if tracer else [],
        exception_handlers=_PROBLEMS,
        openapi_config=openapi_config(),
        cors_config=_cors(settings.allowed_origins),
        logging_config=None,
        request_max_body_size=settings.max_body_bytes,
    )
    describe_hot_routes(app)
    faces: dict[str, Face] = {
        "/v1/classify": classify,
        "/v1/segment-key": SegmentKey(edge),
        FLAGS: flags,
        **dict.fromkeys(TRACKED, tracking),
    }
    mounts: dict[str, Face] = {"/v1/fragment/": Fragment(edge), f"{FLAGS}/": flags}
    return Door(
        app,
        trace_faces(faces, tracer),
        edge.readiness,
        mounts=trace_faces(mounts, tracer, rest="{name}"),
        cors=bool(settings.allowed_origins),
        max_body_bytes=settings.max_body_bytes,
        client_timeout_s=settings.client_timeout_s,
    )


def serve_from_environment() -> Door:
    """Build the service of one worker process, as the environment says."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()
    settings = read_settings(os.environ)
    return create_door(settings, store=store_from(settings))


def _list_sources(
    settings: Settings, identities: Identities, lists: ListStore
) -> Iterator[ListSource]:
    if not settings.lists:
        return
    folder = Path(settings.lists)
    reach = Reach(private=settings.lists_private, max_bytes=settings.max_list_bytes)
    yield from find_list_files(folder, identities)
    yield from find_list_sources(folder, identities, lists, reach)


def tracer_from(settings: Settings) -> Tracer | None:
    """Build what makes the spans that the settings ask for, None where they ask for none.

    Raises:
        SettingsError: it is not installed.
    """
    if not settings.traces:
        return None
    try:
        from edgeseg.otel import OtelTracer  # noqa: PLC0415 - an extra
    except ImportError as error:
        message = "EDGESEG_TRACES needs the extra: pip install 'edgeseg[traces]'"
        raise SettingsError(message) from error
    return OtelTracer(settings.traces)


def rules_from(settings: Settings) -> RuleFolder:
    """Build the reader of the rule files that the settings name."""
    return RuleFolder(Path(settings.rules), Path(settings.templates), settings.zone)


def catalogue_from(settings: Settings) -> CatalogueFile | None:
    """Answer the file of products that the settings name, None where there is none."""
    return find_catalogue(settings.catalogue, Path(settings.rules))


def intake_from(settings: Settings, telemetry: Telemetry) -> Intake:
    """Build what holds events and attributes to the schema and to the settings."""
    currencies = Currencies(settings.currency, read_rates(settings.currency_rates))
    return Intake(policies_from(settings), telemetry, settings.url_parameters, currencies)


def policies_from(settings: Settings) -> Policies:
    """Answer what becomes of events, properties and fields that nobody declared."""
    return Policies(
        events=settings.unknown_events,
        properties=settings.unknown_properties,
        fields=settings.unknown_fields,
    )


def store_from(settings: Settings) -> ProfileStore:
    """Build the store that the settings name; `EDGESEG_REDIS_URL` must be set by now."""
    retention = Retention(
        retention_ms=settings.retention_days * DAY_MS,
        cap_ms=settings.retention_cap_days * DAY_MS,
        journal_events=settings.journal_events,
        counts_ms=settings.outcome_days * DAY_MS,
    )
    limits = ConnectionLimits(timeout_s=settings.budget_ms / 1_000 / 2)
    return build_redis_store(
        settings.redis_url,
        prefix=settings.key_prefix,
        retention=retention,
        limits=limits,
        cache_bytes=settings.cache_mb * 1_000_000,
        stale_s=settings.stale_s,
    )


def sweep_from(settings: Settings) -> RedisSweep:
    """Build what walks over all profiles of that store."""
    return build_redis_sweep(
        settings.redis_url, prefix=settings.key_prefix, retention=_retention(settings)
    )


def _retention(settings: Settings) -> Retention:
    return Retention(
        retention_ms=settings.retention_days * DAY_MS,
        cap_ms=settings.retention_cap_days * DAY_MS,
        journal_events=settings.journal_events,
    )


def find_secret(folder: Path) -> str:
    """Answer the cookie secret kept in ``folder``; make one on the first start.

    Raises:
        SettingsError: the folder cannot be written.
    """
    path = folder / "secret"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Whoever comes first makes it; workers that start together then read the same.
        with suppress(FileExistsError):
            fresh = path.with_name(f"secret.{os.getpid()}")
            fresh.touch(mode=0o600)
            fresh.write_text(secrets.token_urlsafe(32), "utf-8")
            try:
                os.link(fresh, path)
            finally:
                fresh.unlink()
        return path.read_text("utf-8").strip()
    except OSError as error:
        message = f"cannot keep a secret in {folder}: {error}; set EDGESEG_SECRET"
        raise SettingsError(message) from error


def _end_after(parent: BaseProcess) -> None:
    """End this worker in good order once its parent is gone, were it killed: the port is freed."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


@asynccontextmanager
async def _running(
    edge: Edge, settings: Settings, management: Litestar | None, upkeep: ListUpkeep
) -> AsyncIterator[None]:
    async with AsyncExitStack() as stack:
        stack.enter_context(edge.readiness.ended_by_sigterm(settings.drain_s))
        if management:
            port = settings.management_port
            await stack.enter_async_context(listening(management, settings.host, port))
            begun = edge.readiness.await_listening(settings.host, settings.port)
            await stack.enter_async_context(_in_background(begun))
        await stack.enter_async_context(_working(edge, settings.reload_s, settings.products_s))
        await stack.enter_async_context(_in_background(upkeep.run()))
        yield


@asynccontextmanager
async def _in_background(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def _working(edge: Edge, reload_s: float, products_s: float) -> AsyncIterator[None]:
    await edge.store.open()
    await edge.products.start(products_s)
    edge.devices.detect(_WARM_AGENT)  # compiles the patterns before the first visitor waits
    watch = asyncio.create_task(edge.rules.watch(reload_s)) if reload_s else None
    counting = asyncio.create_task(edge.outcomes.run())
    gc.collect()
    gc.freeze()  # what lives as long as the process need not be looked at again
    try:
        yield
    finally:
        if watch:
            watch.cancel()
            with suppress(asyncio.CancelledError):
                await watch
        await edge.outcomes.close(counting)
        await edge.products.stop()
        await edge.store.close()


def _limits(settings: Settings) -> Limits:
    return Limits(
        max_body_bytes=settings.max_body_bytes,
        max_events=settings.max_events,
        cookie=settings.cookie,
        allowed_origins=frozenset(settings.allowed_origins),
        storage_purpose=settings.storage_purpose,
        respect_gpc=settings.respect_gpc,
        consent_ms=settings.consent_days * DAY_MS,
        cap_ms=settings.retention_cap_days * DAY_MS,
        identity_property=settings.identity_property,
        public_explain=settings.public_explain,
        server_keys=frozenset(settings.server_keys),
        write_keys=frozenset(settings.write_keys),
        write_key_consent=settings.write_key_consent,
        max_message_bytes=settings.max_message_bytes,
        max_batch_bytes=settings.max_batch_bytes,
        max_requests=settings.max_requests,
        max_tracking_calls=settings.max_tracking_calls,
        max_flag_calls=settings.max_flag_calls,
        max_flag_streams=settings.max_flag_streams,
        time_zone=settings.zone,
    )


def _networks(settings: Settings) -> Networks:
    try:
        return Networks(settings.trusted_proxies)
    except ValueError as error:
        raise SettingsError(f"EDGESEG_TRUSTED_PROXIES: {error}") from error


def _geography(settings: Settings, networks: Networks) -> Geography:
    named = {
        "country": settings.geo_country_header,
        "region": settings.geo_region_header,
        "city": settings.geo_city_header,
    }
    headers = {name: text for name, text in named.items() if text}
    if headers and not settings.trusted_proxies:
        message = "EDGESEG_GEO_..._HEADER: headers are believed only from EDGESEG_TRUSTED_PROXIES"
        raise SettingsError(message)
    database = open_database(settings.geo_db) if settings.geo_db else None
    return Geography(networks, headers, database)


def _cors(origins: Sequence[str]) -> CORSConfig | None:
    if not origins:
        return None
    for origin in origins:
        if "*" in origin or origin == "null" or "://" not in origin:
            message = f"EDGESEG_ALLOWED_ORIGINS: {origin!r} is not an exact origin"
            raise SettingsError(message)
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=[
            *("content-type", "authorization", "x-retry-count", "edgeseg-identity"),
            *("if-none-match", "x-api-key", "edgeseg-segment-key"),
        ],
        expose_headers=["ETag"],
        allow_credentials=True,
        max_age=600,
    )


def _answer_problem(_request: Request[Any, Any, Any], error: EdgesegError) -> Response[Any]:
    return _respond(problem_of(error))


def _answer_http_problem(_request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    if error.status_code >= 500:  # noqa: PLR2004 - the server's own faults
        _log.exception("request failed", exc_info=error)
    return _respond(problem(error.status_code, "http", error.detail, error.detail))


_PROBLEMS: Final[Any] = {EdgesegError: _answer_problem, HTTPException: _answer_http_problem}


def _bare_app(routes: Sequence[HTTPRouteHandler]) -> Litestar:
    return Litestar(routes, exception_handlers=_PROBLEMS, openapi_config=None, logging_config=None)


def _respond(document: ProblemDocument) -> Response[Any]:
    media_type = CONTENT_TYPE.decode()
    return Response(document, status_code=document.status, media_type=media_type)
