"""Read slots, goals and campaigns from located YAML nodes, every problem reported."""

from collections.abc import Collection, Mapping
from datetime import UTC, tzinfo
from typing import Final

import yaml

from edgeseg.decisions.campaign import Campaign, Goal, Popup, Slot, Variant
from edgeseg.events.event import Scalar
from edgeseg.segments.condition_reader import ConditionReader, context_type
from edgeseg.segments.definitions import Entry, check_references, collect
from edgeseg.segments.rule import EVERYONE, All, Condition, ContextTest, SeasonTest
from edgeseg.segments.rule_files import RuleReader, peek_id
from edgeseg.segments.schedule_reader import read_schedule
from edgeseg.spelling import suggest

SLOT_KINDS: Final = ("html", "popup")
MAX_WEIGHT: Final = 10_000
MAX_VARIED: Final = 8
"""Segments that all slots together may vary on: at most 256 copies of a page in a CDN."""
_CAMPAIGN: Final = (
    "id",
    "name",
    "slot",
    "audience",
    "pages",
    "active",
    "priority",
    "goal",
    "variants",
)
_VARIANT: Final = ("id", "weight", "template", "with", "popup")


class Placements:
    """All that fills pages: slots, goals and campaigns by id."""

    def __init__(
        self,
        sections: Mapping[str, list[Entry]],
        conditions: Mapping[RuleReader, ConditionReader],
        *,
        templates: Collection[str],
        segments: Collection[str],
        time_zone: tzinfo = UTC,
    ) -> None:
        """Read the sections.

        Args:
            sections: as `read_sections` answers them.
            conditions: reader of conditions of each file.
            templates: names of the templates there are.
            segments: ids of the segments there are.
            time_zone: of the site, for schedules that name none.
        """
        self._conditions = conditions
        self._time_zone = time_zone
        self._templates = templates
        self._segment_ids = segments
        self._varied: set[str] = set()
        # What cannot be read still counts as known: one problem, not two.
        self._slot_ids = {peek_id(entry.node) for entry in sections["slots"]}
        self._goal_ids = {peek_id(entry.node) for entry in sections["goals"]}
        self.slots = collect(sections["slots"], self._slot)
        self.goals = collect(sections["goals"], self._goal)
        self.campaigns = collect(sections["campaigns"], self._campaign)
        check_references(conditions.values(), segments)

    def _slot(self, reader: RuleReader, node: yaml.Node) -> Slot:
        before = len(reader.problems)
        parts = reader.mapping(node, ("id", "name", "kind", "fallback", "vary_on"), ("id", "kind"))
        slot = Slot(
            id=reader.attempt(reader.identifier, parts["id"], ""),
            name=reader.attempt(reader.text, parts.get("name"), peek_id(node)),
            kind=reader.attempt(lambda part: reader.one_of(part, SLOT_KINDS), parts["kind"], ""),
            fallback=reader.attempt(
                lambda part: self._template(reader, part), parts.get("fallback"), ""
            ),
            vary_on=reader.attempt(
                lambda part: self._vary_on(reader, part), parts.get("vary_on"), ()
            ),
        )
        reader.require_sound(before)
        return slot

    def _vary_on(self, reader: RuleReader, node: yaml.Node) -> tuple[str, ...]:
        named = {
            self._known(reader, "segment", part, self._segment_ids)
            for part in reader.sequence(node)
        }
        self._varied |= named
        if len(self._varied) > MAX_VARIED:
            message = f"all slots together vary on at most {MAX_VARIED} segments"
            hint = "each one more doubles the copies that a CDN has to keep"
            raise reader.fail(node, message, hint)
        return tuple(sorted(named))

    def _goal(self, reader: RuleReader, node: yaml.Node) -> Goal:
        before = len(reader.problems)
        parts = reader.mapping(node, ("id", "event", "where"), ("id", "event"))
        goal = Goal(
            id=reader.attempt(reader.identifier, parts["id"], ""),
            event=reader.attempt(reader.event_name, parts["event"], ""),
            where=reader.attempt(self._conditions[reader].where, parts.get("where"), ()),
        )
        reader.require_sound(before)
        return goal

    def _campaign(self, reader: RuleReader, node: yaml.Node) -> Campaign:
        before = len(reader.problems)
        parts = reader.mapping(node, _CAMPAIGN, ("id", "slot", "variants"))
        conditions = self._conditions[reader]
        slot = reader.attempt(
            lambda part: self._known(reader, "slot", part, self._slot_ids), parts["slot"], ""
        )
        audience = reader.attempt(conditions.condition, parts.get("audience"), EVERYONE)
        pages = reader.attempt(lambda part: self._pages(reader, part), parts.get("pages"), EVERYONE)
        active = reader.attempt(
            lambda part: SeasonTest(read_schedule(reader, part, self._time_zone)),
            parts.get("active"),
            EVERYONE,
        )
        campaign = Campaign(
            id=reader.attempt(reader.identifier, parts["id"], ""),
            name=reader.attempt(reader.text, parts.get("name"), peek_id(node)),
            slot=slot,
            audience=_joined(audience, pages, active),
            variants=reader.attempt(
                lambda part: self._variants(reader, part, self.slots.get(slot)),
                parts["variants"],
                (),
            ),
            priority=reader.attempt(reader.priority, parts.get("priority"), 0),
            goal=reader.attempt(
                lambda part: self._known(reader, "goal", part, self._goal_ids),
                parts.get("goal"),
                "",
            ),
        )
        reader.require_sound(before)
        return campaign

    def _pages(self, reader: RuleReader, node: yaml.Node) -> Condition:
        for name, (key, _value) in reader.entries(node).items():
            if not context_type(name):
                raise reader.fail(key, f"unknown context `{name}`", "such as `path` or `host`")
        tests = self._conditions[reader].where(node)
        return All(tuple(ContextTest(name, each) for name, each in tests))

    def _variants(
        self, reader: RuleReader, node: yaml.Node, slot: Slot | None
    ) -> tuple[Variant, ...]:
        nodes = reader.sequence(node)
        variants = [self._variant(reader, part, slot) for part in nodes]
        if not variants or not sum(variant.weight for variant in variants):
            raise reader.fail(node, "a campaign needs a variant with a weight above 0")
        ids = [variant.id for variant in variants]
        if len(set(ids)) < len(ids):
            raise reader.fail(node, "variants of a campaign have different ids")
        return tuple(variants)

    def _variant(self, reader: RuleReader, node: yaml.Node, slot: Slot | None) -> Variant:
        parts = reader.mapping(node, _VARIANT, ("id", "template"))
        popup = parts.get("popup")
        if slot and (slot.kind == "popup") != (popup is not None):
            need = "needs" if slot.kind == "popup" else "has no"
            raise reader.fail(popup or node, f"a variant for a {slot.kind} slot {need} `popup`")
        weight = parts.get("weight")
        return Variant(
            id=reader.identifier(parts["id"]),
            template=self._template(reader, parts["template"]),
            weight=reader.integer(weight, low=0, high=MAX_WEIGHT) if weight else 1,
            values=self._values(reader, parts["with"]) if "with" in parts else {},
            popup=_popup(reader, popup) if popup else None,
        )

    def _values(self, reader: RuleReader, node: yaml.Node) -> dict[str, Scalar]:
        values = {name: reader.scalar(value) for name, (_, value) in reader.entries(node).items()}
        return {name: value for name, value in values.items() if value is not None}

    def _template(self, reader: RuleReader, node: yaml.Node) -> str:
        return self._known(reader, "template", node, self._templates)

    def _known(self, reader: RuleReader, kind: str, node: yaml.Node, known: Collection[str]) -> str:
        name = reader.text(node)
        if name not in known:
            reader.report(node, f"unknown {kind} `{name}`", suggest(name, known))
        return name


def _joined(*conditions: Condition) -> Condition:
    """Answer the condition that all of these hold, without those that always do."""
    asked = tuple(condition for condition in conditions if condition != EVERYONE)
    return asked[0] if len(asked) == 1 else All(asked)


def _popup(reader: RuleReader, node: yaml.Node) -> Popup:
    parts = reader.mapping(node, ("title", "trigger", "modal"), ("title", "trigger"))
    trigger = reader.mapping(parts["trigger"], ("exit_intent", "delay_s", "scroll_percent"))
    if not trigger:
        raise reader.fail(parts["trigger"], "a popup needs a trigger", "such as exit_intent: true")
    delay, scroll = trigger.get("delay_s"), trigger.get("scroll_percent")
    return Popup(
        title=reader.text(parts["title"]),
        exit_intent=reader.flag(trigger["exit_intent"]) if "exit_intent" in trigger else False,
        delay_s=reader.integer(delay, low=1, high=3_600) if delay else 0,
        scroll_percent=reader.integer(scroll, low=1, high=100) if scroll else 0,
        modal=reader.flag(parts["modal"]) if "modal" in parts else True,
    )
