"""Addresses of Redis servers."""

import ssl

import pytest

from edgeseg.errors import SettingsError
from edgeseg.profiles.address import Address, Form, parse_location


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
    assert parse_location(url).address == address


def test_tls_checks_the_certificate_unless_told_not_to() -> None:
    """The safe way is the default."""
    strict = parse_location("rediss://a.example").address.tls
    lax = parse_location("rediss://a.example?ssl_cert_reqs=none").address.tls
    assert strict is not None
    assert lax is not None
    assert (strict.check_hostname, strict.verify_mode) == (True, ssl.CERT_REQUIRED)
    assert (lax.check_hostname, lax.verify_mode) == (False, ssl.CERT_NONE)


def test_sentinels_are_named_with_the_service_they_watch() -> None:
    """Ports have defaults, credentials of the servers and of the sentinels are two things."""
    url = (
        "redis+sentinel://u:p@a.example,b.example:7,[::1]:8/my%20service/2"
        "?sentinel_username=su&sentinel_password=sp"
    )
    location = parse_location(url)
    assert location.form is Form.SENTINEL
    assert location.seeds == (("a.example", 26_379), ("b.example", 7), ("::1", 8))
    assert location.service == "my service"
    assert (location.address.username, location.address.password) == ("u", "p")
    assert location.address.db == 2
    assert location.sentinel_options == {"ssl": False, "username": "su", "password": "sp"}
    assert "p@" not in repr(location)


def test_a_cluster_is_named_by_some_of_its_nodes() -> None:
    """Each is reached with the same credentials, over TLS if the address says so."""
    location = parse_location("rediss+cluster://u:p@a.example,b.example:7?ssl_cert_reqs=none")
    assert location.form is Form.CLUSTER
    assert location.seeds == (("a.example", 6_379), ("b.example", 7))
    node = location.address.at("c.example", 8)
    assert (node.host, node.port, node.username, node.password) == ("c.example", 8, "u", "p")
    assert node.tls is not None
    assert parse_location("redis+sentinel://a.example/m").address.tls is None


@pytest.mark.parametrize(
    "url",
    [
        "redis+sentinel://a.example",
        "redis+sentinel:///m",
        "redis+sentinel://a.example/m/x",
        "redis+sentinel://a.example:port/m",
        "redis+cluster://a.example/1",
        "redis+cluster://a.example,,b.example",
        "redis+proxy://a.example",
        "rediss+cluster://a.example?ssl_min_version=TLSv1_3",
        "unix+cluster:///run/a.sock",
    ],
)
def test_addresses_of_several_servers_that_say_too_little_are_refused(url: str) -> None:
    """The text shows the known forms."""
    with pytest.raises(SettingsError, match=r"known forms are redis://"):
        parse_location(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example",
        "unix://",
        "redis://a.example?db=x",
        "redis://a.example/x",
        "rediss://a.example?ssl_ca_cert=/run/ca.pem",
        "redis://a.example:port",
        "rediss://a.example?ssl_ca_certs=/nowhere/ca.pem",
        "",
    ],
)
def test_other_addresses_are_refused(url: str) -> None:
    """The text names the setting, and says what would be right."""
    with pytest.raises(SettingsError, match=r"^EDGESEG_REDIS_URL: .*(Redis|redis|address|TLS)"):
        parse_location(url)
