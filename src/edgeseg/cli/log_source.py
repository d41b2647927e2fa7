"""The file, or the standard input, that a command reads a log from."""

import io
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from edgeseg.delivery.unpacking import unpack
from edgeseg.errors import InputError
from edgeseg.events.access_log import MAX_LINE_BYTES


class LogSource(NamedTuple):
    """An open log.

    Attributes:
        lines: of the text, unpacked; one beyond `MAX_LINE_BYTES` is cut there, and
            its rest passed over. Raises `InputError` where the file breaks off.
        size_bytes: of the file as it is stored, None if unknown.
        position_bytes: answers how far in it the reading has come.
    """

    lines: Iterator[bytes]
    size_bytes: int | None
    position_bytes: Callable[[], int]


@contextmanager
def open_log(path: str) -> Iterator[LogSource]:
    """Open a log, packed by gzip (told by its first bytes) or not; ``-`` is the standard input."""
    size_bytes = None
    if path != "-":
        size_bytes = Path(path).stat().st_size or None  # a pipe has none
    with _open(path) as raw:
        stream = unpack(raw)

        def position_bytes() -> int:
            return raw.tell() if size_bytes else 0

        yield LogSource(_read_lines(stream), size_bytes, position_bytes)


def _open(path: str) -> io.BufferedReader:
    if path != "-":
        return Path(path).open("rb")
    # Buffered once more, since a stand-in for the standard input may not have `peek`.
    return io.BufferedReader(cast("io.RawIOBase", sys.stdin.buffer))


def _read_lines(stream: BinaryIO) -> Iterator[bytes]:
    try:
        while line := stream.readline(MAX_LINE_BYTES + 1):
            if len(line) > MAX_LINE_BYTES:
                _pass_over_rest(stream, line)
            yield line
    except (OSError, EOFError, zlib.error) as error:
        message = f"the file breaks off here: {error}"
        raise InputError(message) from error


def _pass_over_rest(stream: BinaryIO, line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = stream.readline(MAX_LINE_BYTES)
