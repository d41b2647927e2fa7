"""Whatever the terminal can show, and however often Ctrl-C is pressed, a command ends in order."""

import io
import sys
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
