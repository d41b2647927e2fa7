"""Masters that die behind sentinels, or in a cluster: what page views are answered meanwhile."""

from collections import Counter
from contextlib import closing
from itertools import count
from pathlib import Path

import httpx
import pytest
from redis.crc import key_slot

from tests.conformance.servers import (
    RedisProcess,
    start_cluster,
    start_sentinels,
    wait_until,
)
from tests.e2e.conftest import StartService
from tests.e2e.service import SERVER_KEY, Service
from tests.e2e.views import GRANTED, view_page

pytestmark = pytest.mark.needs("redis-server")

BACK_WITHIN_S = 30.0
"""Mostly the servers' own time to agree on a new master, on a busy machine."""
PATIENT = {"budget_ms": 2_000, "stale_s": 0, "cache_mb": 0}


class Views:
    """Page views of visitors whom a server names, and how they were answered."""

    def __init__(self, service: Service) -> None:
        """Ask this service."""
        key = {"Authorization": f"Bearer {SERVER_KEY}"}
        self.client = httpx.Client(base_url=service.url, headers=key, timeout=20)
        self.whole: Counter[str] = Counter()
        self.degraded: Counter[str] = Counter()

    def close(self) -> None:
        """Hang up."""
        self.client.close()

    def send(self, visitor: str) -> bool:
        """View a page; tell whether the answer was a whole one. It is 200 in any case."""
        answer = view_page(self.client, visitor=visitor, consent=GRANTED)
        assert answer.status_code == 200, answer.text
        is_whole = answer.json()["degraded"] is False
        (self.whole if is_whole else self.degraded)[visitor] += 1
        return is_whole

    def check_stored(self, visitor: str) -> None:
        """Check that what was acknowledged is stored, and nothing that was not sent."""
        stored = self.client.get(f"/v1/visitors/{visitor}/export").json()["profile"]["events"]
        acknowledged = self.whole[visitor]
        assert acknowledged <= stored["page_viewed"] <= acknowledged + self.degraded[visitor]


@pytest.fixture
def service(new_service: StartService) -> StartService:
    """Build services that wait for a busy machine, and tell nobody from memory."""
    return lambda **settings: new_service(**PATIENT, **settings).start()


def _has_all(master: RedisProcess, replica: RedisProcess) -> bool:
    with master.client() as one, replica.client() as other:
        sent = one.info("replication")["master_repl_offset"]
        return bool(other.info("replication")["slave_repl_offset"] >= sent)


def test_a_master_behind_sentinels_is_replaced(service: StartService, tmp_path: Path) -> None:
    """200 and degraded until there is a new one, then whole; nothing acknowledged is lost."""
    with (
        start_sentinels(tmp_path / "redis") as sentinels,
        closing(Views(service(redis_url=sentinels.url))) as views,
    ):
        assert all(views.send("ann") for _ in range(10))
        master = sentinels.master()
        replicas = [each for each in sentinels.servers if each is not master]
        wait_until(lambda: all(_has_all(master, each) for each in replicas), "in step")
        master.kill()
        assert views.send("ann") is False
        wait_until(lambda: views.send("ann"), "page views are whole again", BACK_WITHIN_S)
        assert all(views.send("ann") for _ in range(3))
        views.check_stored("ann")


@pytest.mark.parametrize("coverage", ["yes", "no"])
def test_a_master_in_a_cluster_is_replaced(
    service: StartService, tmp_path: Path, coverage: str
) -> None:
    """Likewise for its visitors. Those of other masters notice nothing where Redis lets them.

    By its default, `cluster-require-full-coverage yes`, all masters refuse commands from when
    the dead one is noticed until it is replaced.
    """
    names = (f"v{number}" for number in count())
    hit = next(name for name in names if key_slot(name.encode()) < 5_000)
    other = next(name for name in names if key_slot(name.encode()) > 6_000)
    options = ("--cluster-require-full-coverage", coverage)
    with (
        start_cluster(tmp_path / "redis", *options, node_timeout_ms=1_000) as cluster,
        closing(Views(service(redis_url=cluster.url))) as views,
    ):
        assert all(views.send(name) for name in [hit, other] * 10)
        master = cluster.owner_of(0)
        wait_until(lambda: cluster.replicates(master), "in step")
        master.kill()
        assert views.send(hit) is False
        wait_until(
            lambda: views.send(other) & views.send(hit), "page views are whole", BACK_WITHIN_S
        )
        assert all(views.send(name) for name in [hit, other] * 3)
        assert coverage == "yes" or not views.degraded[other]
        views.check_stored(hit)
        views.check_stored(other)
