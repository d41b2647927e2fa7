"""A folder whose files are lists: ``NAME.csv`` or ``NAME.txt``, packed by gzip or not."""

import asyncio
import gzip
import re
import zlib
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final, cast

from edgeseg.audiences.list_upkeep import ListSource
from edgeseg.delivery.list_rows import ListRows
from edgeseg.errors import InputError
from edgeseg.profiles.identity import Identities

_FILE: Final = re.compile(r"([a-z0-9][a-z0-9_-]{0,99})\.(csv|txt)(\.gz)?")
_GZIP: Final = b"\x1f\x8b"
_CHUNK: Final = 65_536


def find_list_files(folder: Path, identities: Identities) -> Iterator[ListSource]:
    """Iterate over the lists in ``folder``, by name; other files are passed over."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        named = _FILE.fullmatch(path.name)
        if named and path.is_file():
            stat = path.stat()
            mark = f"{stat.st_ino}-{stat.st_size}-{stat.st_mtime_ns}"
            read = partial(_read_members, path, identities)
            yield ListSource(named[1], path.name, mark, read)


def _read_members(path: Path, identities: Identities) -> AsyncIterator[list[str]]:
    return ListRows(identities).read(read_chunks(path))


async def read_chunks(path: Path) -> AsyncIterator[bytes]:
    """Iterate over the bytes of a file, unpacked; others have their turn meanwhile.

    Raises:
        InputError: it cannot be read to its end.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.peek(len(_GZIP))[: len(_GZIP)] == _GZIP
            stream = cast("BinaryIO", gzip.GzipFile(fileobj=raw)) if packed else raw
            while chunk := stream.read(_CHUNK):
                yield chunk
                await asyncio.sleep(0)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path.name} cannot be read: {error}") from error
