"""The file, or the standard input, that a command reads a log from."""

import asyncio
import io
import signal
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
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
    given = sys.stdin.buffer
    if isinstance(given, io.BufferedReader):
        return io.BufferedReader(_Waiting(given.raw))
    # Buffered once more, since a stand-in for the standard input may not have `peek`.
    return io.BufferedReader(cast("io.RawIOBase", given))


class _Waiting(io.RawIOBase):
    """The standard input; whoever waits for it is told at once that the command is to end.

    asyncio notes a Ctrl-C and goes on, until the work it runs waits for something of its own.
    A read of a pipe that is idle never does, so while it lasts Ctrl-C, and SIGTERM with it,
    raises `KeyboardInterrupt`.
    """

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        heard = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            if _is_to_end():
                raise KeyboardInterrupt
            return self._raw.readinto(buffer)
        finally:
            signal.signal(signal.SIGINT, heard)


def _is_to_end() -> bool:
    """Tell whether asyncio has noted that the work is to end."""
    with suppress(RuntimeError):  # it runs none
        task = asyncio.current_task()
        return task is not None and task.cancelling() > 0
    return False


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
