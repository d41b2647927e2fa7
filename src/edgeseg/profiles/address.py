"""The address of a store, as ``EDGESEG_REDIS_URL`` writes it."""

import re
import ssl
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import msgspec
from redis.asyncio.connection import parse_url

from edgeseg.errors import SettingsError

KNOWN_FORMS: Final = (
    "redis://HOST:PORT/DB, unix:///PATH, redis+sentinel://HOST:PORT,HOST:PORT/SERVICE/DB and "
    "redis+cluster://HOST:PORT,HOST:PORT; rediss for redis stands for TLS"
)
_SENTINEL_PORT: Final = 26_379
_REDIS_PORT: Final = 6_379
_SENTINEL_OPTIONS: Final = frozenset({"sentinel_username", "sentinel_password"})
_OPTIONS: Final = _SENTINEL_OPTIONS | {
    *("db", "username", "password"),
    *("ssl_ca_certs", "ssl_certfile", "ssl_keyfile", "ssl_cert_reqs", "ssl_check_hostname"),
}


class Address(msgspec.Struct, frozen=True, kw_only=True):
    """Where a store listens: on ``path`` (a unix socket) if given, else on host and port.

    ``username``, ``password`` and ``db`` are used when connecting; "" and 0 for none.
    """

    path: str = ""
    host: str = "localhost"
    port: int = _REDIS_PORT
    tls: ssl.SSLContext | None = None
    username: str = ""
    password: str = ""
    db: int = 0

    def __repr__(self) -> str:
        """Render without the credentials."""
        return f"Address({self}, db={self.db})"

    def __str__(self) -> str:
        """Render what people call it."""
        return self.path or f"{self.host}:{self.port}"

    def at(self, host: str, port: int) -> "Address":
        """Answer the same way to connect, to another server."""
        return msgspec.structs.replace(self, host=host, port=port)


class Form(Enum):
    """How the servers of a store stand together."""

    ONE = auto()
    SENTINEL = auto()
    CLUSTER = auto()


class Location(msgspec.Struct, frozen=True, kw_only=True):
    """What an address says.

    Attributes:
        form: one server, those behind sentinels, or a cluster.
        address: of the server; of several, how to connect to each.
        seeds: host and port of the sentinels, or of some nodes of the cluster.
        service: the name by which the sentinels know the master.
        options: of redis-py, for connecting to any of the servers.
        sentinel_options: likewise for connecting to the sentinels.
    """

    form: Form
    address: Address
    seeds: tuple[tuple[str, int], ...] = ()
    service: str = ""
    options: Mapping[str, Any] = {}
    sentinel_options: Mapping[str, Any] = {}

    def __repr__(self) -> str:
        """Render without the credentials."""
        return f"Location({self.form.name}, {self.seeds or self.address})"

    def __str__(self) -> str:
        """Render what people call it."""
        return ", ".join(f"{host}:{port}" for host, port in self.seeds) or str(self.address)

    @property
    def hosts(self) -> tuple[str, ...]:
        """The servers' names or addresses; none where a socket of this machine is used."""
        if self.seeds:
            return tuple(host for host, _port in self.seeds)
        return () if self.address.path else (self.address.host,)


def parse_location(url: str) -> Location:
    """Answer what ``url`` says.

    Options are named as in redis-py: ``ssl_ca_certs``, ``ssl_certfile``, ``ssl_keyfile``,
    ``ssl_cert_reqs`` (``none`` to accept any certificate), ``ssl_check_hostname`` and, for
    one server, ``db``; for sentinels also ``sentinel_username`` and ``sentinel_password``.

    Raises:
        SettingsError: the form of the address is not supported.
    """
    scheme, _, form = url.partition("://")[0].partition("+")
    try:
        if form == "sentinel":
            return _parse_sentinels(scheme, _split(url))
        if form == "cluster":
            return _parse_cluster(scheme, _split(url))
        return _parse_one(url)
    except ValueError as error:
        message = f"EDGESEG_REDIS_URL: not the address of a store: {error}; known forms are "
        message += KNOWN_FORMS
        raise SettingsError(message) from error


def _split(url: str) -> SplitResult:
    """Split the address of several servers, which `urlsplit` alone refuses.

    Since CVE-2025-0938 was closed it takes brackets, wherever they are, for those of one host.
    """
    after_scheme = url.partition("://")[2]
    servers = re.split(r"[/?#]", after_scheme, maxsplit=1)[0]
    return urlsplit("//" + after_scheme[len(servers) :])._replace(netloc=servers)


def _parse_one(url: str) -> Location:
    options: dict[str, Any] = dict(parse_url(url))
    _check(urlsplit(url))
    if url.startswith("unix") and not options.get("path"):
        raise ValueError("it names no socket")
    db = int(options.get("db", 0))
    address = Address(
        path=options.get("path", ""),
        host=options.get("host", "localhost"),
        port=options.get("port", _REDIS_PORT),
        tls=_build_tls(options) if url.startswith("rediss") else None,
        username=options.get("username", ""),
        password=options.get("password", ""),
        db=db,
    )
    return Location(form=Form.ONE, address=address, options=options)


def _check(parts: SplitResult) -> None:
    """Refuse what redis-py or we would pass over: it was meant to do something."""
    if unknown := sorted(parse_qs(parts.query).keys() - _OPTIONS):
        raise ValueError(f"unknown option {unknown[0]!r}, known are {', '.join(sorted(_OPTIONS))}")
    db = unquote(parts.path).strip("/")
    if parts.scheme != "unix" and db and not db.isdecimal():
        raise ValueError(f"the database is a number, not {db!r}")


def _parse_sentinels(scheme: str, parts: SplitResult) -> Location:
    service, _, db = unquote(parts.path).strip("/").partition("/")
    if not service:
        raise ValueError("it does not name the service that the sentinels watch")
    one = _parse_one(_like_one(scheme, parts, f"/{db}"))
    options = dict(one.options)
    own = {name: options.pop(name) for name in _SENTINEL_OPTIONS & options.keys()}
    shared = {name: value for name, value in options.items() if name.startswith("ssl_")}
    return Location(
        form=Form.SENTINEL,
        address=one.address,
        seeds=_parse_seeds(parts.netloc, _SENTINEL_PORT),
        service=service,
        options=options,
        sentinel_options={
            "ssl": scheme == "rediss",
            **shared,
            **{name.removeprefix("sentinel_"): value for name, value in own.items()},
        },
    )


def _parse_cluster(scheme: str, parts: SplitResult) -> Location:
    if parts.path.strip("/") not in ("", "0"):
        raise ValueError("a cluster has no other database than 0")
    one = _parse_one(_like_one(scheme, parts, ""))
    seeds = _parse_seeds(parts.netloc, _REDIS_PORT)
    return Location(form=Form.CLUSTER, address=one.address, seeds=seeds, options=one.options)


def _like_one(scheme: str, parts: SplitResult, path: str) -> str:
    """Answer the address of a single server with the same credentials and options."""
    if scheme not in ("redis", "rediss"):
        raise ValueError(f"unknown form {scheme!r}")
    credentials, at, _ = parts.netloc.rpartition("@")
    return f"{scheme}://{credentials}{at}localhost{path}?{parts.query}"


def _parse_seeds(netloc: str, default_port: int) -> tuple[tuple[str, int], ...]:
    seeds = []
    for part in netloc.rpartition("@")[2].split(","):
        place = urlsplit(f"//{part.strip()}")
        if not place.hostname:
            raise ValueError(f"no host in {part!r}")
        seeds.append((place.hostname, place.port or default_port))
    return tuple(seeds)


def _build_tls(options: Mapping[str, Any]) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=options.get("ssl_ca_certs"))
        if options.get("ssl_certfile"):
            context.load_cert_chain(options["ssl_certfile"], options.get("ssl_keyfile"))
    except OSError as error:
        raise SettingsError(f"EDGESEG_REDIS_URL: its TLS files: {error}") from error
    if _is_no(options.get("ssl_check_hostname", True)):
        context.check_hostname = False
    if options.get("ssl_cert_reqs") == "none":
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _is_no(value: object) -> bool:
    return str(value).lower() in ("false", "0", "no")
