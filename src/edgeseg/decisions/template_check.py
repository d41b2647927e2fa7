"""Check that templates are given every name that they use. Pure."""

from collections.abc import Collection, Iterator

from edgeseg.decisions.campaign import GIVEN, PRODUCTS, Campaign, Slot, Variant
from edgeseg.decisions.campaign_reader import Placements
from edgeseg.decisions.render import Renderer
from edgeseg.errors import Problem
from edgeseg.spelling import suggest


def check_templates(placements: Placements, renderer: Renderer, problems: list[Problem]) -> None:
    """Put a problem on the list for each name that a variant, or a fallback, does not give."""
    met: set[tuple[str, int, str]] = set()
    for template, names, user in _uses(placements):
        given = GIVEN.union(names)
        for file, line, missing in renderer.undefined(template, given):
            if (file, line, missing) in met:
                continue
            met.add((file, line, missing))
            problem = Problem(
                file=file,
                line=line,
                column=1,
                message=f"`{missing}` is not given by {user}",
                suggestion=suggest(missing, given),
            )
            problems.append(problem)


def _uses(placements: Placements) -> Iterator[tuple[str, Collection[str], str]]:
    """Iterate over the templates, each with the names that one user gives it, and that user."""
    for slot in placements.slots.values():
        if slot.fallback:
            yield slot.fallback, _names(slot), _slot_named(slot)
    for campaign in placements.campaigns.values():
        for variant in campaign.variants:
            if variant.template:
                yield variant.template, _names(variant), _variant_named(campaign, variant.id)


def _names(part: Slot | Variant) -> Collection[str]:
    return {*part.values, PRODUCTS} if part.recommend else part.values


def _slot_named(slot: Slot) -> str:
    return f"the slot `{slot.id}`, whose fallback it is"


def _variant_named(campaign: Campaign, variant: str) -> str:
    return f"the variant `{variant}` of `{campaign.id}`"
