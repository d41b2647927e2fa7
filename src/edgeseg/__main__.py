"""Entry point of ``edgeseg`` and of ``python -m edgeseg``."""

import errno
import io
import math
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Final

_CANNOT_WRITE: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EPIPE}
_AT_ONCE_S: Final = 1.0


def main() -> None:
    """Run the command line.

    It is imported here and not above, because every worker imports this module again.
    """
    _fill_in_for_closed_streams()
    try:
        from edgeseg.cli import main as command_line  # noqa: PLC0415 - 4 MB of a worker

        _end_in_order()
        _write_any_text()
        try:
            command_line()
        finally:
            sys.stdout.flush()
    except KeyboardInterrupt:  # before the command has begun, or once more while it ends
        raise SystemExit(1) from None
    except OSError as error:
        if error.errno not in _CANNOT_WRITE:
            raise
        _tell(error)
        raise SystemExit(1) from None


def _end_in_order() -> None:
    """Let SIGTERM unwind a command like Ctrl-C, so that it stops the embedded store.

    So does SIGHUP, of a terminal that is closed, unless it is ignored (nohup). Told twice at
    once, as by that terminal and its shell, a command goes on ending: a second Ctrl-C cuts
    even that short.
    """
    told_s = -math.inf

    def end(number: int, frame: FrameType | None) -> None:
        nonlocal told_s
        if number == signal.SIGHUP:
            os.kill(os.getpid(), signal.SIGTERM)  # which the server hears itself while it serves
            return
        before_s, told_s = told_s, time.monotonic()
        heard = signal.getsignal(signal.SIGINT)
        if told_s - before_s > _AT_ONCE_S and callable(heard):
            heard(signal.SIGINT, frame)

    # What a script starts with `&` ignores SIGINT, and then asyncio would not cancel its work.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, end)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, end)


def _fill_in_for_closed_streams() -> None:
    """Keep files, and code that prints, from meeting a standard stream that the caller closed."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            nothing = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - to the end
            setattr(sys, name, nothing)


def _tell(error: OSError) -> None:
    """Say what could not be written, unless whoever reads has seen enough."""
    if error.errno != errno.EPIPE:
        what = f"cannot write {error.filename}" if error.filename else "cannot write"
        with suppress(OSError):
            told = f"edgeseg: {what}: {error.strerror}; make room on the disk"
            print(told, file=sys.stderr, flush=True)  # noqa: T201 - click may not be there
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):  # what is left is written once more when Python ends
        with suppress(OSError):
            os.dup2(nowhere, stream)


def _write_any_text() -> None:
    """Let no letter that the locale lacks end a command; files and programs get UTF-8."""
    output = sys.stdout
    if isinstance(output, io.TextIOWrapper):
        if output.isatty():
            output.reconfigure(errors="replace")
        else:
            output.reconfigure(encoding="utf-8")


if __name__ == "__main__":
    main()
