"""Bad input over real HTTP is refused by name, and is never a server error."""

import json
from datetime import datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgeseg.clock import system_clock
from edgeseg.events.decode import MAX_PAST_MS
from tests.e2e.bad_bodies import REFUSED, Bad, body, event
from tests.e2e.service import Service
from tests.e2e.views import GRANTED, HOME, view_page, visitor_of

PROBLEM = "application/problem+json"
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
MEMBERS = ("page", "visitor", "context", "consent", "events", "slots", "explain", "view")


def _check_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM
    assert "set-cookie" not in answer.headers
    problem: dict[str, Any] = answer.json()
    assert problem["type"].startswith("urn:edgeseg:problem:")
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    return problem


@pytest.mark.parametrize("bad", REFUSED.values(), ids=REFUSED)
def test_a_bad_body_is_refused_by_name(browser: httpx.Client, bad: Bad) -> None:
    """The problem names the member at fault and what is wrong with it."""
    content = bad.body if isinstance(bad.body, bytes) else bad.body.encode()
    problem = _check_problem(browser.post("/v1/classify", content=content), bad.status)
    assert problem.get("field", "") == bad.field
    assert bad.says.lower() in problem["detail"].lower()


def test_an_unknown_slot_is_answered_with_the_known_ones(browser: httpx.Client) -> None:
    """Classify names every slot that there is, and the one that was probably meant."""
    answer = view_page(browser, slots=["exit-popup", "home-herro"])
    problem = _check_problem(answer, 400)
    assert problem["field"] == "slots[1]"
    for slot in ("home-hero", "exit-popup", "recommendations", "did you mean `home-hero`"):
        assert slot in problem["detail"]


@pytest.mark.parametrize("slot", ["home-herro", "a/b", "%00", "%ED%A0%80", "-->%3Cb%3E", ""])
def test_an_unknown_fragment_is_an_empty_200(browser: httpx.Client, slot: str) -> None:
    """A fragment goes into somebody's page: whatever is asked, a harmless comment comes."""
    answer = browser.get(f"/v1/fragment/{slot}")
    assert answer.status_code == 200
    assert answer.headers["edgeseg-status"] == "unknown slot"
    assert answer.text == "<!-- edgeseg: unknown slot -->"


@pytest.mark.parametrize(
    "query",
    [
        "url=http://[::1",
        "url=javascript:alert(1)",
        "url=" + "a" * 3_000,
        "url=%ED%A0%80%00",
        "&".join(f"a{n}=1" for n in range(100)),
        "%" * 100,
    ],
)
def test_a_fragment_for_a_bad_address_is_still_200(browser: httpx.Client, query: str) -> None:
    """An address that cannot be read costs the slot at most its variant."""
    answer = browser.get(f"/v1/fragment/home-hero?{query}")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/html")


def test_a_body_over_the_limit_names_the_limit(browser: httpx.Client) -> None:
    """One byte too many is 413, exactly the limit is not."""
    start, end = body()[:-1] + ', "slots": [', "]}"
    fill = " " * (65_536 - len(start) - len(end))
    assert browser.post("/v1/classify", content=f"{start}{fill}{end}").status_code == 200
    answer = browser.post("/v1/classify", content=f"{start}{fill} {end}")
    assert "65,536 bytes" in _check_problem(answer, 413)["detail"]
    assert view_page(browser).status_code == 200


@pytest.mark.parametrize(
    ("text", "status", "field"),
    [
        ("", 400, ""),
        ("[]", 400, ""),
        ("{}", 400, "consent"),
        ('{"consent": {"marketing": 1}}', 400, "consent[...]"),
        ('{"consent": {}, "more": 1}', 400, "more"),
        ('{"consent": ' + "[" * 1_500 + "]" * 1_500 + "}", 400, "consent"),
        ('{"consent": {"a": ' + "[" * 1_500 + "]" * 1_500 + "}}", 400, "consent[...]"),
        (json.dumps({"consent": {f"p{n}": True for n in range(21)}}), 413, "consent"),
        (json.dumps({"consent": {"p" * 101: True}}), 413, "consent"),
        ('{"consent": {}}' + " " * 4_096, 413, ""),
    ],
)
def test_bad_consent_is_refused_by_name(
    browser: httpx.Client, text: str, status: int, field: str
) -> None:
    """The consent call is as strict as classify."""
    answer = browser.post("/v1/consent", content=text)
    assert _check_problem(answer, status).get("field", "") == field


def test_strange_but_lawful_text_is_stored_and_read_again(browser: httpx.Client) -> None:
    """NUL, emoji and right-to-left marks in values are kept as they came."""
    properties = {"a": "x\0y", "\0": "\U0001f600", "rtl": "\u202eabc", "n": -(2**63), "f": 1e308}
    strange = json.loads(event(properties=properties)) | {"consent": GRANTED}
    first = browser.post("/v1/classify", json=strange)
    assert visitor_of(first)
    assert visitor_of(view_page(browser, HOME + "\0?\0=\0")) == visitor_of(first)


@pytest.mark.parametrize(
    ("timestamp", "past_ms"),
    [
        ("0001-01-01T00:00:00+14:00", MAX_PAST_MS),
        ("0001-01-01T00:00:00", MAX_PAST_MS),
        ("9999-12-31T23:59:59-14:00", 0),
    ],
)
def test_events_at_the_ends_of_time_are_taken(
    browser: httpx.Client, timestamp: str, past_ms: int
) -> None:
    """An instant far off is stored as the nearest that can be: 396 days ago, or now."""
    sent = {"event": "seen", "timestamp": timestamp}
    from_ms = system_clock()
    assert view_page(browser, events=[sent], consent=GRANTED).status_code == 200
    until_ms = system_clock()
    history = browser.get("/v1/me/export").json()["history"]
    (stored,) = (each["at"] for each in history if each["event"] == "seen")
    stored_ms = round(datetime.fromisoformat(stored).timestamp() * 1_000)
    assert from_ms <= stored_ms + past_ms <= until_ms


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(members=st.dictionaries(st.sampled_from(MEMBERS), JSON_VALUES, min_size=1, max_size=4))
def test_no_members_make_a_server_error(service: Service, members: dict[str, Any]) -> None:
    """Whatever stands in the known members, the answer is 200 or a problem of the client's."""
    content = json.dumps({"page": {"url": HOME}, **members})
    answer = httpx.post(f"{service.url}/v1/classify", content=content)
    assert answer.status_code in {200, 400, 401, 413}, answer.text


@settings(max_examples=40, deadline=None)
@given(content=st.binary(max_size=40))
def test_no_bytes_make_a_server_error(service: Service, content: bytes) -> None:
    """Whatever bytes come, the answer is a problem of the client's."""
    answer = httpx.post(f"{service.url}/v1/classify", content=content)
    assert answer.status_code == 400, answer.text
