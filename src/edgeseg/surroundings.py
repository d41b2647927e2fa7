"""What the settings say of the world around: proxies, places, other origins, files, the store."""

import re
from collections.abc import Sequence
from typing import Final

from litestar.config.cors import CORSConfig

from edgeseg.assembly import catalogue_from, store_from, tracer_from
from edgeseg.delivery.audit import check_audit_log
from edgeseg.delivery.flood import Networks
from edgeseg.delivery.geography import Geography, open_database
from edgeseg.errors import SettingsError
from edgeseg.settings import Settings

_ORIGIN: Final = re.compile(
    r"(?!http:.*:80$|https:.*:443$)"
    r"([a-z][a-z0-9+.-]*://[a-z0-9._-]+(:[0-9]+)?|[a-z]+://\[[0-9a-f:]+\](:[0-9]+)?)"
)
"""As browsers write it: nothing behind the host and its port, unless that is the usual one, no
capital letters."""


def check_surroundings(settings: Settings) -> None:
    """Find what a worker would fail at, before there are several that fail again and again.

    Raises:
        SettingsError: the service cannot be built by these settings.
    """
    geography_from(settings, networks_from(settings))
    cors_from(settings.allowed_origins)
    catalogue_from(settings)
    check_audit_log(settings.audit_log)
    if settings.redis_url:
        store_from(settings)
    if tracer := tracer_from(settings):
        tracer.close()


def networks_from(settings: Settings) -> Networks:
    """Build what tells whose request it is, through the proxies that are listed.

    Raises:
        SettingsError: one of them is no address and no network.
    """
    try:
        return Networks(settings.trusted_proxies)
    except ValueError as error:
        raise SettingsError(f"EDGESEG_TRUSTED_PROXIES: {error}") from error


def geography_from(settings: Settings, networks: Networks) -> Geography:
    """Build what tells where visitors are.

    Raises:
        SettingsError: the database cannot be read, or nobody may tell by a header.
    """
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


def cors_from(origins: Sequence[str]) -> CORSConfig | None:
    """Answer what pages of other origins may do, None for nothing.

    Raises:
        SettingsError: one of ``origins`` is none that a browser could send.
    """
    if not origins:
        return None
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            message = f"EDGESEG_ALLOWED_ORIGINS: {origin!r} is not an exact origin, such as"
            message += " https://www.example.org"
            raise SettingsError(message)
    return CORSConfig(
        allow_origins=list(origins),
        allow_methods=["GET", "POST", "PUT", "DELETE"],
        allow_headers=[
            *("content-type", "authorization", "x-retry-count", "edgeseg-identity"),
            *("if-none-match", "x-api-key", "edgeseg-segment-key"),
        ],
        expose_headers=["ETag", "Retry-After", "Edgeseg-Status", "Edgeseg-Valid-Until"],
        allow_credentials=True,
        max_age=600,
    )
