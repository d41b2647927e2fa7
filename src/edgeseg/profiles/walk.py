"""Walk over all keys of a kind, master by master, without delaying page views."""

from collections.abc import AsyncIterator
from typing import Final

from edgeseg.profiles import codec
from edgeseg.profiles.connection import Redirected
from edgeseg.profiles.multiplexer import Multiplexer
from edgeseg.profiles.router import Router

_PAGE: Final = 500
_MAX_WALKS: Final = 3


async def walk_keys(router: Router, prefix: str) -> AsyncIterator[str]:
    """Iterate over the keys with ``prefix`` whose value is a profile.

    A key may be named twice: when Redis grows or shrinks its table, and when slots move
    meanwhile, since then the walk begins anew, a few times at most.

    Raises:
        StoreError: a master does not answer.
    """
    for _ in range(_MAX_WALKS):
        masters = tuple(router.masters())
        for master in masters:
            async for key in _walk_one(master, prefix):
                yield key
        if tuple(router.masters()) == masters:
            return


async def _walk_one(master: Multiplexer, prefix: str) -> AsyncIterator[str]:
    pattern = escape_glob(prefix) + "*"
    cursor: bytes = b"0"
    while True:
        page = await master.execute(
            ("SCAN", cursor, "MATCH", pattern, "COUNT", _PAGE, "TYPE", "string")
        )
        cursor, keys = page[0]
        for key in await _only_profiles(master, keys):
            yield key.decode()
        if cursor == b"0":
            return


async def _only_profiles(master: Multiplexer, keys: list[bytes]) -> list[bytes]:
    if not keys:
        return []
    try:
        marks = await master.execute(*(("GETRANGE", key, 0, 0) for key in keys))
    except Redirected as error:  # some keys move just now: named all the same
        marks = error.replies
    return [key for key, mark in zip(keys, marks, strict=True) if mark not in codec.NO_PROFILE]


def escape_glob(text: str) -> str:
    """Answer the pattern of ``SCAN`` that fits ``text`` alone."""
    return "".join(f"\\{letter}" if letter in "*?[]^\\" else letter for letter in text)
