"""Say in plain English what a campaign does."""

from collections.abc import Iterator

from edgeseg.decisions.campaign import Campaign
from edgeseg.decisions.recommendation import EXCLUSIONS, STRATEGIES, Recommendation
from edgeseg.decisions.snapshot import Snapshot
from edgeseg.segments.condition import EVERYONE, Test
from edgeseg.segments.describe import describe
from edgeseg.segments.test_phrases import enumerate_parts, phrase_tests
from edgeseg.spelling import counted


def describe_campaign(campaign: Campaign, rules: Snapshot) -> str:
    """Answer sentences: what is shown to whom and where, by chance or not, and what wins."""
    return " ".join(_sentences(campaign, rules))


def _sentences(campaign: Campaign, rules: Snapshot) -> Iterator[str]:
    slot = rules.slots[campaign.slot]
    who = "all visitors"
    if campaign.audience != EVERYONE:
        who = f"visitors {describe(campaign.audience, rules.definitions)}"
    yield f"Fills {slot.name} for {who}."
    if campaign.experiment.coverage < 1:
        yield f"Of these, {_percent(campaign.experiment.coverage)} take part, by chance."
    yield _variants(campaign)
    yield from _recommendations(campaign, rules)
    layer = campaign.experiment.layer
    if layer:
        yield (
            f"In the layer {layer.layer} it has the visitors from {_percent(layer.low)} "
            f"to {_percent(layer.high)}."
        )
    if campaign.exclusive_group:
        group = campaign.exclusive_group
        yield f"Of the campaigns of the group {group} one is shown at once."
    yield f"Its priority is {campaign.priority:,}" + (
        f", its weight among equals {campaign.weight:,}." if campaign.weight > 1 else "."
    )


def _variants(campaign: Campaign) -> str:
    variants = campaign.variants
    if len(variants) == 1:
        return f"Shows {variants[0].id}."
    total = sum(campaign.weights)
    shares = [f"{each.id} to {_percent(each.weight / total)}" for each in variants]
    kept = ", who keep it" if campaign.experiment.sticky else ""
    return f"Shows {enumerate_parts(shares, 'and')} of them{kept}."


def _recommendations(campaign: Campaign, rules: Snapshot) -> Iterator[str]:
    for variant in campaign.variants:
        if variant.recommend:
            yield f"{variant.id} {_recommends(variant.recommend, rules)}."
        for override in variant.overrides:
            if override.recommend and override.recommend != variant.recommend:
                name = rules.definitions.segments[override.segment].name
                yield f"To {name} {variant.id} {_recommends(override.recommend, rules)}."


def _recommends(wanted: Recommendation, rules: Snapshot) -> str:
    segment = rules.definitions.segments.get(wanted.segment)
    name = segment.name if segment else ""
    first, *others = (STRATEGIES[each].format(segment=name) for each in wanted.strategies)
    told = [f"recommends up to {counted(wanted.count, 'product')}: {first}"]
    if others:
        told.append(f"else {', then '.join(others)}")
    if wanted.where:
        filters = enumerate_parts([_filter(*each) for each in wanted.where], "and")
        told.append(f"only those {filters}")
    if wanted.exclude:
        done = [EXCLUSIONS[each] for each in wanted.exclude]
        told.append(f"nothing that the visitor {enumerate_parts(done, 'or')}")
    told += [f"at most {most} of one {field}" for field, most in wanted.diversity]
    return ", ".join(told)


def _filter(field: str, tests: tuple[Test, ...]) -> str:
    if field == "in_stock":
        return "in stock" if tests == (Test("eq", operand=True),) else "out of stock"
    return f"whose {field} {phrase_tests(tests, negated=False)}"


def _percent(share: float) -> str:
    return f"{share * 100:.4g} %"
