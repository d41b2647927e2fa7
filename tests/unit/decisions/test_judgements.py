"""What was judged a moment ago: used as long as it is right, gone with its profile."""

import gc
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from edgeseg.decisions import judgements as module
from edgeseg.decisions.choose import Chance, Reason
from edgeseg.decisions.judgements import (
    MAX_CONTEXT,
    MAX_DECIDED,
    SLOT_WEIGHT,
    Asked,
    Judgement,
    Judgements,
)
from edgeseg.decisions.slot_content import SlotContent
from edgeseg.events.event import Value
from edgeseg.profiles.profile import EMPTY_PROFILE, Profile
from edgeseg.segments.facts import Facts

NOW_MS = 1_800_000_000_000
UNTIL_MS = NOW_MS + 1_000


def _profile() -> Profile:
    return replace(EMPTY_PROFILE, tags=("vip",))


def _asked(profile: Profile, visitor_id: str = "v", path: str = "/") -> Asked:
    context = {"url": f"https://shop.example{path}", "path": path}
    return Asked(visitor_id, profile, context, {"marketing": True})


def _judgement(profile: Profile, until_ms: int | None = UNTIL_MS) -> Judgement:
    facts = Facts({"tag": profile.tags}, None, until_ms, {}, profile)
    return Judgement(facts, Chance("v"), ["vips"], [], [], until_ms)


def _content(html: str) -> SlotContent:
    return SlotContent(campaign="", variant="", kind="html", html=html, reason=Reason.DEFAULT)


@pytest.fixture
def judgements() -> Judgements:
    """An empty memory."""
    return Judgements()


def test_the_same_is_answered_from_memory(judgements: Judgements) -> None:
    """With its facts, but without the profile, which it must not keep alive."""
    profile = _profile()
    made = _judgement(profile)
    kept = judgements.keep(_asked(profile), NOW_MS, made)
    assert kept == replace(made, facts=replace(made.facts, profile=None), decided={})
    assert judgements.find(_asked(profile), NOW_MS) is kept
    assert judgements.find(_asked(profile), UNTIL_MS - 1) is kept


def test_anything_else_is_not(judgements: Judgements) -> None:
    """Another visitor, profile, page, context, consent or time asks anew."""
    profile = _profile()
    asked = _asked(profile)
    judgements.keep(asked, NOW_MS, _judgement(profile))
    others = (
        replace(asked, visitor_id="w"),
        replace(asked, profile=_profile()),
        _asked(profile, path="/shop"),
        replace(asked, context={**asked.context, "device": "mobile"}),
        replace(asked, consents={}),
    )
    for other in others:
        assert judgements.find(other, NOW_MS) is None
    assert judgements.find(asked, UNTIL_MS) is None
    assert judgements.find(asked, NOW_MS - 1) is None


@pytest.mark.parametrize(
    ("said", "other"), [(True, 1), (1, 1.0), (0, False), (0.0, -0.0), ([1], [True])]
)
def test_equal_values_that_rules_tell_apart_are_not_the_same(
    judgements: Judgements, said: Value, other: Value
) -> None:
    """To Python 1 is True; to a condition, and in a template, it is not."""
    asked = _asked(_profile())
    asked = replace(asked, context={**asked.context, "custom.vip": said})
    judgements.keep(asked, NOW_MS, _judgement(asked.profile))
    assert judgements.find(replace(asked, context={**asked.context}), NOW_MS) is not None
    context = {**asked.context, "custom.vip": other}
    assert judgements.find(replace(asked, context=context), NOW_MS) is None


def test_nothing_is_kept_of_a_large_context(judgements: Judgements) -> None:
    """Whoever sends much of it cannot fill the memory."""
    asked = _asked(_profile())
    asked = replace(asked, context={**asked.context, "custom.note": "x" * MAX_CONTEXT})
    judgement = _judgement(asked.profile)
    assert judgements.keep(asked, NOW_MS, judgement) is judgement
    assert len(judgements) == 0


def test_what_time_does_not_change_holds_on(judgements: Judgements) -> None:
    """Without an instant of change it holds as long as the profile is there."""
    profile = _profile()
    judgements.keep(_asked(profile), NOW_MS, _judgement(profile, None))
    assert judgements.find(_asked(profile), NOW_MS + 10**12) is not None


def test_nothing_is_left_of_a_profile_that_is_gone(judgements: Judgements) -> None:
    """Its judgement goes with it, but not a later one of the same visitor."""
    old, new = _profile(), _profile()
    judgements.keep(_asked(old, "gone"), NOW_MS, _judgement(old))
    judgements.keep(_asked(old), NOW_MS, _judgement(old))
    judgements.keep(_asked(new), NOW_MS, _judgement(new))
    del old
    gc.collect()
    assert len(judgements) == 1
    assert judgements.find(_asked(new), NOW_MS) is not None


def test_the_memory_is_bounded(judgements: Judgements, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever was not asked about for longest goes."""
    monkeypatch.setattr(module, "MAX_KEPT", 2)
    profile = _profile()
    for visitor in ("a", "b"):
        judgements.keep(_asked(profile, visitor), NOW_MS, _judgement(profile))
    judgements.find(_asked(profile, "a"), NOW_MS)
    judgements.keep(_asked(profile, "c"), NOW_MS, _judgement(profile))
    found = [v for v in "abc" if judgements.find(_asked(profile, v), NOW_MS)]
    assert found == ["a", "c"]


def test_what_was_decided_is_kept_as_far_as_there_is_room(judgements: Judgements) -> None:
    """Long texts are not, nor is anything with a judgement that is not kept itself."""
    profile = _profile()
    made = _judgement(profile)
    made.note("hero", _content("hero"))
    assert made.decided is None
    kept = judgements.keep(_asked(profile), NOW_MS, made)
    half = "x" * (MAX_DECIDED // 2 - SLOT_WEIGHT)
    for slot in ("hero", "strip", "more"):
        kept.note(slot, _content(half))
    assert kept.decided is not None
    assert [*kept.decided] == ["hero", "strip"]


def test_all_can_go_while_some_go_by_themselves() -> None:
    """Rules that were replaced are taken apart beside requests, whose profiles end meanwhile."""
    interval_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(1) as thread:
            for _ in range(10):
                judgements, profiles = Judgements(), [_profile() for _ in range(400)]
                for number, profile in enumerate(profiles):
                    judgements.keep(_asked(profile, str(number)), NOW_MS, _judgement(profile))
                del profile
                cleared = thread.submit(judgements.clear)
                while profiles:
                    profiles.pop()
                cleared.result()
                assert len(judgements) == 0
    finally:
        sys.setswitchinterval(interval_s)
