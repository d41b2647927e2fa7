"""Where the facts that rules ask about come from; the compiler fills it, `facts` follows it."""

from typing import Literal, NamedTuple

import msgspec

from edgeseg.segments.schedule import Season

Extreme = Literal["first", "last"]


class CapSource(NamedTuple):
    """When a cap is reached: ``at_most`` events per visit, per day, in a window, or ever."""

    at_most: int
    per: str
    within_ms: int | None


class FactSources(msgspec.Struct, weakref=True):
    """What has to be looked up before rules can be evaluated.

    Metric keys are those of `metric_plan.Metric`; instants are epoch milliseconds.

    Attributes:
        fields: attribute → fact key.
        dates: attribute of the type date → fact key.
        context: name → fact key.
        counts: fact key → metric key, for how often events happened.
        totals: fact key → event name, for the same without any filter.
        ages: fact key → (metric key, n), for the instant of the n-th most recent event.
        sums: fact key → metric key, for the sum of a property, ever.
        recent_sums: fact key → (metric key, window in milliseconds).
        extremes: fact key → (metric key, which), for the first event ever, or the last
            before the current visit.
        total_extremes: fact key → (event name, which), for the same without any filter.
        runs: fact key → metric key, for the start of the latest run of a sequence.
        quiet: fact key → (metric key, milliseconds), for the end of the latest run that
            nothing followed for so long.
        affinities: fact key → (event property, n), for its n strongest values.
        metrics: fact key → (metric key, aggregate), for named metrics.
        instants: key of an instant → key of the same fact for tests of its age.
        shares: fact key → salt, for the visitor's place among all visitors.
        seasons: fact key → season, for whether it lasts.
        caps: metric key → caps on its events by name, for which of them are reached.
    """

    fields: dict[str, str] = {}
    dates: dict[str, str] = {}
    context: dict[str, str] = {}
    counts: dict[str, int] = {}
    totals: dict[str, str] = {}
    ages: dict[str, tuple[int, int]] = {}
    sums: dict[str, int] = {}
    recent_sums: dict[str, tuple[int, int]] = {}
    extremes: dict[str, tuple[int, Extreme]] = {}
    total_extremes: dict[str, tuple[str, Extreme]] = {}
    runs: dict[str, int] = {}
    quiet: dict[str, tuple[int, int]] = {}
    affinities: dict[str, tuple[str, int]] = {}
    metrics: dict[str, tuple[int, str]] = {}
    instants: dict[str, str] = {}
    shares: dict[str, str] = {}
    seasons: dict[str, Season] = {}
    caps: dict[int, dict[str, CapSource]] = {}
