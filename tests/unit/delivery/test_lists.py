"""Lists over HTTP, and the segments that ask about them."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from edgeseg.app import create_app
from edgeseg.delivery.list_rows import SHOWN
from edgeseg.profiles.memory_store import MemoryStore
from tests.unit.delivery.settings import KEY, write_settings

RULES = """
segments:
  - {id: gold, when: {list: gold}}
  - {id: gold-readers, from: {list: gold}, when: {event: page_viewed}}
"""


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient[Any]]:
    """A service with the rules above, called with its server key; lists have 2,000 bytes."""
    settings = write_settings(tmp_path, RULES, max_list_bytes=2_000)
    app = create_app(settings, store=MemoryStore())
    with TestClient(app) as client:
        client.headers["Authorization"] = f"Bearer {KEY}"
        yield client


def _segments(client: TestClient[Any], visitor: str) -> set[str]:
    body = {"page": {"url": "https://x.example/"}, "visitor": visitor, "consent": {"m": True}}
    return set(client.post("/v1/classify", json=body).json()["segments"])


def _wait_until_applied(client: TestClient[Any], count: int) -> dict[str, Any]:
    """Answer the only list as soon as so many profiles know of it."""
    until_s = time.monotonic() + 20
    while time.monotonic() < until_s:
        found: list[dict[str, Any]] = client.get("/v1/lists").json()["lists"]
        if found and found[0]["applied"] == count and found[0]["applied_at"]:
            return found[0]
        time.sleep(0.005)
    raise AssertionError(client.get("/v1/lists").json())


def test_a_list_decides_on_segments(client: TestClient[Any]) -> None:
    """`list: NAME` and `from: {list: NAME}` hold for its members, until it is put without them."""
    assert _segments(client, "ann") == _segments(client, "bob") == set()
    answer = client.put("/v1/lists/gold", content=b"visitor,since\nann,2024\nzoe,2025\n")
    assert answer.status_code == 202, answer.text
    assert answer.json() == {"name": "gold", "members": 2, "refused": 0, "problems": []}
    shown = _wait_until_applied(client, 1)
    assert (shown["name"], shown["members"]) == ("gold", 2)
    assert _segments(client, "ann") == {"gold", "gold-readers"}
    assert _segments(client, "bob") == set()
    client.put("/v1/lists/gold", content=b"zoe\n")
    _wait_until_applied(client, 0)
    assert _segments(client, "ann") == set()


def test_a_member_is_named_as_in_other_calls(client: TestClient[Any]) -> None:
    """As `user:42`, or as an SDK's client, also without a header that says so."""
    for visitor in ("user:42", "anonymous:c1"):
        _segments(client, visitor)
    client.put("/v1/lists/gold", content=b"user:42\nanonymous:c1\n")
    _wait_until_applied(client, 2)
    assert _segments(client, "user:42") == {"gold", "gold-readers"}


def test_what_stands_in_quotes_is_one_name(client: TestClient[Any]) -> None:
    """As in CSV: `"ann,b"` is somebody else than `ann`."""
    for visitor in ("user:ann", "user:ann,b", 'user:"c"'):
        _segments(client, visitor)
    text = 'user,since\n"ann,b",2024\n"""c""";x\n'
    assert client.put("/v1/lists/gold", content=text.encode()).json()["members"] == 2
    _wait_until_applied(client, 2)
    assert not _segments(client, "user:ann")
    assert _segments(client, "user:ann,b") == _segments(client, 'user:"c"') != set()


def test_what_is_no_list_leaves_the_members(client: TestClient[Any]) -> None:
    """A page that says "not found", or UTF-16, must not take everybody off; an empty text may."""
    client.put("/v1/lists/gold", content=b"ann")
    for text in (b"<html>\n<body>Not found</body>\n", "user\nann\n".encode("utf-16")):
        answer = client.put("/v1/lists/gold", content=text)
        assert answer.status_code == 400
        assert "lines names a visitor: an id has" in answer.json()["detail"]
        assert client.get("/v1/lists").json()["lists"][0]["members"] == 1
    assert client.put("/v1/lists/gold", content=b"").json()["members"] == 0


def test_a_removed_list_is_gone(client: TestClient[Any]) -> None:
    """With everybody who was on it."""
    _segments(client, "ann")
    client.put("/v1/lists/gold", content=b"ann")
    _wait_until_applied(client, 1)
    assert client.delete("/v1/lists/gold").status_code == 204
    assert client.get("/v1/lists").json() == {"lists": []}
    assert _segments(client, "ann") == set()
    assert client.delete("/v1/lists/gold").status_code == 404


def test_rows_that_name_nobody_are_told(client: TestClient[Any]) -> None:
    """The others are on the list; problems are told up to a bound, and counted beyond."""
    lines = [b"ann", b"", b"a b"] + [b"?"] * (SHOWN + 5) + [b"x" * 300, b"\xff\xfe", b"bob"]
    answer = client.put("/v1/lists/gold", content=b"\r\n".join(lines)).json()
    assert answer["members"] == 2
    assert answer["refused"] == SHOWN + 8
    assert len(answer["problems"]) == SHOWN
    assert answer["problems"][0]["row"] == 2
    assert "an id has 1 to 100" in answer["problems"][0]["problem"]


@pytest.mark.parametrize("name", ["Gold", "a b", "x" * 101, "%24x"])
def test_names_are_ids(client: TestClient[Any], name: str) -> None:
    """As rules could not refer to others."""
    answer = client.put(f"/v1/lists/{name}", content=b"ann")
    assert answer.status_code == 400
    assert answer.json()["field"] == "name"


def test_a_list_that_is_too_large_is_refused_and_changes_nothing(client: TestClient[Any]) -> None:
    """The limit is named; who was on the list stays."""
    client.put("/v1/lists/gold", content=b"ann")
    answer = client.put("/v1/lists/gold", content=b"bob\n" * 600)
    assert answer.status_code == 413
    assert client.get("/v1/lists").json()["lists"][0]["members"] == 1


def test_lists_need_a_server_key(client: TestClient[Any]) -> None:
    """Browsers neither see nor change them."""
    del client.headers["Authorization"]
    for answer in (
        client.get("/v1/lists"),
        client.put("/v1/lists/gold", content=b"ann"),
        client.delete("/v1/lists/gold"),
    ):
        assert answer.status_code in {401, 403}
