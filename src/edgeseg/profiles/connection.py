"""One connection to the store while it lasts.

All requests of one turn of the event loop leave in one write, and replies are
matched to requests by their order. Therefore a request keeps its place until
its reply is there, even if nobody waits for it any more: giving the place up
would hand the reply, another visitor's profile, to the next caller.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Final, TypeAlias, cast

import hiredis
import msgspec

from edgeseg.errors import StoreError, StoreTimeout, StoreUnavailable, WriteRefused

Command: TypeAlias = tuple[str | bytes | int, ...]
Reply: TypeAlias = Any
"""bytes, int, None or a list of them, as the command answers."""

_pack = cast("Callable[[Command], bytes]", hiredis.pack_command)
_TEMPORARY: Final = frozenset({"BUSY", "CLUSTERDOWN", "LOADING", "MASTERDOWN"})
_NO_WRITES: Final = frozenset({"MISCONF", "NOREPLICAS", "OOM", "READONLY"})
_ELSEWHERE: Final = frozenset({"ASK", "MOVED", "TRYAGAIN"})
_LATE_TICK_S: Final = 0.01
_SPECIAL: Final = frozenset({hiredis.PushNotification, hiredis.ReplyError})
_NO_MORE: Final = object()
"""Stands for a reply that has not arrived whole."""


class ConnectionLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of the connection.

    Attributes:
        timeout_s: a request without a reply after this fails with `StoreTimeout`.
        stall_s: without the oldest reply after this, the connection is given up.
        connect_timeout_s: for connecting and the handshake.
        queued_requests: more than this in flight are refused with `StoreOverloaded`.
        queued_bytes: likewise, of packed commands.
        heartbeat_s: a silent server is asked for a sign of life this often.
        replica_s: a connection of this age is given up where the server turns out to be a
            replica: the address may lead to another one, the master, by now.
    """

    timeout_s: float = 0.05
    stall_s: float = 1.0
    connect_timeout_s: float = 1.0
    queued_requests: int = 10_000
    queued_bytes: int = 16 * 1024 * 1024
    heartbeat_s: float = 1.0
    replica_s: float = 30.0


class Redirected(StoreUnavailable):
    """A node of a cluster says that some of the commands are for another, or for later.

    ``replies`` has a `hiredis.ReplyError` for each of these, which has had no effect,
    and the replies of those that were carried out.
    """

    def __init__(self, message: str, replies: list[Reply]) -> None:
        """Keep the replies beside the server's words."""
        self.replies = replies
        super().__init__(f"{message} (the store is a cluster: use redis+cluster://)")


class _Request(msgspec.Struct, gc=False):
    """What is under way; ``size`` in bytes, packed, and ``sent_s`` on the loop's clock."""

    reply: "asyncio.Future[list[Reply]]"
    expected: int
    sent_s: float
    size: int

    def settle(self, replies: list[Reply]) -> None:
        """Take replies, an error among them perhaps."""
        for reply in replies:
            if isinstance(reply, hiredis.ReplyError):
                self.fail(translate_error(reply, replies))
                return
        self.reply.set_result(replies)

    def fail(self, error: StoreError) -> None:
        if not self.reply.done():
            self.reply.set_exception(error)


def translate_error(reply: Exception, replies: list[Reply]) -> StoreError:
    """Answer the server's error ``reply``, the first among ``replies``, as one of ours."""
    text = str(reply)
    code = text.partition(" ")[0]
    if code in _ELSEWHERE:
        return Redirected(text, replies)
    if code in _NO_WRITES:
        return WriteRefused(text)
    return StoreUnavailable(text) if code in _TEMPORARY else StoreError(text)


class Connection(asyncio.Protocol):
    """One connection while it lasts: packs, writes, matches replies, times out.

    Attributes:
        waiting: requests without a complete reply, oldest first.
        queued_bytes: their size, packed.
        overdue: the oldest is past its timeout and no reply has come since.
        is_lost: the end of it; a new connection is needed.
        heard_s: when the server was last heard, on the loop's clock.
        made_s: when the connection was made, likewise.
    """

    def __init__(
        self,
        limits: ConnectionLimits,
        on_lost: Callable[["Connection", str], None],
        on_push: Callable[[Reply], None] | None = None,
    ) -> None:
        """Take the bounds, and whom to tell of the end and its reason, and of pushed news."""
        self._loop = asyncio.get_running_loop()
        self._limits = limits
        self._on_lost = on_lost
        self._on_push = on_push
        self._reader = hiredis.Reader(notEnoughData=_NO_MORE)
        self._transport: asyncio.Transport | None = None
        self._buffer: list[bytes] = []
        self._turn_s = 0.0
        self._arrived: list[Reply] = []
        self._may_fail = False
        self._timer: asyncio.TimerHandle | None = None
        self._heart = self._loop.call_later(limits.heartbeat_s, self._beat)
        self.is_lost = False
        self.waiting: deque[_Request] = deque()
        self.queued_bytes = 0
        self.overdue = False
        self.heard_s = self.made_s = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Fail what is waiting."""
        self.drop(f"the store closed the connection: {exc or 'end of stream'}")

    def send(self, commands: tuple[Command, ...]) -> asyncio.Future[list[Reply]]:
        """Queue ``commands`` for the next write and answer where their replies will be."""
        packed = b"".join(map(_pack, commands))
        size = len(packed)
        if not self._buffer:
            self._loop.call_soon(self._flush)
            self._turn_s = self._loop.time()
            if self._timer is None:
                self._schedule(self._turn_s + self._limits.timeout_s)
        self._buffer.append(packed)
        self.queued_bytes += size
        reply = self._loop.create_future()
        self.waiting.append(_Request(reply, len(commands), self._turn_s, size))
        return reply

    def _flush(self) -> None:
        if self._transport is not None and not self.is_lost:
            self._transport.write(b"".join(self._buffer))
        self._buffer.clear()

    def data_received(self, data: bytes) -> None:
        """Give the replies to the oldest requests, which wait for them."""
        self.heard_s = self._loop.time()
        self._reader.feed(data)
        arrived, before = self._arrived, len(self._arrived)
        why = ""
        try:
            arrived.extend(iter(self._reader.gets, _NO_MORE))
        except hiredis.HiredisError as error:
            why = f"the store does not speak its protocol: {error}"
        if not _SPECIAL.isdisjoint(map(type, arrived)):
            why = self._sort(before) or why
        self._match()
        if why or (arrived and not self.waiting):
            self.drop(why or "the store answered what nobody asked")

    def _sort(self, start: int) -> str:
        """Heed news and errors among what arrived from ``start`` on; answer as `_doubt`."""
        why = ""
        new = self._arrived[start:]
        del self._arrived[start:]
        for reply in new:
            if type(reply) is hiredis.PushNotification:
                self._heed(reply)
                continue
            self._arrived.append(reply)
            if type(reply) is hiredis.ReplyError:
                self._may_fail = True
                why = why or self._doubt(reply)
        return why

    def _doubt(self, error: hiredis.ReplyError) -> str:
        """Answer why the server is to be looked for again, "" for nothing."""
        is_old = self.heard_s - self.made_s >= self._limits.replica_s
        if is_old and str(error).startswith("READONLY"):
            return "the server is a replica; who is the master is found out anew"
        return ""

    def _heed(self, news: Reply) -> None:
        if self._on_push is not None:
            self._on_push(news)

    def _match(self) -> None:
        """Settle the requests whose replies have all arrived."""
        arrived, waiting = self._arrived, self.waiting
        start = freed_bytes = 0
        while waiting:
            request = waiting[0]
            end = start + request.expected
            if end > len(arrived):
                break
            waiting.popleft()
            freed_bytes += request.size
            replies, start = arrived[start:end], end
            reply = request.reply
            if reply.done():
                continue  # cancelled or timed out: the replies are thrown away
            if self._may_fail:
                request.settle(replies)
            else:
                reply.set_result(replies)
        if start:
            self.queued_bytes -= freed_bytes
            del arrived[:start]
            if self.overdue:
                self._recover()
        if not arrived:
            self._may_fail = False

    def _recover(self) -> None:
        """Look after requests as usual: the timer may be set for giving the connection up."""
        self.overdue = False
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.waiting:
            self._schedule(self.waiting[0].sent_s + self._limits.timeout_s)

    def _schedule(self, at_s: float) -> None:
        self._timer = self._loop.call_at(at_s, self._tick, at_s)

    def _tick(self, due_s: float) -> None:
        """Fail what is overdue; one timer serves all, since all have the same timeout."""
        self._timer = None
        now_s = self._loop.time()
        if not self.waiting:
            return
        if now_s - due_s > _LATE_TICK_S:
            # The loop itself was held up: let it read what has arrived meanwhile.
            self._schedule(now_s + _LATE_TICK_S / 10)
            return
        next_s = self.waiting[0].sent_s + self._limits.stall_s
        if next_s <= now_s:
            self.drop(f"the store did not answer for {self._limits.stall_s} s")
            return
        for request in self.waiting:
            overdue_s = request.sent_s + self._limits.timeout_s
            if overdue_s > now_s:
                next_s = min(next_s, overdue_s)
                break
            self.overdue = True
            request.fail(StoreTimeout(f"no reply within {self._limits.timeout_s} s"))
        self._schedule(next_s)

    def _beat(self) -> None:
        """Ask a silent server for a sign of life, so that its end is noticed without traffic."""
        silent_s = self._loop.time() - self.heard_s
        if not self.waiting and silent_s >= self._limits.heartbeat_s:
            self.send((("PING",),)).add_done_callback(_take_note)
        self._heart = self._loop.call_later(self._limits.heartbeat_s, self._beat)

    def drop(self, why: str) -> None:
        """Give the connection up; what is waiting fails with `StoreUnavailable`."""
        if self.is_lost:
            return
        self.is_lost = True
        self._heart.cancel()
        if self._timer is not None:
            self._timer.cancel()
        if self._transport is not None:
            self._transport.abort()
        for request in self.waiting:
            request.fail(StoreUnavailable(why))
        self.waiting.clear()
        self._on_lost(self, why)


def _take_note(reply: asyncio.Future[list[Reply]]) -> None:
    """Take the outcome of a sign of life; what it means is known by the connection."""
    if not reply.cancelled():
        reply.exception()
