"""Other systems, in a closed loop: a CMS, a system that sends events, and flag clients."""

from base64 import b64encode
from typing import ClassVar

from locust import task

from browsing import Client
from journeys import PRODUCTS, SITE
from plan import Plan

PRODUCT_IDS = [path.rpartition("/")[2] for path in PRODUCTS]


class ContentServer(Client):
    """A CMS that puts one slot into the page it renders."""

    weight = 2

    @task
    def fill_slot(self) -> None:
        """Ask for a fragment, which must come whatever happens."""
        path = self.chance.choice(("/", "/accounts", "/accounts/premium-account"))
        with self.client.get(
            "/v1/fragment/home-hero",
            params={"url": SITE + path},
            name="/v1/fragment/{slot}",
            catch_response=True,
        ) as response:
            if response.status_code == 200 and "Edgeseg-Status" not in response.headers:
                response.failure("the answer is not a fragment")


class EventSender(Client):
    """A server with a tracking SDK: batches of what happened, by a write key."""

    weight = 1

    @task
    def send_batch(self) -> None:
        """Send one batch of ten events of five visitors."""
        key = Plan.from_environment().write_key
        who = [f"load-{self.chance.randrange(1_000)}" for _ in range(5)]
        batch = [
            {
                "type": "track",
                "anonymousId": who[number % 5],
                "event": "Product Viewed",
                "properties": {"product_id": self.chance.choice(PRODUCT_IDS)},
                "messageId": f"{self.chance.getrandbits(64):016x}",
                "context": {"consent": {"categoryPreferences": {"marketing": True}}},
            }
            for number in range(10)
        ]
        basic = b64encode(f"{key}:".encode()).decode()
        headers = {"Authorization": f"Basic {basic}"} if key else {}
        with self.client.post(
            "/v1/batch", json={"batch": batch}, headers=headers, catch_response=True
        ) as response:
            if response.status_code == 200 and response.json().get("accepted") != len(batch):
                response.failure(f"not all were accepted: {response.text}")


class FlagClient(Client):
    """An application that polls all its flags, and keeps what has not changed."""

    weight = 1
    etags: ClassVar[dict[str, str]] = {}

    @task
    def evaluate_all(self) -> None:
        """Ask for all flags of one visitor, as a provider of OpenFeature does."""
        targeting_key = f"load-{self.chance.randrange(1_000)}"
        known = self.etags.get(targeting_key)
        with self.client.post(
            "/ofrep/v1/evaluate/flags",
            json={"context": {"targetingKey": targeting_key}},
            headers={"If-None-Match": known} if known else {},
            catch_response=True,
        ) as response:
            if response.status_code in {200, 304}:
                response.success()
                self.etags[targeting_key] = (response.headers or {}).get("etag", "")
