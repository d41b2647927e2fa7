"""What ``edgeseg doctor`` tells of the store: whether it answers, takes writes and keeps them."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from edgeseg.cli.safety import Finding
from edgeseg.cli.stores import open_store_server, reaching
from edgeseg.errors import EdgesegError, StoreError
from edgeseg.profiles.address import parse_location
from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.multiplexer import Multiplexer
from edgeseg.profiles.redis_connect import build_router
from edgeseg.settings import Settings

_LIMITS: Final = ConnectionLimits(timeout_s=1.0, stall_s=2.0)
_LINE: Final = re.compile(rb"^(\w+):([^\r\n]*)", re.MULTILINE)


def review_store(settings: Settings) -> Iterator[Finding]:
    """Answer what is found of the configured store, else of the embedded one."""
    kind = "configured store" if settings.redis_url else "embedded store"
    try:
        with open_store_server(settings) as address:
            told = asyncio.run(_ask(address))
    except EdgesegError as error:
        yield Finding("problem", kind, str(error))
        return
    found = [finding for each in told for finding in _doubts(kind, each)]
    yield from found or [Finding("ok", kind, "answers")]


async def _ask(url: str) -> list[dict[str, str]]:
    """Answer what each master of the store tells of itself."""
    router = build_router(parse_location(url), _LIMITS)
    try:
        with reaching(url):
            await router.open()
            return await asyncio.gather(*map(_tell, router.masters()))
    finally:
        await router.close()


async def _tell(server: Multiplexer) -> dict[str, str]:
    await server.execute(("PING",))
    text = b""
    with suppress(StoreError):  # an account that may not ask: then nothing is told
        (text,) = await server.execute(("INFO",))
    return {name.decode(): value.decode() for name, value in _LINE.findall(text)}


def _doubts(kind: str, told: dict[str, str]) -> Iterator[Finding]:
    if told.get("role") == "slave":
        detail = "is a replica and takes no writes: nothing is stored; name its master, or its"
        yield Finding("problem", kind, f"{detail} sentinels by redis+sentinel://")
    policy = told.get("maxmemory_policy", "noeviction")
    if policy != "noeviction":
        detail = f"maxmemory-policy is {policy}: where memory is short, known visitors are evicted"
        yield Finding("warning", kind, f"{detail} and count as new; set it to noeviction")
