"""Stores as tests open them."""

from typing import Any

from edgeseg.profiles.redis_connect import build_redis_store
from edgeseg.profiles.redis_store import RedisStore


async def open_redis_store(url: str, **options: Any) -> RedisStore:
    """Answer `build_redis_store`'s, connected if the server answers."""
    store = build_redis_store(url, **options)
    await store.open()
    return store
