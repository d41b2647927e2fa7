"""What the settings name, built: rules, store, intake of events. Nothing here knows HTTP."""

import os
import secrets
from contextlib import suppress
from pathlib import Path

from edgeseg.catalogue_file import CatalogueFile, find_catalogue
from edgeseg.clock import DAY_MS
from edgeseg.errors import SettingsError
from edgeseg.events.admission import Policies
from edgeseg.events.currency import Currencies, read_rates
from edgeseg.intake import Intake
from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.identity import Identities
from edgeseg.profiles.redis_connect import build_redis_store, build_redis_sweep
from edgeseg.profiles.redis_sweep import RedisSweep
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.store import ProfileStore
from edgeseg.rule_folder import RuleFolder
from edgeseg.settings import Settings
from edgeseg.telemetry import Telemetry
from edgeseg.tracing import Tracer


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
    limits = ConnectionLimits(timeout_s=settings.budget_ms / 1_000 / 2)
    return build_redis_store(
        settings.redis_url,
        prefix=settings.key_prefix,
        retention=_retention(settings),
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
        counts_ms=settings.outcome_days * DAY_MS,
    )


def keys_from(settings: Settings) -> tuple[str, ...]:
    """Answer the keys that sign: the first signs, all verify.

    Raises:
        SettingsError: none is set, and none can be kept in the data folder.
    """
    return settings.secret or (find_secret(Path(settings.data_dir)),)


def id_key_from(settings: Settings) -> str:
    """Answer the key that turns ids of people and visitors of logs into ours; it never rotates.

    Raises:
        SettingsError: as `keys_from`.
    """
    return settings.id_key or keys_from(settings)[-1]


def identities_from(settings: Settings) -> Identities:
    """Build what turns foreign names into ids and index entries.

    Raises:
        SettingsError: as `keys_from`.
    """
    return Identities(id_key_from(settings))


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
