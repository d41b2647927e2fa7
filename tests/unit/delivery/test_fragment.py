"""Fragments and segment keys over HTTP: what is shared among visitors, and what never is."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from edgeseg.app import create_app, create_door
from edgeseg.delivery.door import Face
from edgeseg.delivery.http import Reply
from edgeseg.delivery.visitor_id import CookieSigner
from edgeseg.errors import StoreTimeout
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.settings import Settings
from tests.unit.delivery.settings import write_settings

NOW_MS = 1_800_000_000_000  # a Friday, 08:00 UTC
SHOP = "https://shop.example/shop"
PRIVATE = "private, no-store"
RULES = """
segments:
  - {id: shoppers, name: Shoppers, when: {event: page_viewed, where: {path: /shop}, within: 30d}}
  - {id: readers, name: Readers, when: {event: page_viewed, where: {path: /blog}, within: 30d}}
  - {id: loud, name: Loud, exclusive_group: voice, priority: 2, when: {segment: readers}}
  - {id: soft, name: Soft, exclusive_group: voice, priority: 1, when: {segment: readers}}
slots:
  - {id: hero, kind: html, fallback: fallback.html, vary_on: [shoppers, soft]}
  - {id: strip, kind: html, fallback: fallback.html}
  - {id: broken, kind: html, fallback: personal.html, vary_on: [shoppers]}
campaigns:
  - id: mobile
    slot: hero
    priority: 30
    audience: {not: {context: device, eq: desktop}}
    variants: [{id: only, template: named.html, with: {name: mobile}}]
  - id: never-read
    slot: hero
    priority: 20
    audience: {not: {segment: readers}}
    pages: {path: /private}
    variants: [{id: only, template: named.html, with: {name: never-read}}]
  - id: for-shoppers
    slot: hero
    priority: 10
    audience: {all: [{segment: shoppers}, {not: {segment: soft}}]}
    variants: [{id: only, template: named.html, with: {name: shoppers}}]
  - id: for-soft
    slot: hero
    priority: 5
    audience: {segment: soft}
    variants: [{id: only, template: named.html, with: {name: soft}}]
  - id: morning
    slot: hero
    audience: {all: [{context: hour, eq: 8}, {context: path, eq: /morning}]}
    variants: [{id: only, template: named.html, with: {name: morning}}]
  - id: in-person
    slot: strip
    audience: {segment: shoppers}
    variants: [{id: only, template: named.html, with: {name: shoppers}}]
"""
TEMPLATES = {
    "fallback.html": "fallback",
    "named.html": "for {{ name }}",
    "personal.html": "{{ profile.first_name }}",
}


class Hand:
    """A clock that stands until it is moved."""

    now_ms = NOW_MS

    def __call__(self) -> int:
        """Answer where it stands."""
        return self.now_ms


class StuckStore(MemoryStore):
    """A store whose reads wait, or fail, as the test wants."""

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.goes_on = asyncio.Event()
        self.fails = False

    async def read(self, *args: Any, **parts: Any) -> Any:
        """Wait, then fail or answer."""
        await self.goes_on.wait()
        if self.fails:
            raise StoreTimeout("stuck")
        return await super().read(*args, **parts)


@pytest.fixture
def clock() -> Hand:
    """The clock of the service."""
    return Hand()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of a service over the rules of this module."""
    return write_settings(tmp_path, RULES, TEMPLATES)


@pytest.fixture
def client(settings: Settings, clock: Hand) -> Iterator[TestClient[Litestar]]:
    """A visitor of a service over the memory store."""
    app = create_app(settings, store=MemoryStore(clock=clock), clock=clock)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        yield client


def _view(client: TestClient[Litestar], path: str) -> None:
    body = {"page": {"url": f"https://shop.example{path}"}, "consent": {"marketing": True}}
    assert client.post("/v1/classify", json=body).status_code == 200


def _key(client: TestClient[Litestar]) -> str:
    answer = client.get("/v1/segment-key")
    assert answer.status_code == 200, answer.text
    assert answer.headers["edgeseg-segment-key"] == answer.json()["key"]
    return str(answer.json()["key"])


def _fragment(client: TestClient[Litestar], slot: str, key: str = "", **query: str) -> Any:
    headers = {"Edgeseg-Segment-Key": key} if key else {}
    answer = client.get(f"/v1/fragment/{slot}", params=query, headers=headers)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    return answer


def _counted(client: TestClient[Litestar], metric: str) -> float:
    lines = client.get("/metrics").text.splitlines()
    return sum(float(line.split()[-1]) for line in lines if line.split()[0] == metric)


def test_the_key_holds_only_what_slots_vary_on(client: TestClient[Litestar]) -> None:
    """It is private to the visitor, and changes with those segments alone."""
    before = client.get("/v1/segment-key")
    assert before.json()["segments"] == []
    assert before.headers["cache-control"] == "private, no-cache"
    assert before.headers["vary"] == "Cookie"
    _view(client, "/shop")
    after = client.get("/v1/segment-key").json()
    assert after["segments"] == ["shoppers"]
    assert after["degraded"] is False
    _view(client, "/elsewhere")
    assert client.get("/v1/segment-key").json()["key"] == after["key"] != before.json()["key"]


def test_the_key_sees_segments_before_exclusive_groups(client: TestClient[Litestar]) -> None:
    """As audiences do, so that shared and personal answers agree."""
    _view(client, "/blog")
    assert client.get("/v1/segment-key").json()["segments"] == ["soft"]


def test_visitors_with_one_key_share_one_answer(client: TestClient[Litestar]) -> None:
    """The answer may be kept by everyone between, and says on what it depends."""
    _view(client, "/shop")
    key = _key(client)
    client.cookies.clear()
    answer = _fragment(client, "hero", key, url=SHOP)
    assert answer.text == "for shoppers"
    assert answer.headers["cache-control"] == "public, s-maxage=60, stale-while-revalidate=30"
    assert answer.headers["vary"] == "Edgeseg-Segment-Key"
    assert answer.headers["edgeseg-status"] == "variant; for-shoppers/only; TARGETING_MATCH; shared"


def test_the_key_decides_whatever_the_cookie_says(client: TestClient[Litestar]) -> None:
    """Two visitors with the same key may not get different answers."""
    key = _key(client)
    _view(client, "/shop")
    assert _fragment(client, "hero", key, url=SHOP).text == "fallback"


def test_the_key_may_stand_in_the_query(client: TestClient[Litestar]) -> None:
    """For caches that cannot vary on a header."""
    _view(client, "/shop")
    answer = _fragment(client, "hero", segment_key=_key(client), url=SHOP)
    assert answer.text == "for shoppers"
    assert answer.headers["cache-control"].startswith("public")


def test_shared_answers_know_nothing_of_the_visitor(client: TestClient[Litestar]) -> None:
    """Device, language, consent and profile are unknown, so that nothing on them holds."""
    key = _key(client)
    agent = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Safari/604.1"}
    personal = client.get("/v1/fragment/hero", headers=agent)
    shared = client.get("/v1/fragment/hero", headers=agent | {"Edgeseg-Segment-Key": key})
    assert (personal.text, shared.text) == ("for mobile", "fallback")
    never_read = _fragment(client, "hero", key, url="https://shop.example/private")
    assert never_read.text == "fallback"


def test_a_slot_without_vary_on_is_never_shared(client: TestClient[Litestar]) -> None:
    """A key changes nothing there: the answer is the visitor's own."""
    _view(client, "/shop")
    answer = _fragment(client, "strip", _key(client), url=SHOP)
    assert answer.text == "for shoppers"
    assert answer.headers["cache-control"] == PRIVATE
    assert "vary" not in answer.headers


def test_a_forged_key_is_ignored_and_counted(client: TestClient[Litestar]) -> None:
    """The visitor gets a private answer, by the cookie."""
    key = _key(client)
    _view(client, "/shop")
    forged = f"f{key[1:]}"
    answer = _fragment(client, "hero", forged, url=SHOP)
    assert answer.text == "for shoppers"
    assert answer.headers["cache-control"] == PRIVATE
    assert answer.headers["vary"] == "Edgeseg-Segment-Key"
    assert _counted(client, "edgeseg_refused_segment_keys_total") == 1


def test_a_shared_answer_is_not_kept_beyond_its_truth(
    client: TestClient[Litestar], clock: Hand
) -> None:
    """What the clock decides ends when the clock says so."""
    clock.now_ms = NOW_MS + 3_600_000 - 40_500
    morning = "https://shop.example/morning"
    answer = _fragment(client, "hero", _key(client), url=morning)
    assert answer.text == "for morning"
    assert answer.headers["cache-control"] == "public, s-maxage=40"
    clock.now_ms = NOW_MS + 3_600_000 - 75_000
    answer = _fragment(client, "hero", _key(client), url=morning)
    assert answer.headers["cache-control"] == "public, s-maxage=60, stale-while-revalidate=15"
    clock.now_ms = NOW_MS + 3_600_000 - 900
    assert _fragment(client, "hero", _key(client)).headers["cache-control"] == PRIVATE


def test_a_failed_template_is_not_kept(client: TestClient[Litestar]) -> None:
    """A template that asks for the visitor in a shared answer fails, and nobody keeps that."""
    answer = _fragment(client, "broken", _key(client))
    assert answer.text.startswith("<!-- edgeseg:")
    assert answer.headers["cache-control"] == PRIVATE


def test_the_referer_does_not_choose_what_is_shared(client: TestClient[Litestar]) -> None:
    """Caches do not tell pages apart by it."""
    headers = {"Referer": "https://shop.example/morning", "Edgeseg-Segment-Key": _key(client)}
    assert client.get("/v1/fragment/hero", headers=headers).text == "fallback"


@pytest.mark.parametrize(
    "query",
    [
        "url=https://shop.example/morning",
        "url=https%3A%2F%2Fshop.example%2Fmorning%3Fa%3D1%26b%3D2",
        "url=https://shop.example/morning?a=1&b=2",
        "x=1&url=https://shop.example/morning?a=1&b=2",
    ],
)
def test_the_address_may_be_written_out(client: TestClient[Litestar], query: str) -> None:
    """Templates of servers cannot always escape; as the last member it may be as it is."""
    agent = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0 Safari/537.36"}
    assert client.get(f"/v1/fragment/hero?{query}", headers=agent).text == "for morning"


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/v1/fragment/no-such-slot", "unknown slot"),
        ("/v1/fragment/", "unknown slot"),
        ("/v1/fragment/hero?url=nonsense", "error; InputError"),
        ("/v1/fragment/hero?" + "&".join(f"a{n}=1" for n in range(30)), "error; InputError"),
    ],
)
def test_a_fragment_answers_200_whatever_is_asked(
    client: TestClient[Litestar], address: str, status: str
) -> None:
    """A server would put an error's text into the page."""
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer.headers["edgeseg-status"] == status
    assert answer.headers["cache-control"] == PRIVATE
    assert answer.text == f"<!-- edgeseg: {status} -->"


@pytest.mark.parametrize("way", ["query", "header", "shared"])
def test_a_long_address_is_cut(client: TestClient[Litestar], way: str) -> None:
    """Else pages that an advertisement links to, with all its parameters, had a hole."""
    page = f"https://shop.example/morning?token={'x' * 3_000}"
    query, headers = ({}, {"Referer": page}) if way == "header" else ({"url": page}, {})
    if way == "shared":
        headers = {"Edgeseg-Segment-Key": _key(client)}
    answer = client.get("/v1/fragment/hero", params=query, headers=headers)
    assert answer.text == "for morning"


def _asked(path: str, cookie: str) -> Any:
    headers = [(b"host", b"127.0.0.1"), (b"cookie", f"edgeseg={cookie}".encode())]
    return {"type": "http", "scheme": "http", "method": "GET", "path": path, "query_string": b"",
            "client": None, "headers": headers}  # fmt: skip


async def _let_three_wait(face: Face, cookie: str) -> list[asyncio.Task[Reply]]:
    """Ask for three fragments of a visitor; answer what becomes of them."""
    asked = (face.respond(_asked("/v1/fragment/strip", cookie), b"") for _ in range(3))
    waiting = [asyncio.ensure_future(each) for each in asked]
    await asyncio.sleep(0)
    return waiting


async def test_more_fragments_than_may_wait_are_answered_at_once(
    settings: Settings, clock: Hand
) -> None:
    """While the store hangs, those beyond the limit are decided without it, and say so."""
    store = StuckStore(clock=clock)
    secret = "a secret of the tests"
    chosen = msgspec.structs.replace(settings, secret=(secret,), max_requests=3)
    door = create_door(chosen, store=store, clock=clock)
    cookie = CookieSigner([secret]).write("visitor", {"marketing": True}, NOW_MS)
    face = door.mounts["/v1/fragment/"]
    waiting = await _let_three_wait(face, cookie)
    shed = await face.respond(_asked("/v1/fragment/strip", cookie), b"")
    assert (shed.status, shed.body) == (200, b"fallback")
    assert (b"edgeseg-status", b"fallback; DEFAULT; degraded") in shed.headers
    unknown = await face.respond(_asked("/v1/fragment/strip", ""), b"")
    assert (b"edgeseg-status", b"fallback; DEFAULT") in unknown.headers
    store.goes_on.set()
    assert {reply.status for reply in await asyncio.gather(*waiting)} == {200}
    for reply in await asyncio.gather(*await _let_three_wait(face, cookie)):
        assert (b"edgeseg-status", b"fallback; DEFAULT") in reply.headers  # there is room again


async def test_fragments_wait_together_whichever_way_they_come(
    settings: Settings, clock: Hand
) -> None:
    """What a page's origin makes Litestar answer counts among those that the door answers."""
    store, origin, secret = StuckStore(clock=clock), "https://www.shop.example", "secret"
    chosen = msgspec.structs.replace(
        settings, secret=(secret,), allowed_origins=(origin,), max_requests=3
    )
    door = create_door(chosen, store=store, clock=clock)
    cookie = CookieSigner([secret]).write("visitor", {"marketing": True}, NOW_MS)
    face = door.mounts["/v1/fragment/"]
    waiting = await _let_three_wait(face, cookie)
    transport = httpx.ASGITransport(app=door)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        client.headers.update({"Origin": origin, "Cookie": f"edgeseg={cookie}"})
        shed = await client.get("/v1/fragment/strip")
    assert shed.headers["access-control-allow-origin"] == origin
    assert shed.headers["edgeseg-status"] == "fallback; DEFAULT; degraded"
    store.goes_on.set()
    await asyncio.gather(*waiting)


@pytest.mark.parametrize("origin", ["", "https://shop.example", "https://other.example"])
async def test_what_is_shared_varies_on_the_origin_as_well(
    settings: Settings, clock: Hand, origin: str
) -> None:
    """One origin's copy can be read by no other, and never passes for that of another key."""
    chosen = msgspec.structs.replace(settings, allowed_origins=("https://shop.example",))
    door: Any = create_door(chosen, store=MemoryStore(clock=clock), clock=clock)
    transport = httpx.ASGITransport(app=door)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        key = (await client.get("/v1/segment-key")).json()["key"]
        headers = {"Origin": origin, "Edgeseg-Segment-Key": key}
        shared = await client.get("/v1/fragment/hero", headers=headers)
        script = await client.get("/edgeseg.js", headers={"Origin": "https://shop.example"})
        flags = await client.post("/ofrep/v1/evaluate/flags", headers=headers, json={})
    assert shared.headers["cache-control"].startswith("public")
    assert shared.headers["vary"] == "Edgeseg-Segment-Key, Origin"
    assert script.headers["vary"] == "Accept-Encoding, Origin"
    assert flags.headers.get("vary", "Origin") == "Origin"


@pytest.mark.parametrize("path", ["x/strip", "x/y/strip", "strip/x"])
@pytest.mark.parametrize("origin", ["", "https://shop.example"])
async def test_a_path_of_several_parts_names_no_slot(
    settings: Settings, clock: Hand, path: str, origin: str
) -> None:
    """Whichever way it comes; a slash at the end is no part."""
    chosen = msgspec.structs.replace(settings, allowed_origins=("https://shop.example",))
    door: Any = create_door(chosen, store=MemoryStore(clock=clock), clock=clock)
    transport = httpx.ASGITransport(app=door)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        client.headers["Origin"] = origin
        shown = await client.get("/v1/fragment/strip/")
        assert shown.headers["edgeseg-status"] == "fallback; DEFAULT"
        answer = await client.get(f"/v1/fragment/{path}")
    assert (answer.status_code, answer.headers["edgeseg-status"]) == (200, "unknown slot")


@pytest.mark.parametrize("path", ["/v1/fragmentstrip", "/ofrep/v1/evaluate/flagsslot/strip"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_longer_name_is_another_address(
    client: TestClient[Litestar], path: str, method: str
) -> None:
    """Only what follows a slash names a slot or a flag."""
    assert client.request(method, path).status_code == 404


@pytest.mark.parametrize("path", ["/v1/fragment/strip", "/v1/segment-key"])
async def test_a_store_that_fails_costs_no_answer(
    settings: Settings, clock: Hand, path: str
) -> None:
    """Fragment and key are given by the request alone, and say so."""
    store = StuckStore(clock=clock)
    store.fails = True
    store.goes_on.set()
    secret = "a secret of the tests"
    chosen = msgspec.structs.replace(settings, secret=(secret,))
    door = create_door(chosen, store=store, clock=clock)
    cookie = CookieSigner([secret]).write("visitor", {"marketing": True}, NOW_MS)
    face = door.mounts.get("/v1/fragment/") if "fragment" in path else door.faces[path]
    assert face is not None
    reply = await face.respond(_asked(path, cookie), b"")
    assert reply.status == 200
    told = reply.body + b"".join(value for _name, value in reply.headers)
    assert b'"degraded":true' in told or b"; degraded" in told
