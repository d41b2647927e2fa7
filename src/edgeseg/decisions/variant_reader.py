"""Read variants: templates, the values they are given, translations, popups."""

from collections.abc import Collection, Mapping
from typing import Final

import yaml

from edgeseg.decisions.campaign import (
    GIVEN,
    Override,
    Popup,
    Slot,
    Translations,
    Values,
    Variant,
)
from edgeseg.decisions.recommendation import Recommendation
from edgeseg.decisions.recommendation_reader import RecommendationReader
from edgeseg.segments.condition_reader import ConditionReader
from edgeseg.segments.rule_files import RuleReader
from edgeseg.spelling import suggest

MAX_WEIGHT: Final = 10_000
MAX_DELAY_S: Final = 3_600
MAX_PERCENT: Final = 100
MAX_VARIANTS: Final = 100
_VARIANT: Final = (
    "id", "weight", "template", "with", "translations", "for_segments", "popup", "recommend",
)  # fmt: skip
_OVERRIDE: Final = ("segment", "with", "translations", "recommend")
_TRIGGERS: Final = ("exit_intent", "delay_s", "scroll_percent", "inactivity_s", "event")
_KINDS: Final = {bool: "a boolean", str: "text", list: "a list", dict: "a mapping"}


class VariantReader:
    """Reads the variants of the campaigns of one file."""

    def __init__(
        self, conditions: ConditionReader, templates: Collection[str], segment: str = ""
    ) -> None:
        """Check names of segments by ``conditions``, those of templates against ``templates``.

        ``segment`` is the campaign's audience, "" where that is not just one.
        """
        self._conditions = conditions
        self._recommendations = RecommendationReader(conditions)
        self._segment = segment
        self._reader = conditions.reader
        self._templates = templates

    def variants(self, node: yaml.Node, slot: Slot | None) -> tuple[Variant, ...]:
        """Read the variants of a campaign for ``slot``, None where that could not be read."""
        nodes = self._reader.sequence(node)
        variants = [self._variant(part, slot) for part in nodes]
        if not variants or not sum(variant.weight for variant in variants):
            raise self._reader.fail(node, "a campaign needs a variant with a weight above 0")
        if len(variants) > MAX_VARIANTS:
            raise self._reader.fail(node, f"a campaign has at most {MAX_VARIANTS} variants")
        ids = [variant.id for variant in variants]
        if len(set(ids)) < len(ids):
            raise self._reader.fail(node, "variants of a campaign have different ids")
        return tuple(variants)

    def _variant(self, node: yaml.Node, slot: Slot | None) -> Variant:
        reader = self._reader
        parts = reader.mapping(node, _VARIANT, ("id",))
        if slot:
            self._check_kind(node, parts, slot)
        weight = parts.get("weight")
        popup = _popup(reader, parts["popup"]) if "popup" in parts else None
        recommend = None
        if "recommend" in parts:
            read = self._recommendations.recommendation
            recommend = read(parts["recommend"], segment=self._segment)
        values = read_values(reader, parts["with"]) if "with" in parts else {}
        base: Values = {**values, "title": popup.title} if popup else values
        if slot and slot.kind == "json":
            base = {**slot.values, **values}
            if "with" in parts:
                check_values(reader, parts["with"], values, slot.values)
        return Variant(
            id=reader.identifier(parts["id"]),
            template=reader.known("template", parts["template"], self._templates)
            if "template" in parts
            else "",
            weight=reader.integer(weight, low=0, high=MAX_WEIGHT) if weight else 1,
            values=values,
            translations=read_translations(reader, parts.get("translations"), base),
            overrides=self._overrides(parts.get("for_segments"), base, recommend),
            popup=popup,
            recommend=recommend,
        )

    def _check_kind(self, node: yaml.Node, parts: Mapping[str, yaml.Node], slot: Slot) -> None:
        """Check that a variant has what its kind of slot needs, and nothing else."""
        popup = parts.get("popup")
        if (slot.kind == "popup") != (popup is not None):
            need = "needs" if slot.kind == "popup" else "has no"
            raise self._reader.fail(
                popup or node, f"a variant for a {slot.kind} slot {need} `popup`"
            )
        template = parts.get("template")
        if slot.kind == "json" and template is not None:
            message = "a variant for a json slot has no `template`"
            raise self._reader.fail(template, message, "its content are the values in `with`")
        if slot.kind != "json" and template is None:
            raise self._reader.fail(node, "missing `template`")

    def _overrides(
        self, node: yaml.Node | None, base: Values, recommend: Recommendation | None
    ) -> tuple[Override, ...]:
        parts = self._reader.sequence(node) if node else ()
        return tuple(self._override(part, base, recommend) for part in parts)

    def _override(
        self, node: yaml.Node, base: Values, recommend: Recommendation | None
    ) -> Override:
        reader = self._reader
        parts = reader.mapping(node, _OVERRIDE, ("segment",))
        segment = self._conditions.segment_reference(parts["segment"]).segment
        if "recommend" in parts:
            if recommend is None:
                message = "the variant recommends nothing that this replaces"
                raise reader.fail(parts["recommend"], message)
            recommend = self._recommendations.recommendation(
                parts["recommend"], base=recommend, segment=segment
            )
        values = read_values(reader, parts["with"]) if "with" in parts else {}
        if "with" in parts:
            check_values(reader, parts["with"], values, base)
        return Override(
            segment=segment,
            values=values,
            translations=read_translations(reader, parts.get("translations"), base),
            recommend=recommend,
        )


def read_values(reader: RuleReader, node: yaml.Node) -> dict[str, object]:
    """Read values by name; a name whose value is null is left out."""
    for name, (key, _part) in reader.entries(node).items():
        if name in GIVEN:
            reader.report(key, f"`{name}` is given to every template, choose another name")
    read = {name: _value(reader, value) for name, (_, value) in reader.entries(node).items()}
    return {name: value for name, value in read.items() if value is not None}


def _value(reader: RuleReader, node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        parts = {name: _value(reader, part) for name, (_, part) in reader.entries(node).items()}
        return {name: value for name, value in parts.items() if value is not None}
    if isinstance(node, yaml.SequenceNode):
        return [_value(reader, part) for part in node.value]
    return reader.scalar(node)


def read_translations(reader: RuleReader, node: yaml.Node | None, base: Values) -> Translations:
    """Read values by language; each must be there in ``base``, which is in no language."""
    translations: dict[str, Values] = {}
    for language, (key, part) in reader.entries(node).items() if node else ():
        if language != language.lower() or not language.replace("-", "").isalnum():
            hint = "write it in lower case, such as cs or pt-br"
            reader.report(key, f"`{language}` is not a language", hint)
        translations[language] = values = read_values(reader, part)
        check_values(reader, part, values, base)
    return translations


def check_values(reader: RuleReader, node: yaml.Node, values: Values, base: Values) -> None:
    """Report each value that ``base`` lacks, or has with another type."""
    places = reader.entries(node)
    for name, value in values.items():
        if name not in base:
            hint = suggest(name, tuple(base))
            reader.report(places[name][0], f"`{name}` has no value that this replaces", hint)
        elif _kind(value) != _kind(base[name]):
            message = f"`{name}` is {_kind(base[name])} elsewhere, here {_kind(value)}"
            reader.report(places[name][1], message)


def _kind(value: object) -> str:
    return _KINDS.get(type(value), "a number")


def _popup(reader: RuleReader, node: yaml.Node) -> Popup:
    parts = reader.mapping(node, ("title", "trigger", "modal"), ("title", "trigger"))
    trigger = reader.mapping(parts["trigger"], _TRIGGERS)
    if not trigger:
        raise reader.fail(parts["trigger"], "a popup needs a trigger", "such as exit_intent: true")

    def number(name: str, high: int) -> int:
        return reader.integer(trigger[name], low=1, high=high) if name in trigger else 0

    unasked = {"delay_s", "inactivity_s"}.intersection(trigger)
    modal = reader.boolean(parts["modal"]) if "modal" in parts else not unasked
    if modal and unasked:
        message = "a popup that opens by itself is not modal"
        raise reader.fail(parts["modal"], message, "it would take the page from who is reading")
    return Popup(
        title=reader.text(parts["title"]),
        exit_intent=reader.boolean(trigger["exit_intent"]) if "exit_intent" in trigger else False,
        delay_s=number("delay_s", MAX_DELAY_S),
        scroll_percent=number("scroll_percent", MAX_PERCENT),
        inactivity_s=number("inactivity_s", MAX_DELAY_S),
        event=reader.event_name(trigger["event"]) if "event" in trigger else "",
        modal=modal,
    )
