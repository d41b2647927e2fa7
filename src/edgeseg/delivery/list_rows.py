"""The members of a list as text: one visitor a line, or the first column of CSV."""

import re
from collections.abc import AsyncIterable, AsyncIterator
from typing import Final

import msgspec

from edgeseg.delivery.caller import id_named
from edgeseg.errors import InputError
from edgeseg.profiles.identity import Identities
from edgeseg.spelling import counted

MAX_LINE_BYTES: Final = 10_000
SHOWN: Final = 100
"""Refused rows that are told; the others are counted."""
_QUOTED: Final = re.compile(r'\s*"((?:[^"]|"")*)"\s*(?:[,;\t]|$)')
_SEPARATOR: Final = re.compile(r"[,;\t]")
_PORTION: Final = 5_000
_HEADERS: Final = ("visitor", "user")


class RefusedRow(msgspec.Struct, frozen=True):
    """A line that names no visitor; ``row`` counts from 1, a header not counted."""

    row: int
    problem: str


class ListRows:
    """Reads the members.

    Attributes:
        refused: how many lines name no visitor.
        problems: the first of them.
    """

    def __init__(self, identities: Identities) -> None:
        """Turn ids of known people, under the header ``user``, into visitor ids."""
        self._identities = identities
        self._number = 0
        self._is_user = False
        self.refused = 0
        self.problems: list[RefusedRow] = []

    async def read(self, chunks: AsyncIterable[bytes]) -> AsyncIterator[list[str]]:
        """Iterate over portions of visitor ids.

        Args:
            chunks: the text, in parts of any length.

        Raises:
            InputError: there are lines, and all of them are refused: it is something else than a
                list, such as a page that says so, and must not empty one.
        """
        portion: list[str] = []
        named = False
        async for line in _lines(chunks):
            visitor_id = self._read_line(line)
            if visitor_id:
                named = True
                portion.append(visitor_id)
            if len(portion) >= _PORTION:
                yield portion
                portion = []
        if portion:
            yield portion
        if self.refused and not named:
            lines = counted(self.refused, "line")
            message = f"none of {lines} names a visitor: {self.problems[0].problem}"
            raise InputError(message, field="members")

    def _read_line(self, line: bytes) -> str:
        cell = line.decode("utf-8", "replace").lstrip("\ufeff")
        if quoted := _QUOTED.match(cell):
            text = quoted[1].replace('""', '"').strip()
        else:
            text = _SEPARATOR.split(cell, maxsplit=1)[0].strip().strip('"')
        if not self._number and text in _HEADERS:
            self._is_user = text == "user"
            return ""
        if not line.strip():
            return ""
        self._number += 1
        try:
            if self._is_user:
                return self._identities.known(text)
            return id_named(text, self._identities)
        except InputError as error:
            self.refused += 1
            if self.refused <= SHOWN:
                self.problems.append(RefusedRow(self._number, str(error)))
            return ""


async def _lines(chunks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            yield line
        rest = rest[: MAX_LINE_BYTES + 1]  # of a line that never ends, its beginning will do
    if rest:
        yield rest
