"""How far what a condition found can be trusted: since when it is complete, and past what bound.

Within the bounds everything is exact. What was asked for after it happened is complete as
far as the past is retained; what went past a bound is approximate. Explanations say so.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from edgeseg.events.keyed import MADE_BY
from edgeseg.metric_plan import Metric
from edgeseg.profiles.affinity import MAX_VALUES
from edgeseg.profiles.ledger import MAX_ENTRIES
from edgeseg.profiles.profile import (
    MAX_DISTINCT,
    MAX_EVENT_NAMES,
    NO_STATE,
    OTHER_NAMES,
    Profile,
)
from edgeseg.segments.fact_keys import without_age
from edgeseg.segments.fact_sources import FactSources


class Completeness(NamedTuple):
    """What is to be known beside a value that was found.

    Attributes:
        since_ms: events before this instant may be missing, 0 for none.
        bound: the bound that the value went past, in words; "" for none.
    """

    since_ms: int = 0
    bound: str = ""


COMPLETE: Final = Completeness()


class Judge:
    """Judges the facts of one profile."""

    def __init__(
        self, sources: FactSources, metrics: Iterable[Metric], profile: Profile, now_ms: int
    ) -> None:
        """Take where facts come from, the metrics that are planned, and the profile."""
        self._sources = sources
        self._profile = profile
        self._now_ms = now_ms
        self._events: dict[int, set[str]] = {}
        for metric in metrics:
            self._events.setdefault(metric.key, set()).add(metric.event)
        self._metrics = {
            **sources.counts,
            **sources.sums,
            **sources.runs,
            **_first(sources.ages),
            **_first(sources.recent_sums),
            **_first(sources.extremes),
            **_first(sources.quiet),
            **_first(sources.metrics),
        }

    def judge(self, facts: Iterable[str]) -> Completeness:
        """Answer how far the values of these facts can be trusted, all together."""
        names = [without_age(fact) for fact in facts]
        since_ms = max((self._since_ms(name) for name in names), default=0)
        bound = next((bound for name in names for bound in self._bounds(name)), "")
        return Completeness(since_ms, bound)

    def _since_ms(self, fact: str) -> int:
        if fact in self._sources.affinities:
            return self._profile.affinities_since_ms.get(self._sources.affinities[fact][0], 0)
        key = self._metrics.get(fact)
        if key is None:
            return 0
        state = self._profile.metrics.get(key)
        events = self._events.get(key, set())
        since_ms = state.since_ms if state else self._profile.since_ms
        # A ledger tells what became of things, not in which order they were told of.
        is_sequence = fact in self._sources.runs or fact in self._sources.quiet
        if state is None and not is_sequence and all(map(self._is_in_ledger, events)):
            return 0
        happened = (at_ms for event in events for at_ms in self._instants(event, told=is_sequence))
        return since_ms if any(at_ms < since_ms for at_ms in happened) else 0

    def _instants(self, event: str, *, told: bool) -> Iterator[int]:
        """Iterate over instants of such events, the first one that counts among them.

        Those that are ``told`` are a step of a sequence even where they were taken back.
        """
        total, ledger = self._profile.totals.get(event), self._profile.ledgers.get(event)
        if total is not None:
            yield total.first_ms
        if told and ledger is not None:
            yield from (entry.made_ms for entry in ledger.entries.values() if entry.made_ms)

    def _is_in_ledger(self, event: str) -> bool:
        """Tell whether all that the event makes is remembered one by one."""
        ledger = self._profile.ledgers.get(event)
        return ledger is not None and ledger.total is None

    def _bounds(self, fact: str) -> Iterator[str]:
        key = self._metrics.get(fact)
        state = self._profile.metrics.get(key, NO_STATE) if key is not None else NO_STATE
        kept = len(state.recent)
        is_short = state.count > kept
        # None of them is kept where they happened before the rules asked when.
        latest = f"only the latest {kept} are" if kept else "none of the earlier ones is"
        if fact in self._sources.ages and is_short and kept < self._sources.ages[fact][1]:
            yield f"{latest} remembered"
        window_ms = self._sources.recent_sums.get(fact, (0, 0))[1]
        oldest_ms = state.recent[-1] if kept else state.last_ms
        if window_ms and is_short and oldest_ms > self._now_ms - window_ms:
            yield f"{latest} added up"
        aggregate = self._sources.metrics.get(fact, (0, ""))[1]
        if aggregate == "distinct" and len(state.distinct) >= MAX_DISTINCT:
            yield f"at most {MAX_DISTINCT} values are told apart"
        if aggregate == "instants" and is_short:
            yield f"{latest} remembered"
        yield from self._bounds_of_events(fact)

    def _bounds_of_events(self, fact: str) -> Iterator[str]:
        key = self._metrics.get(fact)
        total = self._sources.totals.get(fact) or self._sources.total_extremes.get(fact, ("",))[0]
        for event in {total, *(self._events.get(key, ()) if key is not None else ())} & MADE_BY:
            ledger = self._profile.ledgers.get(event)
            if ledger is not None and ledger.dropped:
                yield f"only the latest {MAX_ENTRIES} follow what is told of them later"
        if total and self._may_be_among_others(total):
            yield f"only {MAX_EVENT_NAMES} event names are counted each by itself"
        name = self._sources.affinities.get(fact, ("", 0))[0]
        if len(self._profile.affinities.get(name, ())) >= MAX_VALUES:
            yield f"only the {MAX_VALUES} strongest are remembered"

    def _may_be_among_others(self, event: str) -> bool:
        others = self._profile.totals.get(OTHER_NAMES)
        total = self._profile.totals.get(event)
        return others is not None and (total is None or others.first_ms < total.first_ms)


def _first(sources: Mapping[str, tuple[int, object]]) -> dict[str, int]:
    return {fact: source[0] for fact, source in sources.items()}
