"""The composition root: the only place where things are built and joined."""

import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from litestar import Litestar
from litestar.handlers import HTTPRouteHandler

from edgeseg.assembly import (
    catalogue_from,
    identities_from,
    intake_from,
    keys_from,
    rules_from,
    store_from,
    tracer_from,
)
from edgeseg.assortment import LiveAssortment
from edgeseg.audiences.list_figures import ListFigures
from edgeseg.audiences.list_upkeep import ListSource, ListUpkeep
from edgeseg.clock import DAY_MS, Clock, system_clock
from edgeseg.delivery.audit import AuditLog
from edgeseg.delivery.campaigns import campaign_routes
from edgeseg.delivery.catalogue import catalogue_routes
from edgeseg.delivery.classify import Classify
from edgeseg.delivery.cookie_caller import CookieCallers
from edgeseg.delivery.door import Door, Face
from edgeseg.delivery.edge import Edge, Limits
from edgeseg.delivery.flood import Floods
from edgeseg.delivery.fragment import Fragment
from edgeseg.delivery.health import health_routes
from edgeseg.delivery.identity_token import TokenReader
from edgeseg.delivery.list_fetch import Reach
from edgeseg.delivery.list_finder import find_sources
from edgeseg.delivery.lists import list_routes
from edgeseg.delivery.me import me_routes
from edgeseg.delivery.memberships import membership_routes
from edgeseg.delivery.ofrep import PATH as FLAGS
from edgeseg.delivery.ofrep import Ofrep
from edgeseg.delivery.openapi import describe_hot_routes, openapi_config
from edgeseg.delivery.preview_link import PreviewSigner
from edgeseg.delivery.privacy import privacy_routes
from edgeseg.delivery.problem_handlers import PROBLEM_HANDLERS
from edgeseg.delivery.readiness import Readiness
from edgeseg.delivery.routes import hot_routes
from edgeseg.delivery.segment_key import SegmentKeySigner
from edgeseg.delivery.segment_key_route import SegmentKey
from edgeseg.delivery.snippet import snippet_routes
from edgeseg.delivery.tracking import PATHS as TRACKED
from edgeseg.delivery.tracking import Tracking
from edgeseg.delivery.tracking_settings import tracking_routes
from edgeseg.delivery.variance import note_variance
from edgeseg.delivery.visitor_id import CookieSigner
from edgeseg.delivery.visitor_rights import visitor_rights_routes
from edgeseg.delivery.visitor_segments import visitor_segment_routes
from edgeseg.delivery.visitors import visitor_routes
from edgeseg.events.device import DeviceDetector
from edgeseg.insights.recorder import OutcomeRecorder
from edgeseg.kept_rules import kept_rules_from
from edgeseg.lifespan import running
from edgeseg.profiles.identity import Identities
from edgeseg.profiles.list_store import ListStore
from edgeseg.profiles.store import ProfileStore
from edgeseg.rule_reload import LiveRules
from edgeseg.settings import Settings
from edgeseg.settings_reader import read_settings
from edgeseg.surroundings import cors_from, geography_from, networks_from
from edgeseg.telemetry import Telemetry
from edgeseg.tracing import Tracer, trace_faces, trace_rules, trace_store

_log = logging.getLogger(__name__)


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
    telemetry = Telemetry(os.environ)
    store.observe(telemetry)
    tracer = tracer or tracer_from(settings)
    store, folder = trace_store(store, tracer), trace_rules(rules_from(settings), tracer)
    keys, identities = keys_from(settings), identities_from(settings)
    networks = networks_from(settings)
    cookies, limits = CookieSigner(keys), _limits(settings)
    edge = Edge(
        rules=LiveRules(folder, telemetry, clock, kept_rules_from(os.environ)),
        store=store,
        products=LiveAssortment(store.products, catalogue_from(settings), telemetry, clock),
        outcomes=OutcomeRecorder(store, telemetry, settings.zone),
        telemetry=telemetry,
        clock=clock,
        cookies=cookies,
        callers=CookieCallers(cookies, limits.storage_purpose, limits.consent_ms),
        identities=identities,
        audit=AuditLog(settings.audit_log, identities),
        tokens=TokenReader(settings.identity_keys),
        segment_keys=SegmentKeySigner(keys),
        previews=PreviewSigner(keys),
        devices=DeviceDetector(),
        limits=limits,
        intake=intake_from(settings, telemetry),
        readiness=Readiness(),
        floods=Floods(settings.visitor_rate, settings.network_rate, networks),
        geography=geography_from(settings, networks),
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
    faces, mounts = _faces(edge, tracer)
    app = Litestar(
        route_handlers=[
            *hot_routes(edge, faces, mounts),
            *privacy_routes(edge),
            *me_routes(edge),
            *visitor_routes(edge),
            *visitor_segment_routes(edge),
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
        lifespan=[lambda _app: running(edge, settings, management, upkeep)],
        on_shutdown=[tracer.close] if tracer else [],
        exception_handlers=PROBLEM_HANDLERS,
        openapi_config=openapi_config(),
        cors_config=cors_from(settings.allowed_origins),
        middleware=[note_variance] if settings.allowed_origins else [],
        logging_config=None,
        request_max_body_size=settings.max_body_bytes,
    )
    describe_hot_routes(app, settings.cookie)
    return Door(
        app,
        faces,
        edge.readiness,
        mounts=mounts,
        cors=bool(settings.allowed_origins),
        max_body_bytes=settings.max_body_bytes,
        client_timeout_s=settings.client_timeout_s,
    )


def serve_from_environment() -> Door:
    """Build the service of one worker process, as the environment says."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the parent hears it, and ends us in order
        threading.Thread(target=_end_after, args=(parent,), daemon=True).start()
    settings = read_settings(os.environ)
    return create_door(settings, store=store_from(settings))


def _faces(edge: Edge, tracer: Tracer | None) -> tuple[Mapping[str, Face], Mapping[str, Face]]:
    """Answer the faces and mounts of the door, one of each: they count what is under way."""
    tracking, flags = Tracking(edge), Ofrep(edge)
    faces: dict[str, Face] = {
        "/v1/classify": Classify(edge),
        "/v1/segment-key": SegmentKey(edge),
        FLAGS: flags,
        **dict.fromkeys(TRACKED, tracking),
    }
    mounts: dict[str, Face] = {"/v1/fragment/": Fragment(edge), f"{FLAGS}/": flags}
    return trace_faces(faces, tracer), trace_faces(mounts, tracer, rest="{name}")


def _list_sources(
    settings: Settings, identities: Identities, lists: ListStore
) -> Iterator[ListSource]:
    if not settings.lists:
        return
    folder = Path(settings.lists)
    reach = Reach(private=settings.lists_private, max_bytes=settings.max_list_bytes)
    yield from find_sources(folder, identities, lists, reach)


def _end_after(parent: BaseProcess) -> None:
    """End this worker in good order once its parent is gone, were it killed: the port is freed."""
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)


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


def _bare_app(routes: Sequence[HTTPRouteHandler]) -> Litestar:
    return Litestar(
        routes, exception_handlers=PROBLEM_HANDLERS, openapi_config=None, logging_config=None
    )
