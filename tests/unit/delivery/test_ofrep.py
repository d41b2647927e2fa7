"""Flags in the form of OFREP: every kind, every refusal, and whose profile is read."""

import asyncio
import json
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from edgeseg.app import create_app, create_door
from edgeseg.decisions.snapshot import build_snapshot
from edgeseg.delivery.flags import FlagSet
from edgeseg.delivery.ofrep import PATH
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.settings import Settings
from tests.unit.delivery.settings import KEY, SERVER, write_settings

NOW_MS = 1_800_000_000_000
SAME = {"Sec-Fetch-Site": "same-origin"}
RULES = """
segments:
  - {id: everyone, name: Everyone, when: {all: []}}
  - {id: shoppers, name: Shoppers, when: {event: page_viewed, where: {path: /shop}, within: 30d}}
  - {id: new, name: New, when: {not: {event: page_viewed, where: {path: /shop}}}}
  - {id: readers, name: Readers, when: {context: path, starts_with: /blog}}
  - {id: gold, name: Gold, when: {context: custom.plan, eq: gold}}
  - {id: czech, name: Czech, when: {context: country, eq: CZ}}
slots:
  - {id: hero, kind: html, fallback: fallback.html}
  - {id: exit, kind: popup}
  - {id: broken, kind: html, fallback: fallback.html}
  - {id: limits, kind: json, with: {rate: 0.5, label: Low, count: 1, open: false}}
campaigns:
  - id: generous
    slot: limits
    audience: {segment: readers}
    variants: [{id: only, with: {rate: 1.0, label: High, count: 3, open: true}}]
  - id: greet
    slot: hero
    audience: {segment: shoppers}
    priority: 10
    variants: [{id: only, template: greet.html}]
  - id: split
    slot: hero
    audience: {segment: readers}
    variants: [{id: a, template: greet.html}, {id: b, template: greet.html}]
  - id: leave
    slot: exit
    audience: {segment: readers}
    variants:
      - {id: only, template: greet.html, popup: {title: Wait, trigger: {exit_intent: true}}}
  - {id: fails, slot: broken, variants: [{id: only, template: broken.html}]}
"""
TEMPLATES = {
    "fallback.html": "fallback",
    "greet.html": "hello",
    "broken.html": "{{ (slot | length) // 0 }}",
}
BLOG = {"targetingKey": "somebody", "path": "/blog"}


class SlowStore(MemoryStore):
    """A store whose reads wait for the test."""

    goes_on: asyncio.Event

    async def read(self, *args: Any, **parts: Any) -> Any:
        """Wait, then answer."""
        await self.goes_on.wait()
        return await super().read(*args, **parts)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a service over the rules of this module, that answers one call at a time."""
    write_keys = ("a-write-key-of-the-tests",)
    return write_settings(tmp_path, RULES, TEMPLATES, write_keys=write_keys, max_flag_calls=1)


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient[Litestar]]:
    """A client of a service over the memory store."""
    app = create_app(settings, store=MemoryStore(clock=lambda: NOW_MS), clock=lambda: NOW_MS)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def _view(client: TestClient[Litestar], path: str, **parts: object) -> None:
    body = {"page": {"url": f"http://127.0.0.1{path}"}, "consent": {"marketing": True}, **parts}
    headers = SERVER if "visitor" in parts else {}
    assert client.post("/v1/classify", json=body, headers=headers).status_code == 200


def _flag(
    client: TestClient[Litestar], key: str, headers: dict[str, str] | None = None, **context: object
) -> dict[str, Any]:
    answer = client.post(f"{PATH}/{key}", json={"context": context}, headers=headers or {})
    assert answer.status_code == 200, answer.text
    assert "set-cookie" not in answer.headers
    body: dict[str, Any] = answer.json()
    assert body["key"] == key
    assert body["variant"]
    assert body["reason"] in {"STATIC", "TARGETING_MATCH", "SPLIT", "DISABLED", "UNKNOWN"}
    return body


def _refused(client: TestClient[Litestar], content: bytes | str, key: str = "") -> Any:
    answer = client.post(f"{PATH}/{key}" if key else PATH, content=content)
    body = answer.json()
    assert body["errorDetails"]
    assert body.get("key", "") == key
    return answer.status_code, body["errorCode"]


def test_segments_are_booleans(client: TestClient[Litestar]) -> None:
    """In, out, and left open for want of the profile."""
    everyone = _flag(client, "segment/everyone", targetingKey="k")
    assert (everyone["value"], everyone["variant"]) == (True, "in")
    out = _flag(client, "segment/readers", targetingKey="k", path="/")
    assert (out["value"], out["variant"], out["reason"]) == (False, "out", "TARGETING_MATCH")
    new = _flag(client, "segment/new", targetingKey="k")
    assert (new["value"], new["reason"]) == (False, "UNKNOWN")


def test_slots_are_texts_or_popups(client: TestClient[Litestar]) -> None:
    """The type of a flag is that of its slot, whatever is shown."""
    hero = _flag(client, "slot/hero", **BLOG)
    assert hero["value"] == "hello"
    assert hero["reason"] == "SPLIT"
    assert hero["variant"] in {"split/a", "split/b"}
    assert hero["metadata"]["campaign"] == "split"
    fallback = _flag(client, "slot/hero", targetingKey="k")
    assert (fallback["value"], fallback["variant"]) == ("fallback", "fallback")
    assert fallback["reason"] == "STATIC"
    popup = _flag(client, "slot/exit", **BLOG)["value"]
    assert popup == {
        "html": "hello",
        "title": "Wait",
        "trigger": {"exit_intent": True},
        "modal": True,
    }
    assert _flag(client, "slot/exit", targetingKey="k")["value"] == {}
    values = _flag(client, "slot/limits", **BLOG)
    assert values["value"] == {"rate": 1.0, "label": "High", "count": 3, "open": True}
    assert isinstance(values["value"]["rate"], float)
    assert _flag(client, "slot/limits", targetingKey="k")["value"]["label"] == "Low"
    assert _flag(client, "slot/broken", targetingKey="k")["reason"] == "UNKNOWN"


def test_campaigns_are_their_variant(client: TestClient[Litestar]) -> None:
    """The same one that the slot shows, and ``off`` where another campaign fills it."""
    shown = _flag(client, "slot/hero", **BLOG)["variant"]
    campaign = _flag(client, "campaign/split", **BLOG)
    assert campaign["value"] == campaign["variant"] == shown.removeprefix("split/")
    assert campaign["reason"] == "SPLIT"
    off = _flag(client, "campaign/greet", **BLOG)
    assert (off["value"], off["variant"], off["reason"]) == ("off", "off", "STATIC")
    failed = _flag(client, "campaign/fails", targetingKey="k")
    assert (failed["value"], failed["reason"]) == ("off", "UNKNOWN")


def test_a_long_address_is_cut(client: TestClient[Litestar]) -> None:
    """Pages hand over whatever address they have; the other flags hang on it, too."""
    long = f"https://shop.example/blog?token={'x' * 3_000}"
    assert _flag(client, "segment/readers", targetingKey="k", url=long)["value"] is True


def test_a_targeting_key_deals_out_variants(client: TestClient[Litestar]) -> None:
    """The same key gets the same variant, and different keys get different ones."""
    given = [
        _flag(client, "campaign/split", targetingKey=f"k{n}", path="/blog")["value"]
        for n in [*range(20)] * 2
    ]
    assert given[:20] == given[20:]
    assert set(given) == {"a", "b"}


def test_a_made_up_key_shows_nobody_s_profile(client: TestClient[Litestar]) -> None:
    """A visitor's id as the targeting key of a browser is only a name."""
    _view(client, "/shop", visitor="crm-4711")
    assert _flag(client, "segment/shoppers", targetingKey="crm-4711")["value"] is False
    assert _flag(client, "segment/shoppers", SERVER, targetingKey="crm-4711")["value"] is True
    key = {"X-API-Key": KEY}
    assert _flag(client, "segment/shoppers", key, targetingKey="crm-4711")["value"] is True


def test_a_cookie_is_joined_on_its_own_origin_only(client: TestClient[Litestar]) -> None:
    """Elsewhere the targeting key stands for itself."""
    _view(client, "/shop")
    assert _flag(client, "segment/shoppers", SAME, targetingKey="k")["value"] is True
    assert _flag(client, "segment/shoppers", SAME)["value"] is True
    by_origin = {"Origin": "http://127.0.0.1"}
    assert _flag(client, "segment/shoppers", by_origin)["value"] is True
    for headers in ({"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}, {}):
        flag = _flag(client, "segment/shoppers", headers, targetingKey="k")
        assert flag["value"] is False, headers


def test_consent_fails_closed(client: TestClient[Litestar]) -> None:
    """Without consent, by cookie, by server or by header, the profile is not looked at."""
    _view(client, "/shop")
    _view(client, "/shop", visitor="crm-1")
    opted_out = {"Sec-GPC": "1"}
    assert _flag(client, "segment/shoppers", SAME | opted_out)["value"] is False
    named = SERVER | opted_out
    assert _flag(client, "segment/shoppers", named, targetingKey="crm-1")["value"] is False
    denied = {"targetingKey": "crm-1", "consent": {"marketing": False}}
    assert _flag(client, "segment/shoppers", SERVER, **denied)["value"] is False
    stranger = _flag(client, "segment/new", SERVER, targetingKey="nobody")
    assert (stranger["value"], stranger["reason"]) == (False, "UNKNOWN")
    granted = {"targetingKey": "nobody", "consent": {"marketing": True}}
    assert _flag(client, "segment/new", SERVER, **granted)["value"] is True


def test_attributes_become_context(client: TestClient[Litestar]) -> None:
    """Names that edgeseg knows mean the page; others are the site's own values."""
    url = "http://127.0.0.1/blog/1?plan=gold"
    assert _flag(client, "segment/readers", targetingKey="k", url=url)["value"] is True
    assert _flag(client, "segment/gold", targetingKey="k", plan="gold")["value"] is True
    nested = {"targetingKey": "k", "plan": "gold", "deep": {"a": [1, {"b": 2}]}, "none": None}
    assert _flag(client, "segment/gold", **nested)["value"] is True
    assert _flag(client, "segment/czech", targetingKey="k", country="CZ")["value"] is False
    assert _flag(client, "segment/czech", SERVER, targetingKey="k", country="CZ")["value"] is True


def test_nothing_is_recorded(client: TestClient[Litestar]) -> None:
    """Asking for flags is no page view, and makes no profile."""
    _flag(client, "segment/new", SERVER, targetingKey="fresh", consent={"marketing": True})
    assert client.get("/v1/visitors/fresh", headers=SERVER).status_code == 404


def test_one_flag_is_what_it_is_among_all(settings: Settings) -> None:
    """Also where campaigns of several slots exclude one another, and chance takes part."""
    groups = """
    slots: [{id: top, kind: json, with: {n: 0}}, {id: end, kind: json, with: {n: 0}}]
    holdouts: [{id: few, percent: 20, slots: [top]}]
    campaigns:
      - {id: x, slot: top, exclusive_group: g, variants: [{id: a, with: {n: 1}}]}
      - {id: y, slot: end, exclusive_group: g, variants: [{id: a, with: {n: 2}}]}
      - {id: z, slot: end, exclusive_group: g, weight: 3, variants: [{id: a, with: {n: 3}}]}
      - id: w
        slot: end
        priority: -1
        experiment: {coverage: 50}
        variants: [{id: a, with: {n: 4}}]
    """
    (Path(settings.rules) / "groups.yaml").write_text(groups, "utf-8")
    # By the keys' ids chance deals them out; with this key every outcome is among them.
    settings = msgspec.structs.replace(settings, id_key="for-the-same-ids-each-time")
    app = create_app(settings, store=MemoryStore(clock=lambda: NOW_MS), clock=lambda: NOW_MS)
    shown = set()
    with TestClient(app, base_url="http://127.0.0.1") as client:
        for number in range(40):
            context = {"targetingKey": f"key-{number}", "path": "/blog"}
            found = client.post(PATH, json={"context": context}).json()["flags"]
            for flag in found:
                alone = _flag(client, flag["key"], **context)
                assert (alone["value"], alone["variant"]) == (flag["value"], flag["variant"])
            values = {flag["key"]: flag["value"] for flag in found}
            shown.add((values["slot/top"]["n"], values["slot/end"]["n"]))
    assert {(1, 0), (1, 4), (0, 2), (0, 3)} <= shown
    assert not shown & {(1, 2), (1, 3)}


def test_all_flags_at_once(client: TestClient[Litestar]) -> None:
    """Slots, campaigns and segments in one answer, with where changes are told."""
    answer = client.post(PATH, json={"context": BLOG})
    body = answer.json()
    keys = [flag["key"] for flag in body["flags"]]
    assert keys[:3] == ["slot/hero", "slot/exit", "slot/broken"]
    assert {"campaign/split", "segment/everyone"} < set(keys)
    assert body["metadata"]["omitted"] == 0
    [stream] = body["eventStreams"]
    assert stream["type"] == "sse"
    assert stream["endpoint"] == {"requestUri": "/ofrep/v1/events"}
    for flag in body["flags"]:
        single = _flag(client, flag["key"], **BLOG)
        assert (single["value"], single["variant"]) == (flag["value"], flag["variant"])


@pytest.mark.parametrize("known", ["{tag}", "W/{tag}", '"other", {tag}'])
def test_what_is_known_is_not_sent_again(client: TestClient[Litestar], known: str) -> None:
    """304 without a body, to a POST as the protocol wants it."""
    tag = client.post(PATH, json={"context": BLOG}).headers["etag"]
    again = client.post(
        PATH, json={"context": BLOG}, headers={"If-None-Match": known.format(tag=tag)}
    )
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
    assert not {"content-length", "content-type"} & {*again.headers}
    other = {"context": BLOG | {"path": "/"}}
    changed = client.post(PATH, json=other, headers={"If-None-Match": tag})
    assert changed.status_code == 200


@pytest.mark.parametrize("key", ["", "segment/everyone"])
def test_refusals_speak_the_protocol(client: TestClient[Litestar], key: str) -> None:
    """Each with a code, words, and the key where there was one."""
    assert _refused(client, b"{", key) == (400, "PARSE_ERROR")
    assert _refused(client, b"", key) == (400, "PARSE_ERROR")
    assert _refused(client, b"[" * 100_000, key)[0] == 400
    assert _refused(client, b"\xff{}", key) == (400, "PARSE_ERROR")
    assert _refused(client, b"{}", key) == (400, "TARGETING_KEY_MISSING")
    assert _refused(client, '{"context": {}}', key) == (400, "TARGETING_KEY_MISSING")
    assert _refused(client, '{"context": 5}', key) == (400, "INVALID_CONTEXT")
    assert _refused(client, '{"context": {"targetingKey": 5}}', key) == (400, "INVALID_CONTEXT")
    long = json.dumps({"context": {"targetingKey": "k" * 300}})
    assert _refused(client, long, key) == (400, "INVALID_CONTEXT")
    details = client.post(PATH, content=long).json()["errorDetails"]
    assert details.startswith("targetingKey: ")
    wide = json.dumps({"context": {"targetingKey": "k", **{f"a{n}": n for n in range(60)}}})
    assert _refused(client, wide, key) == (400, "INVALID_CONTEXT")
    assert _refused(client, b" " * 70_000, key) == (400, "INVALID_CONTEXT")


@pytest.mark.parametrize("key", ["segment/nobody", "hero", "slot/a/b/c"])
def test_an_unknown_flag_is_not_found(client: TestClient[Litestar], key: str) -> None:
    """With a hint at what may have been meant."""
    answer = client.post(f"{PATH}/{key}", json={"context": {"targetingKey": "k"}})
    assert answer.status_code == 404
    assert answer.json()["errorCode"] == "FLAG_NOT_FOUND"
    assert answer.json()["key"] == key
    if key == "hero":
        assert "did you mean `slot/hero`?" in answer.json()["errorDetails"]


def test_an_escaped_key_is_the_same_flag(client: TestClient[Litestar]) -> None:
    """Some clients escape the slash, most do not."""
    answer = client.post(f"{PATH}/segment%2Feveryone", json={"context": {"targetingKey": "k"}})
    assert answer.json()["key"] == "segment/everyone"


@pytest.mark.parametrize("header", ["Authorization", "X-API-Key"])
def test_an_unknown_key_is_refused(client: TestClient[Litestar], header: str) -> None:
    """A mistyped server key must not turn into a visitor without rights, unseen."""
    headers = {header: "Bearer wrong" if header == "Authorization" else "wrong"}
    answer = client.post(PATH, json={"context": BLOG}, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "key" in answer.json()["errorDetails"]


def test_only_posts_evaluate(client: TestClient[Litestar]) -> None:
    """Another method is told which one to use."""
    answer = client.get(PATH)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_too_many_calls_are_told_when_to_come_again(settings: Settings) -> None:
    """In whole seconds, as the clients read them."""
    store = SlowStore(clock=lambda: NOW_MS)
    store.goes_on = asyncio.Event()
    face = create_door(settings, store=store, clock=lambda: NOW_MS).faces[PATH]
    headers = [(b"authorization", SERVER["Authorization"].encode())]
    path = f"{PATH}/segment/shoppers"
    asked: Any = {"type": "http", "method": "POST", "path": path, "headers": headers}
    body = b'{"context": {"targetingKey": "crm-1"}}'
    first = asyncio.create_task(face.respond({**asked}, body))
    await asyncio.sleep(0)
    second = await face.respond({**asked}, body)
    assert second.status == 429
    assert dict(second.headers)[b"retry-after"] == b"1"
    assert json.loads(second.body)["errorCode"] == "GENERAL"
    store.goes_on.set()
    assert (await first).status == 200


def test_flags_do_not_keep_rules_that_were_replaced() -> None:
    """Where nobody asks for flags after a reload, the rules of before it are freed all the same."""
    rules = build_snapshot({"rules.yaml": RULES}, TEMPLATES)
    flags, evaluator = FlagSet(rules), weakref.ref(rules.evaluator)
    del rules
    assert evaluator() is None
    assert "slot/hero" in flags.keys
