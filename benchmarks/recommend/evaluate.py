"""Foretell the next page of sessions by each strategy, with the parts that the service has."""

import random
from collections.abc import Sequence
from math import sqrt
from typing import Final, NamedTuple

from benchmarks.recommend.sessions import Session
from edgeseg.assortment import LiveAssortment
from edgeseg.decisions.catalogue import Catalogue, Product
from edgeseg.decisions.recommend import Recommender, Shopper
from edgeseg.decisions.recommendation import (
    CATALOGUE,
    POPULAR,
    VIEWED_EVENT,
    VIEWED_TOGETHER,
    Recommendation,
)
from edgeseg.decisions.snapshot import build_snapshot
from edgeseg.events.event import Event
from edgeseg.profiles.fold import fold
from edgeseg.profiles.memory_products import MemoryProducts
from edgeseg.profiles.product_store import VIEWED_WITH
from edgeseg.profiles.profile import EMPTY_PROFILE
from edgeseg.telemetry import Telemetry

FIRST: Final = 10
"""A hit is to be among so many."""
RESAMPLES: Final = 2_000
_LEVEL: Final = 1.959964  # of the normal distribution, for 95 %
_RULES: Final = "slots: [{id: shelf, kind: json, recommend: {strategy: popular}}]"


class Contender(NamedTuple):
    """One way to foretell.

    Attributes:
        by_page: whether only the page of the moment is looked at, not those before it.
    """

    name: str
    wanted: Recommendation
    by_page: bool = True


def _wanted(strategy: str, *fallback: str) -> Recommendation:
    return Recommendation(strategy=strategy, fallback=fallback, count=FIRST, exclude=("viewed",))


CONTENDERS: Final = (
    Contender("popular", _wanted(POPULAR, CATALOGUE)),
    Contender("viewed together with the page", _wanted(VIEWED_TOGETHER, POPULAR, CATALOGUE)),
    Contender(
        "viewed together with the last five pages",
        _wanted(VIEWED_TOGETHER, POPULAR, CATALOGUE),
        by_page=False,
    ),
)


class Score(NamedTuple):
    """How well one contender did.

    Attributes:
        hits: of each session: how often it was right.
        tries: of each session.
    """

    name: str
    hits: Sequence[int]
    tries: Sequence[int]

    @property
    def rate(self) -> float:
        """Share of right guesses."""
        return sum(self.hits) / sum(self.tries)

    @property
    def wilson(self) -> tuple[float, float]:
        """Wilson's interval for that, 95 %, as if all guesses were independent.

        E. B. Wilson, "Probable inference, the law of succession, and statistical
        inference", JASA 22, 1927.
        """
        tries, rate, level = sum(self.tries), self.rate, _LEVEL
        middle = rate + level**2 / (2 * tries)
        half = level * sqrt(rate * (1 - rate) / tries + level**2 / (4 * tries**2))
        whole = 1 + level**2 / tries
        return (middle - half) / whole, (middle + half) / whole


async def evaluate(earlier: Sequence[Session], later: Sequence[Session]) -> list[Score]:
    """Learn from the earlier sessions, then foretell each first look at a page of the later ones.

    Pages that nobody had seen before cannot be foretold; they count as missed.
    """
    live = await _learn(earlier)
    found = []
    for contender in CONTENDERS:
        recommender = Recommender(contender.wanted)
        results = [_foretell(session, recommender, contender, live) for session in later]
        hits, tries = zip(*results, strict=True)
        found.append(Score(contender.name, hits, tries))
    return found


def difference(one: Score, other: Score) -> tuple[float, float, float]:
    """Answer how much better ``one`` did, and between which values that lies, 95 %.

    Percentile bootstrap over sessions, since guesses within one are not independent:
    B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
    """
    chance = random.Random(1)
    numbers = range(len(one.tries))
    drawn = []
    for _ in range(RESAMPLES):
        sample = chance.choices(numbers, k=len(numbers))
        tries = sum(one.tries[at] for at in sample)
        drawn.append(sum(one.hits[at] - other.hits[at] for at in sample) / max(tries, 1))
    drawn.sort()
    edge = RESAMPLES // 40
    return one.rate - other.rate, drawn[edge], drawn[-edge - 1]


async def _learn(sessions: Sequence[Session]) -> LiveAssortment:
    """Count as the service does, one page view after the other, and read the counts back."""
    rules = build_snapshot({"rules.yaml": _RULES}, {})
    if rules.remembered is None:
        raise AssertionError("the rules recommend")
    now_ms = max(session[-1].at_ms for session in sessions)
    live = LiveAssortment(MemoryProducts(), None, Telemetry(), lambda: now_ms)
    pages = dict.fromkeys(view.page for session in sessions for view in session)
    live.catalogue = Catalogue([Product(id=page, name=page, url=page) for page in pages], "log")
    for session in sessions:
        profile = EMPTY_PROFILE
        for view in session:
            event = Event(VIEWED_EVENT, view.at_ms, {"product_id": view.page})
            profile = fold(profile, [event], rules.plan)
            live.note([event], profile, (), rules.remembered)
        await live.flush()
    for page in pages:
        live.together(VIEWED_WITH, page)
    while live.is_asked:
        await live.refresh()
    return live


def _foretell(
    session: Session, recommender: Recommender, contender: Contender, live: LiveAssortment
) -> tuple[int, int]:
    """Answer hits and tries in one session."""
    hits = tries = 0
    seen: dict[str, None] = {}
    for view in session:
        if seen and view.page not in seen:
            latest = tuple(reversed(seen))
            shopper = Shopper(viewed=latest, current=latest[0] if contender.by_page else "")
            hits += view.page in recommender.choose(shopper, live)
            tries += 1
        seen.pop(view.page, None)
        seen[view.page] = None
    return hits, tries
