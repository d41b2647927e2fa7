"""Say in plain English what a condition asks."""

from calendar import day_name, month_name
from collections.abc import Iterator
from datetime import time, timedelta, tzinfo
from typing import Final

import msgspec

from edgeseg.clock import local_time
from edgeseg.segments.condition import (
    AffinityTest,
    All,
    Any,
    CapTest,
    Condition,
    ConsentTest,
    ContextTest,
    EventTest,
    FieldTest,
    ListTest,
    MetricTest,
    NoneOf,
    Not,
    SeasonTest,
    SegmentTest,
    SequenceTest,
    ShareTest,
    TagTest,
)
from edgeseg.segments.event_phrases import phrase_cap, phrase_event, phrase_sequence
from edgeseg.segments.fact_phrases import phrase_context, phrase_field, phrase_metric
from edgeseg.segments.rule import Definitions, Segment
from edgeseg.segments.schedule import Schedule
from edgeseg.segments.test_phrases import enumerate_parts

_ANYBODY: Final = "who are anybody"
_NOBODY: Final = "who are nobody"


def describe_segment(segment: Segment, definitions: Definitions) -> str:
    """Answer one sentence about who is in the segment."""
    clause = describe(segment.condition, definitions)
    return {_ANYBODY: "All visitors.", _NOBODY: "No visitors."}.get(clause, f"Visitors {clause}.")


def describe(condition: Condition, definitions: Definitions, *, negated: bool = False) -> str:  # noqa: C901, PLR0911, PLR0912 - one a kind
    """Answer a clause that follows "visitors", such as "who have agreed to marketing"."""
    match condition:
        case All(parts):
            return _group(parts, definitions, is_or=negated, negated=negated)
        case Any(parts):
            return _group(parts, definitions, is_or=not negated, negated=negated)
        case NoneOf(parts):
            return _group(parts, definitions, is_or=negated, negated=not negated)
        case Not(inner):
            return describe(inner, definitions, negated=not negated)
        case ConsentTest(purpose):
            return f"who have {'not ' if negated else ''}agreed to {purpose}"
        case TagTest(tag):
            return f"who {'do not have' if negated else 'have'} the tag {tag}"
        case SequenceTest():
            return phrase_sequence(condition, negated=negated)
        case AffinityTest(to, value, rank):
            have = "do not have" if negated else "have"
            among = "as their strongest interest" if rank == 1 else f"among their {rank} strongest"
            return f"who {have} {value} {among}{'' if rank == 1 else ' interests'} in {to}"
        case SeasonTest(schedule):
            season = _season(schedule, definitions.time_zone)
            return f"who come {'outside' if negated else 'in'} {season}"
        case CapTest():
            return phrase_cap(condition, negated=negated)
        case ListTest(name):
            return f"who are {'not ' if negated else ''}on the list {name}"
        case ShareTest():
            return _share(condition, negated=negated)
        case SegmentTest(id_):
            segment = definitions.segments.get(id_)
            return f"who are {'not ' if negated else ''}in {segment.name if segment else id_}"
        case EventTest():
            return phrase_event((condition,), negated=negated)
        case FieldTest(name, tests):
            return phrase_field(definitions.fields[name], tests, negated=negated)
        case MetricTest(name, tests):
            return phrase_metric(definitions.metrics[name], tests, negated=negated)
        case ContextTest(name, tests):
            return phrase_context(name, tests, negated=negated)


def _share(condition: ShareTest, *, negated: bool) -> str:
    size = f"{condition.percent - condition.above:.4g} %"
    if condition.version:
        return (
            f"who are {'not ' if negated else ''}among the {size} with version {condition.version}"
        )
    return f"who are {'not ' if negated else ''}in the {condition.salt} share of {size}"


def _group(
    parts: tuple[Condition, ...], definitions: Definitions, *, is_or: bool, negated: bool
) -> str:
    """Join the parts; a group of the other kind within them says where it begins."""
    if not parts:
        return _NOBODY if is_or else _ANYBODY
    merged = _merged_events(parts) if is_or != negated else None
    if merged:
        return phrase_event(merged, negated=negated)
    flat = list(_flattened(parts, is_or=is_or, negated=negated))
    clauses = []
    for part, is_negated in flat:
        clause = describe(part, definitions, negated=is_negated)
        is_other = _is_or(part, negated=is_negated) is (not is_or)
        if is_other and len(flat) > 1 and not _is_one_clause(part):
            clause = f"({clause})" if is_or else f"either {clause}"
        clauses.append(clause)
    return enumerate_parts(clauses, "or" if is_or else "and")


def _flattened(
    parts: tuple[Condition, ...], *, is_or: bool, negated: bool
) -> Iterator[tuple[Condition, bool]]:
    """Iterate over the parts, and in the place of groups that are joined alike over theirs."""
    for part in parts:
        is_alike = _is_or(part, negated=negated) is is_or
        match part:
            case Not(inner):
                yield from _flattened((inner,), is_or=is_or, negated=not negated)
            case All(inner) | Any(inner) if is_alike and inner and not _merged_events(inner):
                yield from _flattened(inner, is_or=is_or, negated=negated)
            case NoneOf(inner) if is_alike and inner and not _merged_events(inner):
                yield from _flattened(inner, is_or=is_or, negated=not negated)
            case _:
                yield part, negated


def _is_or(condition: Condition, *, negated: bool) -> bool | None:
    """Tell how the parts of a group are joined in its clause, None for what is no group."""
    match condition:
        case Not(inner):
            return _is_or(inner, negated=not negated)
        case All((one,)) | Any((one,)):
            return _is_or(one, negated=negated)
        case NoneOf((one,)):
            return _is_or(one, negated=not negated)
        case All() | NoneOf():
            return negated
        case Any():
            return not negated
        case _:
            return None


def _is_one_clause(group: Condition) -> bool:
    """Tell whether a group is told without joining clauses."""
    match group:
        case Not(inner):
            return _is_one_clause(inner)
        case All(parts) | Any(parts) | NoneOf(parts):
            return len(parts) < 2 or _merged_events(parts) is not None  # noqa: PLR2004
        case _:
            return True


def _merged_events(parts: tuple[Condition, ...]) -> tuple[EventTest, ...] | None:
    """Answer the parts if they are one kind of event that differs in its object only."""
    events = tuple(part for part in parts if isinstance(part, EventTest))
    alike = {msgspec.structs.replace(each, where=()) for each in events}
    if len(events) < len(parts) or len(parts) == 1 or len(alike) > 1:
        return None
    is_counted = any((events[0].count, events[0].sum, events[0].first, events[0].last))
    return None if is_counted or not all(each.where for each in events) else events


def _season(schedule: Schedule, site_zone: tzinfo) -> str:
    """Name the bounds and the recurring periods of a schedule, and whose clocks it goes by."""
    parts = []
    for word, at_ms in (("from", schedule.from_ms), ("until", schedule.until_ms)):
        if at_ms is not None:
            parts.append(f"{word} {_bound(at_ms, schedule.time_zone, is_end=word == 'until')}")
    if schedule.months:
        names = [month_name[month] for month in sorted(schedule.months)]
        parts.append(f"in {enumerate_parts(names, 'or')}")
    if schedule.weekdays:
        names = [day_name[day] for day in sorted(schedule.weekdays)]
        parts.append(f"on {enumerate_parts(names, 'or')}")
    if schedule.start != schedule.end:
        parts.append(f"between {schedule.start:%H:%M} and {schedule.end:%H:%M}")
    if str(schedule.time_zone) != str(site_zone):
        parts.append(f"by the clocks of {schedule.time_zone}")
    return f"the season {' '.join(parts)}".strip()


def _bound(at_ms: int, zone: tzinfo, *, is_end: bool) -> str:
    """Answer an instant, or a day as a whole where it begins or ends with one."""
    local = local_time(at_ms, zone)
    if local.time() != time(0):
        return f"{local:%Y-%m-%d %H:%M}"
    return f"{local - timedelta(days=is_end):%Y-%m-%d}"
