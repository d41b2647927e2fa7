"""The members of a list as they come over the network: in parts of any length."""

from collections.abc import AsyncIterator

import pytest

from edgeseg.delivery import list_rows
from edgeseg.delivery.list_rows import ListRows
from edgeseg.profiles.identity import Identities

TEXT = '\ufeffvisitor;name\r\na;1\r\n\r\n"b";2\nc\t3\nd,"x"\n"e""f"\nuser\ng'


async def _cut(raw: bytes, size: int) -> AsyncIterator[bytes]:
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1_000])
async def test_each_member_is_read_once_however_the_text_is_cut(
    monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """In portions for the store; headers and empty lines are no rows, what is refused is one."""
    monkeypatch.setattr(list_rows, "_PORTION", 4)
    rows = ListRows(Identities("id-key-of-the-tests"))
    portions = [portion async for portion in rows.read(_cut(TEXT.encode(), size))]
    assert portions == [["a", "b", "c", "d"], ["user", "g"]]
    assert (rows.refused, [each.row for each in rows.problems]) == (1, [5])
