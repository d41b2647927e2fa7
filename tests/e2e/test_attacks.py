"""Attacks from outside, over real HTTP: each is refused, bounded, or comes to nothing."""

import json
import re
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from edgeseg.delivery.slow_clients import MAX_HEAD_BYTES
from tests.e2e.conftest import StartService
from tests.e2e.service import SERVER_KEY, WRITE_KEY, Service
from tests.e2e.views import ACCOUNT, GRANTED, HOME, PROSPECTS, REFUSED, view_page, visitor_of

EVIL = "https://evil.example"
SLOW_S = 2.0
DEPTH = 5_000
KEYS = 200_000
MAY_ANSWER = {200, 201, 202, 204, 400, 401, 403, 404, 405, 409, 413, 415}

BODIES: dict[str, bytes] = {
    "deep arrays": b"[" * DEPTH + b"]" * DEPTH,
    "deep objects": b'{"a":' * DEPTH + b"1" + b"}" * DEPTH,
    "never closed": b'{"a":[' * DEPTH,
    "many keys": json.dumps(dict.fromkeys(map(str, range(KEYS)), 1)).encode(),
    "one key, many times": b'{"page":1' + b',"page":1' * 7_000 + b"}",
    "not a number": b'{"events":[{"event":"a","properties":{"a":NaN}}],"attributes":{"a":NaN}}',
    "infinity": b'{"attributes":{"a":-Infinity},"context":{"custom":{"a":Infinity}}}',
    "a huge integer": b'{"attributes":{"a":' + b"9" * 10_000 + b"}}",
    "a huge float": b'{"attributes":{"a":1e99999},"consent":{"a":1e99999}}',
    "a NUL": b'{"attributes":{"\\u0000":"\\u0000"},"token":"\\u0000","consent":{"\\u0000":true}}',
    "a NUL byte": b'{"attributes":{"a":"\x00"}}',
    "a lone surrogate": b'{"attributes":{"a":"\\ud800"},"tags":["\\udfff"],"token":"\\ud800"}',
    "an encoded surrogate": b'{"attributes":{"a":"\xed\xa0\x80"}}',
    "not UTF-8": b'{"attributes":{"a":"\xff\xfe"}}',
    "a proto": b'{"__proto__":{"a":1},"constructor":{"prototype":1}}',
    "nothing": b"",
    "null": b"null",
    "a bomb of gzip": b"\x1f\x8b\x08\x00" + b"\x00" * 5_000,
}


@pytest.fixture(scope="module")
def calls(service: Service) -> list[tuple[str, str]]:
    """Every call of the OpenAPI document that takes a body: method and address."""
    document = httpx.get(f"{service.url}/openapi/openapi.json", timeout=20).json()
    found = [
        (method, re.sub(r"\{[^}]+\}", "attacked", path))
        for path, item in document["paths"].items()
        for method in item
        if method in {"post", "put", "delete", "patch"}
    ]
    assert ("post", "/v1/classify") in found
    assert len(found) > 20
    return found


# --- Bodies --------------------------------------------------------------------


@pytest.mark.parametrize("key", [SERVER_KEY, WRITE_KEY, ""], ids=["server", "write", "none"])
@pytest.mark.parametrize("name", BODIES)
def test_no_body_makes_a_server_error_or_stalls_the_loop(
    service: Service, calls: list[tuple[str, str]], name: str, key: str
) -> None:
    """Every call refuses it by status, soon; what is not read through is still answered."""
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    with httpx.Client(base_url=service.url, timeout=20, headers=headers if key else {}) as client:
        for method, path in calls:
            started_s = time.monotonic()
            try:
                answer = client.request(method, path, content=BODIES[name])
            except httpx.WriteError:
                continue  # refused by its length, and cut off while it was still being sent
            assert answer.status_code in MAY_ANSWER, (method, path, answer.text)
            assert time.monotonic() - started_s < SLOW_S, (method, path)


@pytest.mark.parametrize(
    "path", ["/v1/classify", "/v1/consent", "/v1/batch", "/ofrep/v1/evaluate/flags"]
)
def test_a_body_without_end_is_cut_off(service: Service, path: str) -> None:
    """Chunk after chunk: answered as too large long before the client tires."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"1000\r\n" + b" " * 4_096 + b"\r\n"
    sent = 0
    with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
        connection.sendall(head.encode())
        try:
            while sent < 50_000_000:
                connection.sendall(chunk)
                sent += 4_096
        except ConnectionError:
            pass  # it hung up
        connection.settimeout(5)
        try:
            answer = connection.recv(65_536)
        except ConnectionError:
            answer = b""
    assert sent < 50_000_000
    assert answer[9:12] in {b"413", b"400", b"401", b""}


def test_a_head_without_end_is_cut_off(service: Service) -> None:
    """Headers, and an address, of megabytes are not collected; just over the bound it is 431."""
    for start, part in (
        (b"GET /healthz HTTP/1.1\r\n", b"X-More: " + b"x" * 4_000 + b"\r\n"),
        (b"GET /", b"x" * 4_000),
    ):
        with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
            connection.sendall(start + part * (MAX_HEAD_BYTES // len(part) + 1))
            with connection.makefile("rb") as answer:
                assert answer.readline() == b"HTTP/1.1 431 Request Header Fields Too Large\r\n"
                rest = answer.read()  # to the end of the connection
        assert b"connection: close\r\n" in rest.lower()
        sent = 0
        with socket.create_connection(("127.0.0.1", service.port), timeout=20) as connection:
            connection.sendall(start)
            try:
                while sent < 30_000_000:
                    connection.sendall(part)
                    sent += len(part)
            except ConnectionError:
                pass
        assert sent < 30_000_000, "the head was read on and on"


# --- Other pages, other sites --------------------------------------------------

Change = Callable[[httpx.Client, dict[str, str]], httpx.Response]
CHANGES: dict[str, Change] = {
    "page view": lambda client, headers: view_page(client, consent=GRANTED, headers=headers),
    "consent": lambda client, headers: client.post(
        "/v1/consent", json={"consent": REFUSED}, headers=headers
    ),
    "log-in": lambda client, headers: client.post(
        "/v1/me/identify", json={"token": "a.b.c", "consent": GRANTED}, headers=headers
    ),
    "log-out": lambda client, headers: client.post("/v1/me/log-out", headers=headers),
    "erasure": lambda client, headers: client.delete("/v1/me", headers=headers),
    "objection": lambda client, headers: client.put("/v1/me/do-not-profile", headers=headers),
    "objection's end": lambda client, headers: client.delete(
        "/v1/me/do-not-profile", headers=headers
    ),
}


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
@pytest.mark.parametrize("name", CHANGES)
def test_other_pages_change_nothing(browser: httpx.Client, name: str, site: str) -> None:
    """A form or script of another page is refused, sets no cookie, and the visitor stays."""
    visitor = visitor_of(view_page(browser, ACCOUNT, consent=GRANTED))
    forged = {"Sec-Fetch-Site": site, "Origin": EVIL, "Content-Type": "text/plain"}
    answer = CHANGES[name](browser, forged)
    assert answer.status_code == 403
    assert "www-authenticate" not in answer.headers
    assert "EDGESEG_ALLOWED_ORIGINS" in answer.json()["detail"]
    assert "set-cookie" not in answer.headers
    again = view_page(browser)
    assert visitor_of(again) == visitor
    assert PROSPECTS in again.json()["segments"]


ORIGINS = (EVIL, "null", "https://www.example.org.evil.example", "http://www.example.org", "*")


def test_only_listed_origins_read_answers(new_service: StartService) -> None:
    """No other origin is allowed, with the cookie or without; a wildcard is never sent."""
    listed = "https://www.example.org"
    service = new_service(allowed_origins=listed).start()
    with httpx.Client(base_url=service.url, timeout=20) as client:
        for origin in (listed, *ORIGINS):
            allowed = origin if origin == listed else None
            asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            preflight = client.options("/v1/classify", headers=asked)
            answer = view_page(client, headers={"Origin": origin})
            for each in (preflight, answer):
                assert each.headers.get("access-control-allow-origin") == allowed
                assert each.status_code < 500
            page = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
            assert view_page(client, headers=page).status_code == (200 if allowed else 403)


# --- Who somebody is -----------------------------------------------------------


def test_ids_cannot_be_tried_out(service: Service, browser: httpx.Client) -> None:
    """Without a server key a known id and an unknown one are refused in the same words."""
    visitor = visitor_of(view_page(browser, consent=GRANTED))
    told = [
        httpx.get(f"{service.url}/v1/visitors/{each}", timeout=20)
        for each in (visitor, uuid4().hex)
    ]
    assert {answer.status_code for answer in told} == {401}
    assert told[0].text == told[1].text


def test_ids_are_not_guessable(service: Service) -> None:
    """A hundred newcomers: a hundred ids without order, 128 bits each."""

    def come(_number: int) -> str:
        with httpx.Client(base_url=service.url, timeout=20) as client:
            return visitor_of(view_page(client, consent=GRANTED)) or ""

    with ThreadPoolExecutor(4) as newcomers:
        ids = list(newcomers.map(come, range(100)))
    assert len(set(ids)) == 100
    assert all(len(each) >= 22 for each in ids)  # 128 bits in base64 or longer
    assert len({each[:2] for each in ids}) > 50
    assert ids != sorted(ids)


def test_a_cookie_is_nobody_elses(service: Service, browser: httpx.Client) -> None:
    """Another one's id in a cookie that we did not sign, in its signed place, or unsigned."""
    victim = visitor_of(view_page(browser, ACCOUNT, consent=GRANTED)) or ""
    with httpx.Client(base_url=service.url, timeout=20) as thief:
        own = visitor_of(view_page(thief, consent=GRANTED)) or ""
        signed = thief.cookies["edgeseg"]
        for forged in (victim, signed.replace(own, victim), f"{victim}.{signed}", f"{signed}x"):
            answer = view_page(thief, headers={"Cookie": f"edgeseg={forged}"})
            assert visitor_of(answer) != victim
            assert PROSPECTS not in answer.json()["segments"]


def test_geography_is_not_taken_from_headers(browser: httpx.Client) -> None:
    """Headers that proxies set, sent by a browser, say nothing about where it is."""
    names = "CF-IPCountry X-Country X-AppEngine-Country CloudFront-Viewer-Country X-Geo-Country"
    forged = dict.fromkeys(names.split(), "CZ") | dict.fromkeys(
        ("X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP"), "5.35.0.1"
    )
    plain = view_page(browser, consent=GRANTED)
    assert view_page(browser, headers=forged).json()["segments"] == plain.json()["segments"]


# --- Words where they do not belong --------------------------------------------


def test_no_line_break_reaches_headers_or_log(new_service: StartService) -> None:
    """Values with CR and LF, raw, escaped or encoded, add no header and no line to the log."""
    lined = new_service().start()
    bad = "x\r\nSet-Cookie: stolen=1\r\nINFO: all is well"
    quoted = "x%0d%0aSet-Cookie:%20stolen=1%0d%0aINFO:%20all%20is%20well"
    with httpx.Client(base_url=lined.url, timeout=20) as client:
        answers = [
            view_page(client, HOME + quoted, consent=GRANTED),
            view_page(client, HOME, slots=[bad]),
            view_page(client, HOME, consent=GRANTED, context={"custom": {"a": bad}}),
            view_page(client, HOME, consent=GRANTED, events=[{"event": bad}]),
            view_page(client, HOME, consent={bad: True}),
            client.get(f"/v1/fragment/{quoted}", params={"url": bad}),
            client.get(f"/v1/segment-key?url={quoted}"),
            client.get("/v1/fragment/home-hero", params={"url": HOME, "segment_key": bad}),
            client.post(f"/ofrep/v1/evaluate/flags/{quoted}", json={"context": {}}),
            client.get("/v1/me", headers={"Edgeseg-Identity": quoted, "Cookie": quoted}),
        ]
    for answer in answers:
        assert answer.status_code < 500
        assert "stolen" not in answer.headers.get("set-cookie", "")
        assert not any("stolen" in name or "all is" in name for name in answer.headers)
    assert "\nINFO: all is well" not in lined.output()
    assert "\r" not in lined.output()
    assert "Traceback" not in lined.output()


@pytest.mark.parametrize("value", ["{{ 7 * 7191 }}", "{% for a in range(10**9) %}", "${7*7191}"])
def test_values_are_never_compiled(server: httpx.Client, value: str) -> None:
    """What looks like a template in a page, an event or a custom value stays as it is."""
    answer = view_page(
        server,
        f"https://shop.example/?utm_source={value}",
        visitor=f"t-{uuid4().hex}",
        consent=GRANTED,
        context={"custom": {"name": value}},
        events=[{"event": "product_viewed", "properties": {"name": value}}],
        slots=["home-hero", "exit-popup", "recommendations"],
        explain=True,
    )
    assert answer.status_code == 200
    assert "50337" not in answer.text


def test_patterns_take_linear_time(new_service: StartService) -> None:
    """Patterns that backtracking engines never finish, over a text as long as they come."""
    service = new_service()
    service.data_dir.mkdir(parents=True)
    trials = service.data_dir / "trials.jsonl"
    conditions = [
        {"context": "path", "matches": "^(/?a+)+$"},
        {"context": "path", "matches": "^/(a|aa)+b$"},
        {"context": "path", "matches": "(.*a){25}x"},
        {"context": "path", "glob": "/*a*a*a*a*a*a*a*a*a*b"},
    ]
    lines = [{"when": when, "context": {"path": "/" + "a" * 999}} for when in conditions]
    trials.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    started_s = time.monotonic()
    told = service.run("try", str(trials))
    assert time.monotonic() - started_s < 60  # the start of a command takes most of it
    answers = [json.loads(line) for line in told.splitlines()]
    assert [answer.get("holds") for answer in answers] == [True, False, False, False], told
