"""How long the stages of a page view take in this process, with given rules and a given store."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import tzinfo
from itertools import cycle
from random import Random
from statistics import quantiles
from time import perf_counter, perf_counter_ns
from typing import Final, TypeVar

import msgspec

from edgeseg.cli.bench_visitors import MadeUp, page
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.events.event import PAGE_VIEWED, Event
from edgeseg.personalize import PageView, chance_of, decide, personalize
from edgeseg.profiles import codec
from edgeseg.profiles.fold import fold
from edgeseg.profiles.past import Past
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.profiles.store import ProfileStore
from edgeseg.segments.facts import Facts, gather_facts
from edgeseg.telemetry import Telemetry

AT_LEAST: Final = 50
"""Times that each stage is run, however short the time."""
AT_MOST: Final = 100_000
"""And no more often, so that the times fit into memory."""
_Material = TypeVar("_Material")
_CONSENTS: Final = {"marketing": True}


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """What one stage took, each time alone.

    Attributes:
        p50_us: the middle of all times, microseconds.
        p99_us: what 99 of 100 times it took at most.
        times: how often it was run.
    """

    stage: str
    p50_us: float
    p99_us: float
    times: int

    @property
    def per_s(self) -> float:
        """How often one after the other in a second."""
        return 1e6 / self.p50_us


class Stages:
    """The stages of page views of made-up visitors."""

    def __init__(
        self,
        rules: Snapshot,
        visitors: Sequence[MadeUp],
        *,
        now_ms: int,
        time_zone: tzinfo,
        seconds: float,
    ) -> None:
        """Run each stage for ``seconds``."""
        self._rules = rules
        self._visitors = visitors
        self._now_ms = now_ms
        self._time_zone = time_zone
        self._seconds = seconds
        self._telemetry = Telemetry()
        self._random = Random(2)  # noqa: S311 - pages, not secrets
        self._profiles = [fold(EMPTY_PROFILE, each.history, rules.plan) for each in visitors]

    def alone(self) -> Iterator[Timing]:
        """Iterate over what needs no store."""
        rules, plan, now_ms = self._rules, self._rules.plan, self._now_ms
        view = self._event()
        values = [self._encode(*each) for each in self._pairs()]
        facts = [self._gather(profile) for profile in self._profiles]
        views = [self._page_view(each) for each in self._visitors]
        evaluate = rules.evaluator.evaluate
        yield self._time("encode a profile", self._pairs(), lambda each: self._encode(*each))
        yield self._time(
            "decode a profile",
            values,
            lambda value: codec.decode_snapshot(codec.parse_value(value)),
        )
        yield self._time(
            "fold in a page view", self._profiles, lambda each: fold(each, [view], plan)
        )
        yield self._time("gather the facts", self._profiles, self._gather)
        yield self._time("evaluate the rules", facts, lambda each: evaluate(each, now_ms))
        judged = [
            rules.judge(found, chance_of(each.visitor_id, profile, rules), now_ms)
            for found, each, profile in zip(facts, views, self._profiles, strict=True)
        ]
        yield self._time(
            "choose and render all slots",
            list(zip(views, self._profiles, judged, strict=True)),
            lambda each: decide(*each, rules=rules, telemetry=self._telemetry, now_ms=now_ms),
        )

    async def with_store(self, store: ProfileStore, copies: str) -> list[Timing]:
        """Answer what the store takes, one request at a time; its visitors must be recorded.

        Args:
            store: open.
            copies: what to say of the copies of profiles in this process.
        """
        plan = self._rules.plan

        async def record(each: MadeUp) -> object:
            return await store.record(each.id, [self._event()], plan=plan, now_ms=self._now_ms)

        async def read(each: MadeUp) -> object:
            return await store.read(each.id, plan=plan)

        async def view(each: MadeUp) -> object:
            return await personalize(
                self._page_view(each),
                rules=self._rules,
                store=store,
                telemetry=self._telemetry,
                now_ms=self._now_ms,
                time_zone=self._time_zone,
            )

        return [
            await self._time_awaited(f"{name}, {copies}", step)
            for name, step in (("record", record), ("read", read), ("a page view", view))
        ]

    def _pairs(self) -> list[tuple[Profile, MadeUp]]:
        return list(zip(self._profiles, self._visitors, strict=True))

    def _encode(self, profile: Profile, visitor: MadeUp) -> bytes:
        journal = tuple(each for each in visitor.history if not each.name.startswith("$"))
        return codec.encode_value(
            profile,
            Past(events=journal),
            codec.next_generation(1),
            refreshed_ms=self._now_ms,
            kept_since_ms=self._now_ms,
        )

    def _gather(self, profile: Profile) -> Facts:
        return gather_facts(
            self._rules.sources,
            profile=profile,
            context=page(self._random),
            consents=_CONSENTS,
            now_ms=self._now_ms,
            time_zone=self._time_zone,
            bucket_id="visitor",
        )

    def _event(self) -> Event:
        return Event(PAGE_VIEWED, self._now_ms, dict(page(self._random)))

    def _page_view(self, visitor: MadeUp) -> PageView:
        return PageView(
            visitor_id=visitor.id,
            context=page(self._random),
            consents=_CONSENTS,
            slots=tuple(self._rules.slots.values()),
            events=(self._event(),),
        )

    def _time(
        self, stage: str, materials: Sequence[_Material], step: Callable[[_Material], object]
    ) -> Timing:
        took_ns: list[int] = []
        endless = cycle(materials)
        for _ in range(len(materials)):  # warms up
            step(next(endless))
        until_s = perf_counter() + self._seconds
        while _goes_on(took_ns, until_s):
            material = next(endless)
            began_ns = perf_counter_ns()
            step(material)
            took_ns.append(perf_counter_ns() - began_ns)
        return _timing(stage, took_ns)

    async def _time_awaited(
        self, stage: str, step: Callable[[MadeUp], Awaitable[object]]
    ) -> Timing:
        took_ns: list[int] = []
        endless = cycle(self._visitors)
        for _ in range(len(self._visitors)):  # warms up
            await step(next(endless))
        until_s = perf_counter() + self._seconds
        while _goes_on(took_ns, until_s):
            visitor = next(endless)
            began_ns = perf_counter_ns()
            await step(visitor)
            took_ns.append(perf_counter_ns() - began_ns)
        return _timing(stage, took_ns)


def _goes_on(took_ns: Sequence[int], until_s: float) -> bool:
    return len(took_ns) < AT_LEAST or (len(took_ns) < AT_MOST and perf_counter() < until_s)


def _timing(stage: str, took_ns: Sequence[int]) -> Timing:
    parts = quantiles(took_ns, n=100, method="inclusive")
    return Timing(
        stage=stage, p50_us=parts[49] / 1_000, p99_us=parts[98] / 1_000, times=len(took_ns)
    )
