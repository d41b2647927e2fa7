"""From the address of a store to the way to its servers."""

from collections.abc import Callable

from edgeseg.profiles.address import Address, Form, Location
from edgeseg.profiles.cluster import Cluster
from edgeseg.profiles.connection import ConnectionLimits
from edgeseg.profiles.discovery import SentinelCouncil
from edgeseg.profiles.multiplexer import Multiplexer, Watcher
from edgeseg.profiles.router import OneServer, Router, WatchedMaster


def build_router(
    location: Location, limits: ConnectionLimits, watcher: Watcher | None = None
) -> Router:
    """Answer the way to the servers of ``location``, not connected before its `open`.

    Args:
        location: which servers, and in which form they stand together.
        limits: of each connection.
        watcher: told what others change; None where nobody needs to know.
    """
    match location.form:
        case Form.ONE:
            return OneServer(Multiplexer(location.address, limits, watcher=watcher))
        case Form.SENTINEL:
            council = SentinelCouncil(location)
            master = Multiplexer(council.find_master, limits, master_only=True, watcher=watcher)
            return WatchedMaster(master, council)
        case Form.CLUSTER:

            def connect(address: Address, on_lost: Callable[[], None]) -> Multiplexer:
                return Multiplexer(address, limits, watcher=watcher, on_lost=on_lost)

            return Cluster(location, limits, connect, watcher)
