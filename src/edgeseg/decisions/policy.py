"""What holds for all campaigns: sites, languages, purposes, layers, holdouts, overall caps."""

from collections.abc import Mapping

import msgspec

from edgeseg.decisions.campaign import Cap


class Site(msgspec.Struct, frozen=True, kw_only=True):
    """One of several sites; a host that begins with ``*.`` stands for all below it."""

    id: str
    hosts: tuple[str, ...]


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """A language, and in which order others stand in where a text is not translated."""

    id: str
    fallback: tuple[str, ...] = ()


class Purpose(msgspec.Struct, frozen=True, kw_only=True):
    """A consent purpose that rules may ask for."""

    id: str
    name: str


class Layer(msgspec.Struct, frozen=True, kw_only=True):
    """A set of experiments of which a visitor takes part in one at most."""

    id: str


class Holdout(msgspec.Struct, frozen=True, kw_only=True):
    """A share of visitors, 0 to 1, to whom no campaign is shown; in all slots or some."""

    id: str
    share: float
    slots: tuple[str, ...] = ()


class OverallCap(msgspec.Struct, frozen=True, kw_only=True):
    """A cap on what all campaigns together show."""

    id: str
    cap: Cap


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """All of these, by id."""

    sites: Mapping[str, Site] = {}
    languages: Mapping[str, Language] = {}
    purposes: Mapping[str, Purpose] = {}
    layers: Mapping[str, Layer] = {}
    holdouts: Mapping[str, Holdout] = {}
    caps: Mapping[str, OverallCap] = {}
