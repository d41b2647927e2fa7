"""A folder whose files are lists, or say where lists are read.

``NAME.csv`` or ``NAME.txt``, packed by gzip or not, is the list NAME; ``NAME.source.yaml``
declares where it is read (see `list_sources`). Other files are passed over.
"""

import asyncio
import re
import zlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from edgeseg.delivery.unpacking import unpack
from edgeseg.errors import InputError

DECLARED: Final = ".source.yaml"
_FILE: Final = re.compile(r"([a-z0-9][a-z0-9_-]{0,99})\.(?:(?:csv|txt)(?:\.gz)?|source\.yaml)")
_CHUNK: Final = 65_536


def find_files(folder: Path) -> dict[str, list[Path]]:
    """Answer list → the files that say who is on it, by name; there should be one of each.

    Raises:
        InputError: the folder cannot be looked at.
    """
    found: dict[str, list[Path]] = {}
    try:
        for path in sorted(folder.iterdir()):
            named = _FILE.fullmatch(path.name)
            if named and path.is_file():
                found.setdefault(named[1], []).append(path)
    except OSError as error:
        raise InputError(f"{folder} cannot be looked at: {error}") from error
    return dict(sorted(found.items()))


def only_one(name: str, paths: Sequence[Path]) -> Path:
    """Answer the file that says who is on a list.

    Raises:
        InputError: there are several, and each would undo what the others say.
    """
    if len(paths) > 1:
        files = " and ".join(path.name for path in paths)
        message = f"{files} both say who is on the list `{name}`: keep one of them"
        raise InputError(message)
    return paths[0]


def mark_of(paths: Sequence[Path]) -> str:
    """Answer what changes whenever one of the files does; "" where one cannot be looked at."""
    try:
        stats = [path.stat() for path in paths]
    except OSError:  # gone meanwhile: reading it tells so
        return ""
    return ",".join(f"{stat.st_ino}-{stat.st_size}-{stat.st_mtime_ns}" for stat in stats)


async def read_chunks(path: Path) -> AsyncIterator[bytes]:
    """Iterate over the bytes of a file, unpacked; others have their turn meanwhile.

    Raises:
        InputError: it cannot be read to its end.
    """
    try:
        with path.open("rb") as raw:
            stream = unpack(raw)
            while chunk := stream.read(_CHUNK):
                yield chunk
                await asyncio.sleep(0)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path.name} cannot be read: {error}") from error
