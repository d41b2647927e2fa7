"""What the OpenAPI document says of keys and refusals is what each call does."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from edgeseg.app import create_app
from edgeseg.profiles.memory_store import MemoryStore
from tests.unit.delivery.settings import KEY, SERVER, write_settings

RULES = "segments: [{id: everyone, when: {all: []}}]"
WRITE_KEY = "write-key-of-the-tests"
BODIES: dict[str, object] = {
    **{path: {"batch": []} for path in ("/v1/b", "/v1/batch", "/v1/import")},
    "/ofrep/v1/evaluate/flags": {"context": {"targetingKey": "nobody"}},
    "/ofrep/v1/evaluate/flags/{key}": {"context": {"targetingKey": "nobody"}},
    "/v1/classify": {"page": {"url": "https://shop.example/"}},
    "/v1/consent": {"consent": {"marketing": True}},
    "/v1/me/identify": {"token": "none"},
    "/v1/visitors/{visitor_id}/attributes": {"attributes": {}},
    "/v1/visitors/{visitor_id}/identify": {"user_id": "ann"},
    "/v1/visitors/{visitor_id}/lists": {"lists": []},
    "/v1/visitors/{visitor_id}/merge": {"other": "ben"},
    "/v1/visitors/{visitor_id}/pins": {"pins": {}},
    "/v1/visitors/{visitor_id}/tags": {"tags": []},
}
"""Path → a body that is acceptable, where an empty object is none."""
Call = tuple[str, str, dict[str, Any]]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient[Any]]:
    """A service of which nobody is known."""
    settings = write_settings(
        tmp_path, RULES, write_keys=(WRITE_KEY,), data_dir=str(tmp_path), cookie="shopper"
    )
    with TestClient(create_app(settings, store=MemoryStore())) as running:
        yield running


@pytest.fixture
def document(client: TestClient[Any]) -> dict[str, Any]:
    """The document, as developers get it."""
    found: dict[str, Any] = client.get("/openapi/openapi.json").json()
    return found


@pytest.fixture
def calls(document: dict[str, Any]) -> list[Call]:
    """Method, path and description of each call that can be looked at to its end."""
    return [
        (method, path, operation)
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in {"get", "post", "put", "delete"} and path != "/ofrep/v1/events"
    ]


def _status(
    client: TestClient[Any], method: str, path: str, headers: dict[str, str] | None = None
) -> int:
    address = path.replace("{slot}", "hero").replace("{key}", "segment/everyone")
    for name in ("visitor_id", "campaign", "name", "write_key"):
        address = address.replace(f"{{{name}}}", "nobody")
    client.cookies.clear()
    body = None if method in {"get", "delete"} else BODIES.get(path, {})
    status: int = client.request(method, address, json=body, headers=headers).status_code
    return status


def test_who_shows_nothing_is_refused_where_a_key_is_needed(
    client: TestClient[Any], calls: list[Call]
) -> None:
    """And nowhere else: a page of the site needs no key."""
    keyed = ("serverKey", "writeKey")
    needing = {
        (method, path)
        for method, path, operation in calls
        if any(key in each for each in operation.get("security", ()) for key in keyed)
        and {} not in operation["security"]
    }
    refused = {(m, path) for m, path, _told in calls if _status(client, m, path) == 401}
    assert refused - {("post", "/v1/me/identify")} == needing  # a token that is none
    assert len(needing) > 30


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (401, {"Authorization": "Bearer nobodys-key"}),
        (403, {"Sec-Fetch-Site": "cross-site"}),
        (404, SERVER),
    ],
)
def test_each_call_tells_the_refusals_that_it_has(
    client: TestClient[Any], calls: list[Call], status: int, headers: dict[str, str]
) -> None:
    """Who generates a client handles these, and no others."""
    told = {(method, path) for method, path, it in calls if str(status) in it["responses"]}
    if status == 404:  # there the rest of the path names a flag that is none
        told.discard(("post", "/ofrep/v1/evaluate/flags/{key}"))
    found = {(m, path) for m, path, _it in calls if _status(client, m, path, headers) == status}
    assert found == told
    assert found


def test_each_key_is_taken_where_the_document_says_so(
    client: TestClient[Any], document: dict[str, Any], calls: list[Call]
) -> None:
    """In each of the forms that it names, and the cookie goes by the name of the settings."""
    schemes = document["components"]["securitySchemes"]
    assert schemes["visitorCookie"]["name"] == "shopper"
    basic = "Basic d3JpdGUta2V5LW9mLXRoZS10ZXN0czo="  # the write key as a user without password
    shown = {
        "serverKey": SERVER,
        "serverKeyHeader": {"X-API-Key": KEY},
        "writeKey": {"Authorization": f"Bearer {WRITE_KEY}"},
        "keyAsUser": {"Authorization": basic},
    }
    assert {*schemes} == {*shown, "visitorCookie"}
    for method, path, operation in calls:
        for requirement in operation.get("security", ()):
            for name in requirement.keys() & shown.keys():
                assert _status(client, method, path, shown[name]) != 401, (path, name)
