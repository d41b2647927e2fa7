"""The tracking protocol on the wire: keys, bodies, limits, consent and whose events they are."""

import gzip
import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.e2e.service import SERVER_KEY, WRITE_KEY, Service
from tests.e2e.tracking_visitors import ACCOUNT, CONSENT, DENIAL, Visitors, page_context


@pytest.fixture
def visitors(service: Service) -> Visitors:
    """What is stored by the shared service."""
    return Visitors(service)


@pytest.fixture
def anonymous_id() -> str:
    """A visitor whom no other test knows."""
    return str(uuid4())


def _basic(key: str) -> dict[str, str]:
    return {"Authorization": f"Basic {b64encode(f'{key}:'.encode()).decode()}"}


def _track(anonymous_id: str, event: str = "product_viewed", **more: Any) -> dict[str, Any]:
    return {"type": "track", "event": event, "anonymousId": anonymous_id, "context": CONSENT} | more


def _send(browser: httpx.Client, *messages: object, key: str = WRITE_KEY) -> dict[str, Any]:
    answer = browser.post("/v1/batch", json={"batch": messages}, headers=_basic(key))
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    assert body["success"] is True
    return body


@pytest.mark.parametrize("path", ["page", "p", "screen", "s", "track", "t", "identify", "i"])
@pytest.mark.parametrize("way", ["basic", "bearer", "body"])
def test_long_and_short_addresses_take_the_key_in_three_ways(
    browser: httpx.Client, visitors: Visitors, anonymous_id: str, path: str, way: str
) -> None:
    """Every SDK has its own habits; all of them store the same."""
    message = {"anonymousId": anonymous_id, "context": page_context(), "event": "product_viewed"}
    headers = {"basic": _basic(WRITE_KEY), "bearer": {"Authorization": f"Bearer {WRITE_KEY}"}}
    traits = {"traits": {"newsletter": True}}
    body = message | traits | ({"writeKey": WRITE_KEY} if way == "body" else {})

    answer = browser.post(f"/v1/{path}", json=body, headers=headers.get(way, {}))

    assert answer.status_code == 200, answer.text
    assert answer.json()["accepted"] == 1
    found = visitors.profile(visitors.anonymous(anonymous_id))
    assert found is not None
    names = {"t": "product_viewed", "p": "page_viewed", "s": "page_viewed"}
    assert found["events"] == ({names[path[0]]: 1} if path[0] in names else {})


@pytest.mark.parametrize(
    "headers", [{}, _basic("a-key-that-nobody-knows"), {"Authorization": "Basic %%%"}]
)
def test_a_call_without_a_known_key_is_refused_in_the_words_that_sdks_read(
    browser: httpx.Client, anonymous_id: str, headers: dict[str, str]
) -> None:
    """Without `code` and `message` Python SDKs take a refusal for a fault and try ten times."""
    answer = browser.post("/v1/track", json=_track(anonymous_id), headers=headers)

    assert answer.status_code == 401
    assert answer.json()["code"] == "no-access"
    assert "EDGESEG_WRITE_KEYS" in answer.json()["message"]


def test_a_batch_keeps_its_good_messages_and_tells_of_the_bad_ones(
    browser: httpx.Client, visitors: Visitors, anonymous_id: str
) -> None:
    """One bad message costs itself only, whatever is wrong with it."""
    good = _track(anonymous_id)
    bad = [
        5,
        {"type": "nonsense", "anonymousId": anonymous_id},
        {"type": "track", "event": "e"},
        _track(anonymous_id, event=""),
        _track(anonymous_id, event="$consent"),
        _track(anonymous_id, properties=[]),
        _track(anonymous_id, timestamp="yesterday"),
        _track(anonymous_id, context={"consent": {"categoryPreferences": {"marketing": "yes"}}}),
        _track(anonymous_id, note="x" * 40_000),
        {"type": "group", "anonymousId": anonymous_id},
    ]

    answer = _send(browser, good, *bad, good)

    assert (answer["accepted"], answer["refused"]) == (2, len(bad))
    told = {problem["field"]: problem["detail"] for problem in answer["problems"]}
    assert list(told) == [
        "batch[1]",
        "batch[2].type",
        "batch[3].anonymousId",
        "batch[4].event",
        "batch[5].event",
        "batch[6].properties",
        "batch[7].timestamp",
        "batch[8].context.consent.marketing",
        "batch[9]",
        "batch[10].groupId",
    ]
    assert "32,768" in told["batch[9]"]
    assert visitors.events(visitors.anonymous(anonymous_id)) == {"product_viewed": 2}


def test_problems_in_an_answer_are_bounded(browser: httpx.Client) -> None:
    """Five hundred bad messages are counted, and twenty of them told."""
    good = _track(str(uuid4()))

    answer = _send(browser, good, *[{}] * 500)

    assert answer["refused"] == 500
    assert len(answer["problems"]) == 20


def test_a_call_with_nothing_acceptable_is_refused(browser: httpx.Client) -> None:
    """The one who sends only nonsense learns it from the status."""
    body = {"batch": [{"type": "track", "event": "e"}], "writeKey": WRITE_KEY}

    answer = browser.post("/v1/batch", json=body)

    assert answer.status_code == 400
    assert answer.json()["field"] == "batch[0].anonymousId"


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
@pytest.mark.parametrize("packed", [True, False])
def test_the_body_is_read_whatever_its_headers_say(
    browser: httpx.Client, visitors: Visitors, anonymous_id: str, content_type: str, *, packed: bool
) -> None:
    """Gzip is known by its first bytes, JSON by being JSON."""
    body = json.dumps(_track(anonymous_id)).encode()
    headers = _basic(WRITE_KEY) | ({"Content-Type": content_type} if content_type else {})

    answer = browser.post("/v1/t", content=gzip.compress(body) if packed else body, headers=headers)

    assert answer.status_code == 200, answer.text
    assert visitors.events(visitors.anonymous(anonymous_id)) == {"product_viewed": 1}


@pytest.mark.parametrize(
    ("body", "status", "told"),
    [
        (gzip.compress(b" " * 50_000_000), 413, "512,000 bytes"),
        (b" " * 600_000, 413, "512,000 bytes"),
        (gzip.compress(b'{"batch": []}')[:-9], 400, "cut short"),
        (b"\x1f\x8bnonsense", 400, "damaged"),
        (b"", 400, ""),
        (b"\xff\xfe", 400, ""),
        (b'{"batch": null}', 400, "batch"),
        (b'{"batch": [' + b"[" * 16_000 + b"]" * 16_000 + b"]}", 400, ""),
        (b'{"batch": [NaN]}', 400, ""),
    ],
    ids=[
        *("bomb", "large", "cut gzip", "no gzip", "empty"),
        *("no text", "null", "deep", "not a number"),
    ],
)
def test_a_bad_body_is_refused_by_name(
    browser: httpx.Client, body: bytes, status: int, told: str
) -> None:
    """Nobody who sends nonsense gets a 500, or makes the service work."""
    answer = browser.post("/v1/batch", content=body, headers=_basic(WRITE_KEY))

    assert answer.status_code == status, answer.text
    assert told in answer.text


def test_nulls_numbers_for_ids_and_unknown_members_are_tolerated(
    browser: httpx.Client, visitors: Visitors
) -> None:
    """What SDKs of other languages send must not be lost over form."""
    number = uuid4().int % 10**12
    message = {
        "type": "track",
        "event": "product_viewed",
        "anonymousId": number,
        "userId": None,
        "properties": None,
        "context": {**CONSENT, "page": None, "campaign": None, "device": {"id": [1]}, "ip": None},
        "integrations": {"All": True},
        "timestamp": None,
        "messageId": None,
        "_metadata": {"nested": [[[]]]},
    }

    assert _send(browser, message)["accepted"] == 1
    assert visitors.events(visitors.anonymous(str(number))) == {"product_viewed": 1}


def test_a_wrong_clock_is_corrected_by_the_time_of_sending(
    browser: httpx.Client, visitors: Visitors, anonymous_id: str
) -> None:
    """`receivedAt - (sentAt - timestamp)`: five minutes before it was sent, on any clock."""
    sent = datetime.now(UTC) + timedelta(days=900)
    stamp = {"timestamp": (sent - timedelta(minutes=5)).isoformat(), "sentAt": sent.isoformat()}

    before = datetime.now(UTC)
    _send(browser, _track(anonymous_id, **stamp))

    found = visitors.profile(visitors.anonymous(anonymous_id))
    assert found is not None
    happened = datetime.fromisoformat(found["created_at"])
    assert abs(before - timedelta(minutes=5) - happened) < timedelta(seconds=20)


def test_a_message_sent_again_counts_once(
    browser: httpx.Client, visitors: Visitors, anonymous_id: str
) -> None:
    """A client that saw no answer sends its whole batch again, however long it is."""
    batch = [_track(anonymous_id, messageId=str(uuid4())) for _ in range(300)]

    for sent in (batch[:200], batch, batch):  # what a first try got through, then all of it
        _send(browser, *sent)

    assert visitors.events(visitors.anonymous(anonymous_id)) == {"product_viewed": 300}


def test_without_consent_nothing_is_stored_and_the_client_is_content(
    browser: httpx.Client, visitors: Visitors, service: Service, anonymous_id: str
) -> None:
    """Consent unknown is consent not given; sending it again would not change that."""
    before = service.count("edgeseg_tracked_events_total")

    answer = _send(browser, _track(anonymous_id, context={}))

    assert answer["without_consent"] == 1
    assert visitors.profile(visitors.anonymous(anonymous_id)) is None
    assert service.count("edgeseg_tracked_events_total") > before


def test_a_denial_stores_nothing_and_erases_what_was_stored(
    browser: httpx.Client, visitors: Visitors, anonymous_id: str
) -> None:
    """Taking consent back in the banner reaches what SDKs have sent before."""
    _send(browser, _track(anonymous_id))
    assert visitors.events(visitors.anonymous(anonymous_id)) == {"product_viewed": 1}

    _send(browser, _track(anonymous_id, context=DENIAL))

    assert visitors.events(visitors.anonymous(anonymous_id)) == {}


def test_consent_given_once_covers_what_says_nothing(
    browser: httpx.Client, visitors: Visitors, anonymous_id: str
) -> None:
    """A server that tells of an order need not know the banner."""
    _send(browser, _track(anonymous_id))
    _send(browser, _track(anonymous_id, event="cart_viewed", context=None), key=SERVER_KEY)

    found = visitors.events(visitors.anonymous(anonymous_id))
    assert found == {"product_viewed": 1, "cart_viewed": 1}


def test_a_browser_that_opts_out_is_not_stored(
    browser: httpx.Client, visitors: Visitors, anonymous_id: str
) -> None:
    """Global Privacy Control wins over whatever the message says."""
    headers = _basic(WRITE_KEY) | {"Sec-GPC": "1"}

    answer = browser.post("/v1/track", json=_track(anonymous_id), headers=headers)

    assert answer.status_code == 200
    assert visitors.profile(visitors.anonymous(anonymous_id)) is None


def test_only_a_server_key_writes_to_the_profile_of_a_known_person(
    browser: httpx.Client, visitors: Visitors
) -> None:
    """Whoever types somebody else's user id with a public key gets a profile of their own."""
    user_id = str(uuid4())
    message = {"type": "track", "event": "product_viewed", "userId": user_id, "context": CONSENT}

    _send(browser, message)

    assert visitors.profile(visitors.identities.known(user_id)) is None
    assert visitors.events(visitors.identities.claimed(user_id)) == {"product_viewed": 1}

    _send(browser, message, message, key=SERVER_KEY)

    assert visitors.events(visitors.identities.known(user_id)) == {"product_viewed": 2}
    assert visitors.events(visitors.identities.claimed(user_id)) == {"product_viewed": 1}


@pytest.mark.parametrize(
    ("headers", "joined"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Origin": "{url}"}, True),
        ({"Origin": "https://elsewhere.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://[bad"}, False),
        ({}, False),
    ],
)
def test_the_cookie_is_joined_on_the_same_origin_only(
    browser: httpx.Client,
    visitors: Visitors,
    anonymous_id: str,
    headers: dict[str, str],
    *,
    joined: bool,
) -> None:
    """A page of another site cannot write into the profile that the cookie names."""
    granted = browser.post("/v1/consent", json={"consent": {"marketing": True}})
    visitor = granted.json()["visitor"]
    named = {name: value.format(url=str(browser.base_url)) for name, value in headers.items()}

    answer = browser.post("/v1/track", json=_track(anonymous_id), headers=_basic(WRITE_KEY) | named)

    assert answer.status_code == 200
    seen = {"product_viewed": 1}
    assert visitors.events(visitor) == (seen if joined else {})
    assert visitors.events(visitors.anonymous(anonymous_id)) == ({} if joined else seen)


def _known(user_id: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "userId": user_id, "context": CONSENT} | more


@pytest.mark.parametrize("call", ["identify", "alias"])
def test_a_server_joins_what_an_anonymous_visitor_did(
    browser: httpx.Client, visitors: Visitors, anonymous_id: str, call: str
) -> None:
    """After the login the past counts, whichever call tells of it, and however often."""
    user_id = str(uuid4())
    named = {"identify": "anonymousId", "alias": "previousId"}[call]
    _send(browser, _track(anonymous_id))
    _send(browser, _known(user_id, "track", event="cart_viewed"), key=SERVER_KEY)

    for _ in range(2):
        _send(browser, _known(user_id, call, **{named: anonymous_id}), key=SERVER_KEY)

    both = {"product_viewed": 1, "cart_viewed": 1}
    assert visitors.events(visitors.identities.known(user_id)) == both
    _send(browser, _track(anonymous_id, event="coupon_entered"))
    seen = visitors.events(visitors.identities.known(user_id))
    assert seen == both | {"coupon_entered": 1}


@pytest.mark.parametrize("call", ["identify", "alias"])
def test_consent_of_an_anonymous_visitor_covers_their_login(
    browser: httpx.Client, visitors: Visitors, anonymous_id: str, call: str
) -> None:
    """The server that tells of it need not repeat it; nobody else may log in by that consent."""
    user_id, other_id = str(uuid4()), str(uuid4())
    named = {{"identify": "anonymousId", "alias": "previousId"}[call]: anonymous_id}
    _send(browser, _known(user_id, call, **named, context=None), key=SERVER_KEY)
    assert visitors.profile(visitors.identities.known(user_id)) is None

    _send(browser, _track(anonymous_id))
    for each in (user_id, other_id):
        login = _known(each, call, **named, context=None)
        viewed = _known(each, "track", event="cart_viewed", context=None)
        _send(browser, login, viewed, key=SERVER_KEY)

    seen = visitors.events(visitors.identities.known(user_id))
    assert seen == {"product_viewed": 1, "cart_viewed": 1}
    assert visitors.profile(visitors.identities.known(other_id)) is None


def test_two_people_who_log_in_by_one_call_stay_two(
    browser: httpx.Client, visitors: Visitors, anonymous_id: str
) -> None:
    """A device in a shop sends what two of its people did together, once it is online again."""
    people = [str(uuid4()), str(uuid4())]
    _send(browser, _track(anonymous_id))

    _send(
        browser,
        *(_known(each, "identify", anonymousId=anonymous_id) for each in people),
        *(_known(each, "track", event="cart_viewed") for each in people),
        key=SERVER_KEY,
    )

    found = [visitors.events(visitors.identities.known(each)) for each in people]
    one, both = {"cart_viewed": 1}, {"cart_viewed": 1, "product_viewed": 1}
    assert found in ([one, both], [both, one])


def test_a_write_key_joins_nobody(
    browser: httpx.Client, visitors: Visitors, anonymous_id: str
) -> None:
    """Saying a user id in public neither opens the person's profile nor moves one's own."""
    user_id = str(uuid4())
    _send(browser, _known(user_id, "track", event="cart_viewed"), key=SERVER_KEY)

    _send(browser, _track(anonymous_id), _known(user_id, "identify", anonymousId=anonymous_id))
    alias = _known(user_id, "alias", previousId=anonymous_id)
    refused = browser.post("/v1/a", json=alias, headers=_basic(WRITE_KEY))
    own = _known(user_id, "alias", previousId=user_id, anonymousId=anonymous_id)
    accepted = browser.post("/v1/a", json=own, headers=_basic(WRITE_KEY))

    assert (refused.status_code, refused.json()["field"]) == (400, "previousId")
    assert accepted.status_code == 200
    assert visitors.events(visitors.identities.known(user_id)) == {"cart_viewed": 1}
    assert visitors.events(visitors.anonymous(anonymous_id)) == {"product_viewed": 1}


def test_properties_page_facts_traits_and_groups_become_ours(
    browser: httpx.Client, visitors: Visitors, anonymous_id: str
) -> None:
    """Names and values arrive as the rules ask about them."""
    answer = _send(
        browser,
        _track(anonymous_id, event="Product List Viewed", properties={"category": "Kitchen"}),
        {"type": "page", "anonymousId": anonymous_id, "context": page_context(ACCOUNT)},
        {
            "type": "identify",
            "anonymousId": anonymous_id,
            "context": CONSENT,
            "traits": {"firstName": "Alex", "shoeSize": 44},
        },
        {"type": "group", "groupId": 7, "anonymousId": anonymous_id, "context": CONSENT},
    )

    assert answer["accepted"] == 4
    assert [problem["field"] for problem in answer["problems"]] == ["batch[2].traits.shoeSize"]
    found = visitors.profile(visitors.anonymous(anonymous_id))
    assert found is not None
    assert found["events"] == {"category_viewed": 1, "page_viewed": 1, "group_joined": 1}
    assert found["attributes"] == {"first_name": "Alex"}


def test_other_methods_are_refused(browser: httpx.Client) -> None:
    """Only POST sends events."""
    answer = browser.get("/v1/track")

    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize(
    ("forwarded", "protocol"), [("http", "http"), ("https", "https"), ("https, http", "https")]
)
def test_the_browser_sdk_gets_settings_that_keep_it_here(
    browser: httpx.Client, service: Service, forwarded: str, protocol: str
) -> None:
    """With `cdnURL` alone the SDK sends everything to this service, as the page was fetched."""
    headers = {"X-Forwarded-Proto": forwarded}
    answer = browser.get(f"/v1/projects/{WRITE_KEY}/settings", headers=headers)

    destination = answer.json()["integrations"]["Segment.io"]
    assert destination["apiHost"] == f"{service.url.removeprefix('http://')}/v1"
    assert destination["protocol"] == protocol
    assert browser.get("/v1/projects/a-key-of-another/settings").status_code == 404
    assert browser.post("/v1/m", content=b"{}").status_code == 200
