"""Progress of long work: a bar on a terminal, plain lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

import rich_click as click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

_PLAIN_EVERY_S: Final = 5.0


@contextmanager
def showing(total: float | None) -> Iterator[Callable[[float, str], None]]:
    """Answer what to call with how far the work has come, of ``total``, and a line about it."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _plain_teller()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task("", total=total)

        def tell(done: float, line: str) -> None:
            progress.update(task, completed=done, description=line)

        yield tell


def _plain_teller() -> Callable[[float, str], None]:
    told_s = [time.monotonic()]

    def tell(_done: float, line: str) -> None:
        if time.monotonic() - told_s[0] >= _PLAIN_EVERY_S:
            told_s[0] = time.monotonic()
            click.echo(line, err=True)

    return tell
