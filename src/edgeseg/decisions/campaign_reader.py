"""Read slots, goals and campaigns from located YAML nodes, every problem reported."""

from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, tzinfo
from typing import Final

import yaml

from edgeseg.decisions.campaign import (
    WHOLE,
    WINDOW_MS,
    Campaign,
    Cap,
    Experiment,
    Goal,
    LayerShare,
    Slot,
    Values,
)
from edgeseg.decisions.cap_reader import cap_conditions, read_caps
from edgeseg.decisions.policy_reader import check_purposes, read_percent, read_policy
from edgeseg.decisions.recommendation_reader import RecommendationReader, segment_of
from edgeseg.decisions.variant_reader import (
    MAX_WEIGHT,
    VariantReader,
    read_translations,
    read_values,
)
from edgeseg.segments.condition import EVERYONE, All, Any, Condition, ContextTest, SeasonTest, Test
from edgeseg.segments.condition_reader import ConditionReader
from edgeseg.segments.definitions import Entry, check_references, collect
from edgeseg.segments.rule_files import RuleReader, peek_id
from edgeseg.segments.schedule_reader import read_schedule
from edgeseg.segments.test_reader import TestReader

SLOT_KINDS: Final = ("html", "popup", "json")
MAX_VARIED: Final = 8
"""Segments that all slots together may vary on: at most 256 copies of a page in a CDN."""
_SLOT: Final = (
    "id", "name", "kind", "site", "fallback", "with", "translations", "vary_on", "caps",
    "recommend",
)  # fmt: skip
CREDITS: Final = ("last", "first", "every")
"""Which of the campaigns that were shown before it a conversion may be credited to."""
_GOAL: Final = ("id", "event", "where", "window", "credit", "revenue")
_CAMPAIGN: Final = (
    "id", "name", "slot", "site", "audience", "pages", "active", "consent", "caps", "priority",
    "weight", "exclusive_group", "goal", "experiment", "variants",
)  # fmt: skip


class Placements:
    """All that fills pages: slots, goals, campaigns by id, and what holds for all of them."""

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
        self._layer_shares: dict[str, list[tuple[LayerShare, str]]] = {}
        # What cannot be read still counts as known: one problem, not two.
        known = {name: {peek_id(entry.node) for entry in sections[name]} for name in sections}
        self._slot_ids, self._goal_ids = known["slots"], known["goals"]
        self._site_ids, self._layer_ids = known["sites"], known["layers"]
        self.policy = read_policy(sections, self._slot_ids)
        self.slots = collect(sections["slots"], self._slot)
        self.goals = collect(sections["goals"], self._goal)
        self.campaigns = collect(sections["campaigns"], self._campaign)
        check_references(conditions.values(), segments)
        check_purposes(conditions.values(), sections)
        self._check_campaigns(known["campaigns"] - {""})

    def _check_campaigns(self, known: Collection[str]) -> None:
        """Report every campaign, and variant of one, that rules ask about and nobody defines."""
        for conditions in self._conditions.values():
            reader = conditions.reader
            for campaign, variant, reader.at in conditions.events.campaign_refs:
                with reader.part():
                    found = self.campaigns.get(reader.known("campaign", campaign, known))
                    if found and variant:
                        reader.known("variant", variant, [each.id for each in found.variants])
            reader.at = ""

    def _slot(self, reader: RuleReader, node: yaml.Node) -> Slot:
        before = len(reader.problems)
        parts = reader.mapping(node, _SLOT, ("id", "kind"))
        kind = reader.attempt(lambda part: reader.one_of(part, SLOT_KINDS), parts["kind"], "")
        if kind == "json" and "fallback" in parts:
            message = "a json slot has no template as `fallback`"
            reader.report(parts["fallback"], message, "its fallback are the values in `with`")
        none: Values = {}
        values = reader.attempt(lambda part: read_values(reader, part), parts.get("with"), none)
        slot = Slot(
            id=reader.attempt(reader.identifier, parts["id"], ""),
            name=reader.attempt(reader.text, parts.get("name"), peek_id(node)),
            kind=kind,
            site=self._site(reader, parts.get("site")),
            fallback=reader.attempt(
                lambda part: reader.known("template", part, self._templates),
                parts.get("fallback"),
                "",
            ),
            values=values,
            translations=reader.attempt(
                lambda part: read_translations(reader, part, values), parts.get("translations"), {}
            ),
            vary_on=reader.attempt(
                lambda part: self._vary_on(reader, part), parts.get("vary_on"), ()
            ),
            caps=reader.attempt(lambda part: read_caps(reader, part), parts.get("caps"), ()),
            recommend=reader.attempt(
                RecommendationReader(self._conditions[reader]).recommendation,
                parts.get("recommend"),
                None,
            ),
        )
        reader.require_sound(before)
        return slot

    def _vary_on(self, reader: RuleReader, node: yaml.Node) -> tuple[str, ...]:
        named = {reader.known("segment", part, self._segment_ids) for part in reader.sequence(node)}
        self._varied |= named
        if len(self._varied) > MAX_VARIED:
            message = f"all slots together vary on at most {MAX_VARIED} segments"
            hint = "each one more doubles the copies that a CDN has to keep"
            raise reader.fail(node, message, hint)
        return tuple(sorted(named))

    def _goal(self, reader: RuleReader, node: yaml.Node) -> Goal:
        before = len(reader.problems)
        parts = reader.mapping(node, _GOAL, ("id", "event"))
        goal = Goal(
            id=reader.attempt(reader.identifier, parts["id"], ""),
            event=reader.attempt(reader.event_name, parts["event"], ""),
            where=reader.attempt(self._conditions[reader].events.where, parts.get("where"), ()),
            window_ms=reader.attempt(
                TestReader(reader).duration_ms, parts.get("window"), WINDOW_MS
            ),
            credit=reader.attempt(
                lambda part: reader.one_of(part, CREDITS), parts.get("credit"), CREDITS[0]
            ),
            revenue=reader.attempt(reader.text, parts.get("revenue"), ""),
        )
        reader.require_sound(before)
        return goal

    def _campaign(self, reader: RuleReader, node: yaml.Node) -> Campaign:
        before = len(reader.problems)
        parts = reader.mapping(node, _CAMPAIGN, ("id", "slot", "variants"))
        id_ = reader.attempt(reader.identifier, parts["id"], "")
        slot_id = reader.attempt(
            lambda part: reader.known("slot", part, self._slot_ids), parts["slot"], ""
        )
        slot = self.slots.get(slot_id)
        audience = _joined(*self._audience(reader, parts, id_, slot))
        variants = VariantReader(self._conditions[reader], self._templates, segment_of(audience))
        weight = parts.get("weight")
        campaign = Campaign(
            id=id_,
            name=reader.attempt(reader.text, parts.get("name"), peek_id(node)),
            slot=slot_id,
            audience=audience,
            variants=reader.attempt(
                lambda part: variants.variants(part, slot), parts["variants"], ()
            ),
            priority=reader.attempt(reader.priority, parts.get("priority"), 0),
            weight=reader.attempt(
                lambda part: reader.integer(part, low=1, high=MAX_WEIGHT), weight, 1
            ),
            exclusive_group=reader.attempt(reader.identifier, parts.get("exclusive_group"), ""),
            goal=reader.attempt(
                lambda part: reader.known("goal", part, self._goal_ids), parts.get("goal"), ""
            ),
            experiment=reader.attempt(
                lambda part: self._experiment(reader, part, id_), parts.get("experiment"), WHOLE
            ),
        )
        reader.require_sound(before)
        return campaign

    def _audience(
        self, reader: RuleReader, parts: Mapping[str, yaml.Node], id_: str, slot: Slot | None
    ) -> Iterator[Condition]:
        """Iterate over all that decides on whether the campaign applies, but for chance."""
        conditions = self._conditions[reader]
        yield reader.attempt(conditions.condition, parts.get("audience"), EVERYONE)
        yield reader.attempt(lambda part: self._pages(reader, part), parts.get("pages"), EVERYONE)
        for site in (slot.site if slot else "", self._site(reader, parts.get("site"))):
            if site in self.policy.sites:
                yield _on_hosts(self.policy.sites[site].hosts)
        yield reader.attempt(
            lambda part: SeasonTest(read_schedule(reader, part, self._time_zone)),
            parts.get("active"),
            EVERYONE,
        )
        yield reader.attempt(conditions.purpose_reference, parts.get("consent"), EVERYONE)
        none: tuple[Cap, ...] = ()
        caps = reader.attempt(lambda part: read_caps(reader, part), parts.get("caps"), none)
        yield from cap_conditions(caps, campaign=id_)
        if slot:
            yield from cap_conditions(slot.caps, slot=slot.id)
        yield from cap_conditions(each.cap for each in self.policy.caps.values())

    def _site(self, reader: RuleReader, node: yaml.Node | None) -> str:
        return reader.attempt(lambda part: reader.known("site", part, self._site_ids), node, "")

    def _pages(self, reader: RuleReader, node: yaml.Node) -> Condition:
        return self._conditions[reader].page_tests(node)

    def _experiment(self, reader: RuleReader, node: yaml.Node, campaign: str) -> Experiment:
        parts = reader.mapping(node, ("coverage", "layer", "seed", "sticky"))
        return Experiment(
            coverage=reader.attempt(
                lambda part: read_percent(reader, part), parts.get("coverage"), 1.0
            ),
            layer=reader.attempt(
                lambda part: self._layer_share(reader, part, campaign), parts.get("layer"), None
            ),
            seed=reader.attempt(reader.text, parts.get("seed"), ""),
            sticky=reader.attempt(reader.boolean, parts.get("sticky"), none=False),
        )

    def _layer_share(self, reader: RuleReader, node: yaml.Node, campaign: str) -> LayerShare:
        parts = reader.mapping(node, ("id", "from", "to"), ("id", "from", "to"))
        layer = reader.known("layer", parts["id"], self._layer_ids)
        low, high = read_percent(reader, parts["from"]), read_percent(reader, parts["to"])
        if low >= high:
            raise reader.fail(parts["to"], "`to` is not above `from`")
        share = LayerShare(layer, low, high)
        for other, rival in self._layer_shares.setdefault(layer, []):
            if low < other.high and other.low < high:
                message = f"this part of the layer `{layer}` overlaps that of `{rival}`"
                hint = "a visitor takes part in one experiment of a layer at most"
                raise reader.fail(node, message, hint)
        self._layer_shares[layer].append((share, campaign))
        return share


def _on_hosts(hosts: tuple[str, ...]) -> Condition:
    """Answer the condition that the page is on one of the hosts."""
    exact = tuple(host for host in hosts if not host.startswith("*."))
    tests: list[Condition] = [
        ContextTest("host", (Test("glob", host),)) for host in hosts if host not in exact
    ]
    if exact:
        tests.append(ContextTest("host", (Test("in", exact),)))
    return Any(tuple(tests)) if len(tests) > 1 else tests[0]


def _joined(*conditions: Condition) -> Condition:
    """Answer the condition that all of these hold, without groups of the same kind in it."""
    asked: list[Condition] = []
    for condition in conditions:
        asked += condition.conditions if isinstance(condition, All) else (condition,)
    return asked[0] if len(asked) == 1 else All(tuple(asked))
