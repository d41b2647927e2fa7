"""Where a request comes from: country, region and city, by a proxy's headers or a database.

The address is cut to its network (/24 or /48) before anything else, see `Networks`, and
never stored. The database is a file in MaxMind's DB format, version 2
(https://maxmind.github.io/MaxMind-DB/), with the records of its City or Country editions.
"""

from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from ipaddress import ip_network
from typing import Any, Final, Protocol

from litestar.types import Scope

from edgeseg.delivery.flood import Networks
from edgeseg.delivery.http import lines_of
from edgeseg.errors import SettingsError

REMEMBERED: Final = 4_096
"""Networks whose place is remembered in each worker."""
MAX_PLACE: Final = 100
_UNKNOWN: Final = frozenset({"", "XX", "T1", "ZZ"})
"""What proxies send for a country that they cannot tell, or for Tor."""


class Database(Protocol):
    """What is asked of a reader."""

    def get(self, ip_address: str) -> Any:  # noqa: ANN401 - as the file has it
        """Answer the record of an address, None for none."""
        ...


class Geography:
    """Tells the place of a request; a header wins over the database."""

    def __init__(
        self,
        networks: Networks,
        headers: Mapping[str, str] | None = None,
        database: Database | None = None,
    ) -> None:
        """Use what there is.

        Args:
            networks: tells whom to believe, and the network of a request.
            headers: ``country``, ``region`` or ``city`` → header of a trusted proxy.
            database: of networks.
        """
        self._networks = networks
        self._headers = {name: text.lower().encode() for name, text in (headers or {}).items()}
        self._database = database
        self._place_of = lru_cache(maxsize=REMEMBERED)(self._find)

    def locate(self, scope: Scope) -> dict[str, str]:
        """Answer ``country`` (ISO 3166-1 alpha-2), ``region`` and ``city``, as far as known."""
        place: dict[str, str] = {}
        if self._database is not None and (network := self._networks.of(scope)):
            place.update(self._place_of(network))
        if self._headers and self._networks.trusts(scope):
            for name, key in self._headers.items():
                lines = lines_of(scope, key)
                value = lines[-1].strip()[:MAX_PLACE] if lines else ""  # before it, the client's
                if value and not (name == "country" and value.upper() in _UNKNOWN):
                    place[name] = value.upper() if name == "country" else value
        return place

    def _find(self, network: str) -> Mapping[str, str]:
        record = self._database.get(str(ip_network(network).network_address))  # type: ignore[union-attr]
        if not isinstance(record, dict):
            return {}
        regions = record.get("subdivisions") or [{}]
        country = record.get("country") or {}
        named = {
            "country": str(country.get("iso_code") or ""),
            "region": _name(regions[0]),
            "city": _name(record.get("city") or {}),
        }
        return {name: text[:MAX_PLACE] for name, text in named.items() if text}


def open_database(path: str) -> Database:
    """Answer a reader of the file.

    Raises:
        SettingsError: the reader is not installed, or the file is not of its format.
    """
    try:
        reader: Database = import_module("maxminddb").open_database(path)
    except ImportError as error:
        message = "EDGESEG_GEO_DB needs a reader: pip install 'edgeseg[geo]'"
        raise SettingsError(message) from error
    except (OSError, ValueError, RuntimeError) as error:  # its own error is a RuntimeError
        message = f"EDGESEG_GEO_DB: {path} cannot be read: {error}"
        raise SettingsError(message) from error
    return reader


def _name(record: Mapping[str, Any]) -> str:
    names = record.get("names") or {}
    return str(names.get("en") or "")
