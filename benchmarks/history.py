"""Earlier results, and what became worse since."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.figures import Better, Figure

_MACHINE: Final = ("processor", "system", "Python")
"""What makes two runs comparable."""


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A file of results, as far as others read it; "" stands for an unknown name."""

    environment: dict[str, str]
    quick: bool = False
    figures: dict[str, list[Figure]] = {}
    path: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """A figure that is worse than it was."""

    name: str
    before: str
    now: str


def read_results(folder: Path) -> Iterator[Document]:
    """Iterate over the kept results with figures, latest first; their names are instants."""
    for path in sorted(folder.glob("*.json"), reverse=True):
        try:
            document = msgspec.json.decode(path.read_bytes(), type=Document)
        except msgspec.MsgspecError:
            continue
        if document.figures:
            yield msgspec.structs.replace(document, path=path.name)


def find_last(
    kept: Iterable[Document], environment: Mapping[str, str], benchmark: str, *, quick: bool
) -> Document | None:
    """Answer the latest result of a benchmark on a machine like this one, run as long."""
    for document in kept:
        same = all(document.environment.get(each) == environment.get(each) for each in _MACHINE)
        if same and document.quick == quick and benchmark in document.figures:
            return document
    return None


def list_regressions(before: Iterable[Figure], now: Iterable[Figure]) -> list[Change]:
    """Answer the figures that became worse by more than both runs' spreads and its slack."""
    known = {each.name: each for each in before if each.values}
    return [
        Change(
            name=each.name,
            before=f"{known[each.name].spread} {each.unit}".strip(),
            now=f"{each.spread} {each.unit}".strip(),
        )
        for each in now
        if each.values and each.name in known and _is_worse(each, known[each.name])
    ]


def _is_worse(now: Figure, before: Figure) -> bool:
    new, old = now.spread, before.spread
    worse_by = new.median - old.median if now.better is Better.LOWER else old.median - new.median
    spread = (new.high - new.low + old.high - old.low) / 2
    return worse_by > max(spread, abs(old.median) * now.slack)
