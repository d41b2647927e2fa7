"""Products in Redis: the catalogue, and counts in sorted sets.

Keys, all in one hash slot, so that a worker's counts are one pipeline (``{prefix}`` is the
constructor's; ``{products}`` stands in the keys as it is)::

    {prefix}{products}:KIND:OF     a sorted set: product → weight, see `product_store`
    {prefix}{products}:catalogue   a hash: ``version`` and ``packed``
"""

from collections.abc import Mapping, Sequence
from typing import Final, cast

from edgeseg.profiles.connection import Command, Reply
from edgeseg.profiles.product_store import Count, Kind
from edgeseg.profiles.router import Router

_HALF_LIVES_KEPT: Final = 6
"""A set that nothing was added to for so long, when 1/64 of it is left, is removed."""


class RedisProducts:
    """The port `ProductStore` over Redis."""

    def __init__(self, router: Router, prefix: str) -> None:
        """Use ``router``, which somebody else opens and closes."""
        self._router = router
        self._beginning = f"{prefix}{{products}}:"

    async def add(self, weights: Mapping[Count, float]) -> None:
        """Add to counts."""
        sets: dict[tuple[Kind, str], list[Command]] = {}
        for (kind, of, product), weight in weights.items():
            added: Command = ("ZINCRBY", self._key(kind, of), repr(weight), product)
            sets.setdefault((kind, of), []).append(added)
        commands: list[Command] = []
        for (kind, of), additions in sets.items():
            key = self._key(kind, of)
            commands += additions
            commands.append(("ZREMRANGEBYRANK", key, 0, -kind.keep - 1))
            commands.append(("PEXPIRE", key, _HALF_LIVES_KEPT * kind.half_life_ms))
        if commands:
            await self._execute(*commands)

    async def top(self, kind: Kind, of: Sequence[str], number: int) -> list[dict[str, float]]:
        """Answer the heaviest members of each set."""
        commands: list[Command] = [
            ("ZREVRANGE", self._key(kind, each), 0, number - 1, "WITHSCORES") for each in of
        ]
        replies = await self._execute(*commands) if commands else []
        return [_pairs(cast("list[bytes]", reply)) for reply in replies]

    async def weights(self, kind: Kind, products: Sequence[str]) -> list[float]:
        """Answer the weights of members of the only set of a kind."""
        if not products:
            return []
        (found,) = await self._execute(("ZMSCORE", self._key(kind, ""), *products))
        return [float(each) if each else 0.0 for each in cast("list[bytes | None]", found)]

    async def put_catalogue(self, version: str, packed: bytes) -> None:
        """Replace the catalogue."""
        await self._execute(("HSET", self._catalogue, "version", version, "packed", packed))

    async def catalogue_version(self) -> str:
        """Answer the version of the catalogue."""
        (version,) = await self._execute(("HGET", self._catalogue, "version"))
        return cast("bytes", version).decode() if version else ""

    async def get_catalogue(self) -> tuple[str, bytes]:
        """Answer the version and the catalogue."""
        (found,) = await self._execute(("HMGET", self._catalogue, "version", "packed"))
        version, packed = cast("list[bytes | None]", found)
        return (version.decode(), packed) if version and packed else ("", b"")

    async def _execute(self, *commands: Command) -> list[Reply]:
        return await self._router.execute(self._catalogue, *commands)

    @property
    def _catalogue(self) -> str:
        return f"{self._beginning}catalogue"

    def _key(self, kind: Kind, of: str) -> str:
        return f"{self._beginning}{kind.name}:{of}"


def _pairs(reply: list[bytes]) -> dict[str, float]:
    names, weights = reply[::2], reply[1::2]
    return {name.decode(): float(weight) for name, weight in zip(names, weights, strict=True)}
