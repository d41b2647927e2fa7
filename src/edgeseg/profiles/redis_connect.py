"""Read the address of a Redis server and open a second, slower way to it."""

import ssl
from collections.abc import Mapping
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.connection import parse_url
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from edgeseg.errors import SettingsError
from edgeseg.profiles.multiplexer import Address

_KNOWN_FORMS = "redis://HOST:PORT/DB, rediss://HOST:PORT/DB (TLS) and unix:///PATH"
_MAX_CONNECTIONS = 8


def parse_address(url: str) -> Address:
    """Answer where ``url`` points to.

    Options are those of redis-py: ``db``, ``ssl_ca_certs``, ``ssl_certfile``,
    ``ssl_keyfile``, ``ssl_cert_reqs`` (``none`` to accept any certificate) and
    ``ssl_check_hostname``.

    Raises:
        SettingsError: the form of the address is not supported.
    """
    scheme = url.partition("://")[0]
    if scheme in ("redis+sentinel", "redis+cluster"):
        raise SettingsError(f"{scheme}:// is not supported yet; supported are {_KNOWN_FORMS}")
    try:
        parts: Mapping[str, Any] = parse_url(url)
        db = int(parts.get("db", 0))
    except ValueError as error:
        raise SettingsError(f"not the address of a Redis server: {error}") from error
    if scheme == "unix" and not parts.get("path"):
        raise SettingsError("the address names no socket; the form is unix:///PATH")
    return Address(
        path=parts.get("path", ""),
        host=parts.get("host", "localhost"),
        port=parts.get("port", 6379),
        tls=_build_tls(parts) if scheme == "rediss" else None,
        username=parts.get("username", ""),
        password=parts.get("password", ""),
        db=db,
    )


def _build_tls(parts: Mapping[str, Any]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=parts.get("ssl_ca_certs"))
        if parts.get("ssl_certfile"):
            context.load_cert_chain(parts["ssl_certfile"], parts.get("ssl_keyfile"))
    except OSError as error:
        raise SettingsError(f"the TLS files of the Redis address: {error}") from error
    if str(parts.get("ssl_check_hostname", True)).lower() in ("false", "0", "no"):
        context.check_hostname = False
    if parts.get("ssl_cert_reqs") == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def connect_aside(url: str, *, timeout_s: float = 1.0) -> Redis:
    """Answer a redis-py client for scans, which must not delay page views.

    It connects when first used, never retries and fails after ``timeout_s``.
    """
    return Redis.from_url(
        url,
        socket_timeout=timeout_s,
        socket_connect_timeout=timeout_s,
        max_connections=_MAX_CONNECTIONS,
        protocol=2,
        retry=Retry(NoBackoff(), 0),
    )
