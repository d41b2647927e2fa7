"""The file that refused rows are written to, each once, however often an import goes on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

import msgspec

from edgeseg.errors import InputError


class _Refused(msgspec.Struct):
    row: int


_decoder = msgspec.json.Decoder(_Refused)


@contextmanager
def open_refused(path: Path | None, *, after_row: int | None) -> Iterator[TextIO | None]:
    """Open it to be written anew, or behind what it tells of rows up to ``after_row``.

    Raises:
        InputError: it cannot be written.
    """
    if path is None:
        yield None
        return
    try:
        path.touch(mode=0o600)  # rows hold what is known of people
        if after_row is not None:
            _cut_off(path, after_row)
        with path.open("w" if after_row is None else "a", encoding="utf-8") as file:
            yield file
    except OSError as error:
        raise InputError(f"cannot write {path}: {error}", field="--errors") from error


def _cut_off(path: Path, after_row: int) -> None:
    """Cut off rows that were read, but not done, when the import ended: they are read again."""
    with path.open("rb+") as file:
        place = 0
        for line in file:
            try:
                if _decoder.decode(line).row > after_row:
                    break
            except msgspec.MsgspecError:  # half a line; one of somebody else's is left
                if not line.endswith(b"\n"):
                    break
            place += len(line)
        file.truncate(place)
