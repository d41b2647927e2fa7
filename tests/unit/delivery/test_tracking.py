"""The tracking protocol over the memory store: consent, proof, and bad days of the store."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest

from edgeseg.app import create_app
from edgeseg.errors import ProfileTooNew, StoreError, StoreOverloaded, StoreUnavailable
from edgeseg.events.event import Event
from edgeseg.metric_plan import EMPTY_PLAN, MetricPlan
from edgeseg.profiles.identity import Identities, email_digest
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.profiles.profile import Profile
from edgeseg.settings import Settings

SERVER_KEY, WRITE_KEY = "server-key-of-the-tests", "write-key-of-the-tests"
IDENTITY_KEY = "identity-key-of-the-tests-long-enough-for-hs256"
ID_KEY = "id-key-of-the-tests"
NOW_MS = 1_800_000_000_000
GRANTED = {"consent": {"marketing": True}}
RULES = "segments:\n  - {id: everyone, when: {all: []}}\n"

identities = Identities(ID_KEY)


class Store(MemoryStore):
    """A memory store whose writes are noted, and may be made to fail or to wait."""

    def __init__(self) -> None:
        super().__init__(clock=lambda: NOW_MS)
        self.writes: list[tuple[str, int]] = []
        self.failure: StoreError | None = None
        self.gate: asyncio.Event | None = None
        self.waits = asyncio.Event()

    async def record(
        self, visitor_id: str, events: Sequence[Event], *, plan: MetricPlan, now_ms: int
    ) -> Profile:
        """Do as told."""
        if self.gate is not None:
            self.waits.set()
            await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        self.writes.append((visitor_id, len(events)))
        return await super().record(visitor_id, events, plan=plan, now_ms=now_ms)


Start = Callable[..., Any]


@pytest.fixture
def store() -> Store:
    """The store of the service under test."""
    return Store()


@pytest.fixture
async def start(tmp_path: Path, store: Store) -> AsyncIterator[Start]:
    """Start services with settings of one's own; answer clients of them."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "all.yaml").write_text(RULES, "utf-8")
    chosen: dict[str, Any] = {
        "rules": str(tmp_path / "rules"),
        "templates": str(tmp_path / "templates"),
        "secret": ("secret-of-the-tests",),
        "id_key": ID_KEY,
        "server_keys": (SERVER_KEY,),
        "write_keys": (WRITE_KEY,),
        "identity_keys": (IDENTITY_KEY,),
        "reload_s": 0,
    }

    @asynccontextmanager
    async def running(**settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        app = create_app(Settings(**chosen | settings), store=store, clock=lambda: NOW_MS)
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            yield client

    async with AsyncExitStack() as stack:
        yield lambda **settings: stack.enter_async_context(running(**settings))


def _track(anonymous_id: str = "a", **more: Any) -> dict[str, Any]:
    return {"type": "track", "event": "e", "anonymousId": anonymous_id, "context": GRANTED} | more


async def _send(
    client: httpx.AsyncClient, *messages: object, key: str = WRITE_KEY, **headers: str
) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await client.post("/v1/batch", json={"batch": messages, "writeKey": key}, headers=named)


async def test_a_batch_has_a_context(start: Start, store: Store) -> None:
    """Each message goes by it, member by member, where its own says nothing."""
    client = await start()
    messages = [
        {"type": "page", "anonymousId": "a"},
        {"type": "page", "anonymousId": "b", "context": {"page": {"path": "/own"}}},
        {"type": "page", "anonymousId": "c", "context": {"consent": {"marketing": False}}},
    ]
    context = GRANTED | {"page": {"path": "/batch"}}
    body = {"batch": messages, "context": context, "writeKey": WRITE_KEY}
    answer = await client.post("/v1/batch", json=body)
    assert answer.status_code == 200, answer.text
    for name, paths in (("a", ["/batch"]), ("b", ["/own"]), ("c", [])):
        history = await store.history(identities.anonymous(name))
        assert [each.properties["path"] for each in history if each.name[0] != "$"] == paths


async def _count(store: Store, visitor_id: str) -> int:
    return len([each for each in await store.history(visitor_id) if each.name[0] != "$"])


@pytest.mark.parametrize(
    ("settings", "context", "stored"),
    [
        ({}, {}, 0),
        ({"write_key_consent": ("marketing",)}, {}, 1),
        ({"write_key_consent": ("marketing",)}, {"consent": {"marketing": False}}, 0),
        ({"write_key_consent": ("ads",)}, {"consent": {"marketing": False}}, 0),
        ({"storage_purpose": "ads"}, {"consent": {"marketing": True}}, 0),
        ({"storage_purpose": "ads"}, {"consent": {"marketing": False, "ads": True}}, 1),
        ({"storage_purpose": "ads", "write_key_consent": ("ads",)},
         {"consent": {"marketing": False}}, 1),
        ({"storage_purpose": "ads", "write_key_consent": ("ads",)},
         {"consent": {"ads": False}}, 0),
        ({}, {"consent": {"$source": True}}, 0),
    ],
)  # fmt: skip
async def test_what_may_be_stored(
    start: Start, store: Store, settings: dict[str, Any], context: dict[str, Any], stored: int
) -> None:
    """The message comes before the setting, and a denial ends the search."""
    client = await start(**settings)

    await _send(client, _track(context=context))

    assert await _count(store, identities.anonymous("a")) == stored


async def test_a_granted_consent_is_noted_once(start: Start, store: Store) -> None:
    """The profile remembers it, and later calls take one round trip for each visitor."""
    client = await start()

    await _send(client, *[_track() for _ in range(45)], _track("b"))
    first, store.writes = store.writes, []
    await _send(client, _track(), _track("b"), _track(context={}))

    a, b = identities.anonymous("a"), identities.anonymous("b")
    assert sorted(first) == sorted([(a, 20), (a, 20), (a, 5), (a, 1), (b, 1), (b, 1)])
    assert sorted(store.writes) == sorted([(a, 2), (b, 1)])


async def test_a_setting_does_not_turn_a_denial_into_a_grant(start: Start, store: Store) -> None:
    """What the visitor said of one purpose stands, though others allow storing."""
    client = await start(write_key_consent=("marketing", "ads"))
    await _send(client, _track(context={"consent": {"marketing": True, "ads": False}}))

    await _send(client, _track(context={}))

    found = await client.get(
        f"/v1/visitors/{identities.anonymous('a')}",
        headers={"Authorization": f"Bearer {SERVER_KEY}"},
    )
    stored = found.json()["consents"]
    granted = {purpose for purpose, said in stored.items() if "True" in str(said) or said is True}
    assert "ads" in stored
    assert "ads" not in granted


def _token(user_id: str, key: str = IDENTITY_KEY, **claims: Any) -> str:
    given = {"sub": user_id, "exp": NOW_MS // 1_000 + 600, **claims}
    return jwt.encode(given, key, algorithm="HS256")


async def test_an_identity_token_joins_the_browser_with_the_person(
    start: Start, store: Store
) -> None:
    """A signed token proves the `userId`, with a public key."""
    client = await start()
    await _send(client, _track())

    context = GRANTED | {"identityToken": _token("42")}
    answer = await _send(
        client, {"type": "identify", "userId": "42", "anonymousId": "a", "context": context}
    )

    assert answer.status_code == 200
    assert await _count(store, identities.known("42")) == 1
    assert await store.find(identities.anonymous("a")) == identities.known("42")


@pytest.mark.parametrize(
    "token",
    [
        _token("43"),
        _token("42", key="a-key-that-nobody-knows-of-this-length-at-least"),
        _token("42", exp=NOW_MS // 1_000 - 1),
        "nonsense",
    ],
    ids=["another person", "another key", "over", "no token"],
)
async def test_a_token_that_is_not_good_refuses_its_message(
    start: Start, store: Store, token: str
) -> None:
    """Whoever shows a false token gets nothing stored anywhere."""
    client = await start()

    answer = await _send(client, _track(userId="42", context=GRANTED | {"identityToken": token}))

    assert answer.status_code == 400
    assert answer.json()["field"] == "batch[0].context.identityToken"
    assert store.writes == []


async def test_a_token_does_not_join_other_persons(start: Start, store: Store) -> None:
    """It says who somebody is, not that they were somebody else as well."""
    client = await start()
    await _send(client, _track(userId="victim"), key=SERVER_KEY)

    context = GRANTED | {"identityToken": _token("42")}
    await _send(
        client, {"type": "alias", "userId": "42", "previousId": "victim", "context": context}
    )

    assert await store.find(identities.known("victim")) == identities.known("victim")
    assert await _count(store, identities.known("42")) == 0


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [
        (StoreUnavailable("gone"), 503, "store"),
        (StoreOverloaded("full"), 429, "busy"),
    ],
)
async def test_what_cannot_be_stored_now_is_asked_for_again(
    start: Start, store: Store, failure: StoreError, status: int, code: str
) -> None:
    """Clients keep what was not acknowledged."""
    client = await start()
    store.failure = failure

    answer = await _send(client, _track())

    assert answer.status_code == status
    assert answer.headers["retry-after"] == "1"
    assert answer.json()["code"] == code


async def test_a_profile_of_a_newer_version_takes_events(start: Start, store: Store) -> None:
    """They are appended though this version cannot read them: sent again they would count twice."""
    client = await start()
    store.failure = ProfileTooNew("newer")

    assert (await _send(client, _track())).status_code == 200


async def test_too_many_calls_at_once_are_asked_to_come_back(start: Start, store: Store) -> None:
    """What is under way is bounded, and the others learn so at once."""
    client = await start(max_tracking_calls=1)
    store.gate = asyncio.Event()
    first = asyncio.create_task(_send(client, _track()))
    await store.waits.wait()

    second = await _send(client, _track("b"))
    store.gate.set()

    assert (await first).status_code == 200
    assert second.status_code == 429
    assert second.headers["retry-after"] == "1"
    assert (await _send(client, _track("b"))).status_code == 200


async def test_opting_out_is_counted(start: Start, store: Store) -> None:
    """Operators see what was left out, and why."""
    client = await start()

    await _send(client, _track(), Sec_GPC="1")
    await _send(client, _track(context={}))
    await _send(client, _track(context={"consent": {"marketing": False}}))

    figures = (await client.get("/metrics")).text
    for outcome in ("opted_out", "unconsented", "denied"):
        assert f'edgeseg_tracked_events_total{{outcome="{outcome}"}} 1.0' in figures
    assert store.writes == []


@pytest.mark.parametrize(
    ("stamp", "headers"),
    [
        (None, {}),
        (None, {"Sec_GPC": "1"}),
        ("0001-01-01T00:00:00Z", {}),  # a clock that was never set
    ],
)
async def test_what_is_denied_is_erased_whatever_clock_or_header(
    start: Start, store: Store, stamp: str | None, headers: dict[str, str]
) -> None:
    """A denial fails closed; beside a header that denies everything it is no less said."""
    client = await start()
    await _send(client, _track())

    denial = {"consent": {"marketing": False}}
    await _send(client, _track(context=denial, timestamp=stamp), **headers)

    assert await store.read(identities.anonymous("a"), plan=EMPTY_PLAN) is None


@pytest.mark.parametrize(
    "message",
    [
        {"type": "identify", "anonymousId": "a", "traits": {"email": " Alex@Shop.example"}},
        _track(event="Form Submitted", properties={"email": "alex@shop.example"}),
    ],
    ids=["trait", "form"],
)
async def test_a_visitor_who_leaves_an_address_can_be_found_by_it(
    start: Start, message: dict[str, Any]
) -> None:
    """Whoever asks to be erased by e-mail is erased wherever the address was left."""
    client = await start()
    await _send(client, message | {"context": GRANTED})

    found = await client.get(
        "/v1/visitors",
        params={"email_hash": email_digest("alex@shop.example")},
        headers={"Authorization": f"Bearer {SERVER_KEY}"},
    )

    assert found.json() == {"visitors": [identities.anonymous("a")]}


async def test_what_is_claimed_of_a_person_can_be_found_and_erased(start: Start) -> None:
    """Whoever asks to be erased is erased wherever the id was told, proven or not."""
    client = await start()
    await _send(client, _track(anonymous_id="", userId="42"))
    await _send(client, _track(userId="42"), key=SERVER_KEY)
    key = {"Authorization": f"Bearer {SERVER_KEY}"}
    both = [identities.known("42"), identities.claimed("42")]
    for found in (both, both[1:], []):
        answer = await client.get("/v1/visitors", params={"user_id": "42"}, headers=key)
        assert answer.json() == {"visitors": found}
        if found:
            assert (await client.delete(f"/v1/visitors/{found[0]}", headers=key)).is_success


async def test_a_server_finds_visitors_by_the_ids_of_the_sdk(start: Start) -> None:
    """So that it can ask for the segments of whom the SDK tells of."""
    client = await start()
    await _send(client, _track(), _track(userId="42"), key=SERVER_KEY)
    key = {"Authorization": f"Bearer {SERVER_KEY}"}

    async def find(**by: str) -> Any:
        return (await client.get("/v1/visitors", params=by, headers=key)).json()

    assert await find(anonymous_id="a") == {"visitors": [identities.anonymous("a")]}
    assert await find(user_id="42") == {"visitors": [identities.known("42")]}
    assert await find(anonymous_id="b") == {"visitors": []}
    assert (await find(anonymous_id="a", user_id="42"))["status"] == 400


async def test_a_call_joins_a_bounded_number_of_profiles(start: Start) -> None:
    """Each join costs the store some work."""
    client = await start()
    joins = [
        {"type": "identify", "userId": "42", "anonymousId": str(n), "context": GRANTED}
        for n in range(25)
    ]

    answer = await _send(client, *joins, key=SERVER_KEY)

    assert (answer.json()["accepted"], answer.json()["refused"]) == (20, 5)


async def test_pages_of_listed_origins_may_send_events(start: Start) -> None:
    """Browsers ask first, since SDKs send a key and count their attempts in headers."""
    origin = "https://shop.example"
    client = await start(allowed_origins=(origin,))
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,x-retry-count",
    }

    preflight = await client.options("/v1/t", headers=asked)
    answer = await _send(client, _track(), Origin=origin)
    stranger = await _send(client, _track(), Origin="https://elsewhere.example")

    assert preflight.status_code in {200, 204}
    allowed = preflight.headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in asked["Access-Control-Request-Headers"].split(","))
    assert answer.headers["access-control-allow-origin"] == origin
    assert "access-control-allow-origin" not in stranger.headers


async def test_joins_and_erasures_are_audited(start: Start, tmp_path: Path) -> None:
    """Who asks later what happened to a profile finds it, whichever way it came."""
    client = await start(audit_log=str(tmp_path / "audit.log"))
    await _send(client, _track())
    identify = {"type": "identify", "userId": "42", "anonymousId": "a", "context": GRANTED}
    await _send(client, identify, key=SERVER_KEY)

    denied = _track(userId="42", context={"consent": {"marketing": False}})
    await _send(client, denied, key=SERVER_KEY)

    lines = (tmp_path / "audit.log").read_text("utf-8").splitlines()
    noted = [(entry["action"], entry["by"]) for entry in map(json.loads, lines)]
    assert noted == [("identify", "sdk"), ("erase", "consent")]
