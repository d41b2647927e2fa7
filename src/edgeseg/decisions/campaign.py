"""Slots, goals, campaigns and variants, as the rule files define them."""

import msgspec

from edgeseg.events.event import Scalar
from edgeseg.segments.rule import Condition, Test


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """A place on a page that campaigns fill.

    Attributes:
        kind: ``html`` or ``popup``.
        fallback: template shown where no campaign applies, "" to leave the page's own.
        vary_on: segments that alone decide on copies shared by many visitors, sorted;
            empty where every visitor is answered in person.
    """

    id: str
    name: str
    kind: str
    fallback: str = ""
    vary_on: tuple[str, ...] = ()


class Popup(msgspec.Struct, frozen=True, kw_only=True):
    """How a popup opens.

    Attributes:
        title: names the dialog for assistive technology and on screen.
        exit_intent: opens when the pointer leaves towards the tabs.
        delay_s: opens after so many seconds, 0 for not.
        scroll_percent: opens once so much of the page was scrolled, 0 for not.
        modal: whether the page behind is inert meanwhile.
    """

    title: str
    exit_intent: bool = False
    delay_s: int = 0
    scroll_percent: int = 0
    modal: bool = True


class Variant(msgspec.Struct, frozen=True, kw_only=True):
    """One content of a campaign; weights are relative, 0 to 10,000."""

    id: str
    template: str
    weight: int = 1
    values: dict[str, Scalar] = {}
    popup: Popup | None = None


class Goal(msgspec.Struct, frozen=True, kw_only=True):
    """What counts as a conversion: an event with these properties."""

    id: str
    event: str
    where: tuple[tuple[str, tuple[Test, ...]], ...] = ()


class Campaign(msgspec.Struct, frozen=True, kw_only=True):
    """What to show to whom in one slot; the first variant is the control.

    Attributes:
        audience: who sees it, page targeting included.
        priority: of several campaigns for a slot the highest wins, then the id.
    """

    id: str
    name: str
    slot: str
    audience: Condition
    variants: tuple[Variant, ...]
    priority: int = 0
    goal: str = ""

    @property
    def weights(self) -> tuple[int, ...]:
        """Weights of the variants, in their order."""
        return tuple(variant.weight for variant in self.variants)
