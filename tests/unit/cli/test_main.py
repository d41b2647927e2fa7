"""Whatever the terminal can show, and however a command is ended, it ends in order."""

import io
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import click
import pytest

import edgeseg.cli
from edgeseg.__main__ import main


class Output(io.TextIOWrapper):
    """A standard output of a locale that has Latin-1 only."""

    def __init__(self, *, is_terminal: bool) -> None:
        """Start empty."""
        self.written = io.BytesIO()
        self._is_terminal = is_terminal
        super().__init__(self.written, "iso-8859-1")

    def isatty(self) -> bool:
        """Answer whether somebody looks at it."""
        return self._is_terminal


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """What hears which signal is as before in the end."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {each: signal.getsignal(each) for each in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("is_terminal", "told"), [(True, b"? ?lut\xfd"), (False, "✔ žlutý".encode())]
)
def test_letters_that_the_locale_lacks_are_no_end(
    monkeypatch: pytest.MonkeyPatch, *, is_terminal: bool, told: bytes
) -> None:
    """A terminal shows what it can; what goes into a file, or to a program, is UTF-8."""
    output = Output(is_terminal=is_terminal)
    monkeypatch.setattr(sys, "stdout", output)
    monkeypatch.setattr(edgeseg.cli, "main", lambda: click.echo("✔ žlutý"))
    main()
    output.flush()
    assert output.written.getvalue().strip() == told


def test_ctrl_c_outside_of_a_command_shows_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is loading, or once more while it ends."""

    def interrupted() -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(edgeseg.cli, "main", interrupted)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1


def test_a_signal_that_is_told_twice_at_once_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal that is closed and its shell both tell it: what is put in order stays whole."""
    done: list[str] = []

    def work() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGTERM)
            done.append("all put in order")

    monkeypatch.setattr(edgeseg.cli, "main", work)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 1
    assert done


def _run(*words: str, **streams: int) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "edgeseg", *words]
    return subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, **streams)  # type: ignore[call-overload,no-any-return]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("words", [("snippet",), ("describe", "--help"), ("schema",)])
def test_a_full_disk_is_told_in_a_line(words: tuple[str, ...]) -> None:
    """Whether the text is written at once, in portions, or when the command ends."""
    with Path("/dev/full").open("w") as full:
        done = _run(*words, stdout=full.fileno())
    assert done.returncode == 1
    told = "edgeseg: cannot write: No space left on device; make room on the disk\n"
    assert done.stderr == told


def test_who_has_seen_enough_is_told_nothing() -> None:
    """As by `| head -1`."""
    reading, writing = os.pipe()
    os.close(reading)
    done = _run("schema", stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")


def test_streams_that_the_caller_has_closed_are_empty() -> None:
    """There is nothing to read, and what is printed goes nowhere."""
    command = f"{sys.executable} -m edgeseg try <&- >&-"
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
