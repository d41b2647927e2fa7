"""What one round under load found."""

from collections.abc import Iterable

import msgspec


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """One contender under load for some seconds.

    Attributes:
        processor_us: processor time of the server process per request.
        store_us: of the store process per request.
        written_bytes: growth of the store's append-only file per request.
    """

    contender: str
    rps: float
    processor_us: float
    store_us: float = 0.0
    written_bytes: float = 0.0
    p50_us: int
    p99_us: int
    bad: int


def by_contender(rounds: Iterable[Round]) -> dict[str, list[Round]]:
    """Sort rounds by contender, each in the order of their time, so that rounds pair."""
    found: dict[str, list[Round]] = {}
    for each in rounds:
        found.setdefault(each.contender, []).append(each)
    return found
