"""A request is answered by one version of the rules, whatever is loaded meanwhile."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import jwt
import pytest
from litestar.testing import TestClient

from edgeseg.app import create_app
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.rule_reload import LiveRules
from tests.unit.delivery.settings import SERVER, write_settings

NOW_MS = 1_800_000_000_000
TOKEN_KEY = "identity-key-shared-with-the-login"
RULES = """
fields: [{id: plan, type: text}, {id: email, type: text, pii: true}]
segments: [{id: payers, when: {field: plan, eq: paid}}]
"""
PAGE = {"url": "https://x.example/"}
FORM = {"event": "form_submitted", "properties": {"email": "ann@x.example"}}
CLASSIFY = ("POST", "/v1/classify")
ANN, BEN = "/v1/visitors/ann", "/v1/visitors/ben"


class Looks:
    """Stands for `LiveRules.current`, and counts how often it is asked for."""

    def __init__(self) -> None:
        """Begin at none."""
        self.times = 0
        self._known: dict[int, Snapshot] = {}

    def __get__(self, rules: LiveRules, _kind: type[LiveRules]) -> Snapshot:
        """Answer the rules in force."""
        self.times += 1
        return self._known[id(rules)]

    def __set__(self, rules: LiveRules, snapshot: Snapshot) -> None:
        """Put rules into force."""
        self._known[id(rules)] = snapshot


class Site(NamedTuple):
    """A service, and how often it has looked which rules are in force."""

    client: TestClient[Any]
    looks: Looks


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A service that knows Ann and Ben; its client has the cookie of a third visitor."""
    looks = Looks()
    monkeypatch.setattr(LiveRules, "current", looks, raising=False)
    settings = write_settings(tmp_path, RULES, identity_keys=(TOKEN_KEY,))
    store = MemoryStore(clock=lambda: NOW_MS)
    app = create_app(settings, store=store, clock=lambda: NOW_MS)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for name in ("ann", "ben"):
            body = {"page": PAGE, "visitor": name, "consent": {"m": True}}
            assert client.post("/v1/classify", json=body, headers=SERVER).status_code == 200
        client.post("/v1/classify", json={"page": PAGE, "consent": {"m": True}})
        yield Site(client, looks)


def _token() -> str:
    claims = {"sub": "cleo", "exp": NOW_MS // 1_000 + 60, "email": "cleo@x.example"}
    return jwt.encode(claims, TOKEN_KEY, "HS256")


@pytest.mark.parametrize(
    ("method", "path", "body", "headers"),
    [
        (*CLASSIFY, {"page": PAGE, "events": [FORM]}, {}),
        (*CLASSIFY, {"page": PAGE, "visitor": "ann", "events": [FORM]}, SERVER),
        ("POST", "/v1/consent", {"consent": {"n": True}}, {}),
        ("POST", "/v1/me/identify", {"token": _token()}, {}),
        ("POST", "/v1/me/log-out", None, {}),
        ("GET", "/v1/me", None, {}),
        ("GET", "/v1/me/export", None, {}),
        ("GET", ANN, None, SERVER),
        ("GET", f"{ANN}/export", None, SERVER),
        ("PUT", f"{ANN}/attributes", {"attributes": {"email": "ann@x.example"}}, SERVER),
        ("PUT", f"{ANN}/tags", {"tags": ["staff"]}, SERVER),
        ("PUT", f"{ANN}/lists", {"lists": ["vip"]}, SERVER),
        ("PUT", f"{ANN}/pins", {"pins": {"payers": True}}, SERVER),
        ("POST", f"{ANN}/identify", {"user_id": "7", "email": "a@x.example"}, SERVER),
        ("POST", f"{ANN}/merge", {"other": "ben"}, SERVER),
        ("POST", f"{BEN}/anonymize", None, SERVER),
        (
            "POST",
            "/v1/identify",
            {"userId": "7", "anonymousId": "a", "traits": {"email": "a@x.example"},
             "context": {"consent": {"m": True}}},
            SERVER,
        ),
    ],
)  # fmt: skip
def test_a_request_looks_once_which_rules_are_in_force(
    site: Site, method: str, path: str, body: dict[str, Any] | None, headers: dict[str, str]
) -> None:
    """Read by one version and written by the next, a profile would be folded by neither."""
    site.looks.times = 0
    answer = site.client.request(method, path, json=body, headers=headers)
    assert answer.status_code in {200, 201, 204}, answer.text
    assert site.looks.times == 1
