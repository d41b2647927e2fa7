"""The sources of all lists of a folder."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from edgeseg.audiences.list_upkeep import Edition, ListSource
from edgeseg.delivery.list_fetch import Reach
from edgeseg.delivery.list_folder import DECLARED, find_files, mark_of, only_one, read_chunks
from edgeseg.delivery.list_rows import ListRows
from edgeseg.delivery.list_sources import open_source, read_source
from edgeseg.errors import InputError
from edgeseg.profiles.identity import Identities
from edgeseg.profiles.list_store import ListStore


def find_sources(
    folder: Path, identities: Identities, lists: ListStore, reach: Reach
) -> Iterator[ListSource]:
    """Iterate over the sources that files in ``folder`` are or declare, by name of the list.

    What has a problem is a source that cannot be read, so that the list tells of it.

    Raises:
        InputError: the folder cannot be looked at.
    """
    for name, paths in find_files(folder).items():
        files = ", ".join(path.name for path in paths)
        read = partial(_open, name, paths, identities, lists, reach)
        yield ListSource(name, files, mark_of(paths), read, _every_ms(paths))


@asynccontextmanager
async def _open(
    name: str,
    paths: Sequence[Path],
    identities: Identities,
    lists: ListStore,
    reach: Reach,
    tag: str,
) -> AsyncIterator[Edition | None]:
    path = only_one(name, paths)
    if path.name.endswith(DECLARED):
        async with open_source(path, identities, lists, reach, tag) as edition:
            yield edition
    else:
        yield Edition(ListRows(identities).read(read_chunks(path)))


def _every_ms(paths: Sequence[Path]) -> int | None:
    """Answer how long one state of the files tells the same, None for ever."""
    if not paths[0].name.endswith(DECLARED):
        return None
    try:
        return read_source(paths[0]).every_ms
    except InputError:
        return 0
