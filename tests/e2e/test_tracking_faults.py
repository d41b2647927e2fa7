"""Tracking calls while the store is frozen or dead: asked for again, and counted once."""

import os
import signal
from uuid import uuid4

import httpx
import pytest

from edgeseg.profiles.embedded import EmbeddedServer
from tests.e2e.conftest import StartService
from tests.e2e.service import WRITE_KEY, wait_for
from tests.e2e.tracking_visitors import CONSENT, Visitors


def _batch(visitors: int, each: int) -> dict[str, object]:
    messages = [
        {
            "type": "track",
            "event": "product_viewed",
            "anonymousId": f"visitor-{visitor}",
            "messageId": str(uuid4()),
            "context": CONSENT,
        }
        for visitor in range(visitors)
        for _ in range(each)
    ]
    return {"writeKey": WRITE_KEY, "batch": messages}


def _send_until_taken(url: str, batch: dict[str, object]) -> list[int]:
    """Do as SDKs do; answer the statuses."""
    statuses: list[int] = []

    def is_taken() -> bool:
        answer = httpx.post(f"{url}/v1/batch", json=batch, timeout=20)
        statuses.append(answer.status_code)
        if answer.status_code != 200:
            assert answer.headers["retry-after"] == "1"
        return answer.status_code == 200

    wait_for(is_taken, 20, "the batch is taken")
    return statuses


@pytest.mark.parametrize("blow", [signal.SIGSTOP, signal.SIGKILL], ids=["frozen", "dead"])
def test_a_batch_survives_the_store(
    new_service: StartService, store: EmbeddedServer, blow: signal.Signals
) -> None:
    """What is sent again counts once, also where the first try was stored unacknowledged."""
    service = new_service(redis_url=store.url, budget_ms=400).start()
    visitors = Visitors(service)
    batch = _batch(visitors=30, each=3)
    assert _send_until_taken(service.url, batch) == [200]
    later = _batch(visitors=30, each=3)

    os.kill(store.pid, blow)
    refused = httpx.post(f"{service.url}/v1/batch", json=later, timeout=20)
    if blow is signal.SIGSTOP:
        os.kill(store.pid, signal.SIGCONT)
    else:
        wait_for(lambda: not store.is_alive(), 5, "the store has ended")
        store.start()

    assert refused.status_code == 503
    _send_until_taken(service.url, later)
    _send_until_taken(service.url, batch)
    for visitor in range(30):
        found = visitors.events(visitors.anonymous(f"visitor-{visitor}"))
        assert found == {"product_viewed": 6}
