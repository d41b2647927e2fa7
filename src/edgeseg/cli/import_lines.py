"""The lines of a file that is imported, and where each of them ends."""

import csv
from collections import deque
from collections.abc import Iterator
from typing import BinaryIO, Final

MAX_LINE_BYTES: Final = 1_000_000
"""Of one line, and of one row of CSV."""
BOM: Final = b"\xef\xbb\xbf"
"""What some programs write before UTF-8."""
_SHOWN: Final = 1_000


def show_line(line: bytes) -> str:
    """Answer a line that cannot be read as it may be shown to a person."""
    return line[:_SHOWN].decode("utf-8", "replace")


class Lines:
    """The lines of a stream, and where the next one begins."""

    def __init__(self, stream: BinaryIO) -> None:
        """Begin where ``stream`` stands."""
        self._stream = stream
        self.place = 0

    def seek(self, place: int) -> None:
        """Go on at a place that was told before."""
        self._stream.seek(place)
        self.place = place

    def next(self) -> bytes:
        """Answer the next line, b"" at the end; of one that is too long, its first part."""
        line = self._stream.readline(MAX_LINE_BYTES + 1)
        self.place += len(line)
        rest = line
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = self._stream.readline(MAX_LINE_BYTES + 1)
            self.place += len(rest)
        return line


class Texts:
    """The lines as text; a row that cannot be read gives back all of them but its first.

    No generator, which would end where a line is refused.

    Attributes:
        place: where in the file the line behind the latest one begins.
    """

    def __init__(self, lines: Lines) -> None:
        """Take ``lines`` as they come."""
        self._lines = lines
        self._row: list[tuple[bytes, int]] = []
        self._size = 0
        self._given_back: deque[tuple[bytes, int]] = deque()
        self.place = 0

    def begin_row(self) -> None:
        """Take note that the next line is the first of a row."""
        self._row.clear()
        self._size = 0

    def give_back(self) -> str:
        """Let the second line of this row be the next one; answer the first, to be shown."""
        self._given_back.extendleft(reversed(self._row[1:]))
        first, self.place = self._row[0]
        return show_line(first)

    def __iter__(self) -> Iterator[str]:
        """Answer itself: there is one way through the lines."""
        return self

    def __next__(self) -> str:
        """Answer the next line.

        Raises:
            csv.Error: the row is too long; what follows can be read.
            UnicodeDecodeError: it is no UTF-8; likewise.
        """
        if self._given_back:
            line, self.place = self._given_back.popleft()
        else:
            line, self.place = self._lines.next(), self._lines.place
        if not line:
            raise StopIteration
        self._row.append((line, self.place))
        self._size += len(line)
        if self._size > MAX_LINE_BYTES:
            raise csv.Error(f"a row has at most {MAX_LINE_BYTES:,} bytes")
        return line.decode("utf-8-sig" if self.place == len(line) else "utf-8")
