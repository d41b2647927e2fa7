"""Lua scripts, each in a file of its own."""

import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import cast

from edgeseg.errors import StoreError
from edgeseg.profiles.router import Router


class Script:
    """A Lua file beside this module, sent whole only to a server that does not know it."""

    def __init__(self, router: Router, name: str) -> None:
        self._router = router
        path = resources.files("edgeseg.profiles").joinpath(f"{name}.lua")
        self._text = path.read_bytes()
        self._digest = hashlib.sha1(self._text, usedforsecurity=False).hexdigest()

    async def run(self, keys: Sequence[str], *args: bytes | int) -> int:
        """Answer what the script answers, 1 for done."""
        try:
            replies = await self._router.execute(
                keys[0], ("EVALSHA", self._digest, len(keys), *keys, *args)
            )
        except StoreError as error:
            if not str(error).startswith("NOSCRIPT"):
                raise
            replies = await self._router.execute(
                keys[0], ("EVAL", self._text, len(keys), *keys, *args)
            )
        return cast("int", replies[0])
