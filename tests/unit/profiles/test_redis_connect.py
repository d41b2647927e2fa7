"""Addresses of Redis servers."""

import ssl

import pytest

from edgeseg.errors import SettingsError
from edgeseg.profiles.multiplexer import Address
from edgeseg.profiles.redis_connect import parse_address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("redis://shop.example", Address(host="shop.example")),
        ("redis://a.example:7000/4", Address(host="a.example", port=7000, db=4)),
        ("redis://u:p%40@a.example", Address(host="a.example", username="u", password="p@")),
        ("redis://:p@a.example?db=2", Address(host="a.example", password="p", db=2)),
        ("unix:///run/a%20b.sock?db=1", Address(path="/run/a b.sock", db=1)),
    ],
)
def test_an_address_is_taken_apart(url: str, address: Address) -> None:
    """Credentials are decoded and the database is a number."""
    assert parse_address(url) == address


def test_tls_checks_the_certificate_unless_told_not_to() -> None:
    """The safe way is the default."""
    strict = parse_address("rediss://a.example").tls
    lax = parse_address("rediss://a.example?ssl_cert_reqs=none").tls
    assert strict is not None
    assert lax is not None
    assert (strict.check_hostname, strict.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert (lax.check_hostname, lax.verify_mode) == (False, ssl.CERT_NONE)


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://a.example/mymaster",
        "redis+cluster://a.example",
        "http://a.example",
        "unix://",
        "redis://a.example?db=x",
        "redis://a.example:port",
        "rediss://a.example?ssl_ca_certs=/nowhere/ca.pem",
        "",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    """The text says what would be right."""
    with pytest.raises(SettingsError, match=r"Redis|redis|address"):
        parse_address(url)
