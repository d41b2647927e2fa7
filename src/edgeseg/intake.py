"""The intake: whatever comes in is held to the schema here, and what nobody declared is counted.

Every door calls it with the rules its request has taken: `Intake.event` for each event,
`Intake.attributes` where one wrong value refuses the call, and `Intake.judge_attributes`
where the good ones are kept (protocols of others, imports).
"""

from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple

from edgeseg.events.address import without_queries
from edgeseg.events.admission import (
    AttributesVerdict,
    Policies,
    Unknown,
    admit_attributes,
    admit_event,
)
from edgeseg.events.currency import Currencies
from edgeseg.events.event import Event, Value
from edgeseg.events.schema import Writer
from edgeseg.segments.rule import Definitions
from edgeseg.telemetry import Telemetry

_AS_THEY_ARE: Final = Currencies()
MAX_NAMES: Final = 100
"""Unknown names remembered, of all kinds together; the one not met for longest goes."""


class UnknownName(NamedTuple):
    """A name that came in and that the rules do not declare, and how often it did."""

    kind: str
    name: str
    outcome: str
    times: int


class Intake:
    """Holds events and attributes to the schema. One a process; requests bring the rules."""

    def __init__(
        self,
        policies: Policies,
        telemetry: Telemetry,
        url_parameters: Collection[str] = (),
        currencies: Currencies = _AS_THEY_ARE,
    ) -> None:
        """Take what becomes of unknown names, and where they are counted.

        Args:
            policies: what becomes of names that nobody declared.
            telemetry: counts them.
            url_parameters: query parameters that addresses in events keep, besides utm_*.
            currencies: what amounts are converted to.
        """
        self._currencies = currencies
        self._url_parameters = frozenset(url_parameters)
        self._policies = policies
        self._counter = telemetry.unknown_names
        self._met: OrderedDict[Unknown, int] = OrderedDict()

    def event(
        self, event: Event, definitions: Definitions, *, writer: Writer, path: str
    ) -> Event | None:
        """Answer the event as it is to be recorded, None to drop it.

        Args:
            event: within the bounds of `events.decode`.
            definitions: of the rules that the request has taken.
            writer: who sends it.
            path: of the event in the request, for errors.

        Raises:
            InputError: the writer may not send it, it does not keep to the schema, or its
                amounts are in a currency without a rate.
        """
        verdict = admit_event(event, definitions.events, self._policies, writer=writer, path=path)
        if verdict.unknown:
            self._count(verdict.unknown)
        if verdict.refusal is not None:
            raise verdict.refusal
        if verdict.event is None:
            return None
        converted = self._currencies.convert(verdict.event, path)
        return without_queries(converted, self._url_parameters)

    def attributes(
        self,
        values: Mapping[str, Value | None],
        definitions: Definitions,
        *,
        writer: Writer,
        path: str,
    ) -> dict[str, Value]:
        """Answer the attributes that are to be set; the arguments are those of `event`.

        Raises:
            InputError: the first one that the writer may not set, or that does not fit.
        """
        verdict = self.judge_attributes(values, definitions, writer=writer, path=path)
        if verdict.refusals:
            raise verdict.refusals[0]
        return verdict.values

    def judge_attributes(
        self,
        values: Mapping[str, Value | None],
        definitions: Definitions,
        *,
        writer: Writer,
        path: str,
    ) -> AttributesVerdict:
        """Answer which attributes are to be set, and what is wrong with each of the others."""
        verdict = admit_attributes(
            values, definitions.fields, self._policies.fields, writer=writer, path=path
        )
        self._count(verdict.unknown)
        return verdict

    def unknown_names(self) -> list[UnknownName]:
        """Answer the unknown names met by this process lately, the latest first."""
        return [
            UnknownName(kind, name, policy, times)
            for (kind, name, policy), times in reversed(self._met.items())
        ]

    def _count(self, unknown: Iterable[Unknown]) -> None:
        for each in unknown:
            self._counter.labels(each.kind, each.policy).inc()
            self._met[each] = self._met.pop(each, 0) + 1
            if len(self._met) > MAX_NAMES:
                self._met.popitem(last=False)
