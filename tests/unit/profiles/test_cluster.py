"""Which masters of a cluster are connected to, against nodes that are made up."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

import hiredis
import pytest
from redis.crc import key_slot

from edgeseg.profiles import cluster as cluster_module
from edgeseg.profiles.address import Address, parse_location
from edgeseg.profiles.cluster import Cluster
from edgeseg.profiles.connection import Command, ConnectionLimits, Redirected, Reply
from edgeseg.profiles.discovery import SlotRange
from edgeseg.profiles.multiplexer import Multiplexer

SLOT = key_slot(b"ann")
LAST = 16_383
STAYS, GOES = ("127.0.0.1", 1), ("127.0.0.1", 2)


class Node:
    """A master that is connected; the one that goes has given its only slot away."""

    is_connected = True

    def __init__(self, address: Address) -> None:
        self.port = address.port
        self.closed = asyncio.Event()

    async def open(self) -> None:
        """Be connected."""

    async def close(self) -> None:
        """Be connected no more."""
        self.closed.set()

    async def execute(self, *commands: Command) -> list[Reply]:
        """Answer, or say where the slot is."""
        if self.port == STAYS[1]:
            return [b"OK"] * len(commands)
        moved = f"MOVED {SLOT} 127.0.0.1:{STAYS[1]}"
        raise Redirected(moved, [hiredis.ReplyError(moved)])


async def test_a_master_without_slots_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where a redirection tells of its last slot first: else it is reconnected for ever."""
    parts = [(0, SLOT - 1, STAYS), (SLOT, SLOT, GOES), (SLOT + 1, LAST, STAYS)]
    table = [SlotRange(first, last, *place) for first, last, place in parts]

    async def read_slots(*_asked: object) -> list[SlotRange]:
        return table

    nodes: dict[int, Node] = {}

    def connect(address: Address, _on_lost: Callable[[], None]) -> Multiplexer:
        node = nodes[address.port] = Node(address)
        return cast("Any", node)

    monkeypatch.setattr(cluster_module, "read_slots", read_slots)
    location = parse_location("redis+cluster://127.0.0.1:1")
    cluster = Cluster(location, ConnectionLimits(), connect)
    await cluster.open()
    table = [SlotRange(0, LAST, *STAYS)]
    assert await cluster.execute("ann", ("GET", "ann")) == [b"OK"]
    async with asyncio.timeout(20):
        await nodes[GOES[1]].closed.wait()
    assert not nodes[STAYS[1]].closed.is_set()
    await cluster.close()
