"""What the hot routes take from a request: cookies, keys and where the site is."""

from typing import Any

import pytest

from edgeseg.delivery.http import cookie, header, is_loopback_http, is_server
from edgeseg.errors import AccessError

SERVER, WRITE = "server-key-of-the-tests", "write-key-of-the-tests"


def _scope(scheme: str = "http", **headers: str) -> Any:
    raw = [
        (name.replace("_", "-").encode(), text.encode("latin-1")) for name, text in headers.items()
    ]
    return {"type": "http", "scheme": scheme, "headers": raw}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("edgeseg=a", "a"),
        ("other=b; edgeseg=a; more=c", "a"),
        ("other=b;edgeseg=a", "a"),
        ("edgeseg=a; edgeseg=b", "a"),
        ("edgeseg=a=b", "a=b"),
        ("edgeseg=", ""),
        ("edgeseg=; edgeseg=b", "b"),
        ("edgeseg", ""),
        ("myedgeseg=a", ""),
        ("EDGESEG=a", ""),
        ("", ""),
        (";;=;", ""),
        ("other=edgeseg=a; edgeseg=b", "b"),
        ("myedgeseg=a; edgeseg=b", "b"),
        ("x=edgeseg=edgeseg=a", ""),
        (" ;\tedgeseg=a b  ;c=d", "a b"),
        (";edgeseg=a", "a"),
    ],
)
def test_a_cookie_is_found_by_its_name(text: str, found: str) -> None:
    """The first cookie of exactly that name counts; broken pairs are passed over."""
    assert cookie({b"cookie": text.encode()}, "edgeseg") == found
    assert cookie({}, "edgeseg") == ""


def test_a_header_that_is_missing_is_empty() -> None:
    """No header and an empty one read the same."""
    assert header(_scope(), b"referer") == header(_scope(referer=""), b"referer") == ""


@pytest.mark.parametrize(
    ("authorization", "server"),
    [
        ("", False),
        (f"Bearer {SERVER}", True),
        (f"bearer {SERVER}", True),
        (f"Bearer {WRITE}", False),
        ("Basic dXNlcjpwYXNz", False),
        ("Bearer", False),
    ],
)
def test_a_key_tells_servers_from_browsers(authorization: str, *, server: bool) -> None:
    """Only a server key makes a server; what is no bearer's belongs to somebody else."""
    scope = _scope(authorization=authorization)
    assert is_server(scope, {SERVER}, {WRITE}) is server


@pytest.mark.parametrize(
    "key",
    ["x", SERVER[:-1], SERVER + "x", SERVER.upper(), f" {SERVER}", "\xff", f"{SERVER},{WRITE}"],
)
def test_an_unknown_key_is_refused(key: str) -> None:
    """A key that is nearly right, or not even text, is not known."""
    with pytest.raises(AccessError, match="not known"):
        is_server(_scope(authorization=f"Bearer {key}"), {SERVER}, {WRITE})


@pytest.mark.parametrize(
    ("host", "scheme", "forwarded", "loopback"),
    [
        ("localhost", "http", "", True),
        ("localhost:8800", "http", "", True),
        ("127.0.0.1:80", "http", "", True),
        ("127.8.9.10", "http", "http", True),
        ("[::1]", "http", "", True),
        ("[::1]:8800", "http", "", True),
        ("localhost", "https", "", False),
        ("localhost", "http", "https", False),
        ("localhost", "http", "HTTPS, http", False),
        ("localhost", "http", "http, https", True),
        ("localhost.example", "http", "", False),
        ("127.0.0.1.example", "http", "", False),
        ("127.example", "http", "", False),
        ("[::2]", "http", "", False),
        ("shop.example", "http", "", False),
        ("", "http", "", False),
    ],
)
def test_only_this_machine_over_plain_http_is_loopback(
    host: str, scheme: str, forwarded: str, *, loopback: bool
) -> None:
    """The name must be this machine's own, and nothing encrypted on the way."""
    scope = _scope(scheme, host=host, x_forwarded_proto=forwarded)
    assert is_loopback_http(scope) is loopback
