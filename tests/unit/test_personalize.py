"""The spine, step by step, over the memory store; and what is left when the store fails."""

import gc
import weakref
from collections.abc import Sequence
from datetime import UTC
from typing import Any
from unittest.mock import Mock, patch

import msgspec
import pytest

from edgeseg.clock import DAY_MS
from edgeseg.decisions.choose import Reason
from edgeseg.decisions.content import Contents
from edgeseg.decisions.recommend import Uncounted
from edgeseg.decisions.snapshot import Snapshot, build_snapshot, take_apart
from edgeseg.errors import ProfileCorrupt, StoreError, StoreTimeout, StoreUnavailable
from edgeseg.events.enrich import page_context, page_viewed
from edgeseg.events.event import CONSENT_CHANGED, Event
from edgeseg.personalize import Decision, PageView, personalize
from edgeseg.profiles.memory_store import MemoryStore
from edgeseg.profiles.profile import Profile
from edgeseg.segments.evaluator import Evaluator
from edgeseg.slot_filling import fill_slot
from edgeseg.telemetry import Telemetry

NOW_MS = 1_800_000_000_000
SHOP = "https://shop.example/shop"
RULES = """
segments:
  - {id: everyone, name: Everyone, when: {all: []}}
  - {id: shoppers, name: Shoppers, when: {context: path, starts_with: /shop}}
  - id: readers
    name: Readers
    priority: 10
    when: {all: [{consent: marketing}, {event: page_viewed, within: 30d}]}
  - {id: never-bought, name: Never bought, when: {not: {event: order_completed}}}
slots:
  - {id: hero, name: Hero, kind: html, fallback: hero.html}
  - {id: strip, name: Strip, kind: html, fallback: broken.html}
  - {id: empty, name: Empty, kind: html}
campaigns:
  - id: greet
    slot: hero
    audience: {segment: readers}
    priority: 10
    variants: [{id: only, weight: 1, template: greet.html, with: {bonus: "<5>"}}]
  - id: fail
    slot: empty
    audience: {segment: readers}
    variants: [{id: only, weight: 1, template: broken.html}]
  - id: split
    slot: strip
    audience: {segment: shoppers}
    variants:
      - {id: control, weight: 1, template: hero.html}
      - {id: other, weight: 1, template: hero.html}
"""
TEMPLATES = {
    "hero.html": "<p>Hero</p>",
    "greet.html": "<p>{{ bonus }} on {{ context.path }} in {{ slot }} by {{ campaign }}</p>",
    "broken.html": "{{ context.no_such.thing }}",
}


class FailingStore(MemoryStore):
    """A store that does not do its work."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def record(self, *_args: object, **_parts: object) -> Profile:  # type: ignore[override]
        """Fail."""
        raise self._error

    async def read(self, *_args: object, **_parts: object) -> Profile | None:  # type: ignore[override]
        """Fail."""
        raise self._error


class CopyingStore(MemoryStore):
    """A store that answers the same copy until something is recorded."""

    def __init__(self) -> None:
        super().__init__()
        self._copies: dict[str, Profile | None] = {}

    async def record(self, visitor_id: str, *args: Any, **parts: Any) -> Profile:
        """Record, and drop the copy."""
        self._copies.pop(visitor_id, None)
        return await super().record(visitor_id, *args, **parts)

    async def read(self, visitor_id: str, **parts: Any) -> Profile | None:
        """Answer the copy."""
        if visitor_id not in self._copies:
            self._copies[visitor_id] = await super().read(visitor_id, **parts)
        return self._copies[visitor_id]


@pytest.fixture(scope="module")
def rules() -> Snapshot:
    """The compiled rules of this module."""
    return build_snapshot({"rules.yaml": RULES}, TEMPLATES)


@pytest.fixture
def telemetry() -> Telemetry:
    """Counters that nobody else counts with."""
    return Telemetry()


def _view(rules: Snapshot, visitor_id: str = "v", *, reads: bool = False, **parts: Any) -> PageView:
    context = page_context(parts.pop("url", SHOP))
    consents = parts.pop("consents", {"marketing": True} if visitor_id else {})
    events = [Event(CONSENT_CHANGED, NOW_MS, dict(consents)), page_viewed(context, NOW_MS)]
    return PageView(
        visitor_id=visitor_id,
        context=context,
        consents=consents,
        slots=[rules.slots[slot] for slot in parts.pop("slots", ())],
        events=() if reads or not visitor_id else events,
    )


async def _decide(
    view: PageView,
    rules: Snapshot,
    telemetry: Telemetry,
    store: MemoryStore | None = None,
    **parts: Any,
) -> Decision:
    return await personalize(
        view,
        rules=rules,
        store=store or MemoryStore(),
        telemetry=telemetry,
        now_ms=NOW_MS,
        time_zone=UTC,
        **parts,
    )


def _count(telemetry: Telemetry, name: str) -> float:
    lines = telemetry.exposition().decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


async def test_the_page_view_counts_for_its_own_answer(
    rules: Snapshot, telemetry: Telemetry
) -> None:
    """What happens is recorded first, so that the very answer knows of it."""
    store = MemoryStore()
    decision = await _decide(_view(rules), rules, telemetry, store)
    assert decision.segments == ["readers", "everyone", "never-bought", "shoppers"]
    assert decision.degraded is False
    profile = await store.read("v", plan=rules.plan)
    assert profile is not None
    assert profile.totals["page_viewed"].count == 1


async def test_segments_come_by_priority_then_id(rules: Snapshot, telemetry: Telemetry) -> None:
    """The order is the rules', and audiences of campaigns are not among them."""
    segments = (await _decide(_view(rules), rules, telemetry)).segments
    assert segments[0] == "readers"
    assert segments[1:] == sorted(segments[1:])


async def test_slots_are_filled_by_the_campaign_that_applies(
    rules: Snapshot, telemetry: Telemetry
) -> None:
    """A held audience fills the slot, with the campaign's own values, escaped."""
    decision = await _decide(_view(rules, slots=["hero"]), rules, telemetry)
    content = decision.slots["hero"]
    assert (content.campaign, content.variant) == ("greet", "only")
    assert content.reason is Reason.TARGETING_MATCH
    assert content.html == "<p>&lt;5&gt; on /shop in hero by greet</p>"


async def test_slots_without_a_campaign_show_their_fallback(
    rules: Snapshot, telemetry: Telemetry
) -> None:
    """Nobody's campaign is the default, in the order in which slots were asked for."""
    view = _view(rules, "", url="https://shop.example/", slots=["empty", "hero"])
    decision = await _decide(view, rules, telemetry)
    assert list(decision.slots) == ["empty", "hero"]
    assert decision.slots["empty"].html == ""
    assert decision.slots["hero"].html == "<p>Hero</p>"
    assert {content.reason for content in decision.slots.values()} == {Reason.DEFAULT}


async def test_a_visitor_without_id_gets_the_control_variant(
    rules: Snapshot, telemetry: Telemetry
) -> None:
    """There is nothing to split by, so the first variant it is."""
    decision = await _decide(_view(rules, "", slots=["strip"]), rules, telemetry)
    content = decision.slots["strip"]
    assert (content.variant, content.reason) == ("control", Reason.DEFAULT)


async def test_a_merge_changes_no_variant(rules: Snapshot, telemetry: Telemetry) -> None:
    """The older visitor's share stays, by whichever id the visitor comes, and whichever stays."""
    store = MemoryStore()
    seen = set()
    for number in range(12):
        older, younger = (f"{each}{number}" for each in ("ab" if number % 2 else "ba"))
        old_view = [page_viewed(page_context(SHOP), NOW_MS - DAY_MS)]
        await store.record(older, old_view, plan=rules.plan, now_ms=NOW_MS)
        view = _view(rules, older, slots=["strip"])
        before = (await _decide(view, rules, telemetry, store)).slots["strip"]
        await _decide(_view(rules, younger), rules, telemetry, store)
        stays = await store.merge(younger, older, plan=rules.plan, now_ms=NOW_MS)
        for visitor_id in (older, younger):
            view = _view(rules, visitor_id, slots=["strip"])
            after = await _decide(view, rules, telemetry, store)
            assert (after.slots["strip"].variant, after.visitor_id) == (before.variant, stays)
            assert after.chance.bucket_id == older
        seen.add(before.variant)
    assert seen == {"control", "other"}


async def test_a_sticky_variant_is_kept_by_who_has_seen_it(telemetry: Telemetry) -> None:
    """Although it is dealt to nobody any more; who has no profile gets what is."""
    text = RULES.replace("slot: strip\n", "slot: strip\n    experiment: {sticky: true}\n")
    text = text.replace("{id: other, weight: 1,", "{id: other, weight: 0,")
    rules = build_snapshot({"rules.yaml": text}, TEMPLATES)
    store = MemoryStore()
    shown = Event("campaign_shown", NOW_MS, {"campaign": "split", "variant": "other"})
    await store.record("v", [shown], plan=rules.plan, now_ms=NOW_MS)
    for visitor_id, variant in (("v", "other"), ("w", "control"), ("", "control")):
        view = _view(rules, visitor_id, slots=["strip"])
        decision = await _decide(view, rules, telemetry, store)
        assert decision.slots["strip"].variant == variant


async def test_a_preview_shows_the_variant_of_its_own_campaign(telemetry: Telemetry) -> None:
    """Others of the slot may call theirs the same; what is gone by now leaves the slot as it is."""
    text = RULES.replace("slot: empty", "slot: hero").replace("template: broken", "template: hero")
    rules = build_snapshot({"rules.yaml": text}, TEMPLATES)
    for asked, expected in (
        (("fail", "only"), ("fail", True)),
        (("greet", "only"), ("greet", True)),
        (("fail", "gone"), ("greet", False)),
        (("gone", "only"), ("greet", False)),
    ):
        view = msgspec.structs.replace(_view(rules, slots=["hero"]), previews={"hero": asked})
        content = (await _decide(view, rules, telemetry)).slots["hero"]
        assert (content.campaign, content.preview) == expected


async def test_reading_records_nothing(rules: Snapshot, telemetry: Telemetry) -> None:
    """Without events the profile is looked at and left as it is; a new one is not made."""
    store = MemoryStore()
    decision = await _decide(_view(rules, reads=True), rules, telemetry, store)
    assert "readers" not in decision.segments
    assert "never-bought" in decision.segments  # known to be new, not unknown
    assert await store.read("v", plan=rules.plan) is None


async def test_what_is_kept_holds_no_rules_that_are_no_longer_in_force(
    telemetry: Telemetry,
) -> None:
    """Neither judgements nor contents lead back to the rules, which no collector looks at."""
    text = RULES.replace("slot: strip\n", "slot: strip\n    experiment: {sticky: true}\n")
    rules = build_snapshot({"rules.yaml": text}, TEMPLATES)
    store = CopyingStore()
    await _decide(_view(rules), rules, telemetry, store)
    decision = await _decide(
        _view(rules, reads=True, slots=["hero", "strip"]), rules, telemetry, store
    )
    assert rules.shown
    assert len(rules.judgements) == 1
    parts = [weakref.ref(part) for part in (rules.judgements, rules.contest, rules.contents)]
    gc.collect()
    gc.disable()
    try:
        take_apart(rules)
        del rules, decision
        assert not any(part() for part in parts)
    finally:
        gc.enable()


async def test_nothing_is_kept_of_whoever_is_not_stored(telemetry: Telemetry) -> None:
    """Neither what was asked, nor what it was answered, as after an erasure."""
    rules = build_snapshot({"rules.yaml": RULES}, TEMPLATES)
    await _decide(_view(rules, reads=True, slots=["hero"]), rules, telemetry)
    assert len(rules.judgements) == 0


async def test_the_slots_of_a_page_are_judged_once(telemetry: Telemetry) -> None:
    """Until the visitor does something, or looks at another page."""
    rules = build_snapshot({"rules.yaml": RULES}, TEMPLATES)
    store = CopyingStore()
    evaluated = Mock(wraps=rules.evaluator.evaluate)
    with patch.object(Evaluator, "evaluate", evaluated):
        await _decide(_view(rules), rules, telemetry, store)
        for slot in ("hero", "strip", "hero"):
            view = _view(rules, reads=True, slots=[slot])
            decision = await _decide(view, rules, telemetry, store)
            assert "readers" in decision.segments
        assert evaluated.call_count == 2
        await _decide(_view(rules, reads=True, url=f"{SHOP}/x"), rules, telemetry, store)
        assert evaluated.call_count == 3
        await _decide(_view(rules), rules, telemetry, store)
        await _decide(_view(rules, reads=True), rules, telemetry, store)
        assert evaluated.call_count == 5


async def test_a_slot_shows_the_same_again_without_rendering(telemetry: Telemetry) -> None:
    """Until the visitor does something; not where a template failed, nor in a preview."""
    rules = build_snapshot({"rules.yaml": RULES}, TEMPLATES)
    store = CopyingStore()
    rendered = Mock(wraps=rules.contents.of_variant)
    with patch.object(Contents, "of_variant", rendered):
        await _decide(_view(rules), rules, telemetry, store)
        first = await _decide(_view(rules, reads=True, slots=["hero"]), rules, telemetry, store)
        again = await _decide(
            _view(rules, reads=True, slots=["hero", "strip"]), rules, telemetry, store
        )
        assert again.slots["hero"] == first.slots["hero"]
        calls = rendered.call_count
        both = await _decide(
            _view(rules, reads=True, slots=["strip", "hero"]), rules, telemetry, store
        )
        assert list(both.slots) == ["strip", "hero"]
        assert (both.slots, both.segments) == (again.slots, again.segments)
        assert rendered.call_count == calls
        for _ in range(2):
            await _decide(_view(rules, reads=True, slots=["empty"]), rules, telemetry, store)
        assert rendered.call_count == calls + 2
        view = _view(rules, reads=True, slots=["hero"])
        view = msgspec.structs.replace(view, previews={"hero": ("greet", "only")})
        preview = await _decide(view, rules, telemetry, store)
        assert preview.slots["hero"].preview
        assert rendered.call_count == calls + 3
        await _decide(_view(rules), rules, telemetry, store)
        await _decide(_view(rules, reads=True, slots=["hero"]), rules, telemetry, store)
        assert rendered.call_count == calls + 4
    assert _count(telemetry, 'edgeseg_render_errors_total{template="broken.html"}') == 2


async def test_a_slot_that_recommends_is_filled_anew(telemetry: Telemetry) -> None:
    """What is popular may have changed since, although the visitor has not."""
    popular = "{id: shelf, kind: json, recommend: {strategy: popular}}"
    rules = build_snapshot({"r.yaml": f"slots: [{popular}, {{id: plain, kind: json}}]"}, {})
    store = CopyingStore()
    filled = Mock(wraps=fill_slot)
    with patch("edgeseg.personalize.fill_slot", filled):
        for slot, times in (("plain", 1), ("shelf", 2)):
            await _decide(_view(rules, slots=[slot]), rules, telemetry, store)
            filled.reset_mock()
            for _ in range(2):
                view = _view(rules, reads=True, slots=[slot])
                await _decide(view, rules, telemetry, store)
            assert filled.call_count == times


async def test_products_count_where_what_happened_is_stored(telemetry: Telemetry) -> None:
    """In the segments of that answer; not of robots, nor of who reads or is not stored."""
    shelf = "{id: shelf, kind: json, recommend: {strategy: popular_in_segment, segment: readers}}"
    text = RULES.replace("slots:\n", f"slots:\n  - {shelf}\n")
    rules = build_snapshot({"rules.yaml": text}, TEMPLATES)
    noted: list[Sequence[str]] = []
    assortment = Mock(wraps=Uncounted(), note=lambda *given: noted.append(given[2]))
    robot = msgspec.structs.replace(_view(rules), context=page_context(SHOP) | {"device": "bot"})
    failing = FailingStore(StoreUnavailable("gone"))
    for view, store in (
        (_view(rules), None),
        (_view(rules, consents={"statistics": True}), None),
        (robot, None),
        (_view(rules, reads=True), None),
        (_view(rules, ""), None),
        (_view(rules), failing),
    ):
        await _decide(view, rules, telemetry, store, assortment=assortment)
    assert noted == [["readers"], []]


async def test_the_log_says_once_a_minute_where_a_template_fails(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """File, line and kind of error, also of what is included; no value of a visitor."""
    templates = {
        **TEMPLATES,
        "broken.html": "<p>\n{% include 'inner.html' %}\n</p>",
        "inner.html": "<b>\n\n{{ '%d' % context.path }}</b>",
    }
    rules = build_snapshot({"rules.yaml": RULES}, templates)
    now_s = 0.0
    telemetry = Telemetry(clock=lambda: now_s)
    for instant_s in (0.0, 59.0, 60.0):
        now_s = instant_s
        decision = await _decide(_view(rules, slots=["empty", "hero"]), rules, telemetry)
        assert decision.slots["empty"].reason is Reason.ERROR
    assert caplog.messages == ["template broken.html failed at inner.html:3: TypeError"] * 2
    assert _count(telemetry, 'edgeseg_render_errors_total{template="broken.html"}') == 3


async def test_a_fallback_that_fails_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    """The slot is empty then."""
    rules = build_snapshot({"rules.yaml": RULES}, TEMPLATES)
    telemetry = Telemetry(clock=lambda: 0.0)
    decision = await _decide(
        _view(rules, url="https://shop.example/", slots=["strip"]), rules, telemetry
    )
    assert decision.slots["strip"].html == ""
    assert caplog.messages == ["template broken.html failed at broken.html:1: UndefinedError"]


async def test_without_an_id_the_profile_is_unknown_not_empty(
    rules: Snapshot, telemetry: Telemetry
) -> None:
    """What only a profile could tell is not held, be the condition negated or not."""
    store = FailingStore(StoreUnavailable("asked without an id"))
    decision = await _decide(_view(rules, ""), rules, telemetry, store)
    assert decision.segments == ["everyone", "shoppers"]
    assert decision.degraded is False


@pytest.mark.parametrize(
    "error", [StoreUnavailable("gone"), StoreTimeout("slow"), ProfileCorrupt("junk")]
)
@pytest.mark.parametrize("reads", [True, False])
async def test_a_failing_store_leaves_what_the_request_tells(
    rules: Snapshot, telemetry: Telemetry, error: StoreError, *, reads: bool
) -> None:
    """The answer is whole and says that it is degraded."""
    view = _view(rules, reads=reads, slots=["hero", "strip"])
    decision = await _decide(view, rules, telemetry, FailingStore(error))
    assert decision.degraded is True
    assert decision.segments == ["everyone", "shoppers"]
    assert decision.slots["hero"].html == "<p>Hero</p>"
    assert decision.slots["strip"].campaign == "split"


async def test_a_variant_stays_while_the_store_is_away(
    rules: Snapshot, telemetry: Telemetry
) -> None:
    """The id of the cookie deals it, as before; nobody sees a page change and change back."""
    failing, seen = FailingStore(StoreUnavailable("gone")), set()
    for visitor_id in map(str, range(8)):
        view = _view(rules, visitor_id, slots=["strip"])
        before, after = [
            (await _decide(view, rules, telemetry, store)).slots["strip"]
            for store in (MemoryStore(), failing)
        ]
        assert (after.variant, after.reason) == (before.variant, Reason.SPLIT)
        seen.add(after.variant)
    assert seen == {"control", "other"}


async def test_other_errors_are_not_taken_for_the_stores(
    rules: Snapshot, telemetry: Telemetry
) -> None:
    """A fault of ours is not hidden behind a degraded answer."""
    store = FailingStore(ZeroDivisionError("ours"))
    with pytest.raises(ZeroDivisionError):
        await _decide(_view(rules), rules, telemetry, store)


async def test_a_failing_template_shows_the_fallback_and_is_counted(
    rules: Snapshot, telemetry: Telemetry
) -> None:
    """A broken variant costs its slot the campaign, never the page."""
    decision = await _decide(_view(rules, slots=["empty", "hero"]), rules, telemetry)
    failed = decision.slots["empty"]
    assert (failed.campaign, failed.variant, failed.html) == ("", "", "")
    assert (failed.reason, failed.failed) == (Reason.ERROR, True)
    hero = decision.slots["hero"]
    assert (hero.campaign, hero.failed) == ("greet", False)
    sample = 'edgeseg_render_errors_total{template="broken.html"}'
    assert _count(telemetry, sample) == 1


async def test_a_failing_fallback_leaves_the_pages_own_markup(
    rules: Snapshot, telemetry: Telemetry
) -> None:
    """When nothing renders the slot is empty, which leaves the original."""
    view = _view(rules, url="https://shop.example/", slots=["strip"])
    content = (await _decide(view, rules, telemetry)).slots["strip"]
    assert (content.campaign, content.html) == ("", "")
    assert (content.reason, content.failed) == (Reason.DEFAULT, True)
    assert _count(telemetry, "edgeseg_render_errors_total") == 1


async def test_time_changes_nothing_before_valid_until(
    rules: Snapshot, telemetry: Telemetry
) -> None:
    """The answer holds until the page view leaves its window, and never beyond the limit."""
    decision = await _decide(_view(rules), rules, telemetry)
    assert NOW_MS < decision.valid_until_ms <= NOW_MS + 30 * DAY_MS
    stranger = await _decide(_view(rules, ""), rules, telemetry)
    assert stranger.valid_until_ms == NOW_MS + 365 * DAY_MS


async def test_the_answer_names_the_rules_that_decided(
    rules: Snapshot, telemetry: Telemetry
) -> None:
    """Version and visitor are the request's own."""
    decision = await _decide(_view(rules, "v-7"), rules, telemetry)
    assert (decision.rules, decision.visitor_id) == (rules.version, "v-7")
