"""Ask sentinels and nodes of a cluster where the masters are, by redis-py."""

import random
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from redis.asyncio import ConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from edgeseg.errors import StoreUnavailable
from edgeseg.profiles.address import Address, Location

ASK_TIMEOUT_S: Final = 0.5
_INNARDS: Final = re.compile(r"<redis\..*?\)>\)>\)> - ")
"""How redis-py tells of a sentinel: with all options of its connections."""


class SlotRange(msgspec.Struct, frozen=True):
    """The slots ``first`` to ``last``, both included, and the master that has them."""

    first: int
    last: int
    host: str
    port: int


class SentinelCouncil:
    """Knows from its sentinels where the master is."""

    def __init__(self, location: Location) -> None:
        """Take the sentinels of ``location``; nothing is connected yet."""
        self._location = location
        self._council = Sentinel(  # type: ignore[no-untyped-call]
            location.seeds, sentinel_kwargs=_patient(location.sentinel_options)
        )

    async def find_master(self) -> Address:
        """Ask one sentinel after the other, the last that answered first.

        Raises:
            StoreUnavailable: none knows a master that is up.
        """
        try:
            host, port = await self._council.discover_master(self._location.service)
        except (RedisError, OSError) as error:
            asked = ", ".join(f"{host}:{port}" for host, port in self._location.seeds)
            why = _INNARDS.sub("", str(error))
            raise StoreUnavailable(f"the sentinels {asked} know no master: {why}") from error
        return self._location.address.at(str(host), int(port))

    async def close(self) -> None:
        """Disconnect from the sentinels."""
        for sentinel in self._council.sentinels:
            await sentinel.aclose()


async def read_slots(location: Location, nodes: Sequence[tuple[str, int]]) -> list[SlotRange]:
    """Ask ``nodes``, in any order, which master has which slots; the first to answer counts.

    Raises:
        StoreUnavailable: none answers.
    """
    why: Exception | None = None
    for host, port in random.sample(nodes, len(nodes)):
        try:
            async with connect_plainly(location.options, host=host, port=port) as client:
                found = await client.cluster("SLOTS")  # [[first, last, [host, port, ...], ...]]
        except (RedisError, OSError) as error:
            why = error
        else:
            return [
                SlotRange(first, last, master[0].decode() or host, master[1])
                for first, last, master, *_replicas in found
            ]
    raise StoreUnavailable(f"no node tells where the slots are: {why}")


def connect_plainly(options: Mapping[str, Any], **others: object) -> Redis:
    """Answer a redis-py client that connects when first used and never tries again."""
    chosen: dict[str, Any] = {**_patient(options), **others}
    pool = ConnectionPool(**chosen)
    return Redis.from_pool(pool)


def _patient(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        **{name: value for name, value in options.items() if name not in ("host", "port")},
        "socket_timeout": ASK_TIMEOUT_S,
        "socket_connect_timeout": ASK_TIMEOUT_S,
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
    }
