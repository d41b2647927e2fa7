"""What a variant says to one visitor: its values by segment and language, rendered."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Final, TypeAlias

import msgspec

from edgeseg.decisions.campaign import (
    OF_VISITOR,
    PRODUCTS,
    Campaign,
    Override,
    Popup,
    Slot,
    Values,
    Variant,
)
from edgeseg.decisions.policy import Language
from edgeseg.decisions.recommend import (
    NO_PRODUCTS,
    Assortment,
    Recommender,
    Shopper,
    shopper_of,
)
from edgeseg.decisions.recommendation import Remembered
from edgeseg.decisions.render import Renderer
from edgeseg.errors import EdgesegError
from edgeseg.events.event import Value
from edgeseg.profiles.profile import Profile
from edgeseg.spelling import counted

MAX_KEPT: Final = 4_096
"""Combinations of variant, segment and language that are remembered with their text."""
MAX_KEPT_CHARS: Final = 16_384
"""Longer texts are rendered anew each time."""
MAX_CHOICES: Final = 64
"""Choices of products that are remembered with the text of one combination."""
MAX_LANGUAGES: Final = 1_024
"""Languages, as requests tell them, of which the order of fallbacks is remembered."""
_OTHERS: Final = "any"

_Part: TypeAlias = Slot | Variant | Override


class NothingToShow(EdgesegError):
    """There are too few products to recommend; the slot shows its fallback."""


class Reader(msgspec.Struct, frozen=True, gc=False):
    """Who the content is for.

    Attributes:
        segments: the ids of theirs.
        language: as the request tells it, such as ``cs-CZ``; "" for unknown.
        profile: their attributes.
        context: of the request.
        known: their whole profile, None where it is unknown.
        remembered: where profiles tell of products.
        assortment: the products.
    """

    segments: Collection[str]
    language: str
    profile: Mapping[str, Value]
    context: Mapping[str, Value]
    known: Profile | None = None
    remembered: Remembered | None = None
    assortment: Assortment = NO_PRODUCTS

    def shopper(self) -> Shopper:
        """Answer what they did with products."""
        path = str(self.context.get("path", ""))
        return shopper_of(self.known, self.remembered, self.assortment.catalogue, path)


class Content(msgspec.Struct, frozen=True, gc=False):
    """What fills a slot; ``values`` of a ``json`` slot, None of others."""

    html: str
    values: Values | None = None
    popup: Popup | None = None


NO_CONTENT: Final = Content("")


class _Text(msgspec.Struct):
    """What one combination says; ``html`` once it is rendered, if it is so for everybody.

    Attributes:
        with_products: the same for products, by their ids.
        products_of: the version of the catalogue that these were rendered from.
    """

    template: str
    names: Mapping[str, object]
    values: Values | None
    html: str | None
    is_shared: bool
    popup: Popup | None = None
    recommender: Recommender | None = None
    with_products: dict[tuple[str, ...], str] = {}
    products_of: str = ""


class Contents:
    """The contents of one version of the rules.

    Attributes:
        live: the slots in which anything recommends products: what these show may change
            from one moment to the next.
    """

    def __init__(
        self,
        renderer: Renderer,
        slots: Mapping[str, Slot],
        campaigns: Iterable[Campaign],
        languages: Mapping[str, Language],
    ) -> None:
        """Find out which languages anything is translated into."""
        self._renderer = renderer
        self._slots = slots
        campaigns = list(campaigns)
        own = {slot.id for slot in slots.values() if slot.recommend}
        self.live = own.union(
            each.slot for each in campaigns if any(part.recommend for part in _parts([each]))
        )
        parts = (*slots.values(), *_parts(campaigns))
        translated = {language for part in parts for language in part.translations}
        self._texts: dict[tuple[object, ...], _Text] = {}
        find = partial(_find_fallbacks, languages, translated)  # a method would lead back here
        self._fallbacks_of = lru_cache(MAX_LANGUAGES)(find)

    def of_variant(self, campaign: Campaign, variant: Variant, reader: Reader) -> Content:
        """Answer what a variant says.

        Raises:
            RenderError: the template failed.
            NothingToShow: there are too few products to recommend.
        """
        override = _find_override(variant, reader.segments) if variant.overrides else None
        languages = self._fallbacks_of(reader.language)
        key = (campaign.id, variant.id, override, languages)
        text = self._texts.get(key)
        if text is None:
            slot = self._slots[campaign.slot]
            parts: list[_Part] = [slot, variant] if slot.kind == "json" else [variant]
            if override is not None:
                parts.append(variant.overrides[override])
            values, language = _merge(parts, languages)
            names = {"campaign": campaign.id, "variant": variant.id, "language": language}
            text = self._keep(key, slot, variant.template, values, names)
            recommend = (parts[-1] if override is not None else variant).recommend
            text.recommender = Recommender(recommend) if recommend else None
            if variant.popup:
                title = str(values.get("title", variant.popup.title))
                text.popup = msgspec.structs.replace(variant.popup, title=title)
        if text.recommender is None:
            return self._render(text, reader)
        chosen = text.recommender.choose(reader.shopper(), reader.assortment)
        if len(chosen) < text.recommender.wanted.at_least:
            raise NothingToShow(f"{counted(len(chosen), 'product')} to recommend")
        return self._render_products(text, reader, chosen)

    def of_fallback(self, slot: Slot, reader: Reader) -> Content:
        """Answer what a slot holds where no campaign fills it.

        Raises:
            RenderError: the template failed.
        """
        languages = self._fallbacks_of(reader.language)
        key = (slot.id, languages)
        text = self._texts.get(key)
        if text is None:
            values, language = _merge([slot], languages)
            names = {"campaign": "", "variant": "", "language": language}
            text = self._keep(key, slot, slot.fallback, values, names)
            text.recommender = Recommender(slot.recommend) if slot.recommend else None
        if text.recommender is None:
            return self._render(text, reader)
        chosen = text.recommender.choose(reader.shopper(), reader.assortment)
        return self._render_products(text, reader, chosen)

    def _keep(
        self,
        key: tuple[object, ...],
        slot: Slot,
        template: str,
        values: Values,
        names: Mapping[str, str],
    ) -> _Text:
        """Remember what one combination says."""
        if len(self._texts) >= MAX_KEPT:
            self._texts.clear()
        text = self._texts[key] = _Text(
            template=template,
            names=self._renderer.names(template, {**values, **names, "slot": slot.id}),
            values=values if slot.kind == "json" else None,
            html=None if template else "",
            is_shared=not self._renderer.needs(template) & OF_VISITOR,
        )
        return text

    def _render(self, text: _Text, reader: Reader) -> Content:
        html = text.html
        if html is None:
            html = self._renderer.render(
                text.template, text.names, profile=reader.profile, context=reader.context
            )
            if text.is_shared and len(html) <= MAX_KEPT_CHARS:
                text.html = html
        return Content(html, text.values, text.popup)

    def _render_products(self, text: _Text, reader: Reader, chosen: list[str]) -> Content:
        catalogue = reader.assortment.catalogue
        products = [catalogue.shown[id_] for id_ in chosen]
        if text.values is not None:
            return Content("", {**text.values, PRODUCTS: products}, text.popup)
        if text.products_of != catalogue.version or len(text.with_products) >= MAX_CHOICES:
            text.with_products, text.products_of = {}, catalogue.version
        key = tuple(chosen)
        html = text.with_products.get(key) if text.html is None else text.html
        if html is None:
            html = self._renderer.render(
                text.template,
                text.names,
                profile=reader.profile,
                context=reader.context,
                **{PRODUCTS: products},
            )
            if text.is_shared and len(html) <= MAX_KEPT_CHARS:
                text.with_products[key] = html
        return Content(html, None, text.popup)


def _find_fallbacks(
    languages: Mapping[str, Language], translated: Collection[str], language: str
) -> tuple[str, ...]:
    """Answer the languages to look for a translation in, best first."""
    wanted = language.lower()
    base = wanted.partition("-")[0]
    order = []
    for each in (wanted, base, _OTHERS):
        order.append(each)
        if each in languages:
            order += languages[each].fallback
    return tuple(each for each in dict.fromkeys(order) if each in translated)


def _merge(parts: Sequence[_Part], languages: Sequence[str]) -> tuple[dict[str, object], str]:
    """Answer the values, later parts over earlier ones, and the language they are in, if any."""
    values: dict[str, object] = {}
    spoken = ""
    for part in parts:
        values |= part.values
        for language in reversed(languages):
            if language in part.translations:
                values |= part.translations[language]
                spoken = language
    return values, spoken


def _find_override(variant: Variant, segments: Collection[str]) -> int | None:
    for index, override in enumerate(variant.overrides):
        if override.segment in segments:
            return index
    return None


def _parts(campaigns: Iterable[Campaign]) -> Iterator[Variant | Override]:
    for campaign in campaigns:
        for variant in campaign.variants:
            yield variant
            yield from variant.overrides
