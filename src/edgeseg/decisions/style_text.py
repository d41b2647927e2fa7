"""Values within styles: what they may be, by where in a style they stand. Pure.

No escaping fits all of CSS, so a value is taken as it is where it cannot mean more than
itself, and replaced otherwise (https://www.w3.org/TR/css-syntax-3/).
"""

import re
from typing import Final

from markupsafe import Markup

NAME: Final = ""
"""In a style: where the name of a property stands, or that of a rule."""
AFTER_COLON: Final = ":"
ADDRESS: Final = "url("
"""Within ``url(…)``."""

REFUSED: Final = "_"
"""Stands for a value that is refused: a word that no property knows, so that it is passed over."""
_MADE_BY: Final = "rgba?|hsla?|oklch|calc|min|max|clamp|var"
_PLAIN: Final = re.compile(rf"(?:[\w.,#%+! -]|\b(?:{_MADE_BY})\([\w.,#%+*/ -]*\))*", re.IGNORECASE)
"""Words, numbers, colours, and functions of these that fetch nothing."""
_ENDS: Final = re.compile(r"[;{}]")
_SPECIAL: Final = re.compile(r"""[\x00-\x20\x7f"&'()<>\\`]""")


def place_within(text: str) -> str:
    """Answer where in a style it is after ``text``: `NAME`, `AFTER_COLON` or `ADDRESS`."""
    text = text.lower()
    if text.rfind(ADDRESS) > text.rfind(")"):
        return ADDRESS
    return AFTER_COLON if ":" in _ENDS.split(text)[-1] else NAME


def style_value(value: object) -> Markup:
    """Answer a value for a style, `REFUSED` where it may be more than one value."""
    text = _text_of(value)
    return Markup.escape(text if _PLAIN.fullmatch(text) else REFUSED)


def style_address(value: object) -> Markup:
    """Answer an address for ``url(…)`` in a style, with or without quotes: it stays within."""
    escaped = _SPECIAL.sub(lambda found: rf"\{ord(found[0]):x} ", _text_of(value))
    return Markup(escaped)  # noqa: S704 - nothing special to HTML is left


def _text_of(value: object) -> str:
    return value.unescape() if isinstance(value, Markup) else str(value)
