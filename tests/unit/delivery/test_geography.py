"""Where a request comes from, told by a proxy or by a database file."""

from pathlib import Path
from typing import Any

import pytest
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from edgeseg.delivery.flood import Networks
from edgeseg.delivery.geography import Geography, open_database
from edgeseg.errors import SettingsError

PROXY = "10.0.0.1"
HEADERS = {"country": "CF-IPCountry", "city": "X-City"}
BRNO = {
    "country": {"iso_code": "CZ", "names": {"en": "Czechia"}},
    "subdivisions": [{"iso_code": "64", "names": {"en": "South Moravian"}}],
    "city": {"names": {"en": "Brno", "de": "Brünn"}},
}


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A file in MaxMind's format, as their City edition has it."""
    writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type="Test-City")
    writer.insert_network(IPSet(["81.2.69.0/24", "2a02:8308::/32"]), BRNO)
    writer.insert_network(IPSet(["9.9.9.0/24"]), {"country": {"iso_code": "US"}})
    path = tmp_path_factory.mktemp("geo") / "city.mmdb"
    writer.to_db_file(str(path))
    return str(path)


def _scope(peer: str = PROXY, **headers: str) -> Any:
    named = [(name.replace("_", "-").encode(), text.encode()) for name, text in headers.items()]
    return {"type": "http", "client": (peer, 1), "headers": named}


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("81.2.69.160", {"country": "CZ", "region": "South Moravian", "city": "Brno"}),
        ("2a02:8308:1::7", {"country": "CZ", "region": "South Moravian", "city": "Brno"}),
        ("9.9.9.9", {"country": "US"}),
        ("8.8.8.8", {}),
        ("192.168.1.4", {}),
        ("nonsense", {}),
    ],
)
def test_the_database_tells_the_place_of_a_network(
    database: str, address: str, place: dict[str, str]
) -> None:
    """Of the client that a trusted proxy names, as far as the file knows."""
    geography = Geography(Networks([PROXY]), database=open_database(database))
    assert geography.locate(_scope(x_forwarded_for=address)) == place


def test_an_address_is_cut_before_it_is_looked_up() -> None:
    """The reader sees the network, never the visitor's own address."""
    asked: list[str] = []

    class Spy:
        def get(self, ip_address: str) -> None:
            asked.append(ip_address)

    geography = Geography(Networks([PROXY]), database=Spy())
    for _ in range(2):
        geography.locate(_scope(x_forwarded_for="81.2.69.160"))
    assert asked == ["81.2.69.0"]


def test_a_proxy_tells_the_place_by_headers(database: str) -> None:
    """They win over the database; what a proxy does not know is no country."""
    geography = Geography(Networks([PROXY]), HEADERS, open_database(database))
    told = _scope(x_forwarded_for="81.2.69.160", cf_ipcountry="sk", x_city="Nitra")
    assert geography.locate(told) == {"country": "SK", "region": "South Moravian", "city": "Nitra"}
    forged = _scope(cf_ipcountry="sk")
    forged["headers"].insert(0, (b"cf-ipcountry", b"de"))  # by the client itself
    assert geography.locate(forged) == {"country": "SK"}
    for unknown in ("XX", "T1", ""):
        told = _scope(x_forwarded_for="9.9.9.9", cf_ipcountry=unknown)
        assert geography.locate(told) == {"country": "US"}


def test_only_listed_proxies_are_believed(database: str) -> None:
    """Anybody can send a header."""
    geography = Geography(Networks([PROXY]), HEADERS, open_database(database))
    forged = _scope("8.8.8.8", cf_ipcountry="CZ", x_city="Brno", x_forwarded_for="81.2.69.160")
    assert geography.locate(forged) == {}


def test_nothing_configured_tells_nothing() -> None:
    """And costs no look at the headers."""
    assert Geography(Networks([])).locate(_scope(cf_ipcountry="CZ")) == {}


def test_a_file_that_is_none_is_said(tmp_path: Path) -> None:
    """With the setting's name and the path."""
    path = tmp_path / "city.mmdb"
    for prepare in (lambda: None, lambda: path.write_bytes(b"not a database")):
        prepare()
        with pytest.raises(SettingsError, match="EDGESEG_GEO_DB"):
            open_database(str(path))


def test_a_missing_reader_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""

    def fail(_name: str) -> None:
        raise ImportError

    monkeypatch.setattr("edgeseg.delivery.geography.import_module", fail)
    with pytest.raises(SettingsError, match=r"edgeseg\[geo\]"):
        open_database("city.mmdb")
