"""Lists whose source is declared in a file ``NAME.source.yaml``: an HTTP address or a Redis set.

::

    http: https://crm.example/subscribers.csv
    header: {Authorization: {file: /run/secrets/crm}}
    every: 1h

    redis_set: crm:subscribers
    ids: user
"""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from edgeseg.audiences.list_upkeep import Edition
from edgeseg.clock import UNITS_MS
from edgeseg.delivery.list_fetch import Reach, check_source_url, fetch
from edgeseg.delivery.list_rows import ListRows
from edgeseg.errors import InputError
from edgeseg.profiles.identity import Identities
from edgeseg.profiles.list_store import ListStore

MAX_SOURCE_BYTES: Final = 10_000
_SEPARATOR: Final = re.compile(rb'[,;\t\n"]')
"""A member of a set with one of these would be read as another visitor: it is passed over."""
_OURS: Final = {
    *("host", "connection", "content-length", "transfer-encoding", "accept-encoding"),
    *("if-none-match", "if-modified-since", "range"),
}


class SecretFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A file that holds the value of a header."""

    file: str


HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,100}$")]
HeaderValue = Annotated[str, Meta(max_length=4_000)]


class SourceFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file declares; one of ``http`` and ``redis_set``.

    Attributes:
        header: sent with the question for ``http``.
        ids: whose ids the members of ``redis_set`` are, as the header of a CSV file says it.
        every: how often it is read at most; each time that lists are looked at, if empty.
    """

    http: str = ""
    redis_set: Annotated[str, Meta(max_length=1_000)] = ""
    header: Annotated[dict[HeaderName, HeaderValue | SecretFile], Meta(max_length=20)] = {}
    ids: Literal["visitor", "user"] = "visitor"
    every: Annotated[str, Meta(pattern=r"^([1-9][0-9]{0,4}[smhd])?$")] = ""

    def __post_init__(self) -> None:
        """Check what concerns several members."""
        if bool(self.http) == bool(self.redis_set):
            message = "write one of `http` and `redis_set`"
            raise ValueError(message)
        if _OURS & {name.lower() for name in self.header}:
            message = f"`header` cannot set any of {', '.join(sorted(_OURS))}"
            raise ValueError(message)

    @property
    def every_ms(self) -> int:
        """How often it is read at most, 0 for each time."""
        return int(self.every[:-1]) * UNITS_MS[self.every[-1]] if self.every else 0


def read_source(path: Path) -> SourceFile:
    """Read a file that declares a source.

    Raises:
        InputError: it declares none.
    """
    try:
        with path.open("rb") as stream:
            text = stream.read(MAX_SOURCE_BYTES + 1)
        if len(text) > MAX_SOURCE_BYTES:
            message = f"{path.name} has more than {MAX_SOURCE_BYTES:,} bytes"
            raise InputError(message)
        source = msgspec.yaml.decode(text, type=SourceFile)
        if source.http:
            check_source_url(source.http)
    except (OSError, msgspec.MsgspecError) as error:
        told = str(error)
        if told.endswith(" - at `$.every`"):
            told = "`every` is a whole number and s, m, h or d, such as 1h"
        raise InputError(f"{path.name}: {told}") from error
    return source


@asynccontextmanager
async def open_source(
    path: Path, identities: Identities, lists: ListStore, reach: Reach, tag: str
) -> AsyncIterator[Edition | None]:
    """Read what a file declares; None if that is still what its server once called ``tag``.

    Raises:
        InputError: the file declares nothing, or that cannot be read.
    """
    source = read_source(path)
    if not source.http:
        yield Edition(ListRows(identities).read(_scan(source, lists)))
        return
    async with fetch(source.http, _headers(source.header), reach, tag) as answer:
        if answer is None:
            yield None
        else:
            yield Edition(ListRows(identities).read(answer.chunks), answer.tag)


async def _scan(source: SourceFile, lists: ListStore) -> AsyncIterator[bytes]:
    yield f"{source.ids}\n".encode()
    async for members in lists.read_set(source.redis_set):
        yield b"".join(member + b"\n" for member in members if not _SEPARATOR.search(member))


def _headers(header: Mapping[str, str | SecretFile]) -> dict[str, str]:
    return {name: _value(name, value) for name, value in header.items()}


def _value(name: str, value: str | SecretFile) -> str:
    if isinstance(value, SecretFile):
        try:
            with Path(value.file).open("rb") as stream:
                value = stream.read(MAX_SOURCE_BYTES).decode("latin-1").strip()
        except OSError as error:
            message = f"the file of the header {name} cannot be read: {error.strerror}"
            raise InputError(message, field="header") from error
    if not (value.isascii() and value.isprintable()):
        message = f"the header {name} has more than printable ASCII"  # it may be secret: not shown
        raise InputError(message, field="header")
    return value
