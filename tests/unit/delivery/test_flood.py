"""Floods: how much a visitor and a network may send, and which network a request is from."""

from itertools import repeat
from pathlib import Path
from typing import Any

import httpx
import pytest

from edgeseg.app import create_app
from edgeseg.delivery import flood
from edgeseg.delivery.flood import BURST_S, Buckets, Floods, Networks
from edgeseg.errors import FloodError
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.settings import Settings


class Clock:
    """A clock that stands until it is told."""

    now_s = 1_000.0

    def __call__(self) -> float:
        """Answer its time."""
        return self.now_s


def _from(peer: str | None, forwarded: str = "") -> Any:
    lines = forwarded.split("|") if forwarded else []
    headers = [(b"x-forwarded-for", line.encode()) for line in lines]
    return {"type": "http", "client": (peer, 5_000) if peer else None, "headers": headers}


def test_a_burst_is_taken_and_then_the_rate() -> None:
    """Five seconds' worth at once; after that one for each interval that goes by."""
    clock = Clock()
    buckets = Buckets(8, clock)
    taken = [buckets.take("a") for _ in range(60)]
    assert taken.count(0.0) == 8 * BURST_S
    assert taken[-1] == pytest.approx(0.125)
    assert buckets.take("b") == 0.0
    clock.now_s += 0.38
    assert [buckets.take("a") > 0 for _ in range(4)] == [False, False, False, True]


def test_buckets_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many keys come, few are kept; those who keep on sending are among them."""
    monkeypatch.setattr(flood, "MAX_BUCKETS", 10)
    buckets = Buckets(1, Clock())
    for number in range(1_000):
        buckets.take(str(number))
        buckets.take("busy")
    assert len(buckets._fresh) + len(buckets._old) <= 20
    assert buckets.take("busy") > 0


@pytest.mark.parametrize(
    ("peer", "forwarded", "network"),
    [
        ("9.9.9.9", "", "9.9.9.0/24"),
        ("2001:4860:4860::8888", "", "2001:4860:4860::/48"),
        ("::ffff:9.9.9.9", "", "9.9.9.0/24"),  # as a server on :: sees it
        ("::ffff:10.0.0.7", "::ffff:8.8.8.8", "8.8.8.0/24"),
        ("::ffff:192.168.1.1", "8.8.8.8", ""),
        ("9.9.9.9", "8.8.8.8", "9.9.9.0/24"),
        ("10.0.0.7", "8.8.8.8", "8.8.8.0/24"),
        ("10.0.0.7", "1.1.1.1, 8.8.8.8", "8.8.8.0/24"),
        ("10.0.0.7", "1.1.1.1, 8.8.8.8, 10.0.0.8", "8.8.8.0/24"),
        ("10.0.0.7", "1.1.1.1|8.8.8.8", "8.8.8.0/24"),
        ("10.0.0.7", "1.1.1.1|8.8.8.8|10.0.0.8", "8.8.8.0/24"),
        ("10.0.0.7", "8.8.8.8|nonsense", ""),
        ("10.0.0.7", "1.1.1.1, 8.8.8.8:51234, 10.0.0.8:443", "8.8.8.0/24"),
        ("10.0.0.7", "[2001:4860:4860::8888]:51234", "2001:4860:4860::/48"),
        ("10.0.0.7", "2001:4860:4860::8888", "2001:4860:4860::/48"),
        ("9.9.9.9", "1.1.1.1|8.8.8.8", "9.9.9.0/24"),
        ("10.0.0.7", "", ""),
        ("10.0.0.7", "8.8.8.8, nonsense", ""),
        ("10.0.0.7", "x" * 100_000, ""),
        ("192.168.1.1", "8.8.8.8", ""),
        ("127.0.0.1", "8.8.8.8", ""),
        ("testclient", "", ""),
        (None, "8.8.8.8", ""),
    ],
)
def test_only_listed_proxies_are_believed(peer: str | None, forwarded: str, network: str) -> None:
    """The last address that no listed proxy has counts, whatever stands before it.

    Proxies add it to the line of the client (HAProxy: as another line behind it, here ``|``).
    """
    assert Networks(["10.0.0.0/8"]).of(_from(peer, forwarded)) == network


def test_who_is_at_no_listed_address_is_no_proxy() -> None:
    """What else a proxy vouches for, such as the place, is not believed either."""
    networks = Networks(["10.0.0.0/8"])
    for peer in (None, "testclient", "9.9.9.9", "::ffff:9.9.9.9"):
        assert networks.trusts(_from(peer)) is False
    for peer in ("10.0.0.7", "::ffff:10.0.0.7"):
        assert networks.trusts(_from(peer)) is True


def test_a_forged_header_moves_nobody_to_another_network() -> None:
    """A peer that nobody listed exhausts its own bucket, whatever it says of itself."""
    floods = Floods(0, 1, Networks([]))
    for number in range(5):
        floods.check_network(_from("9.9.9.9", f"8.8.{number}.8"))
    with pytest.raises(FloodError, match="come again in 1 s"):
        floods.check_network(_from("9.9.9.9", "8.8.9.8"))
    floods.check_network(_from("9.9.8.9"))


def test_no_rate_is_no_bound() -> None:
    """0 switches either kind off."""
    floods = Floods(0, 0, Networks([]))
    for scope in repeat(_from("9.9.9.9"), 1_000):
        floods.check_network(scope)
        floods.check_visitor("a")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/classify", {"page": {"url": "https://x.example/"}}),
        ("POST", "/v1/consent", {"consent": {"m": True}}),
        ("GET", "/v1/me", None),
        ("GET", "/v1/me/export", None),
        ("DELETE", "/v1/me", None),
        ("POST", "/v1/me/identify", {"token": "a guess"}),
        ("POST", "/v1/me/log-out", None),
        ("PUT", "/v1/me/do-not-profile", None),
        ("DELETE", "/v1/me/do-not-profile", None),
        ("GET", "/v1/segment-key", None),
    ],
)
async def test_each_browser_call_counts_for_its_network(
    tmp_path: Path, method: str, path: str, body: object
) -> None:
    """Nobody makes visitors or tries tokens past the rate; servers and fragments are exempt."""
    settings = Settings(
        rules=str(tmp_path),
        templates=str(tmp_path),
        secret=("secret-of-the-tests",),
        server_keys=("server-key-of-the-tests",),
        network_rate=0.1,
        reload_s=0,
    )
    app = create_app(settings, store=MemoryStore())
    far = httpx.ASGITransport(app, client=("9.9.9.9", 5_000))
    sent = {"json": body} if body else {}
    key = {"Authorization": "Bearer server-key-of-the-tests"}
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=far, base_url="http://127.0.0.1") as client,
    ):
        refused = await client.request(method, path, **sent)
        assert (refused.status_code, refused.json()["type"][-6:]) == (429, ":flood")
        assert int(refused.headers["retry-after"]) >= 1
        assert "set-cookie" not in refused.headers
        named = await client.request(method, path, headers=key, **sent)
        assert named.status_code != 429
        fragment = await client.get("/v1/fragment/none")
        assert fragment.status_code == 200
