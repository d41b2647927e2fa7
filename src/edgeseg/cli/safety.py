"""What is unsafe about the settings, as `edgeseg doctor` tells it."""

from collections.abc import Iterator
from ipaddress import ip_network
from itertools import combinations
from typing import Final, Literal, NamedTuple
from urllib.parse import urlsplit

from edgeseg.delivery.http import is_loopback
from edgeseg.errors import SettingsError
from edgeseg.profiles.address import parse_location
from edgeseg.settings import PREFIX, Settings

_LONG_ENOUGH: Final = 32
_LETTERS_ENOUGH: Final = 10
_WIDE: Final = {4: 8, 6: 16}
"""Shortest prefixes of networks that anybody could own."""
_KEYS: Final = ("secret", "server_keys", "write_keys", "identity_keys", "id_key")


class Finding(NamedTuple):
    """One thing the doctor looked at, and what to do about it."""

    state: Literal["ok", "warning", "problem"]
    what: str
    detail: str


def safety(settings: Settings) -> list[Finding]:
    """Answer what is unsafe about the settings; nothing means that nothing was found."""
    return [
        *_secrets(settings),
        *_shared_keys(settings),
        *_policies(settings),
        *_addresses(settings),
        *_exposure(settings),
    ]


def _warning(what: str, detail: str) -> Finding:
    return Finding("warning", what, detail)


def _secrets(settings: Settings) -> Iterator[Finding]:
    if not settings.secret:
        detail = f"made and kept in {settings.data_dir}; set EDGESEG_SECRET to share it"
        if _reads_over_network(settings):
            detail += ": machines with a secret each take the others' visitors for strangers"
        yield _warning("cookie secret", detail)
    if len(settings.secret) > 1 and not settings.id_key:
        detail = "known people are found by the last key of EDGESEG_SECRET; before you drop it, set"
        detail += " EDGESEG_ID_KEY to it, or all of them become strangers"
        yield _warning("EDGESEG_ID_KEY", detail)
    for name in ("secret", "server_keys", "identity_keys"):
        if any(_is_weak(key) for key in getattr(settings, name)):
            detail = "short or monotonous; make one by `openssl rand -base64 32`"
            yield _warning(_variable(name), detail)


def _is_weak(key: str) -> bool:
    return len(key) < _LONG_ENOUGH or len(set(key)) < _LETTERS_ENOUGH


def _shared_keys(settings: Settings) -> Iterator[Finding]:
    if set(settings.server_keys) & set(settings.write_keys):
        detail = "a server key is also a write key: pages show it, and it opens every profile"
        yield _warning("EDGESEG_SERVER_KEYS", detail)
    for one, other in combinations(_KEYS, 2):
        if (one, other) in {("server_keys", "write_keys"), ("secret", "id_key")}:
            continue  # told above; and meant to be so
        if _keys_of(settings, one) & _keys_of(settings, other):
            detail = f"shares a key with {_variable(other)}: who has to know one learns both"
            yield _warning(_variable(one), detail)


def _keys_of(settings: Settings, name: str) -> set[str]:
    value: str | tuple[str, ...] = getattr(settings, name)
    return {value} - {""} if isinstance(value, str) else set(value)


def _policies(settings: Settings) -> Iterator[Finding]:
    if settings.public_explain:
        detail = "any browser can read the rules through explanations; unset it outside demos"
        yield _warning("EDGESEG_PUBLIC_EXPLAIN", detail)
    if not settings.respect_gpc:
        detail = "visitors who opt out by Global Privacy Control are profiled all the same"
        yield _warning("EDGESEG_RESPECT_GPC", detail)
    for name in ("visitor_rate", "network_rate"):
        if not getattr(settings, name):
            yield _warning(_variable(name), "no bound: one sender may take the whole worker")


def _addresses(settings: Settings) -> Iterator[Finding]:
    if _reads_over_network(settings) and not settings.redis_url.startswith("rediss"):
        detail = "profiles cross the network in the clear; write rediss for redis"
        yield _warning("EDGESEG_REDIS_URL", detail)
    for origin in settings.allowed_origins:
        if origin.startswith("http://") and not _is_local(origin):
            yield _warning(f"origin {origin}", "not encrypted; use https://")
    for proxy in settings.trusted_proxies:
        try:
            network = ip_network(proxy)
        except ValueError as error:
            yield Finding("problem", "EDGESEG_TRUSTED_PROXIES", str(error))
            continue
        if network.prefixlen < _WIDE[network.version]:
            yield _warning(f"proxy {proxy}", "so wide that anybody can say where they are from")


def _exposure(settings: Settings) -> Iterator[Finding]:
    """Tell what is open where others than this machine may call."""
    if is_loopback(settings.host):
        return
    if not settings.management_port:
        detail = "/metrics and /status are on the public port; set it, or let the proxy hide them"
        yield _warning("EDGESEG_MANAGEMENT_PORT", detail)
    if not settings.redis_url:
        detail = "the embedded store serves one machine, without a replica; set an address"
        yield _warning("EDGESEG_REDIS_URL", detail)


def _variable(name: str) -> str:
    return PREFIX + name.upper()


def _reads_over_network(settings: Settings) -> bool:
    if not settings.redis_url:
        return False
    try:
        location = parse_location(settings.redis_url)
    except SettingsError:
        return False  # told where the store is tried
    return not all(map(is_loopback, location.hosts))


def _is_local(origin: str) -> bool:
    try:
        return is_loopback(urlsplit(origin).hostname or "")
    except ValueError:
        return False
