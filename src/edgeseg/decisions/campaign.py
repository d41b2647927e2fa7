"""Slots, goals, campaigns and variants, as the rule files define them."""

from collections.abc import Mapping
from typing import Final

import msgspec

from edgeseg.clock import DAY_MS
from edgeseg.decisions.recommendation import Recommendation
from edgeseg.segments.condition import Condition, Where

Values = Mapping[str, object]
"""What a template is given: texts, numbers, booleans, and lists and mappings of these."""
Translations = Mapping[str, Values]
"""Language → values that replace those of the same name."""


OF_VISITOR: Final = frozenset({"profile", "context"})
"""Names in templates that differ from one visitor to the next."""
PRODUCTS: Final = "products"
"""Name of what is recommended, in templates and in the values of ``json`` slots."""
GIVEN: Final = OF_VISITOR | {"slot", "campaign", "variant", "language"}
"""Names that every template is given, besides the values of the variant."""


class Cap(msgspec.Struct, frozen=True, kw_only=True):
    """How often at most, or how long not, something of a campaign may happen.

    Attributes:
        at_most: so often and no more.
        per: ``visit``, ``day`` (of the site's zone) or "" for ever.
        within_ms: a sliding window instead, None for none.
        after: what is counted: ``shown``, ``clicked``, ``dismissed`` or ``converted``.
    """

    at_most: int = 1
    per: str = ""
    within_ms: int | None = None
    after: str = "shown"


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """A place on a page that campaigns fill.

    Attributes:
        kind: ``html``, ``popup`` or ``json``.
        fallback: template shown where no campaign applies, "" to leave the page's own.
        vary_on: segments that alone decide on copies shared by many visitors, sorted;
            empty where every visitor is answered in person.
        site: only filled on pages of this site, "" for all.
        caps: on everything that the slot shows.
        values: what the fallback is given; of a ``json`` slot they are the fallback.
        translations: of these values.
        recommend: products that the fallback is given, too, None for none.
    """

    id: str
    name: str
    kind: str
    fallback: str = ""
    vary_on: tuple[str, ...] = ()
    site: str = ""
    caps: tuple[Cap, ...] = ()
    values: Values = {}
    translations: Translations = {}
    recommend: Recommendation | None = None


class Popup(msgspec.Struct, frozen=True, kw_only=True):
    """How a popup opens.

    Attributes:
        title: names the dialog for assistive technology and on screen.
        exit_intent: opens when the pointer leaves towards the tabs.
        delay_s: opens after so many seconds, 0 for not.
        scroll_percent: opens once so much of the page was scrolled, 0 for not.
        inactivity_s: opens after so many seconds without input, 0 for not.
        event: opens when the page tells of this event, "" for not.
        modal: whether the page behind is inert meanwhile.
    """

    title: str
    exit_intent: bool = False
    delay_s: int = 0
    scroll_percent: int = 0
    inactivity_s: int = 0
    event: str = ""
    modal: bool = True


class Override(msgspec.Struct, frozen=True, kw_only=True):
    """What a variant has for the members of one segment, in the place of its own."""

    segment: str
    values: Values = {}
    translations: Translations = {}
    recommend: Recommendation | None = None


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One content of a campaign; weights are relative, 0 to 10,000.

    Attributes:
        template: what renders it, "" for a ``json`` slot, whose content are the values.
        values: what the template is given.
        translations: of these values.
        overrides: for members of segments; the first one that applies counts.
        recommend: products that the template is given, too, None for none.
    """

    id: str
    template: str = ""
    weight: int = 1
    values: Values = {}
    translations: Translations = {}
    overrides: tuple[Override, ...] = ()
    popup: Popup | None = None
    recommend: Recommendation | None = None


WINDOW_MS: Final = 7 * DAY_MS
"""How long a campaign counts as a cause of what follows, where its goal does not say."""


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """What counts as a conversion: an event with these properties.

    Attributes:
        window_ms: how long before it a campaign was shown, at most, to be its cause.
        credit: which of several campaigns that is: the ``last`` one shown, the ``first``
            one, or ``every`` one.
        revenue: property that holds what it earned, "" for nothing.
    """

    id: str
    event: str
    where: Where = ()
    window_ms: int = WINDOW_MS
    credit: str = "last"
    revenue: str = ""


class LayerShare(msgspec.Struct, frozen=True):
    """The part of a layer that a campaign has: from ``low`` to below ``high``, 0 to 1."""

    layer: str
    low: float
    high: float


class Experiment(msgspec.Struct, frozen=True, kw_only=True):
    """How chance deals a campaign out.

    Attributes:
        coverage: share of the audience that takes part, 0 to 1.
        seed: what the split among variants is hashed with, "" for the campaign's id.
        layer: None for none.
        sticky: whether a visitor keeps the variant that was shown first, whatever
            becomes of weights and coverage.
    """

    coverage: float = 1.0
    seed: str = ""
    layer: LayerShare | None = None
    sticky: bool = False


WHOLE: Final = Experiment()
"""Everybody in the audience takes part."""


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """What to show to whom in one slot; the first variant is the control.

    Attributes:
        audience: who sees it, with page targeting, schedule, consent and caps.
        priority: of several campaigns for a slot the highest wins.
        weight: of several with equal priority, each wins its share of visitors.
        exclusive_group: of the campaigns of a group one is shown at once, "" for none.
        experiment: who of the audience takes part, and how variants are dealt out.
    """

    id: str
    name: str
    slot: str
    audience: Condition
    variants: tuple[Variant, ...]
    priority: int = 0
    goal: str = ""
    weight: int = 1
    exclusive_group: str = ""
    experiment: Experiment = WHOLE

    @property
    def weights(self) -> tuple[int, ...]:
        """Weights of the variants, in their order."""
        return tuple(variant.weight for variant in self.variants)

    @property
    def is_experiment(self) -> bool:
        """Whether chance decides who sees what."""
        return len(self.variants) > 1 or self.experiment.coverage < 1
