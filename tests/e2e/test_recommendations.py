"""Recommendations over real HTTP: two workers, the sample shop, the catalogue by API."""

import re
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from tests.e2e.service import SERVER_KEY, Service, wait_for
from tests.e2e.views import GRANTED

SHOP = "https://shop.example"
SERVER = {"Authorization": f"Bearer {SERVER_KEY}"}
ROBOT = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"
SHELF = """
slots:
  - id: shelf
    kind: json
    with: {heading: Popular}
    recommend: {strategy: popular, count: 3, fallback: [], exclude: []}
  - id: mine
    kind: json
    recommend: {strategy: recently_viewed, where: {price: {gte: 2}}}
"""
CSV = "id,name,url,price\na,Ale,/p/a,1\nb,Bun,/p/b,2\nc,Cup,/p/c,3\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """The sample shop with two workers that tell each other soon."""
    folder = tmp_path_factory.mktemp("shop") / "data"
    with closing(Service(folder, workers=2, products_s=0.2, budget_ms=5_000)) as running:
        yield running.start()


@pytest.fixture
def bare(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service without a catalogue of its own, and where nothing was counted yet."""
    folder = tmp_path_factory.mktemp("bare")
    for name in ("rules", "templates"):
        (folder / name).mkdir()
    (folder / "rules" / "r.yaml").write_text(SHELF)
    running = Service(
        folder / "data",
        rules=folder / "rules",
        templates=folder / "templates",
        products_s=0.2,
        budget_ms=5_000,
        max_catalogue_bytes=2_000,
    )
    with closing(running):
        yield running.start()


def event(name: str, **properties: object) -> dict[str, Any]:
    """Answer an event of the body."""
    return {"event": name, "properties": properties}


def look(
    url: str, path: str, *events: dict[str, Any], client: httpx.Client | None = None, **members: Any
) -> dict[str, Any]:
    """Answer the slots of a page, each time over a connection of its own, to any worker."""
    body = {"page": {"url": SHOP + path}, "consent": GRANTED, "events": [*events], **members}
    headers = {"cookie": client.headers["cookie"]} if client else {}
    answer = httpx.post(f"{url}/v1/classify", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    if client is not None and "set-cookie" in answer.headers:
        client.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]
    slots: dict[str, Any] = answer.json()["slots"]
    return slots


def somebody() -> httpx.Client:
    """Answer a visitor, who will be remembered by the cookie."""
    return httpx.Client(headers={"cookie": ""})


def shelf(url: str, path: str) -> list[str]:
    """Answer the products that a new visitor without consent sees."""
    slots = look(url, path, slots=["recommendations"], consent={})
    return re.findall(r'href="/shop/([a-z-]+)"', slots["recommendations"]["html"])


def test_what_visitors_look_at_together_is_shown_to_others(shop: Service) -> None:
    """By whichever worker: what one has counted, both recommend."""
    assert shelf(shop.url, "/shop") == ["stoneware-mug", "linen-notebook", "watering-can"]
    for _ in range(4):
        with somebody() as visitor:
            for product in ("reading-lamp", "writing-desk", "bread-board"):
                viewed = event("product_viewed", product_id=product)
                look(shop.url, f"/shop/{product}", viewed, client=visitor)
    expected = ["bread-board", "reading-lamp", "watering-can"]
    wait_for(lambda: shelf(shop.url, "/shop") == expected, 10, "what is popular has changed")
    together = {"writing-desk", "bread-board"}

    def near(path: str) -> set[str]:
        return set(shelf(shop.url, path)[:2])

    for _ in range(8):  # both workers come to know of it
        wait_for(lambda: near("/shop/reading-lamp") == together, 10, "what goes together is shown")
    fragment = httpx.get(
        f"{shop.url}/v1/fragment/recommendations", params={"url": f"{SHOP}/shop/reading-lamp"}
    )
    assert "You might like these, too" in fragment.text
    assert "Walnut writing desk" in fragment.text


def test_visitors_without_consent_and_robots_count_for_nothing(bare: Service) -> None:
    """Nor do products that nobody sells."""
    httpx.put(
        f"{bare.url}/v1/catalogue", content=CSV, headers={**SERVER, "content-type": "text/csv"}
    ).raise_for_status()
    look(bare.url, "/p/a", event("product_viewed", product_id="a"), consent={})
    look(bare.url, "/p/a", event("product_viewed", product_id="made-up"))
    robot = {
        "page": {"url": SHOP},
        "consent": GRANTED,
        "events": [event("product_viewed", product_id="a")],
    }
    httpx.post(
        f"{bare.url}/v1/classify", json=robot, headers={"user-agent": ROBOT}
    ).raise_for_status()
    told_of = {
        "anonymousId": "a-robot",
        "event": "Product Viewed",
        "properties": {"product_id": "b"},
        "context": {"consent": {"categoryPreferences": {"marketing": True}}, "userAgent": ROBOT},
    }
    httpx.post(f"{bare.url}/v1/track", json=told_of, auth=(SERVER_KEY, "")).raise_for_status()
    look(bare.url, "/p/c", event("product_viewed", product_id="c"))

    def ids() -> list[str]:
        values = look(bare.url, "/", slots=["shelf"])["shelf"]["values"]
        assert values["heading"] == "Popular"
        return [product["id"] for product in values["products"]]

    assert wait_for(ids, 10, "something is popular") == ["c"]


def test_orders_from_servers_count_and_apps_are_given_the_products(bare: Service) -> None:
    """A list of products as Segment's specification has it needs nothing else."""
    httpx.put(
        f"{bare.url}/v1/catalogue", content=CSV, headers={**SERVER, "content-type": "text/csv"}
    ).raise_for_status()
    order = {
        "anonymousId": "somebody",
        "event": "Order Completed",
        "context": {"consent": {"categoryPreferences": {"marketing": True}}},
        "properties": {"order_id": "1", "products": [{"product_id": "b"}, {"product_id": "a"}]},
    }
    answer = httpx.post(f"{bare.url}/v1/track", json=order, auth=(SERVER_KEY, ""))
    assert answer.status_code == 200, answer.text

    def popular() -> set[str]:
        values = look(bare.url, "/", slots=["shelf"])["shelf"]["values"]
        return {product["id"] for product in values["products"]} & {"a", "b"}

    wait_for(lambda: popular() == {"a", "b"}, 10, "what was ordered is popular")
    flag = httpx.post(
        f"{bare.url}/ofrep/v1/evaluate/flags/slot/shelf", json={"context": {"targetingKey": "x"}}
    )
    assert {"a", "b"} <= {product["id"] for product in flag.json()["value"]["products"]}


def test_a_visitor_sees_what_they_looked_at_the_latest_first(bare: Service) -> None:
    """On the very request that says so, filtered by the rule, without the page's own product."""
    httpx.put(
        f"{bare.url}/v1/catalogue", content=CSV, headers={**SERVER, "content-type": "text/csv"}
    ).raise_for_status()
    with somebody() as visitor:
        for product in "abc":
            viewed = event("product_viewed", product_id=product)
            slots = look(bare.url, f"/p/{product}", viewed, client=visitor, slots=["mine"])
        assert [each["id"] for each in slots["mine"]["values"]["products"]] == ["b"]
        slots = look(bare.url, "/", client=visitor, slots=["mine"])
        assert [each["id"] for each in slots["mine"]["values"]["products"]] == ["c", "b"]


def test_the_catalogue_is_told_of_and_changed_with_a_server_key_only(
    bare: Service, shop: Service
) -> None:
    """Bad rows are named, what is none at all is refused, and a file is not overruled."""
    url = f"{bare.url}/v1/catalogue"

    def put(text: str, kind: str = "text/csv", to: str = url) -> httpx.Response:
        return httpx.put(to, content=text.encode(), headers={**SERVER, "content-type": kind})

    assert httpx.get(url).status_code == 401
    assert httpx.put(url, content=CSV, headers={"content-type": "text/csv"}).status_code == 401
    answer = put(f"{CSV}d,Dish,dish,4\n")
    assert answer.status_code == 200, answer.text
    assert (answer.json()["products"], answer.json()["source"]) == (3, "")
    (problem,) = answer.json()["problems"]
    assert problem["line"] == 5
    assert "`url` is neither" in problem["message"]
    for text, kind, status in (
        ("nonsense", "text/csv", 400),
        ("{}", "application/json", 400),
        (CSV, "text/plain", 400),
        ("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "application/json", 400),
        (CSV + "x" * 2_000, "text/csv", 413),
    ):
        assert put(text, kind).status_code == status, text[:20]
    assert httpx.get(url, headers=SERVER).json()["products"] == 3
    refused = put(CSV, to=f"{shop.url}/v1/catalogue")
    assert refused.status_code == 400
    assert "catalogue.csv; change that" in refused.json()["detail"]
    assert "edgeseg_products 3.0" in httpx.get(f"{bare.url}/metrics").text
