"""Who sends too much: token buckets per visitor and per network, in this worker's memory.

No store is asked, so a flood costs the store nothing. A bucket is one number, the instant at
which it would be full again (the generic cell rate algorithm, ITU-T I.371 annex A), and two
plain dicts keep the latest of them: a least-recently-used cache cost six times as much.
"""

from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from time import monotonic
from typing import Final

from litestar.types import Scope

from edgeseg.delivery.http import lines_of
from edgeseg.errors import FloodError

BURST_S: Final = 5.0
"""What a bucket holds: so many seconds' worth at its rate."""
MAX_BUCKETS: Final = 20_000
"""Buckets of one kind that are kept for sure; as many again may be."""
_CUT: Final = {4: 24, 6: 48}
_MAX_HOPS: Final = 200
"""Characters of the end of `X-Forwarded-For` that are looked at."""


class Buckets:
    """One bucket for each key."""

    def __init__(self, per_s: float, clock: Callable[[], float] = monotonic) -> None:
        """Let each key have ``per_s`` a second, and `BURST_S` times as many at once."""
        self._interval_s = 1 / per_s
        self._clock = clock
        self._fresh: dict[str, float] = {}
        self._old: dict[str, float] = {}

    def take(self, key: str) -> float:
        """Take one; answer 0.0, or in how many seconds there will be one."""
        now_s, fresh = self._clock(), self._fresh
        full_s = fresh.get(key) or self._old.get(key, 0.0)
        full_s = max(full_s, now_s) + self._interval_s
        wait_s = full_s - now_s - BURST_S
        if wait_s > 0:
            return wait_s
        if len(fresh) >= MAX_BUCKETS:  # whoever is forgotten was quiet for long
            self._old, self._fresh = fresh, (fresh := {})
        fresh[key] = full_s
        return 0.0


class Networks:
    """Tells which network a request comes from, and believes listed proxies only."""

    def __init__(self, trusted: Iterable[str]) -> None:
        """Believe the ``X-Forwarded-For`` of these addresses and networks.

        Raises:
            ValueError: one is neither.
        """
        self._trusted = [ip_network(each) for each in trusted]
        self._found = lru_cache(maxsize=4_096)(self._find)
        self._believed = lru_cache(maxsize=256)(self._is_trusted)

    def trusts(self, scope: Scope) -> bool:
        """Tell whether the request comes from a trusted proxy."""
        peer = scope["client"]
        return bool(peer) and self._believed(peer[0])  # type: ignore[index]

    def _is_trusted(self, peer: str) -> bool:
        try:
            address = _address(peer)
        except ValueError:
            return False
        return any(address in each for each in self._trusted)

    def of(self, scope: Scope) -> str:
        """Answer the /24 or /48, "" where none is known.

        A peer on a private address that is not listed is taken for a proxy that nobody
        listed: were its address counted, the whole site would be one network.
        """
        peer = scope["client"]
        if not peer:
            return ""
        hops = ""
        if self._trusted and self._believed(peer[0]):
            hops = ",".join(lines_of(scope, b"x-forwarded-for"))[-_MAX_HOPS:]  # RFC 9110, 5.3
        return self._found(peer[0], hops)

    def _find(self, peer: str, forwarded: str) -> str:
        """Go back from the peer to the first address that is no trusted proxy's."""
        for hop in (peer, *reversed(forwarded.split(","))):
            try:
                address = _address(_without_port(hop.strip()))
            except ValueError:
                return ""
            if not any(address in each for each in self._trusted):
                return _cut(address)
        return ""


def _address(text: str) -> IPv4Address | IPv6Address:
    """Read an address; one of IPv4 that a socket for both kinds writes as one of IPv6 is itself.

    Raises:
        ValueError: it is no address.
    """
    address = ip_address(text)
    return getattr(address, "ipv4_mapped", None) or address


def _without_port(hop: str) -> str:
    """Answer the address in a hop: some gateways, such as Azure's, write the port, too."""
    if hop.startswith("["):
        return hop[1:].partition("]")[0]
    return hop.partition(":")[0] if hop.count(":") == 1 else hop


def _cut(address: IPv4Address | IPv6Address) -> str:
    if not address.is_global:
        return ""
    network: IPv4Network | IPv6Network = ip_network((address, _CUT[address.version]), strict=False)
    return str(network)


class Floods:
    """Both kinds of buckets, with the refusals."""

    def __init__(self, visitor_rate: float, network_rate: float, networks: Networks) -> None:
        """Set the rates, calls a second; 0 for no bound."""
        self._visitors = Buckets(visitor_rate) if visitor_rate else None
        self._networks = Buckets(network_rate) if network_rate else None
        self._network_of = networks.of

    def check_network(self, scope: Scope) -> None:
        """Count a call of the network that the request comes from.

        Raises:
            FloodError: it sends too much.
        """
        if self._networks and (network := self._network_of(scope)):
            wait_s = self._networks.take(network)
            if wait_s:
                raise FloodError("your network sends too much at once", retry_after_s=wait_s)

    def check_visitor(self, visitor_id: str) -> None:
        """Count a call of a visitor.

        Raises:
            FloodError: the visitor sends too much.
        """
        if self._visitors:
            wait_s = self._visitors.take(visitor_id)
            if wait_s:
                raise FloodError("this visitor sends too much at once", retry_after_s=wait_s)
