"""What is remembered of a visitor's attributes, tags and lists, and for how long."""

import gc
import sys
import weakref
from datetime import UTC
from zoneinfo import ZoneInfo

import msgspec

from edgeseg.events.event import ATTRIBUTES_SET, Event, Value
from edgeseg.metric_plan import EMPTY_PLAN, Metric
from edgeseg.profiles.fold import fold
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.segments.fact_sources import FactSources
from edgeseg.segments.formula import AGE, Literal, all_of
from edgeseg.segments.index import Index, Recall
from edgeseg.segments.traits import is_trait, traits_of

NOW_MS = 1_800_000_000_000
VIEW = Event("page_viewed", NOW_MS, {})


def visitor(**attributes: Value) -> Profile:
    """Answer a profile with these attributes."""
    return fold(EMPTY_PROFILE, [Event(ATTRIBUTES_SET, NOW_MS, {**attributes})], EMPTY_PLAN)


def test_traits_are_read_once_for_many_page_views() -> None:
    """The very same are found again after a page view, others after a change of an attribute."""
    sources = FactSources(fields={"plan": "field.plan"})
    known = visitor(plan="pro")
    traits = traits_of(known, sources, UTC)
    viewed = fold(known, [VIEW], EMPTY_PLAN)
    assert traits_of(viewed, sources, UTC) is traits
    changed = fold(viewed, [Event(ATTRIBUTES_SET, NOW_MS + 1, {"plan": "free"})], EMPTY_PLAN)
    assert traits_of(changed, sources, UTC).values["field.plan"] == "free"


def test_traits_are_those_of_one_version_of_the_rules_and_one_time_zone() -> None:
    """Other sources, or another zone, read the profile anew."""
    known = visitor(plan="pro", born="2000-01-01")
    born = FactSources(dates={"born": "field.born"})
    here = traits_of(known, born, UTC).values["field.born"]
    assert traits_of(known, FactSources(fields={"plan": "field.plan"}), UTC).values == {
        "field.plan": "pro",
        "tag": (),
        "list": (),
    }
    assert traits_of(known, born, ZoneInfo("Asia/Tokyo")).values["field.born"] != here


def test_a_value_from_before_its_field_became_a_date_tells_no_instant() -> None:
    """Rules change, and what is stored stays: its visitors are answered all the same."""
    born = FactSources(dates={"born": "field.born"})
    for value in ("gold", "", "2000-13-01", "9999999999", 7, True, ["2000-01-01"]):
        assert traits_of(visitor(born=value), born, UTC).values["field.born"] is None


def test_facts_of_metrics_are_read_again_once_one_is_fed() -> None:
    """What a page view does not feed stays as it was read; an event that does is seen at once."""
    sources = FactSources(counts={"count.1": 1})
    plan = msgspec.structs.replace(
        EMPTY_PLAN,
        metrics=(Metric(key=1, event="signed_in"),),
        feeds=lambda name, _properties: [0] if name == "signed_in" else [],
    )
    profile = fold(visitor(plan="pro"), [VIEW], plan)
    for count in range(3):
        facts = traits_of(profile, sources, UTC).values_with(sources, profile.metrics)
        assert facts["count.1"] == count
        profile = fold(profile, [VIEW, Event("signed_in", NOW_MS + count, {})], plan)


def test_what_is_remembered_holds_no_rules_and_is_not_stored() -> None:
    """A visitor who does not come again keeps no rules of yesterday; the store sees nothing."""
    sources = FactSources(fields={"plan": "field.plan"})
    known = visitor(plan="pro")
    before = msgspec.msgpack.encode(known)
    traits_of(known, sources, UTC)
    gone = weakref.ref(sources)
    del sources
    gc.collect()
    assert gone() is None
    assert msgspec.msgpack.encode(known) == before


def test_the_memory_of_a_recall_is_told_before() -> None:
    """What an index remembers of a visitor takes about as much as it says."""
    rules = [
        (n, all_of((Literal("field.a", "gte", n), Literal("b", "lt", n), Literal("c", AGE, n))))
        for n in range(4_000)
    ]
    index = Index(rules, is_trait=is_trait)
    index.prepare()
    recall = Recall[int]()
    index.evaluate({"field.a": 7, "b": 3, "c": 9}, recall=recall)
    taken = sum(map(sys.getsizeof, (recall.traits, recall.raised, recall.aged[0])))
    assert 0.5 < index.recall_bytes / taken < 2
