"""Turn logged requests into traffic: which are page views, whose, in which order. Pure."""

import heapq
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from typing import Final, Protocol, TypeVar

from cachetools import LRUCache

from edgeseg.events.access_log import LoggedRequest

_PAGE_PARTS: Final = """
    css js mjs map wasm png jpg jpeg gif ico svg webp avif bmp woff woff2 ttf otf eot
"""
_FOR_MACHINES: Final = "xml rss atom json txt xsl webmanifest"
_MEDIA_AND_DOWNLOADS: Final = """
    mp3 mp4 webm ogg wav avi mov swf pdf
    zip gz tgz bz2 xz 7z rar tar jar deb rpm exe dmg iso
"""
ASSETS: Final = frozenset(f"{_PAGE_PARTS} {_FOR_MACHINES} {_MEDIA_AND_DOWNLOADS}".split())
"""File extensions that are no pages."""
_METHODS: Final = frozenset(
    {"HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"}
)
_ANSWERED: Final = range(200, 300)
_NOT_MODIFIED: Final = 304
_REPEATS_REMEMBERED: Final = 65_536


def why_skipped(request: LoggedRequest, *, all_requests: bool = False) -> str:
    """Answer why a request is no page view, "" if it is one.

    Args:
        request: the request.
        all_requests: whether assets count as pages.
    """
    if request.method != "GET":
        return f"method {request.method if request.method in _METHODS else 'unknown'}"
    if request.status not in _ANSWERED and request.status != _NOT_MODIFIED:
        return f"status {request.status}"
    if not all_requests and extension_of(request.target) in ASSETS:
        return "asset"
    return ""


def extension_of(target: str) -> str:
    """Answer the lower-case file extension of a path or address, "" for none."""
    path = target.partition("?")[0].partition("#")[0]
    if "://" in path:
        path = path.partition("://")[2].partition("/")[2]
    _stem, dot, extension = path.rpartition("/")[2].rpartition(".")
    return extension.lower() if dot else ""


class Timed(Protocol):
    """Anything that happened at one instant."""

    @property
    def at_ms(self) -> int:
        """Epoch milliseconds UTC."""
        ...


TimedT = TypeVar("TimedT", bound=Timed)


def order_by_time(happened: Iterable[TimedT], window: int) -> Iterator[TimedT]:
    """Put in order what came late by at most ``window`` places.

    Servers log a request when it ends, under the time when it began. Equal
    times keep the order of the log.
    """
    waiting: list[tuple[int, int, TimedT]] = []
    for number, each in enumerate(happened):
        heapq.heappush(waiting, (each.at_ms, number, each))
        if len(waiting) > window:
            yield heapq.heappop(waiting)[2]
    while waiting:
        yield heapq.heappop(waiting)[2]


class Pseudonyms:
    """Names visitors and messages of a log so that nobody without the secret can tell whose.

    The hashes are keyed: an address is guessed from a plain one in no time.
    """

    def __init__(self, secret: str) -> None:
        """Derive a key of our own from ``secret``, which has other uses, too."""
        self._key = blake2b(secret.encode(), person=b"edgeseg replay").digest()
        self._repeats: LRUCache[bytes, int] = LRUCache(_REPEATS_REMEMBERED)

    def visitor_id(self, request: LoggedRequest) -> str:
        """Answer the id that the line names, or ``log.`` and 32 hex digits of address and agent."""
        if request.visitor:
            return request.visitor
        return "log." + self._hash(f"visitor\n{request.address}\n{request.agent}".encode())

    def message_id(self, line: bytes) -> str:
        """Answer an id of the line, the same whenever, and in whichever file, it is replayed.

        A profile remembers its latest 128, so repeats are recognised within those only.

        Equal lines are different requests: they are numbered in their order, as
        long as no more than 65,536 other lines lie between them.
        """
        line = line.strip()
        digest = blake2b(line, digest_size=16, key=self._key).digest()
        number = self._repeats[digest] = self._repeats.get(digest, 0) + 1
        return self._hash(b"message\n%d\n" % number + line)

    def _hash(self, text: bytes) -> str:
        return blake2b(text, digest_size=16, key=self._key).hexdigest()
