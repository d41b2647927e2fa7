"""A small text in the store that several processes change, each by compare and set.

Key (``{prefix}`` and NAME are the caller's)::

    {prefix}note:{NAME}   17 bytes: 16 hex digits that differ after each change, and a line
                          feed; then the text
"""

import random
from collections.abc import Callable
from typing import Final

from edgeseg.clock import DAY_MS
from edgeseg.errors import StoreUnavailable
from edgeseg.profiles.router import Router
from edgeseg.profiles.script import Script

_MARK_BYTES: Final = 17
_TRIES: Final = 64


class SharedNote:
    """One such text; it is gone when nobody has changed it for a while."""

    def __init__(self, router: Router, key: str, ttl_ms: int = 7 * DAY_MS) -> None:
        """Keep the text under ``key`` for ``ttl_ms`` after the latest change."""
        self._router = router
        self._key = key
        self._ttl_ms = ttl_ms
        self._replace = Script(router, "compact")

    async def read(self) -> bytes:
        """Answer the text, b"" for none."""
        (value,) = await self._router.execute(self._key, ("GET", self._key))
        return (value or b"")[_MARK_BYTES:]

    async def change(self, change: Callable[[bytes], bytes]) -> bytes:
        """Put what ``change`` makes of the text in its place; answer the new text.

        ``change`` is called again where somebody else was faster. A text that it leaves as
        it is, is not written.

        Raises:
            StoreUnavailable: others were faster every time.
        """
        for _ in range(_TRIES):
            (value,) = await self._router.execute(self._key, ("GET", self._key))
            known = (value or b"")[_MARK_BYTES:]
            wanted = change(known)
            if wanted == known or await self._put(value, wanted):
                return wanted
        raise StoreUnavailable("others change the same all the time; try again")

    async def _put(self, value: bytes | None, text: bytes) -> bool:
        marked = b"%016x\n" % random.getrandbits(64) + text
        if value is None:
            command = ("SET", self._key, marked, "NX", "PX", self._ttl_ms)
            (done,) = await self._router.execute(self._key, command)
            return done is not None
        mark = value[:_MARK_BYTES]
        return bool(await self._replace.run([self._key], mark, len(value), marked, self._ttl_ms))
