"""From the address of a store to the way to its servers, and to the store itself."""

from collections.abc import Callable
from typing import Final

from edgeseg.profiles.address import Address, Form, Location, parse_location
from edgeseg.profiles.cluster import Cluster
from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.discovery import SentinelCouncil
from edgeseg.profiles.multiplexer import Multiplexer, Watcher
from edgeseg.profiles.near_cache import NearCache
from edgeseg.profiles.redis_store import RedisStore
from edgeseg.profiles.redis_sweep import RedisSweep
from edgeseg.profiles.retention import Retention
from edgeseg.profiles.router import OneServer, Router, WatchedMaster

_DEFAULT_RETENTION: Final = Retention()
_DEFAULT_LIMITS: Final = ConnectionLimits()


def build_redis_store(
    url: str,
    *,
    prefix: str = "edgeseg:",
    retention: Retention = _DEFAULT_RETENTION,
    limits: ConnectionLimits = _DEFAULT_LIMITS,
    aside_timeout_s: float = 1.0,
    cache_bytes: int = 0,
    stale_s: float = 0,
) -> RedisStore:
    """Answer a store over the server at ``url``, not connected before its `open`.

    Args:
        url: of the server or servers, see `parse_location`.
        prefix: how every key begins.
        retention: how long and how much of a visitor is kept.
        limits: of the connections for page views.
        aside_timeout_s: for all other work.
        cache_bytes: bound of the near cache; 0 for none.
        stale_s: how old a copy may be that stands in for a store that does not answer.

    Raises:
        SettingsError: the form of the address is not supported.
    """
    location = parse_location(url)
    patient = ConnectionLimits(timeout_s=aside_timeout_s, stall_s=2 * aside_timeout_s)
    near = NearCache(cache_bytes)
    return RedisStore(
        build_router(location, limits, near if cache_bytes else None),
        build_router(location, patient),
        near,
        prefix=prefix,
        retention=retention,
        stale_s=stale_s,
    )


def build_redis_sweep(
    url: str,
    *,
    prefix: str = "edgeseg:",
    retention: Retention = _DEFAULT_RETENTION,
    timeout_s: float = 10.0,
) -> RedisSweep:
    """Answer a sweep over the profiles of `build_redis_store`'s, not connected before `open`.

    Raises:
        SettingsError: the form of the address is not supported.
    """
    patient = ConnectionLimits(timeout_s=timeout_s, stall_s=2 * timeout_s)
    return RedisSweep(build_router(parse_location(url), patient), prefix, retention)


def build_router(
    location: Location, limits: ConnectionLimits, watcher: Watcher | None = None
) -> Router:
    """Answer the way to the servers of ``location``, not connected before its `open`.

    Args:
        location: which servers, and in which form they stand together.
        limits: of each connection.
        watcher: told what others change; None where nobody needs to know.
    """
    match location.form:
        case Form.ONE:
            return OneServer(Multiplexer(location.address, limits, watcher=watcher))
        case Form.SENTINEL:
            council = SentinelCouncil(location)
            master = Multiplexer(council.find_master, limits, master_only=True, watcher=watcher)
            return WatchedMaster(master, council)
        case Form.CLUSTER:

            def connect(address: Address, on_lost: Callable[[], None]) -> Multiplexer:
                return Multiplexer(address, limits, watcher=watcher, on_lost=on_lost)

            return Cluster(location, limits, connect, watcher)
