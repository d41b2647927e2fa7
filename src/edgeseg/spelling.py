"""Hints at what a name that nobody knows may have been meant to be, and counts in words."""

from collections.abc import Collection
from difflib import get_close_matches
from typing import Final

_CLOSE: Final = 0.6
"""Similarity, 0 to 1, from which on a name is offered."""
_SHOWN: Final = 12
"""Names listed where none is close."""


def counted(number: int, noun: str) -> str:
    """Answer how many there are: "1 row", "2,000 rows"."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def suggest(name: str, known: Collection[str]) -> str:
    """Answer a hint at what ``name`` may have been meant to be."""
    close = get_close_matches(name, known, n=1, cutoff=_CLOSE)
    if close:
        return f"did you mean `{close[0]}`?"
    some = sorted(known)
    if not some:
        return "none is defined"
    return "known: " + ", ".join(some[:_SHOWN]) + (", …" if len(some) > _SHOWN else "")
