"""Lua scripts, each in a file of its own."""

import hashlib
from collections.abc import Sequence
from importlib import resources
from typing import cast

from edgeseg.errors import StoreError
from edgeseg.profiles.connection import Command, Reply
from edgeseg.profiles.router import Router


class Script:
    """A Lua file beside this module, sent whole only to a server that does not know it."""

    def __init__(self, router: Router, name: str) -> None:
        self._router = router
        path = resources.files("edgeseg.profiles").joinpath(f"{name}.lua")
        self._text = path.read_bytes()
        self._digest = hashlib.sha1(self._text, usedforsecurity=False).hexdigest()

    def command(self, keys: Sequence[str], *args: bytes | int) -> Command:
        """Answer the command that runs it on a server that knows it; others say NOSCRIPT."""
        return ("EVALSHA", self._digest, len(keys), *keys, *args)

    async def run(self, keys: Sequence[str], *args: bytes | int) -> int:
        """Answer what the script answers, 1 for done."""
        return cast("int", (await self.run_with(keys, *args))[0])

    async def run_with(
        self, keys: Sequence[str], *args: bytes | int, then: Sequence[Command] = ()
    ) -> list[Reply]:
        """Answer the same and the replies to what is sent right behind, ``then``."""
        try:
            return await self._router.execute(keys[0], self.command(keys, *args), *then)
        except StoreError as error:
            if not is_unknown(error):
                raise
            whole = ("EVAL", self._text, len(keys), *keys, *args)
            return await self._router.execute(keys[0], whole, *then)


def is_unknown(error: StoreError) -> bool:
    """Tell whether the server did nothing, since it does not know the script (yet)."""
    return str(error).startswith("NOSCRIPT")
