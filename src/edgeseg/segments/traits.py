"""Traits: the facts of a visitor's attributes, tags and lists, which no page view changes.

Most of what rules ask about a visitor they know is the same from one page view to the next. So
these facts are read once, and an index looks them up once: both is remembered with the profile
(`Profile.memo`), as long as the profile is, until one of the three changes, or the rules do. Facts
of metrics, which many a page view does not feed, are read once as well, until one is fed.
"""

import weakref
from collections.abc import Mapping, Sequence
from datetime import tzinfo
from typing import Final

from edgeseg.profiles.profile import MetricState, Profile
from edgeseg.segments.fact_keys import FIELD, LIST, TAG
from edgeseg.segments.fact_sources import FactSources
from edgeseg.segments.index import Recall
from edgeseg.segments.metric_facts import read_metrics
from edgeseg.segments.test_formulas import read_instant

BASE_BYTES: Final = 1_500
"""Memory of the facts of one visitor without what indexes remember of them, about."""
_MEMO: Final = "traits"


def is_trait(fact: str) -> bool:
    """Tell the facts that come of attributes, tags and lists alone."""
    return fact.startswith(FIELD) or fact in {TAG, LIST}


class Traits:
    """Those of one profile, as one set of sources asks about them.

    Attributes:
        values: fact key → value; instants as epoch milliseconds.
    """

    __slots__ = (
        "_evaluator",
        "_metrics",
        "_of_metrics",
        "_recalls",
        "_sources",
        "_time_zone",
        "values",
    )

    def __init__(self, profile: Profile, sources: FactSources, time_zone: tzinfo) -> None:
        """Read them."""
        attributes = profile.attributes
        fields = sources.fields
        values = dict[str, object](zip(fields.values(), map(attributes.get, fields), strict=True))
        for name, key in sources.dates.items():
            if name in attributes:
                # What was stored before its field became a date need be none.
                values[key] = read_instant(attributes[name], time_zone)
        values[TAG] = profile.tags
        values[LIST] = profile.lists
        self.values = values
        # Weak, so that a visitor who does not come again keeps no rules of yesterday.
        self._sources = weakref.ref(sources)
        self._time_zone = time_zone
        self._metrics: Mapping[int, MetricState] | None = None
        self._of_metrics: dict[str, object] = {}
        self._evaluator: object = None
        self._recalls: Sequence[Recall[str]] = ()

    def is_of(self, sources: FactSources, time_zone: tzinfo) -> bool:
        """Tell whether they are what ``sources`` ask about."""
        return self._sources() is sources and self._time_zone is time_zone

    def values_with(
        self, sources: FactSources, metrics: Mapping[int, MetricState]
    ) -> dict[str, object]:
        """Answer the values of these traits and of ``metrics``, for the caller to keep.

        Profiles never change, so the very same metrics have the same values.
        """
        if metrics is not self._metrics:
            self._metrics, self._of_metrics = metrics, read_metrics(sources, metrics)
        return {**self.values, **self._of_metrics}

    def recalls(self, evaluator: object, count: int) -> Sequence[Recall[str]]:
        """Answer what the ``count`` indexes of an evaluator found of these traits.

        Args:
            evaluator: a mark of the one that asks; another one's recalls are lost.
            count: of its indexes.
        """
        if self._evaluator is not evaluator:
            self._evaluator = evaluator
            self._recalls = tuple(Recall() for _ in range(count))
        return self._recalls


def traits_of(profile: Profile, sources: FactSources, time_zone: tzinfo) -> Traits:
    """Answer the traits of a profile, remembered where they were asked for before."""
    known = profile.memo.get(_MEMO)
    if isinstance(known, Traits) and known.is_of(sources, time_zone):
        return known
    traits = profile.memo[_MEMO] = Traits(profile, sources, time_zone)
    return traits
