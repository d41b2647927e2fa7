"""HTTP itself, against a real server: methods, framing, connections, documents."""

import json
import re
import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager

import httpx
import pytest

from tests.e2e.service import Service
from tests.e2e.views import ACCOUNT, GRANTED, HOME, PROSPECTS, view_page

WAYS = {"hot": True, "plain": False}
"""Name of a way through the HTTP server → the setting `hot_protocol`."""
BODY = json.dumps({"page": {"url": HOME}, "slots": ["home-hero"]}).encode()
HEAD = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\n"


@pytest.fixture(scope="module", params=WAYS)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Service]:
    """A service with two workers for each way through the HTTP server; both answer the same."""
    folder = tmp_path_factory.mktemp("http") / "data"
    chosen = {"workers": 2, "budget_ms": 5_000, "hot_protocol": WAYS[request.param]}
    with closing(Service(folder, **chosen)) as running:
        yield running.start()


@contextmanager
def _connection(service: Service) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", service.port), timeout=10) as connection:
        yield connection


def _read_answers(connection: socket.socket, count: int) -> list[tuple[int, bytes]]:
    """Answer the status and body of each of ``count`` answers, in their order."""
    received, answers = b"", []
    while len(answers) < count:
        head, end, rest = received.partition(b"\r\n\r\n")
        length = re.search(rb"content-length: (\d+)", head)
        if end and length and len(rest) >= int(length[1]):
            answers.append((int(head[9:12]), rest[: int(length[1])]))
            received = rest[int(length[1]) :]
            continue
        more = connection.recv(65_536)
        assert more, f"the connection ended after {len(answers)} answers: {received!r}"
        received += more
    return answers


def _post(body: bytes) -> bytes:
    return HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body


def test_what_follows_a_body_is_no_header(service: Service) -> None:
    """Trailers pass proxies that check, or take out, headers of the same name (RFC 9110, 6.5.1)."""
    head = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
    body = b"%x\r\n%b\r\n0\r\n" % (len(BODY), BODY)
    with _connection(service) as connection:
        connection.sendall(head)
        for part in (body, b"Authorization: Bearer wrong\r\nSec-Fetch-Site: cross-site\r\n\r\n"):
            connection.sendall(part)
        assert [status for status, _body in _read_answers(connection, 1)] == [200]


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE", "PATCH"])
def test_classify_takes_posts_only(browser: httpx.Client, method: str) -> None:
    """Another method is told which one to use, also in the header made for it."""
    answer = browser.request(method, "/v1/classify")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"
    assert bool(answer.content) is (method != "HEAD")


def test_a_chunked_body_counts_like_any_other(browser: httpx.Client) -> None:
    """A body that comes in pieces of one byte is the same body."""
    pieces = (BODY[at : at + 1] for at in range(len(BODY)))
    answer = browser.post("/v1/classify", content=pieces)
    assert answer.status_code == 200
    assert "home-hero" in answer.json()["slots"]


def test_a_body_without_end_is_refused_while_it_comes(service: Service) -> None:
    """What is over the limit is answered before it is whole, and read no further."""
    with _connection(service) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        connection.sendall((b"8000\r\n" + b" " * 0x8000 + b"\r\n") * 3)
        [(status, body)] = _read_answers(connection, 1)
    assert status == 413
    assert b"65,536" in body


def test_a_connection_serves_one_request_after_another(service: Service) -> None:
    """A connection is kept after an answer, be it a problem or not."""
    with _connection(service) as connection:
        for body, expected in ((BODY, 200), (b"{}", 400), (b"[" * 3_000, 400), (BODY, 200)):
            connection.sendall(_post(body))
            [(status, _body)] = _read_answers(connection, 1)
            assert status == expected


def test_pipelined_requests_are_answered_in_their_order(service: Service) -> None:
    """Requests sent at once get their own answers, none another's."""
    bodies = [
        json.dumps({"page": {"url": HOME}, "slots": slots}).encode()
        for slots in (["home-hero"], ["no-such"], ["recommendations"], ["exit-popup"], [])
    ]
    with _connection(service) as connection:
        connection.sendall(b"".join(_post(body) for body in bodies))
        answers = _read_answers(connection, len(bodies))
    assert [status for status, _ in answers] == [200, 400, 200, 200, 200]
    slots = [list(json.loads(body).get("slots", "?")) for _, body in answers]
    assert slots == [["home-hero"], ["?"], ["recommendations"], ["exit-popup"], []]


def test_a_client_that_goes_away_leaves_the_service_well(
    service: Service, browser: httpx.Client
) -> None:
    """A body that is promised and never sent harms nobody else."""
    for _ in range(5):
        with _connection(service) as connection:
            connection.sendall(HEAD + b"Content-Length: 100\r\n\r\n{")
    assert view_page(browser).status_code == 200
    assert "Traceback" not in service.output()


def test_a_request_may_follow_before_the_answer(service: Service) -> None:
    """What comes while another request is being answered waits for its turn, in any pieces."""
    health = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    sent = _post(BODY) + health + _post(b"{}") + health + _post(BODY)
    with _connection(service) as connection:
        for at in range(0, len(sent), 7):
            connection.sendall(sent[at : at + 7])
        answers = _read_answers(connection, 5)
    assert [status for status, _body in answers] == [200, 200, 400, 200, 200]


def test_a_wish_to_speak_something_else_is_passed_over(service: Service) -> None:
    """A WebSocket's request is answered like any other, once, and the connection goes on."""
    asked = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
    asked += b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA==\r\n\r\n"
    turns = ((_post(BODY), b"segments"), (asked, b"alive"), (_post(BODY), b"rules"))
    with _connection(service) as connection:
        for sent, expected in turns:
            connection.sendall(sent)
            [(status, body)] = _read_answers(connection, 1)
            assert status == 200
            assert expected in body


@pytest.mark.parametrize("wish", [b"h2c", b"websocket"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_wish_beside_a_body_costs_neither(service: Service, wish: bytes, framing: str) -> None:
    """Java's client asks for HTTP/2 with each request over plain HTTP, until it is spoken."""
    asked = HEAD + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: " + wish
    asked += b"\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"
    if framing == "length":
        asked += b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
    else:
        asked += b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    with _connection(service) as connection:
        connection.sendall(_post(BODY) + asked + asked)
        answers = _read_answers(connection, 3)
        for at in range(0, len(asked), 50):
            connection.sendall(asked[at : at + 50])
        answers += _read_answers(connection, 1)
    assert [status for status, _body in answers] == [200] * 4
    assert all(b"segments" in body for _status, body in answers)


def test_a_connection_is_closed_where_the_client_wants_it(service: Service) -> None:
    """`Connection: close`, and HTTP/1.0 without `keep-alive`, end with the answer."""
    framed = b"Content-Length: %d\r\n" % len(BODY)
    heads = (
        HEAD + b"Connection: close\r\n" + framed,
        HEAD.replace(b"1.1", b"1.0") + framed,
    )
    for head in heads:
        with _connection(service) as connection:
            connection.sendall(head + b"\r\n" + BODY)
            [(status, _body)] = _read_answers(connection, 1)
            assert status == 200
            assert connection.recv(1) == b""


@pytest.mark.parametrize(
    "framing",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: +5\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length : 5\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
    ],
)
def test_two_lengths_of_one_body_are_refused(service: Service, framing: bytes) -> None:
    """Framing that two servers could read differently is no request at all."""
    with _connection(service) as connection:
        connection.sendall(HEAD + framing + b"\r\n" + b"0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n")
        answer = b""
        while more := connection.recv(65_536):
            answer += more
    assert answer.startswith(b"HTTP/1.1 400")
    assert b"alive" not in answer


def test_a_body_is_asked_for_that_the_client_holds_back(service: Service) -> None:
    """`Expect: 100-continue` is answered before the body comes."""
    with _connection(service) as connection:
        connection.sendall(HEAD + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % len(BODY))
        assert connection.recv(65_536).startswith(b"HTTP/1.1 100 Continue")
        connection.sendall(BODY)
        [(status, _body)] = _read_answers(connection, 1)
    assert status == 200


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_the_content_type_does_not_matter(browser: httpx.Client, media_type: str) -> None:
    """Beacons cannot choose theirs; the body is JSON all the same."""
    answer = browser.post("/v1/classify", content=BODY, headers={"Content-Type": media_type})
    assert answer.status_code == 200


def test_personal_answers_are_never_cached(browser: httpx.Client) -> None:
    """No cache on the way keeps what was meant for one visitor."""
    assert view_page(browser).headers["cache-control"] == "private, no-store"
    bad = browser.post("/v1/classify", content=b"{")
    assert bad.headers["cache-control"] == "private, no-store"


def test_workers_see_one_visitor(service: Service) -> None:
    """What one worker recorded the other knows, over connections of their own."""
    with httpx.Client(base_url=service.url) as first:
        view_page(first, ACCOUNT, consent=GRANTED)
        cookie = {"Cookie": f"edgeseg={first.cookies['edgeseg']}"}
    for _ in range(8):
        with httpx.Client(base_url=service.url, headers=cookie) as another:
            assert PROSPECTS in view_page(another).json()["segments"]


def test_health_tells_process_rules_and_store(service: Service, browser: httpx.Client) -> None:
    """The three health calls answer what each is for."""
    assert browser.get("/healthz").json() == {"status": "alive"}
    status = service.status()
    assert browser.get("/readyz").json() == {
        "status": "ready",
        "rules": status["rules"]["version"],
    }
    assert status["store"] == {"reachable": True, "breaker": "closed", "error": ""}
    assert status["rules"]["problems"] == []
    assert "home-hero" in status["rules"]["slots"]


def test_openapi_describes_every_call(browser: httpx.Client) -> None:
    """The document names the calls, and every schema it refers to is in it."""
    text = browser.get("/openapi/openapi.json").text
    document = json.loads(text)
    paths = set(document["paths"])
    assert {"/v1/classify", "/v1/fragment/{slot}", "/v1/consent", "/v1/me"} <= paths
    named = set(re.findall(r'"#/components/schemas/([^"]+)"', text))
    assert named <= set(document["components"]["schemas"])


def test_openapi_describes_every_body(browser: httpx.Client) -> None:
    """Whoever generates a client from the document can make each call that takes something."""
    document = browser.get("/openapi/openapi.json").json()
    bare = {
        (method, path)
        for path, item in document["paths"].items()
        for method in ("post", "put")
        if method in item and "requestBody" not in item[method]
    }
    visitor = "/v1/visitors/{visitor_id}"
    assert bare == {
        ("post", "/v1/m"),
        ("post", "/v1/me/log-out"),
        ("put", "/v1/me/do-not-profile"),
        ("put", f"{visitor}/do-not-profile"),
        ("post", f"{visitor}/anonymize"),
    }
    assert "503" in document["paths"]["/readyz"]["get"]["responses"]
    assert "304" in document["paths"]["/edgeseg.js"]["get"]["responses"]


def test_the_openapi_page_needs_no_other_host(browser: httpx.Client) -> None:
    """The page to read and try the calls loads nothing from elsewhere."""
    answer = browser.get("/openapi")
    assert answer.status_code == 200
    assert "text/html" in answer.headers["content-type"]
    assert re.findall(r"""(?:src|href)=["'](https?:)?//""", answer.text) == []


def test_the_snippet_is_served_with_a_tag(browser: httpx.Client) -> None:
    """A browser that holds the snippet is told so without being sent it again."""
    first = browser.get("/edgeseg.js")
    assert first.headers["content-type"].startswith("text/javascript")
    again = browser.get("/edgeseg.js", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("path", ["/nothing", "/v1/classify/more", "/v1", "/v1/me/more"])
def test_an_unknown_path_is_a_problem_document(browser: httpx.Client, path: str) -> None:
    """What is not there is said in the form of every other error."""
    answer = browser.get(path)
    assert answer.status_code in {404, 405}
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/healthz", "/edgeseg.js", "/v1/fragment/home-hero", "/openapi"])
def test_what_can_be_got_can_be_asked_about(browser: httpx.Client, path: str) -> None:
    """HEAD answers as GET does, with its headers and without its body."""
    got, asked = browser.get(path), browser.head(path)
    assert asked.status_code == got.status_code == 200
    assert asked.content == b""
    assert asked.headers["content-type"] == got.headers["content-type"]


def test_fragments_come_in_the_order_they_were_asked_for(service: Service) -> None:
    """Sent at once over one connection, with a query, with a body, and by another method."""
    requests = (
        b"GET /v1/fragment/home-hero?url=http://a.example/?b=c HTTP/1.1\r\nHost: localhost\r\n\r\n"
        b"GET /v1/fragment/no-such-slot HTTP/1.1\r\nHost: localhost\r\n\r\n"
        b"GET /v1/fragment/home%2Dhero HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab"
        b"POST /v1/fragment/no-such-slot HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
    )
    with _connection(service) as connection:
        connection.sendall(requests)
        answers = _read_answers(connection, 4)
    assert [status for status, _body in answers] == [200, 200, 200, 405]
    shown = [body.startswith(b"<!-- edgeseg: unknown slot") for _status, body in answers]
    assert shown == [False, True, False, False]
    assert answers[3][1].startswith(b"<!-- ")  # it would do no harm in a page
