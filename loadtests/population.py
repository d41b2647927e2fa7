"""Who comes: visitors whose popularity follows Zipf's law, new ones among them.

Pure: the only input is the random generator handed in.
"""

from bisect import bisect
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

SIZE = 10_000
EXPONENT = 1.0
"""Zipf's s: the visitor of rank r comes r^-s times as often as the first."""


@dataclass
class Population:
    """Visitors by rank, each with the cookie that the service gave, "" before the first."""

    chance: Random
    size: int = SIZE
    exponent: float = EXPONENT
    new_share: float = 0.1
    """Share of visits by somebody who was never here."""
    cookies: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Sum up the weights once."""
        weights = (rank**-self.exponent for rank in range(1, self.size + 1))
        self._sums = list(accumulate(weights))

    def draw(self) -> int | None:
        """Answer the rank of the visitor who comes next, None for a new one."""
        if self.chance.random() < self.new_share:
            return None
        return bisect(self._sums, self.chance.random() * self._sums[-1])

    def cookie_of(self, rank: int | None) -> str:
        """Answer the value of the Cookie header that the visitor sends, "" for none."""
        return "" if rank is None else self.cookies.get(rank, "")

    def remember(self, rank: int | None, set_cookie: str | None) -> None:
        """Keep the cookie that came with an answer."""
        if rank is not None and set_cookie:
            self.cookies[rank] = set_cookie.partition(";")[0]
