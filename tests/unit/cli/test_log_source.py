"""A log that comes by the standard input, and a command that is told to end while it waits."""

import asyncio
import io
import signal
import sys
from contextlib import suppress

import pytest

from edgeseg.cli.log_source import open_log


class Idle(io.RawIOBase):
    """A pipe by which some bytes come, and no more: who reads on is told to end meanwhile."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def readable(self) -> bool:
        """Answer that it can be."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Answer what there is, once."""
        if not self._text:
            signal.raise_signal(signal.SIGINT)
            pytest.fail("it would wait on")
        size = len(self._text)
        buffer[:size], self._text = self._text, b""
        return size


def stand_in(monkeypatch: pytest.MonkeyPatch, text: bytes) -> None:
    """Let the standard input be such a pipe."""
    buffered = io.BufferedReader(Idle(text))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(buffered))


@pytest.mark.usefixtures("heard_interrupt")
def test_lines_come_as_they_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by as many bytes as a buffer holds: a log that is followed grows by lines."""
    stand_in(monkeypatch, b"one\ntwo\n")
    with open_log("-") as source:
        assert [next(source.lines), next(source.lines)] == [b"one\n", b"two\n"]
        with pytest.raises(KeyboardInterrupt):
            next(source.lines)


@pytest.mark.usefixtures("heard_interrupt")
def test_who_was_told_to_end_does_not_begin_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was noted while lines were being read, and no data need come any more."""
    stand_in(monkeypatch, b"one\n")
    told: list[bool] = []

    async def read() -> None:
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt), open_log("-"):
            pass
        told.append(True)

    with suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(read())
    assert told
