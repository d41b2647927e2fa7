"""Errors on the terminal: what is wrong, where, and how the command ends."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, NoReturn

import rich_click as click

from edgeseg.cli.printable import printable
from edgeseg.cli.problem_report import find_errors, show_findings
from edgeseg.errors import EdgesegError, InputError, RulesError, SettingsError
from edgeseg.settings import PREFIX, Settings
from edgeseg.settings_reader import read_settings

FAILED: Final = 1
WRONG_USE: Final = 2


@contextmanager
def plain_errors() -> Iterator[None]:
    """Turn edgeseg's errors into messages and exit codes; others keep their traceback."""
    try:
        yield
    except RulesError as error:
        show_findings(find_errors(error.problems))
        raise SystemExit(WRONG_USE) from error
    except SettingsError as error:
        _end(str(error), WRONG_USE)
    except EdgesegError as error:
        option = error.field if isinstance(error, InputError) else ""
        _end(f"{option}: {error}" if option.startswith("--") else str(error), FAILED)


def settings_with(**overrides: object) -> Settings:
    """Read the settings; options that were given win over the environment.

    The environment is changed too, so that worker processes see the same.
    """
    for name, value in overrides.items():
        if value is not None:
            os.environ[PREFIX + name.upper()] = str(value)
    return read_settings(os.environ)


def rules_options(command: Callable[..., object]) -> Callable[..., object]:
    """Add ``--rules`` and ``--templates`` to a command."""
    command = click.option("--templates", metavar="DIR", help="Folder of the variant templates.")(
        command
    )
    return click.option("--rules", metavar="DIR", help="Folder of the rule files.")(command)


def _end(message: str, code: int) -> NoReturn:
    lines = map(printable, message.split("\n"))
    click.echo("edgeseg: " + "\n".join(lines), err=True)
    raise SystemExit(code)
