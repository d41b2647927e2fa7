"""The made-up visitor of a trial: read, checked and turned into facts. Pure."""

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Final, NamedTuple, cast

import msgspec

from edgeseg.clock import UNITS_MS, epoch_ms
from edgeseg.errors import InputError
from edgeseg.events.admission import Policy, admit_attributes
from edgeseg.events.decode import IncomingEvent, IncomingValue, check_event, check_values
from edgeseg.events.event import ATTRIBUTES_SET, LISTS_ADDED, TAGS_ADDED, Event, Value, is_number
from edgeseg.events.schema import Field, Writer
from edgeseg.metric_plan import MetricPlan
from edgeseg.profiles.fold import fold
from edgeseg.profiles.profile import EMPTY_PROFILE, VISIT_TIMEOUT_MS, Profile, Visit
from edgeseg.segments.context_names import CONTEXT, context_type
from edgeseg.segments.evaluator import Evaluator
from edgeseg.segments.fact_sources import FactSources
from edgeseg.segments.facts import Facts, gather_facts
from edgeseg.spelling import suggest

_NOW_MS: Final = range(253_370_764_800_000)
"""Instants that ``now`` may be: from 1970 to the end of 9998."""


class TrialEvent(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An event of a trial.

    Attributes:
        timestamp: when it happened; taken as ``now`` if it is later than that.
        ago: the same as a duration before ``now``, such as ``3d``.
        message_id: by which repeats are dropped.
    """

    event: str
    properties: dict[str, object] | None = None
    timestamp: datetime | None = None
    ago: str | None = None
    message_id: str = msgspec.field(default="", name="messageId")


class TrialVisitor(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything of a trial but the condition: the visitor, the request, the instant.

    A member that is null counts as absent.

    Attributes:
        fields: attributes of the profile.
        context: values of the request, by name; ``custom.NAME`` also as ``{custom: {NAME: …}}``.
        events: what happened, in any order.
        consents: purpose → granted.
        visitor: id, for deterministic splits.
        now: the instant of the request, None for the clock's.
    """

    fields: dict[str, object] | None = None
    context: dict[str, object] | None = None
    events: list[TrialEvent] | None = None
    consents: dict[str, bool | None] | None = None
    tags: list[str] | None = None
    lists: list[str] | None = None
    visitor: str | None = None
    now: datetime | None = None


def instant_of(trial: TrialVisitor, *, now_ms: int, time_zone: tzinfo) -> int:
    """Answer the instant that a trial is judged at, in epoch milliseconds.

    Raises:
        InputError: ``now`` is before 1970 or after 9998.
    """
    if trial.now is None:
        return now_ms
    given_ms = epoch_ms(trial.now, time_zone)
    if given_ms not in _NOW_MS:
        raise InputError("an instant from 1970 to 9998 is needed", field="now")
    return given_ms


class Compiled(NamedTuple):
    """Conditions ready to be evaluated, and what they need to know."""

    evaluator: Evaluator
    sources: FactSources
    plan: MetricPlan


def trial_facts(
    trial: TrialVisitor,
    compiled: Compiled,
    schema: Mapping[str, Field] | None,
    *,
    now_ms: int,
    time_zone: tzinfo,
) -> Facts:
    """Answer the facts of a made-up visitor. The profile is known, whatever the consents.

    Args:
        trial: the visitor, the request and what happened.
        compiled: what is asked about.
        schema: the fields that values must fit, None for any.
        now_ms: the instant of the request.
        time_zone: of the site.

    Raises:
        InputError: the visitor is not acceptable; the error names the member.
    """
    attributes = read_values(trial.fields, "fields")
    if schema is not None:
        verdict = admit_attributes(
            attributes, schema, Policy.REFUSE, writer=Writer.SERVER, path="fields"
        )
        if verdict.refusals:
            raise verdict.refusals[0]
    context = _context(trial)
    sources = compiled.sources
    facts = gather_facts(
        sources,
        profile=_profile(trial, attributes, compiled.plan, now_ms, time_zone),
        context=context,
        consents={purpose: bool(given) for purpose, given in (trial.consents or {}).items()},
        now_ms=now_ms,
        time_zone=time_zone,
        bucket_id=trial.visitor or "",
    )
    for name, value in context.items():  # what the trial says wins over what its events tell
        if name in sources.context:
            facts.values[sources.context[name]] = value
    return facts


def _profile(
    trial: TrialVisitor,
    attributes: dict[str, Value],
    plan: MetricPlan,
    now_ms: int,
    time_zone: tzinfo,
) -> Profile:
    happened = []
    if attributes:
        happened.append(Event(ATTRIBUTES_SET, now_ms, attributes))
    if trial.tags:
        happened.append(Event(TAGS_ADDED, now_ms, {"tags": [*trial.tags]}))
    if trial.lists:
        happened.append(Event(LISTS_ADDED, now_ms, {"lists": [*trial.lists]}))
    happened += _events(trial, now_ms, time_zone)
    profile = fold(EMPTY_PROFILE, happened, plan)
    latest = profile.visit
    if latest is None or now_ms - latest.last_ms <= VISIT_TIMEOUT_MS:
        return profile
    # The request comes after the last visit ended, so it begins another, as a page view does.
    begun = Visit(number=latest.number + 1, started_ms=now_ms, last_ms=now_ms)
    return msgspec.structs.replace(profile, visit=begun)


def _events(trial: TrialVisitor, now_ms: int, time_zone: tzinfo) -> Iterator[Event]:
    """Iterate over the events, each as if it had been received when it happened."""
    for number, event in enumerate(trial.events or ()):
        field = f"events[{number}]"
        at_ms = now_ms
        if event.timestamp is not None:
            at_ms = min(now_ms, epoch_ms(event.timestamp, time_zone))
        elif event.ago is not None:
            at_ms -= _duration_ms(event.ago, f"{field}.ago")
        if at_ms <= 0:  # profiles tell instants since 1970, by 0 none
            raise InputError("an event happens after 1970 has begun", field=field)
        incoming = IncomingEvent(event=event.event, message_id=event.message_id)
        named = check_event(incoming, field=field, now_ms=at_ms, time_zone=time_zone)
        properties = read_values(event.properties, f"{field}.properties")
        yield Event(named.name, at_ms, properties, named.message_id)


def _context(trial: TrialVisitor) -> dict[str, Value]:
    flat: dict[str, object] = {}
    for name, value in (trial.context or {}).items():
        if isinstance(value, dict) and "." not in name:
            flat |= {f"{name}.{inner}": each for inner, each in value.items()}
        else:
            flat[name] = value
    for name in flat:
        if not context_type(name):
            hint = suggest(name, (*CONTEXT, "query.NAME", "custom.NAME"))
            raise InputError(f"unknown context `{name}`; {hint}", field=f"context.{name}")
    context = read_values(flat, "context")
    for name, given in context.items():
        type_ = context_type(name)
        fits = {"text": isinstance(given, str), "number": is_number(given)}
        if not fits.get(type_, True):
            raise InputError(f"a {type_} is needed", field=f"context.{name}")
    return context


def read_values(values: Mapping[str, object] | None, field: str) -> dict[str, Value]:
    """Answer the values without nulls, within the bounds of what clients may send."""
    for name, value in (values or {}).items():
        parts = value if isinstance(value, list) else [value] if value is not None else []
        if not all(isinstance(part, str | int | float) for part in parts):
            message = "a string, number, boolean, null or a list of the former is needed"
            raise InputError(message, field=f"{field}.{name}")
    return check_values(cast("dict[str, IncomingValue]", values or {}), field=field)


def _duration_ms(text: str, field: str) -> int:
    match = re.fullmatch(r"([0-9]{1,5})([smhdw])", text)
    if not match:
        message = "a whole number and s, m, h, d or w is needed, such as 3d"
        raise InputError(message, field=field)
    return int(match[1]) * UNITS_MS[match[2]]
