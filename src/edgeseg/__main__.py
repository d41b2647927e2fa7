"""Entry point of ``edgeseg`` and of ``python -m edgeseg``."""

import io
import sys


def main() -> None:
    """Run the command line.

    It is imported here and not above, because every worker imports this module again.
    """
    try:
        from edgeseg.cli import main as command_line  # noqa: PLC0415 - 4 MB of a worker

        _write_any_text()
        command_line()
    except KeyboardInterrupt:  # before the command has begun, or once more while it ends
        raise SystemExit(1) from None


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
