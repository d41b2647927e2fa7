"""The verified fake of the outcome store: dictionaries, for tests."""

from collections import Counter
from collections.abc import Sequence

from edgeseg.profiles.outcome_store import BEYOND, HORIZON_MS, MAX_FIELDS, Outcome


class MemoryOutcomes:
    """The port `OutcomeStore` over dictionaries. Nothing expires."""

    def __init__(self) -> None:
        """Start with nothing counted."""
        self._counts: dict[tuple[str, str], Counter[str]] = {}
        self._marks: dict[str, int] = {}

    async def add(self, outcomes: Sequence[Outcome]) -> int:
        """Count those of ``outcomes`` that were not counted yet; answer how many these are."""
        fresh = [outcome for outcome in outcomes if self._is_fresh(outcome)]
        for outcome in fresh:
            counts = self._counts.setdefault((outcome.campaign, outcome.day), Counter())
            for field, amount in outcome.adds:
                has_place = field in counts or len(counts) < MAX_FIELDS or field.endswith("/")
                counts[field if has_place else BEYOND] += amount if has_place else 1
        return len(fresh)

    def _is_fresh(self, outcome: Outcome) -> bool:
        bucket, key = outcome.at_ms // HORIZON_MS, f"{outcome.campaign}/{outcome.mark}"
        if self._marks.get(key, bucket - 2) >= bucket - 1:
            return False
        self._marks[key] = bucket
        return True

    async def read(self, campaign: str, days: Sequence[str]) -> list[dict[str, int]]:
        """Answer field → count for each of ``days``."""
        return [dict(self._counts.get((campaign, day), {})) for day in days]
