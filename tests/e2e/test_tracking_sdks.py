"""The tutorial and bad days, through the tracking SDKs as their makers publish them."""

import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from copy import deepcopy
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from rudderstack.analytics.client import Client as RudderClient
from segment.analytics.client import Client as SegmentClient

from tests.e2e.flaky_proxy import FlakyProxy
from tests.e2e.service import SERVER_KEY, WRITE_KEY, Service
from tests.e2e.tracking_visitors import CONSENT, PROSPECTS, Visitors, page_context

# RudderStack's SDK tries again by way of backoff, which Python 3.14 warns of.
pytestmark = pytest.mark.filterwarnings(
    "ignore:'asyncio.iscoroutinefunction' is deprecated:DeprecationWarning:backoff"
)

CLIENTS = Path(__file__).parents[1] / "clients"
Call = tuple[str, dict[str, Any]]
PHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1"
)
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
Send = Callable[..., list[str]]
"""From address, key and calls to what became of each: ``sent``, or an error."""


def _by_segment_python(host: str, key: str, calls: Sequence[Call], *, gzip: bool) -> list[str]:
    errors: list[str] = []
    client = SegmentClient(
        key,
        host=host,
        gzip=gzip,
        upload_interval=0.05,
        on_error=lambda error, _batch: errors.append(str(error)),
    )
    for method, message in calls:
        queued, _message = getattr(client, method)(**_snake(message))
        assert queued
    client.shutdown()
    return errors or ["sent"]


def _by_rudder_python(host: str, key: str, calls: Sequence[Call]) -> list[str]:
    errors: list[str] = []
    client = RudderClient(
        key,
        host=host,
        upload_interval=0.05,
        on_error=lambda error, _batch: errors.append(str(error)),
    )
    for method, message in calls:
        queued, _message = getattr(client, method)(**_snake(message))
        assert queued
    client.shutdown()
    return errors or ["sent"]


def _snake(message: dict[str, Any]) -> dict[str, Any]:
    named = {"anonymousId": "anonymous_id", "userId": "user_id", "groupId": "group_id"}
    named |= {"previousId": "previous_id", "messageId": "message_id"}
    # Copied, since a client writes into the context that it is given.
    return {named.get(name, name): deepcopy(value) for name, value in message.items()}


def _by_node(program: str) -> Send:
    def send(host: str, key: str, calls: Sequence[Call]) -> list[str]:
        task = json.dumps({"host": host, "writeKey": key, "calls": calls})
        ran = subprocess.run(
            ["node", program, task],
            cwd=CLIENTS,
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        outcomes: list[str] = json.loads(ran.stdout)
        return sorted(set(outcomes))

    return send


NODE = pytest.mark.needs("node", "npm-clients")
SDKS = [
    pytest.param(lambda *call: _by_segment_python(*call, gzip=False), id="segment-python"),
    pytest.param(_by_rudder_python, id="rudder-python"),
    pytest.param(_by_node("segment_node.mjs"), id="segment-node", marks=NODE),
    pytest.param(_by_node("rudder_node.cjs"), id="rudder-node", marks=NODE),
]

PACKED = pytest.param(lambda *call: _by_segment_python(*call, gzip=True), id="segment-python-gzip")
"""Both of RudderStack pack by default."""


@pytest.fixture
def visitors(service: Service) -> Visitors:
    """What is stored by the shared service."""
    return Visitors(service)


@pytest.fixture
def anonymous_id() -> str:
    """A visitor whom no other test knows."""
    return str(uuid4())


@pytest.fixture
def proxy(service: Service) -> Iterator[Callable[..., FlakyProxy]]:
    """Build proxies that turn the first calls away."""
    with ExitStack() as stack:
        yield lambda *statuses: stack.enter_context(FlakyProxy(service.url, statuses))


def _track(anonymous_id: str, event: str, **properties: Any) -> Call:
    properties = {"properties": properties}
    return "track", {"anonymousId": anonymous_id, "event": event, "context": CONSENT, **properties}


@pytest.mark.parametrize("send", [*SDKS, PACKED])
def test_the_tutorial_through_a_sdk(
    service: Service, visitors: Visitors, anonymous_id: str, send: Send
) -> None:
    """Reading an account joins the segment, the form leaves it; a server key is not needed."""
    visitor = visitors.anonymous(anonymous_id)
    message = {"anonymousId": anonymous_id, "context": page_context()}

    assert send(service.url, WRITE_KEY, [("page", message)]) == ["sent"]
    assert PROSPECTS in visitors.segments(visitor)

    submitted = _track(anonymous_id, "Form Submitted", form="request-account")
    assert send(service.url, WRITE_KEY, [submitted]) == ["sent"]
    assert PROSPECTS not in visitors.segments(visitor)
    assert visitors.events(visitor) == {"page_viewed": 1, "form_submitted": 1}


@pytest.mark.parametrize("send", SDKS)
def test_traits_and_orders_of_a_known_person(
    service: Service, visitors: Visitors, send: Send
) -> None:
    """With a server key the SDK of a shop's server tells who bought what."""
    user_id = str(uuid4())
    products = [{"product_id": "a", "price": 700}, {"product_id": "b", "price": 500}]
    order = {"order_id": user_id, "revenue": 1200, "products": products}
    calls = [
        ("identify", {"userId": user_id, "traits": {"firstName": "Alex"}, "context": CONSENT}),
        ("group", {"userId": user_id, "groupId": "g", "traits": {"plan": "x"}, "context": CONSENT}),
        (
            "track",
            {
                "userId": user_id,
                "event": "Order Completed",
                "properties": order,
                "context": CONSENT,
            },
        ),
    ]

    assert send(service.url, SERVER_KEY, calls) == ["sent"]

    visitor = visitors.identities.known(user_id)
    found = visitors.profile(visitor)
    assert found is not None
    assert found["attributes"] == {"first_name": "Alex"}
    assert found["events"] == {"group_joined": 1, "order_completed": 1}
    assert "high-value-customers" in visitors.segments(visitor)


@pytest.mark.parametrize("send", SDKS)
def test_a_server_tells_of_its_visitors_devices(
    service: Service, visitors: Visitors, send: Send
) -> None:
    """By the header that it got itself; its own has nothing to do with them."""
    user_id = str(uuid4())
    calls = [
        ("page", {"userId": user_id, "context": page_context(userAgent=agent)})
        for agent in (PHONE, PHONE, ROBOT)
    ]
    calls.append(("page", {"userId": user_id, "context": page_context()}))

    assert send(service.url, SERVER_KEY, calls) == ["sent"]

    history = visitors.history(visitors.identities.known(user_id))
    devices = [event["properties"].get("device") for event in history]
    assert sorted(devices, key=str) == [None, "bot", "mobile", "mobile"]


@pytest.mark.parametrize("send", SDKS)
def test_what_is_turned_away_is_sent_again_and_counts_once(
    visitors: Visitors,
    anonymous_id: str,
    proxy: Callable[..., FlakyProxy],
    send: Send,
) -> None:
    """Nothing that was not acknowledged is lost, whichever way "later" is said."""
    flaky = proxy(503, 429)
    calls = [_track(anonymous_id, "product_viewed", n=n) for n in range(10)]

    assert send(flaky.url, WRITE_KEY, calls) == ["sent"]

    assert flaky.answered[:2] == [503, 429]
    assert set(flaky.answered[2:]) == {200}
    assert visitors.events(visitors.anonymous(anonymous_id)) == {"product_viewed": 10}


@pytest.mark.parametrize("send", SDKS)
def test_a_bad_message_spoils_no_other(
    service: Service, visitors: Visitors, anonymous_id: str, send: Send
) -> None:
    """A batch is delivered though the service refuses one of its messages."""
    calls = [_track(anonymous_id, name) for name in ("product_viewed", "$own", "cart_viewed")]

    assert send(service.url, WRITE_KEY, calls) == ["sent"]

    found = visitors.events(visitors.anonymous(anonymous_id))
    assert found == {"product_viewed": 1, "cart_viewed": 1}


@pytest.mark.parametrize("send", SDKS)
def test_a_wrong_key_is_told_at_once(service: Service, anonymous_id: str, send: Send) -> None:
    """The application hears of it by its error callback instead of waiting for retries."""
    outcomes = send(
        service.url, "a-key-that-nobody-knows", [_track(anonymous_id, "product_viewed")]
    )

    assert len(outcomes) == 1
    assert "401" in outcomes[0] or "Unauthorized" in outcomes[0] or "no-access" in outcomes[0]
