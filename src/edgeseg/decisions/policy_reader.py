"""Read what holds for all campaigns: sites, languages, purposes, layers, holdouts, caps."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

import yaml

from edgeseg.decisions.cap_reader import read_cap
from edgeseg.decisions.policy import Holdout, Language, Layer, OverallCap, Policy, Purpose, Site
from edgeseg.segments.condition_reader import ConditionReader
from edgeseg.segments.definitions import Entry, collect
from edgeseg.segments.rule_files import RuleReader, peek_id
from edgeseg.spelling import suggest

PERCENT: Final = 100
HOST: Final = r"(\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*"


def read_policy(sections: Mapping[str, list[Entry]], slots: Collection[str]) -> Policy:
    """Read the sections; ``slots`` are the ids that there are."""

    def holdout(reader: RuleReader, node: yaml.Node) -> Holdout:
        parts = reader.mapping(node, ("id", "percent", "slots"), ("id", "percent"))
        named = reader.sequence(parts["slots"]) if "slots" in parts else ()
        return Holdout(
            id=reader.identifier(parts["id"]),
            share=read_percent(reader, parts["percent"]),
            slots=tuple(reader.known("slot", part, slots) for part in named),
        )

    return Policy(
        sites=collect(sections["sites"], _site),
        languages=collect(sections["languages"], _language),
        purposes=collect(sections["purposes"], _purpose),
        layers=collect(sections["layers"], _layer),
        holdouts=collect(sections["holdouts"], holdout),
        caps=collect(sections["caps"], _overall_cap),
    )


def check_purposes(readers: Iterable[ConditionReader], sections: Mapping[str, list[Entry]]) -> None:
    """Report every purpose that rules ask for and none declares, where any is declared."""
    known = {peek_id(entry.node) for entry in sections["purposes"]} - {""}
    for conditions in readers if known else ():
        for purpose, node, at in conditions.purpose_refs:
            if purpose not in known:
                conditions.reader.at = at
                hint = suggest(purpose, known)
                conditions.reader.report(node, f"unknown consent purpose `{purpose}`", hint)
        conditions.reader.at = ""


def read_percent(reader: RuleReader, node: yaml.Node) -> float:
    """Read a number from 0 to 100; answer it as a share, 0 to 1."""
    percent = reader.scalar(node)
    if isinstance(percent, str | bool | None) or not 0 <= percent <= PERCENT:
        raise reader.fail(node, "expected a number from 0 to 100")
    return percent / PERCENT


def _site(reader: RuleReader, node: yaml.Node) -> Site:
    parts = reader.mapping(node, ("id", "hosts"), ("id", "hosts"))
    hosts = reader.texts(parts["hosts"])
    for host, part in zip(hosts, reader.sequence(parts["hosts"]), strict=True):
        if not re.fullmatch(HOST, host):
            hint = "write it in lower case without port, such as shop.example or *.shop.example"
            reader.report(part, f"`{host}` is not a host", hint)
    if not hosts:
        raise reader.fail(parts["hosts"], "a site needs a host")
    return Site(id=reader.identifier(parts["id"]), hosts=hosts)


def _language(reader: RuleReader, node: yaml.Node) -> Language:
    parts = reader.mapping(node, ("id", "fallback"), ("id",))
    named = reader.sequence(parts["fallback"]) if "fallback" in parts else ()
    return Language(
        id=reader.identifier(parts["id"]),
        fallback=tuple(reader.identifier(part) for part in named),
    )


def _purpose(reader: RuleReader, node: yaml.Node) -> Purpose:
    parts = reader.mapping(node, ("id", "name"), ("id",))
    id_ = reader.text(parts["id"])
    return Purpose(id=id_, name=reader.text(parts["name"]) if "name" in parts else id_)


def _layer(reader: RuleReader, node: yaml.Node) -> Layer:
    return Layer(id=reader.identifier(reader.mapping(node, ("id",), ("id",))["id"]))


def _overall_cap(reader: RuleReader, node: yaml.Node) -> OverallCap:
    cap = read_cap(reader, node, "id")
    parts = reader.entries(node)
    if "id" not in parts:
        raise reader.fail(node, "missing `id`")
    return OverallCap(id=reader.identifier(parts["id"][1]), cap=cap)
