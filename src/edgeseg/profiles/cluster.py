"""The way to a key in a Redis Cluster: a connection to each master, chosen by slot.

The table of slots is a guess that the cluster corrects: a node that does not have
a slot any more says who has it, and those commands, which had no effect, follow
there at once. The whole table is read again in the background, by redis-py, when
a node corrects it or does not answer, until every master is connected.
"""

import asyncio
import logging
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

import hiredis
from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot

from edgeseg.errors import StoreTimeout, StoreUnavailable, WriteRefused
from edgeseg.profiles.address import Address, Location
from edgeseg.profiles.breaker import Breaker, worst
from edgeseg.profiles.connection import (
    Command,
    ConnectionLimits,
    Redirected,
    Reply,
    translate_error,
)
from edgeseg.profiles.discovery import read_slots
from edgeseg.profiles.ending import end
from edgeseg.profiles.multiplexer import Multiplexer, Watcher

_MAX_HOPS: Final = 5
_RETRY_S: Final = 0.005
_FIRST_DELAY_S: Final = 0.1
_LAST_DELAY_S: Final = 1.0
_ASKING: Final[Command] = ("ASKING",)
_log = logging.getLogger(__name__)

Connect: TypeAlias = Callable[[Address, Callable[[], None]], Multiplexer]
"""Builds the connection to one node, not opened yet, and says whom to tell of its loss."""
Node: TypeAlias = tuple[str, int]


class Cluster:
    """The `Router` over the masters of a cluster."""

    def __init__(
        self,
        location: Location,
        limits: ConnectionLimits,
        connect: Connect,
        watcher: Watcher | None = None,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Prepare; nothing is connected before `open`.

        Args:
            location: some of the nodes, and how to connect to any.
            limits: following a redirection takes at most the timeout of these.
            connect: builds a connection to a node.
            watcher: told when keys may have moved.
            jitter: answers numbers in [0, 1) that spread the questions of many workers.
        """
        self._location = location
        self._timeout_s = limits.timeout_s
        self._connect = connect
        self._watcher = watcher
        self._jitter = jitter
        self._nodes: dict[Node, Multiplexer] = {}
        self._slots: list[Multiplexer | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        self._doubt = asyncio.Event()
        self._care: asyncio.Task[None] | None = None
        self._closing: set[asyncio.Task[None]] = set()
        self._why = "not opened yet"

    async def execute(self, key: str, *commands: Command) -> list[Reply]:
        """Send ``commands`` to the node of ``key``, and on where it says that they belong."""
        try:
            return await self._node_of(key).execute(*commands)
        except Redirected as error:
            return await self._follow(key, commands, error.replies)
        except WriteRefused:
            raise
        except (StoreUnavailable, StoreTimeout):
            self._doubt.set()
            raise

    def is_current(self, key: str) -> bool:
        """Tell whether the watcher knows of all changes of ``key``."""
        node = self._slots[_slot_of(key)]
        return node is not None and node.is_current

    def silent_s(self, key: str) -> float:
        """Answer for how long no change of ``key`` can have been heard of."""
        node = self._slots[_slot_of(key)]
        return float("inf") if node is None else node.silent_s()

    def masters(self) -> Sequence[Multiplexer]:
        """Answer a connection to each master that has slots."""
        masters = list(dict.fromkeys(self._slots))
        known = [master for master in masters if master is not None]
        if len(known) < len(masters):
            raise StoreUnavailable(f"some slots have no known node: {self._why}")
        return known

    @property
    def breaker(self) -> Breaker:
        """The worst state among the masters; open where one is not known."""
        masters = dict.fromkeys(self._slots)
        return worst(master.breaker if master else Breaker.OPEN for master in masters)

    async def open(self) -> None:
        """Read the table and connect to every master; go on trying in the background."""
        if not await self._refresh():
            self._doubt.set()
        self._care = asyncio.create_task(self._take_care())

    async def close(self) -> None:
        """Finish what is under way, then disconnect from all."""
        if self._care is not None:
            await end(self._care)
        if self._closing:
            await asyncio.wait(self._closing)
        await asyncio.gather(*(node.close() for node in self._nodes.values()))

    def _node_of(self, key: str) -> Multiplexer:
        node = self._slots[_slot_of(key)]
        if node is None:
            self._doubt.set()
            raise StoreUnavailable(f"the node of the slot is not known: {self._why}")
        return node

    async def _follow(
        self, key: str, commands: Sequence[Command], replies: list[Reply]
    ) -> list[Reply]:
        """Send the commands that were redirected on, again and again, and fill in the replies.

        Only these: the others have had their effect, and it travels with the key.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                for hop in range(_MAX_HOPS):
                    places = [at for at, reply in enumerate(replies) if _is_redirection(reply)]
                    if not places:
                        break
                    node, asking = await self._read_redirection(key, replies[places[0]], hop)
                    answers = await _send(node, [commands[at] for at in places], asking=asking)
                    for at, answer in zip(places, answers, strict=True):
                        replies[at] = answer
        except TimeoutError as error:
            message = f"the slot was not found within {self._timeout_s} s"
            raise StoreTimeout(message) from error
        for reply in replies:
            if isinstance(reply, hiredis.ReplyError):
                raise translate_error(reply, replies)
        return replies

    async def _read_redirection(
        self, key: str, reply: Exception, hop: int
    ) -> tuple[Multiplexer, bool]:
        """Answer the node that ``reply`` names, and whether it takes the slot over just now."""
        if self._watcher is not None:
            self._watcher.clear()  # what is answered now comes from another node than the table's
        code, _, where = str(reply).partition(" ")
        if code == "TRYAGAIN":
            await asyncio.sleep(_RETRY_S * (hop + 1))
            return self._node_of(key), False
        slot, _, place = where.partition(" ")
        host, _, port = place.rpartition(":")
        node = await self._reach((host or self._location.address.host, int(port)))
        if code == "MOVED":
            self._slots[int(slot)] = node
            self._doubt.set()
        return node, code == "ASK"

    async def _reach(self, place: Node) -> Multiplexer:
        node = self._nodes.get(place)
        if node is None:
            address = self._location.address.at(*place)
            node = self._nodes[place] = self._connect(address, self._doubt.set)
        await node.open()
        return node

    async def _take_care(self) -> None:
        """Whenever the table is in doubt, read it until every master is connected."""
        while True:
            await self._doubt.wait()
            delay_s = _FIRST_DELAY_S
            while True:
                self._doubt.clear()
                if await self._refresh():
                    break
                await asyncio.sleep(delay_s * (0.5 + self._jitter() / 2))
                delay_s = min(delay_s * 2, _LAST_DELAY_S)
            await asyncio.sleep(_FIRST_DELAY_S)  # a flood of corrections is one reason, not many

    async def _refresh(self) -> bool:
        """Read the table and connect; answer whether all of it can be used now."""
        try:
            ranges = await read_slots(self._location, [*self._nodes, *self._location.seeds])
        except Exception as error:  # noqa: BLE001 - whatever it is, go on trying
            self._why = str(error)
            return False
        masters = {(each.host, each.port) for each in ranges}
        await asyncio.gather(*(self._reach(place) for place in masters))
        slots: list[Multiplexer | None] = [None] * REDIS_CLUSTER_HASH_SLOTS
        for each in ranges:
            node = self._nodes[each.host, each.port]
            slots[each.first : each.last + 1] = [node] * (each.last - each.first + 1)
        if slots != self._slots:
            self._swap(slots, masters)
        self._let_go(self._nodes.keys() - masters)  # redirections may have told of the table
        self._why = "the cluster does not cover it"
        return None not in slots and all(self._nodes[place].is_connected for place in masters)

    def _swap(self, slots: list[Multiplexer | None], masters: set[Node]) -> None:
        self._slots = slots
        if self._watcher is not None:
            self._watcher.clear()
        _log.info("the slots of the store are with %s", sorted(masters))

    def _let_go(self, places: Iterable[Node]) -> None:
        for place in places:
            task = asyncio.create_task(self._nodes.pop(place).close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def _slot_of(key: str) -> int:
    return key_slot(key.encode())


def _is_redirection(reply: Reply) -> bool:
    return isinstance(reply, hiredis.ReplyError) and str(reply).startswith(
        ("MOVED ", "ASK ", "TRYAGAIN ")
    )


async def _send(node: Multiplexer, commands: Sequence[Command], *, asking: bool) -> list[Reply]:
    """Answer the replies to ``commands``, errors among them where they redirect."""
    sent = [each for command in commands for each in (_ASKING, command)] if asking else commands
    try:
        replies = await node.execute(*sent)
    except Redirected as error:
        replies = error.replies
    return replies[1::2] if asking else replies
