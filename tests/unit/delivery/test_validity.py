"""Until when flags and fragments say that they hold, and the tag of all flags."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from edgeseg.app import create_app, create_door
from edgeseg.clock import DAY_MS, HOUR_MS, instant
from edgeseg.delivery.ofrep import PATH
from edgeseg.delivery.preview_link import Preview, PreviewSigner
from edgeseg.delivery.visitor_id import CookieSigner
from edgeseg.errors import StoreUnavailable
from edgeseg.personalize import VALID_AT_MOST_MS
from edgeseg.profiles.memory_store import MemoryStore
from tests.unit.delivery.settings import SERVER, write_settings

NOW_MS = 1_800_000_000_000  # a Friday, 08:00 UTC
NOON_MS = NOW_MS + 4 * HOUR_MS
MIDNIGHT_MS = NOW_MS - 8 * HOUR_MS
SECRET = "secret-of-the-tests"
SAME = {"Sec-Fetch-Site": "same-origin"}
AGREED = {"marketing": True}
ORIGIN = "https://www.shop.example"
SHOP, BLOG = "https://shop.example/shop", "https://shop.example/blog"
RULES = """
segments:
  - id: shoppers
    exclusive_group: pages
    priority: 1
    when: {event: page_viewed, where: {path: /shop}, within: 30d}
  - id: readers
    exclusive_group: pages
    when: {event: page_viewed, where: {path: /blog}, within: 1d}
slots:
  - {id: hero, kind: html, fallback: fallback.html, vary_on: [shoppers]}
campaigns:
  - id: spring
    slot: hero
    variants: [{id: only, template: spring.html}]
"""
MORNING = "    active: {every: {weekday: [fri], from: '06:00', until: '12:00'}}\n"
"""Of the campaign, so that it ends at noon."""
BROKEN = "  - {id: broken, kind: html, fallback: broken.html, vary_on: [shoppers]}\n"
TEMPLATES = {
    "fallback.html": "fallback",
    "spring.html": "spring",
    "broken.html": "{{ (slot | length) // 0 }}",
}
Client = TestClient[Litestar]


class Site:
    """A clock that stands until it is moved, and a store over it that can fail."""

    def __init__(self) -> None:
        self.now_ms = NOW_MS
        self.store = FaultyStore(clock=self)

    def __call__(self) -> int:
        """Answer where the clock stands."""
        return self.now_ms


class FaultyStore(MemoryStore):
    """A store that can be gone, or hang."""

    is_gone = False
    goes_on: asyncio.Event | None = None

    async def read(self, *args: Any, **named: Any) -> Any:
        """Read, fail, or wait."""
        if self.is_gone:
            raise StoreUnavailable("gone")
        if self.goes_on is not None:
            await self.goes_on.wait()
        return await super().read(*args, **named)


@pytest.fixture
def site() -> Site:
    """What the service stands on."""
    return Site()


def _serve(folder: Path, site: Site, rules: str, **others: Any) -> Iterator[Client]:
    settings = write_settings(folder, rules, TEMPLATES, **others)
    app = create_app(settings, store=site.store, clock=site)
    with TestClient(app, base_url="http://127.0.0.1") as client:
        client.headers.update(SAME)
        yield client


@pytest.fixture
def client(tmp_path: Path, site: Site) -> Iterator[Client]:
    """A browser; what time changes first is the campaign, at noon."""
    yield from _serve(tmp_path, site, RULES + MORNING)


@pytest.fixture
def quiet(tmp_path: Path, site: Site) -> Iterator[Client]:
    """A browser; time changes nothing but what was viewed."""
    yield from _serve(tmp_path, site, RULES)


def _view(client: Client, url: str, headers: dict[str, str] | None = None, **body: object) -> str:
    wanted = {"page": {"url": url}, "consent": AGREED, **body}
    answer = client.post("/v1/classify", json=wanted, headers=headers or {})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["valid_until"])


def _fragment(client: Client, slot: str = "hero", **headers: str) -> tuple[str, str | None]:
    answer = client.get(f"/v1/fragment/{slot}", params={"url": BLOG}, headers=headers)
    return answer.text, answer.headers.get("edgeseg-valid-until")


def _flag(
    client: Client, key: str = "slot/hero", headers: dict[str, str] | None = None, **context: object
) -> tuple[Any, str | None]:
    given = {"url": BLOG, **context}
    body = client.post(f"{PATH}/{key}", json={"context": given}, headers=headers or {}).json()
    return body["value"], body["metadata"].get("valid_until")


def _flags(client: Client, tag: str = "", **context: object) -> httpx.Response:
    headers = {"If-None-Match": tag} if tag else {}
    return client.post(PATH, json={"context": {"url": BLOG, **context}}, headers=headers)


def _told(answer: httpx.Response) -> str | None:
    told: str | None = answer.json()["metadata"].get("valid_until")
    return told


def _key(client: Client) -> str:
    return str(client.get("/v1/segment-key").json()["key"])


@pytest.mark.parametrize("who", ["stranger", "visitor"])
def test_a_schedule_ends_when_it_was_said_to(client: Client, site: Site, who: str) -> None:
    """Until then nothing changes, also of what was judged before; from then on all of it."""
    if who == "visitor":
        _view(client, SHOP)
    name = {"targetingKey": "k"} if who == "stranger" else {}
    key, ends = _key(client), instant(NOON_MS)
    for at_ms in (NOW_MS, NOW_MS + 1, NOON_MS - 60_000, NOON_MS - 1):
        site.now_ms = at_ms
        assert _fragment(client) == ("spring", ends)
        assert _fragment(client, **{"Edgeseg-Segment-Key": key}) == ("spring", ends)
        assert _flag(client, **name) == ("spring", ends)
        assert _told(_flags(client, **name)) == ends
    site.now_ms = NOON_MS
    later = (
        _fragment(client),
        _fragment(client, **{"Edgeseg-Segment-Key": _key(client)}),
        _flag(client, **name),
    )
    assert {shown for shown, _until in later} == {"fallback"}
    assert all(until is not None and until > ends for _shown, until in later)
    again = _told(_flags(client, **name))
    assert again is not None
    assert again > ends


def test_a_window_ends_when_it_was_said_to(quiet: Client, site: Site) -> None:
    """For whom the cookie tells, and for whom a server names, as the page view has said."""
    expected = _view(quiet, SHOP)
    assert expected == instant(NOW_MS + 30 * DAY_MS)
    _view(quiet, SHOP, SERVER, visitor="crm-1")
    named = {"headers": SERVER, "targetingKey": "crm-1"}
    site.now_ms += 30 * DAY_MS - 1
    assert _fragment(quiet)[1] == expected
    assert _flag(quiet, "segment/shoppers") == (True, expected)
    assert _flag(quiet, "segment/shoppers", **named) == (True, expected)
    site.now_ms += 1
    assert _flag(quiet, "segment/shoppers")[0] is False
    assert _flag(quiet, "segment/shoppers", **named)[0] is False


def test_what_time_never_changes_is_told_by_the_day(quiet: Client, site: Site) -> None:
    """At most 365 days ahead, the same all day, so that nothing seems to change with each call."""
    expected = instant(MIDNIGHT_MS + VALID_AT_MOST_MS)
    for at_ms in (MIDNIGHT_MS, NOW_MS, MIDNIGHT_MS + DAY_MS - 1):
        site.now_ms = at_ms
        assert _fragment(quiet)[1] == expected
        assert _flag(quiet, targetingKey="k")[1] == expected
    tag = _flags(quiet, targetingKey="k").headers["etag"]
    site.now_ms -= 1
    assert _flags(quiet, targetingKey="k").headers["etag"] == tag
    site.now_ms = MIDNIGHT_MS + DAY_MS
    assert _fragment(quiet)[1] == instant(site.now_ms + VALID_AT_MOST_MS)
    assert _flags(quiet, tag, targetingKey="k").status_code == 304


@pytest.fixture
def forgetful(tmp_path: Path, site: Site) -> Iterator[Client]:
    """A browser; a consent lasts ten days."""
    yield from _serve(tmp_path, site, RULES, consent_days=10)


def test_consent_ends_when_it_was_said_to(forgetful: Client, site: Site) -> None:
    """With it goes the profile, and with that what is shown."""
    expected = _view(forgetful, SHOP)
    assert expected == instant(NOW_MS + 10 * DAY_MS)
    _view(forgetful, SHOP, SERVER, visitor="crm-1")
    named = {"headers": SERVER, "targetingKey": "crm-1"}
    site.now_ms += 10 * DAY_MS - 1
    for _time in range(2):  # the second from what was judged before
        assert _fragment(forgetful)[1] == expected
        assert _flag(forgetful, "segment/shoppers") == (True, expected)
        assert _told(_flags(forgetful)) == expected
        assert _flag(forgetful, "segment/shoppers", **named) == (True, expected)
    site.now_ms += 1
    assert _flag(forgetful, "segment/shoppers")[0] is False
    assert _flag(forgetful, "segment/shoppers", **named)[0] is False


@pytest.mark.parametrize("who", ["visitor", "server", "anybody"])
def test_a_preview_ends_when_it_was_said_to(quiet: Client, site: Site, who: str) -> None:
    """Then the page shows to whoever follows the link what it shows to anybody."""
    ends_ms = NOW_MS + HOUR_MS
    url = PreviewSigner([SECRET]).link(BLOG, Preview("spring", "only", ends_ms // 1_000))
    headers = {"visitor": SAME, "server": SERVER, "anybody": {"Sec-Fetch-Site": "cross-site"}}[who]
    if who == "visitor":
        _view(quiet, SHOP)
        shown = quiet.get("/v1/fragment/hero", params={"url": url})
        assert shown.headers["edgeseg-valid-until"] == instant(ends_ms)
    context = {} if who == "visitor" else {"targetingKey": "k"}
    assert _flag(quiet, headers=headers, **context, url=url)[1] == instant(ends_ms)
    site.now_ms = ends_ms
    after = _flag(quiet, headers=headers, **context, url=url)[1]
    assert after is not None
    assert after > instant(ends_ms)


def test_an_answer_without_the_store_tells_no_end(client: Client, site: Site) -> None:
    """It may be another one as soon as the store is back."""
    _view(client, SHOP, SERVER, visitor="crm-1")
    _view(client, SHOP)
    site.store.is_gone = True
    answer = client.get("/v1/fragment/hero")
    assert answer.headers["edgeseg-status"].endswith("; degraded")
    assert "edgeseg-valid-until" not in answer.headers
    assert _flag(client)[1] is None
    assert _flag(client, headers=SERVER, targetingKey="crm-1")[1] is None
    flags = _flags(client)
    assert flags.json()["metadata"]["degraded"] is True
    assert _told(flags) is None
    assert _flags(client, flags.headers["etag"]).status_code == 304
    site.store.is_gone = False
    assert _flags(client, flags.headers["etag"]).status_code == 200
    assert _fragment(client)[1] == instant(NOON_MS)


async def test_an_answer_under_overload_tells_no_end(tmp_path: Path, site: Site) -> None:
    """It was made without the profile; who has none is answered as ever, who waited too."""
    settings = write_settings(tmp_path, RULES + MORNING, TEMPLATES, max_requests=1)
    door = create_door(settings, store=site.store, clock=site)
    face = door.mounts["/v1/fragment/"]
    value = CookieSigner([SECRET]).write("visitor", AGREED, NOW_MS)

    async def ask(cookie: str) -> bytes | None:
        headers = [(b"host", b"127.0.0.1"), (b"cookie", f"edgeseg={cookie}".encode())]
        scope: Any = {"type": "http", "scheme": "http", "method": "GET", "query_string": b"",
                      "path": "/v1/fragment/hero", "client": None, "headers": headers}  # fmt: skip
        return dict((await face.respond(scope, b"")).headers).get(b"edgeseg-valid-until")

    site.store.goes_on = asyncio.Event()
    waiting = asyncio.ensure_future(ask(value))
    await asyncio.sleep(0)
    assert await ask(value) is None
    assert await ask("") == instant(NOON_MS).encode()
    site.store.goes_on.set()
    assert await waiting == instant(NOON_MS).encode()


@pytest.fixture
def broken(tmp_path: Path, site: Site) -> Iterator[Client]:
    """A browser; one of two slots fails."""
    yield from _serve(tmp_path, site, RULES.replace("slots:\n", f"slots:\n{BROKEN}"))


def test_what_a_template_failed_on_tells_no_end(broken: Client) -> None:
    """It is tried anew with each request; another slot's answer is whole."""
    key = {"Edgeseg-Segment-Key": _key(broken)}
    assert _fragment(broken, "broken")[1] is None
    assert _fragment(broken, "broken", **key)[1] is None
    assert _flag(broken, "slot/broken", targetingKey="k")[1] is None
    assert _told(_flags(broken, targetingKey="k")) is None
    assert _fragment(broken)[1]
    assert _fragment(broken, **key)[1]
    assert _flag(broken, targetingKey="k")[1]


def test_what_is_no_answer_tells_no_end(client: Client) -> None:
    """Nothing is known of what is not there, or was not understood."""
    for address in ("/v1/fragment/nothing", "/v1/fragment/hero?url=nonsense"):
        assert "edgeseg-valid-until" not in client.get(address).headers
    assert "edgeseg-valid-until" not in client.post("/v1/fragment/hero").headers
    for key in ("slot/nothing", "slot/hero"):
        refused = client.post(f"{PATH}/{key}", json={"context": {}}, headers={"Sec-Fetch-Site": ""})
        assert refused.status_code in {400, 404}
        assert "metadata" not in refused.json()


def test_rules_without_slots_and_segments_hold(tmp_path: Path, site: Site) -> None:
    """Only other rules change that there are no flags."""
    app = create_app(write_settings(tmp_path, "segments: []"), store=site.store, clock=site)
    with TestClient(app, base_url="http://127.0.0.1") as empty:
        answer = _flags(empty, targetingKey="k")
    assert answer.json()["flags"] == []
    assert _told(answer) == instant(MIDNIGHT_MS + VALID_AT_MOST_MS)


async def test_scripts_of_other_origins_can_read_it(tmp_path: Path, site: Site) -> None:
    """What a fragment is, and until when."""
    settings = write_settings(tmp_path, RULES, TEMPLATES, allowed_origins=(ORIGIN,))
    door: Any = create_door(settings, store=site.store, clock=site)
    transport = httpx.ASGITransport(app=door)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as browser:
        answer = await browser.get("/v1/fragment/hero", headers={"Origin": ORIGIN})
    exposed = answer.headers["access-control-expose-headers"].lower().split(", ")
    assert {"edgeseg-status", "edgeseg-valid-until"} <= {*exposed}
    assert answer.headers["edgeseg-valid-until"]


def test_flags_that_hold_longer_are_not_sent_again(quiet: Client, site: Site) -> None:
    """Each page view moves the end of a window; whoever believes the former one asks sooner."""
    _view(quiet, SHOP)
    first = _flags(quiet)
    tag = first.headers["etag"]
    site.now_ms += HOUR_MS
    _view(quiet, SHOP)
    moved = _flags(quiet)
    assert moved.json()["flags"] == first.json()["flags"]
    assert str(_told(moved)) > str(_told(first))
    again = _flags(quiet, tag)
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)


def test_flags_that_hold_shorter_are_sent_again(quiet: Client, site: Site) -> None:
    """Or their client would believe in the later end."""
    _view(quiet, SHOP)
    first = _flags(quiet)
    _view(quiet, BLOG)  # what the exclusive group leaves out changes no flag, but ends tomorrow
    second = _flags(quiet, first.headers["etag"])
    assert second.status_code == 200
    assert second.json()["flags"] == first.json()["flags"]
    assert _told(second) == instant(NOW_MS + DAY_MS)
    site.now_ms += DAY_MS
    third = _flags(quiet, second.headers["etag"])
    assert third.status_code == 200, "the end that the client knows has come"
    assert third.json()["flags"] == first.json()["flags"]
    assert _told(third) == _told(first)
    assert _flags(quiet, first.headers["etag"]).status_code == 304
