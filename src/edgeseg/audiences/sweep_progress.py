"""How far a recalculation has come, as the processes that share it see it. Pure.

The walk through each server is a chain of pages: whoever reads a page finds out where the
next one begins. A page is open until somebody has finished it; who takes one has it for a
time, after which others may, so that a process may end at any moment. A page that was done
twice counts once.
"""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

LEASE_MS: Final = 10_000
"""A page that nobody has renewed for so long is taken from a process that ended, or hangs."""


class Page(msgspec.Struct, frozen=True, array_like=True):
    """A part of the walk: where in the life of which server it begins."""

    node: str
    life: str
    cursor: str


class OpenPage(msgspec.Struct, frozen=True, array_like=True):
    """A page that is not finished; it is somebody's until ``taken_until_ms``."""

    page: Page
    taken_until_ms: int = 0


class Counts(msgspec.Struct, frozen=True, array_like=True):
    """Profiles that were looked at, by what became of them, and segment → members."""

    looked: int = 0
    caught_up: int = 0
    busy: int = 0
    unreadable: int = 0
    segments: Mapping[str, int] = {}

    def __add__(self, other: "Counts") -> "Counts":
        """Answer both together."""
        segments = dict(self.segments)
        for segment, members in other.segments.items():
            segments[segment] = segments.get(segment, 0) + members
        return Counts(
            self.looked + other.looked,
            self.caught_up + other.caught_up,
            self.busy + other.busy,
            self.unreadable + other.unreadable,
            segments,
        )


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One recalculation.

    Attributes:
        id: of it; another one, later, has another.
        rules: version of the rules.
        total: keys in the store when it began; profiles are most of them.
        heads: server → the page up to which its walk has been read.
        open: pages that are not finished.
        counts: of the finished ones.
        processes: how many have taken part.
    """

    id: str
    rules: str
    started_ms: int
    total: int
    heads: Mapping[str, Page]
    open: tuple[OpenPage, ...]
    counts: Counts = Counts()
    processes: int = 1

    @property
    def is_done(self) -> bool:
        """Tell whether nothing is left to do."""
        return not self.open


def begin(id_: str, rules: str, pages: Sequence[Page], *, total: int, now_ms: int) -> Progress:
    """Answer a recalculation of which nothing is done; ``pages`` are the first of each server."""
    return Progress(
        id=id_,
        rules=rules,
        started_ms=now_ms,
        total=total,
        heads={page.node: page for page in pages},
        open=tuple(OpenPage(page) for page in pages),
    )


def take(progress: Progress, now_ms: int) -> tuple[Progress, Page | None]:
    """Answer a page to work on, None where all are others' or done."""
    for index, each in enumerate(progress.open):
        if each.taken_until_ms <= now_ms:
            taken = OpenPage(each.page, now_ms + LEASE_MS)
            rest = (*progress.open[:index], *progress.open[index + 1 :], taken)
            return msgspec.structs.replace(progress, open=rest), each.page
    return progress, None


def renew(progress: Progress, page: Page, now_ms: int) -> Progress:
    """Keep a page for longer."""
    kept = tuple(
        OpenPage(page, now_ms + LEASE_MS) if each.page == page else each for each in progress.open
    )
    return msgspec.structs.replace(progress, open=kept)


def advance(progress: Progress, page: Page, following: Page | None) -> Progress:
    """Take note of where the page after ``page`` begins, unless somebody else did."""
    if following is None or progress.heads.get(page.node) != page:
        return progress
    return msgspec.structs.replace(
        progress,
        heads={**progress.heads, page.node: following},
        open=(*progress.open, OpenPage(following)),
    )


def finish(progress: Progress, page: Page, counts: Counts) -> Progress:
    """Take note that a page is done, unless somebody else did it."""
    rest = tuple(each for each in progress.open if each.page != page)
    if len(rest) == len(progress.open):
        return progress
    return msgspec.structs.replace(progress, open=rest, counts=progress.counts + counts)
