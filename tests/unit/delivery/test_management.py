"""Where the management port listens."""

import socket

import httpx
import pytest
from litestar import Litestar, get

from edgeseg.delivery.management import listening
from tests.e2e.service import find_free_port


@get("/healthz", sync_to_thread=False)
def _healthz() -> str:
    return "alive"


@pytest.mark.skipif(not socket.has_dualstack_ipv6(), reason="has no IPv6 beside IPv4")
async def test_all_addresses_of_ipv6_are_those_of_ipv4_too() -> None:
    """As on the service's own port: probes may come by either, whatever visitors use."""
    port = find_free_port()
    async with listening(Litestar([_healthz]), "::", port), httpx.AsyncClient() as operator:
        for host in ("127.0.0.1", "[::1]"):
            assert (await operator.get(f"http://{host}:{port}/healthz")).text == "alive"
