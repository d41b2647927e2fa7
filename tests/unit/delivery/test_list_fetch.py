"""Lists are fetched from where they may be, and no further than they may be."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from edgeseg.delivery.list_fetch import Reach, check_source_url, fetch, is_public
from edgeseg.errors import InputError, TooLargeError

NEAR = Reach(private=True, max_bytes=1_000)
FAR = Reach(private=False, max_bytes=1_000)


_OLD = "Mon, 01 Jan 2024 10:00:00 GMT"
_TAGS = {
    "tagged": ("ETag", 'W/"7"'),
    "dated": ("Last-Modified", _OLD),
    "hasty": ("Last-Modified", "Tue, 01 Jan 2999 10:00:00 GMT"),
    "odd": ("ETag", "without quotes"),
}


class _Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        what = self.path.strip("/")
        self.server.asked.append(dict(self.headers))  # type: ignore[attr-defined]
        if what in {"tagged", "dated"} and self._is_known(what):
            self.send_response(304)
            self.end_headers()
            return
        self.send_response(302 if what == "moved" else 503 if what == "busy" else 200)
        body = b"x" * 1_001 if what == "large" else b"ann\nbob\n"
        if what == "moved":
            self.send_header("Location", "/list")
        if what in _TAGS:
            self.send_header(*_TAGS[what])
        if what == "packed":
            self.send_header("Content-Encoding", "gzip")
        if what != "endless":
            self.send_header(
                "Content-Length", str(len(body) + {"broken": 5, "slow": 999}.get(what, 0))
            )
        self.end_headers()
        self.wfile.write(body)
        while what == "slow" and not self.server.gone.wait(0.01):  # type: ignore[attr-defined]
            self.wfile.write(b"x")

    def _is_known(self, what: str) -> bool:
        asked = "If-None-Match" if what == "tagged" else "If-Modified-Since"
        return self.headers[asked] == _TAGS[what][1]

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@pytest.fixture(scope="module")
def server() -> Iterator[ThreadingHTTPServer]:
    """A server whose answers their paths describe; ``asked`` holds the headers it got."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Answers) as server:
        server.asked, server.gone = [], threading.Event()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def _fetch(url: str, reach: Reach, **headers: str) -> bytes:
    async with fetch(url, headers, reach) as answer:
        assert answer is not None
        return b"".join([chunk async for chunk in answer.chunks])


@pytest.mark.parametrize("what", ["list", "endless"])
async def test_the_body_is_had_with_the_headers(server: ThreadingHTTPServer, what: str) -> None:
    """With a length and without."""
    url = f"http://127.0.0.1:{server.server_port}/{what}"
    assert await _fetch(url, NEAR, Authorization="Bearer x") == b"ann\nbob\n"
    assert server.asked[-1]["Authorization"] == "Bearer x"  # type: ignore[attr-defined]
    assert server.asked[-1]["Host"] == f"127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]


@pytest.mark.parametrize(("what", "tag"), [("tagged", 'W/"7"'), ("dated", _OLD)])
async def test_what_is_known_is_not_fetched_again(
    server: ThreadingHTTPServer, what: str, tag: str
) -> None:
    """By the name that the server gave it, or by when it was last modified."""
    url = f"http://127.0.0.1:{server.server_port}/{what}"
    async with fetch(url, {}, NEAR) as answer:
        assert answer is not None
        assert answer.tag == tag
    async with fetch(url, {}, NEAR, tag) as answer:
        assert answer is None
    async with fetch(url, {}, NEAR, '"other"') as answer:
        assert answer is not None
        assert b"".join([chunk async for chunk in answer.chunks]) == b"ann\nbob\n"


@pytest.mark.parametrize("what", ["list", "hasty", "odd"])
async def test_what_may_change_unnoticed_has_no_name(
    server: ThreadingHTTPServer, what: str
) -> None:
    """None at all, modified only just now, or called by what is no entity tag."""
    async with fetch(f"http://127.0.0.1:{server.server_port}/{what}", {}, NEAR) as answer:
        assert answer is not None
        assert answer.tag == ""


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("moved", "status 302"),
        ("busy", "status 503"),
        ("packed", "is packed"),
        ("broken", "5 bytes are missing"),
        ("large", "EDGESEG_MAX_LIST_BYTES"),
    ],
)
async def test_other_answers_are_refused(server: ThreadingHTTPServer, what: str, why: str) -> None:
    """Redirects, failures, packed, cut and oversized ones."""
    with pytest.raises(InputError, match=why) as told:
        await _fetch(f"http://127.0.0.1:{server.server_port}/{what}", NEAR)
    assert isinstance(told.value, TooLargeError) == (what == "large")


async def test_a_dripping_answer_ends_in_time(server: ThreadingHTTPServer) -> None:
    """Though there never is silence."""
    reach = Reach(private=True, max_bytes=1_000, whole_s=0.05)
    with pytest.raises(InputError, match="takes more than"):
        await _fetch(f"http://127.0.0.1:{server.server_port}/slow", reach)
    server.gone.set()  # type: ignore[attr-defined]


async def test_nobody_there_is_a_refusal(unused_tcp_port_url: str) -> None:
    """Not an error of another kind."""
    with pytest.raises(InputError, match="no answer"):
        await _fetch(unused_tcp_port_url, NEAR)


@pytest.fixture
def unused_tcp_port_url(server: ThreadingHTTPServer) -> str:
    """An address of this machine that nobody listens at: only 127.0.0.1 has the port."""
    return f"http://127.0.0.2:{server.server_port}/"


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "2130706433", "0177.0.0.1", "0x7f.1", "127.1", "0"]
)
async def test_no_spelling_leads_to_this_machine(server: ThreadingHTTPServer, host: str) -> None:
    """Without leave nothing is asked of private addresses, however they are written."""
    before = len(server.asked)  # type: ignore[attr-defined]
    with pytest.raises(InputError, match="EDGESEG_LISTS_PRIVATE"):
        await _fetch(f"http://{host}:{server.server_port}/list", FAR)
    assert len(server.asked) == before  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.8.8.8",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "192.0.2.1",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fe80::1%1",
        "fc00::1",
        "fd12::1",
        "fec0::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:7f00:1",
        "::127.0.0.1",
        "2002:7f00:1::",
        "2001:0:4136:e378:8000:63bf:3fff:fdd2",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "2001:db8::1",
    ],
)
def test_near_addresses_are_not_public(address: str) -> None:
    """Nor are those of tunnels, which lead anywhere."""
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_open_addresses_are_public(address: str) -> None:
    """Of both kinds, and of one inside of the other."""
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host/list",
        "file:///etc/passwd",
        "http:///list",
        "http://ann:secret@host/",
        "http://host:99999/",
        "http://host:0/",
        "http://host/a b",
        "http://host/\r\nX: y",
        "http://[::1/",
        "host/list",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    """Other schemes, no host, a password, ports that are none, what would break the request."""
    with pytest.raises(InputError, match="https://host"):
        check_source_url(url)
