"""Read slots, goals and campaigns from located YAML nodes, every problem reported."""

from collections.abc import Collection, Mapping
from typing import Final

import yaml

from edgeseg.decisions.campaign import Campaign, Goal, Popup, Slot, Variant
from edgeseg.events.event import Scalar
from edgeseg.segments.condition_reader import ConditionReader, context_type
from edgeseg.segments.definitions import MAX_PRIORITY, Entry, check_references, collect
from edgeseg.segments.rule import EVERYONE, All, Condition, ContextTest
from edgeseg.segments.rule_files import RuleReader, suggest

SLOT_KINDS: Final = ("html", "popup")
MAX_WEIGHT: Final = 10_000
_CAMPAIGN: Final = ("id", "name", "slot", "audience", "pages", "priority", "goal", "variants")
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
    ) -> None:
        """Read the sections.

        Args:
            sections: as `read_sections` answers them.
            conditions: reader of conditions of each file.
            templates: names of the templates there are.
            segments: ids of the segments there are.
        """
        self._conditions = conditions
        self._templates = templates
        self.slots = collect(sections["slots"], self._slot)
        self.goals = collect(sections["goals"], self._goal)
        self.campaigns = collect(sections["campaigns"], self._campaign)
        check_references(conditions.values(), segments)

    def _slot(self, reader: RuleReader, node: yaml.Node) -> Slot:
        parts = reader.mapping(node, ("id", "name", "kind", "fallback"), ("id", "kind"))
        id_ = reader.identifier(parts["id"])
        return Slot(
            id=id_,
            name=reader.text(parts["name"]) if "name" in parts else id_,
            kind=reader.one_of(parts["kind"], SLOT_KINDS),
            fallback=self._template(reader, parts["fallback"]) if "fallback" in parts else "",
        )

    def _goal(self, reader: RuleReader, node: yaml.Node) -> Goal:
        parts = reader.mapping(node, ("id", "event", "where"), ("id", "event"))
        where = self._conditions[reader].where(parts["where"]) if "where" in parts else ()
        return Goal(
            id=reader.identifier(parts["id"]), event=reader.event_name(parts["event"]), where=where
        )

    def _campaign(self, reader: RuleReader, node: yaml.Node) -> Campaign:
        parts = reader.mapping(node, _CAMPAIGN, ("id", "slot", "variants"))
        id_ = reader.identifier(parts["id"])
        slot = self._known(reader, "slot", parts["slot"], self.slots)
        goal = self._known(reader, "goal", parts["goal"], self.goals) if "goal" in parts else ""
        audience: Condition = EVERYONE
        if "audience" in parts:
            audience = self._conditions[reader].condition(parts["audience"])
        if "pages" in parts:
            audience = All((audience, self._pages(reader, parts["pages"])))
        priority = parts.get("priority")
        return Campaign(
            id=id_,
            name=reader.text(parts["name"]) if "name" in parts else id_,
            slot=slot,
            audience=audience,
            variants=self._variants(reader, parts["variants"], self.slots.get(slot)),
            priority=(
                reader.integer(priority, low=-MAX_PRIORITY, high=MAX_PRIORITY) if priority else 0
            ),
            goal=goal,
        )

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
