"""Which campaign and variant fills a slot, and what chance has to do with it."""

from collections import Counter
from collections.abc import Sequence

import msgspec
import pytest

from edgeseg.bucketing import bucket
from edgeseg.decisions.campaign import Campaign, Experiment, LayerShare, Variant
from edgeseg.decisions.choose import NOTHING, Chance, Choice, Contest, Reason
from edgeseg.decisions.policy import Holdout
from edgeseg.segments.condition import EVERYONE

A, B = Variant(id="a", template="a.html"), Variant(id="b", template="b.html")
FIRST = Campaign(
    id="first", name="First", slot="hero", audience=EVERYONE, variants=(A,), priority=9
)
SECOND = Campaign(id="second", name="Second", slot="hero", audience=EVERYONE, variants=(A, B))
VISITORS = [f"visitor-{number}" for number in range(4_000)]


def alter(campaign: Campaign, **parts: object) -> Campaign:
    """Answer the campaign with other members."""
    return msgspec.structs.replace(campaign, **parts)


def chosen(
    applying: Sequence[Campaign],
    visitor: str = "v",
    *,
    slot: str = "hero",
    holdouts: Sequence[Holdout] = (),
    shown: Sequence[str] = (),
) -> Choice:
    """Answer the choice for one slot; campaigns come by importance, as the evaluator has them."""
    contest = Contest(applying, holdouts)
    ordered = sorted(applying, key=lambda each: (-each.priority, each.id))
    return contest.choose([slot], ordered, Chance(visitor, lambda _campaign: shown))[slot]


def variants_of(campaign: Campaign, **parts: Sequence[str]) -> dict[str, str]:
    """Answer which of the visitors see which variant; who sees none is left out."""
    found = {visitor: chosen([campaign], visitor, **parts).variant for visitor in VISITORS}
    return {visitor: variant.id for visitor, variant in found.items() if variant}


def test_the_most_important_campaign_that_applies_wins() -> None:
    """Priority decides, whoever comes next."""
    assert chosen([FIRST, SECOND]).campaign is FIRST
    assert chosen([SECOND]).campaign is SECOND


def test_nothing_applies_gives_the_fallback() -> None:
    """Without a campaign that applies the reason is DEFAULT."""
    assert chosen([]) is NOTHING
    assert chosen([FIRST], slot="another") is NOTHING
    assert NOTHING.reason is Reason.DEFAULT


def test_a_single_variant_is_a_targeting_match() -> None:
    """There is nothing to split, with an id or without."""
    for visitor in ("v", ""):
        choice = chosen([FIRST], visitor)
        assert (choice.variant, choice.reason) == (A, Reason.TARGETING_MATCH)


def test_a_visitor_keeps_the_variant_and_visitors_are_split() -> None:
    """Assignment is the same each time, and both variants get visitors."""
    first = variants_of(SECOND)

    assert first == variants_of(SECOND)
    assert {*first.values()} == {"a", "b"}


def test_a_visitor_without_id_gets_the_control() -> None:
    """The first variant, with the reason DEFAULT since nothing was assigned."""
    small = alter(
        SECOND, experiment=Experiment(coverage=0.01, layer=LayerShare("tests", 0.0, 0.01))
    )
    for campaign in (SECOND, small):
        choice = chosen([campaign], "", holdouts=[Holdout(id="all", share=1.0)])
        assert (choice.variant, choice.reason) == (A, Reason.DEFAULT)


def test_of_equals_a_visitor_without_id_gets_the_first() -> None:
    """Nothing is drawn for whom nothing is known by."""
    equals = [alter(SECOND, id=name) for name in ("eel", "ant", "bee", "cat", "dog")]
    assert chosen(equals, "").campaign is equals[1]


@pytest.mark.parametrize("group", ["", "one at a time"])
def test_a_holdout_withholds_the_most_important_campaign(group: str) -> None:
    """What they would see is what those held out are compared with, with groups or without."""
    rivals = [alter(each, exclusive_group=group) for each in (FIRST, SECOND)]
    other = alter(SECOND, id="other", slot="side", exclusive_group=group, priority=1)
    everybody = Holdout(id="all", share=1.0, slots=("hero",))
    choice = chosen([*rivals, other], holdouts=[everybody])
    assert (choice.campaign, choice.holdout, choice.withheld) == (None, "all", rivals[0])
    beside = chosen([*rivals, other], slot="side", holdouts=[everybody])
    assert beside.campaign is other
    nobody = alter(FIRST, id="nobody", variants=(A, B), experiment=Experiment(coverage=0.0))
    nobody = alter(nobody, exclusive_group=group, priority=10)
    alone = chosen([nobody], holdouts=[everybody])
    assert (alone.campaign, alone.holdout, alone.withheld) == (None, "all", None)
    assert chosen([nobody, *rivals], holdouts=[everybody]) == choice


def test_a_choice_says_which_experiment_and_layer_it_is_of() -> None:
    """So that tools outside can tell; what chance has no part in is no experiment."""
    layer = LayerShare("tests", 0.0, 1.0)
    choice = chosen([alter(SECOND, experiment=Experiment(layer=layer))])
    assert (choice.layer, choice.experiment) == ("tests", "second")
    assert (chosen([FIRST]).layer, chosen([FIRST]).experiment) == ("", "")


def test_equals_share_visitors_by_weight() -> None:
    """Of campaigns with equal priority each wins its share, the same visitors each time."""
    equals = [
        alter(SECOND, id="light", weight=1),
        alter(SECOND, id="heavy", weight=3),
    ]
    winners = {visitor: chosen(equals, visitor).campaign for visitor in VISITORS}
    heavy = sum(winner is equals[1] for winner in winners.values()) / len(VISITORS)

    assert abs(heavy - 0.75) < 3.29 * (0.75 * 0.25 / len(VISITORS)) ** 0.5
    assert winners == {visitor: chosen(equals, visitor).campaign for visitor in VISITORS}


def test_a_further_equal_takes_visitors_and_moves_none_between_the_others() -> None:
    """Who does not see the new campaign sees what they saw before."""
    equals = [alter(SECOND, id=name) for name in ("one", "two")]
    further = alter(SECOND, id="three")

    for visitor in VISITORS[:500]:
        before, after = chosen(equals, visitor), chosen([*equals, further], visitor)
        assert after.campaign in (before.campaign, further)


def test_coverage_grows_without_reassigning_anyone() -> None:
    """Who was in keeps the variant; others join."""
    few, more = (
        variants_of(alter(SECOND, experiment=Experiment(coverage=share))) for share in (0.2, 0.7)
    )

    assert few.items() < more.items() < variants_of(SECOND).items()
    assert 0.15 < len(few) / len(VISITORS) < 0.25


def test_who_is_not_covered_sees_the_next_campaign() -> None:
    """A campaign that chance keeps away leaves its place."""
    rare = alter(FIRST, experiment=Experiment(coverage=0.0))

    assert chosen([rare, SECOND]).campaign is SECOND


def test_a_seed_keeps_the_split_when_a_campaign_is_renamed() -> None:
    """The seed is by default the id."""
    renamed = alter(SECOND, id="renamed")

    assert variants_of(renamed) != variants_of(SECOND)
    assert variants_of(alter(renamed, experiment=Experiment(seed="second"))) == variants_of(SECOND)


def test_layers_keep_experiments_apart() -> None:
    """Nobody takes part in two experiments of a layer, whatever the slot."""
    one = alter(FIRST, experiment=Experiment(layer=LayerShare("tests", 0.0, 0.5)))
    other = alter(SECOND, slot="strip", experiment=Experiment(layer=LayerShare("tests", 0.5, 1.0)))

    def taking_part(visitor: str) -> list[str]:
        choices = Contest([one, other]).choose(["hero", "strip"], [one, other], Chance(visitor))
        return [slot for slot, choice in choices.items() if choice.campaign]

    slots = Counter(slot for visitor in VISITORS for slot in taking_part(visitor))
    assert all(len(taking_part(visitor)) == 1 for visitor in VISITORS)
    assert abs(slots["hero"] / len(VISITORS) - 0.5) < 0.03


def test_parts_of_layers_and_holdouts_end_where_the_next_ones_begin() -> None:
    """The seeds are those documented, so that tools outside give the same places."""
    place = bucket("layer/tests", "v")
    for low, high, takes_part in ((place, 1.0, True), (0.0, place, False)):
        layered = alter(FIRST, experiment=Experiment(layer=LayerShare("tests", low, high)))
        assert bool(chosen([layered]).campaign) is takes_part
        assert chosen([layered], "").reason is Reason.DEFAULT
    place = bucket("holdout/some", "v")
    for share, held_out in ((place, ""), (place + 0.0001, "some")):
        assert chosen([FIRST], holdouts=[Holdout(id="some", share=share)]).holdout == held_out


def test_a_sticky_campaign_keeps_the_variant_that_was_shown() -> None:
    """Whatever becomes of weights and coverage, while the variant is there."""
    heavy = (msgspec.structs.replace(A, weight=0), B)
    sticky = alter(SECOND, variants=heavy, experiment=Experiment(sticky=True, coverage=0.01))

    assert {*variants_of(sticky, shown=["a"]).values()} == {"a"}
    assert len(variants_of(sticky, shown=["a"])) == len(VISITORS)
    assert {*variants_of(sticky, shown=["gone"]).values()} == {"b"}
    assert {*variants_of(alter(sticky, experiment=Experiment()), shown=["a"]).values()} == {"b"}


def test_a_sticky_campaign_keeps_what_came_after_a_variant_that_is_gone() -> None:
    """Who was dealt anew once is not dealt anew with each later change of weights."""
    sticky = alter(SECOND, experiment=Experiment(sticky=True, coverage=0.01))

    assert {*variants_of(sticky, shown=["gone", "b", "a"]).values()} == {"b"}
    assert len(variants_of(sticky, shown=["gone", "b", "a"])) == len(VISITORS)


def test_a_sticky_campaign_stays_in_its_part_of_a_layer() -> None:
    """So that nobody takes part in two experiments, after parts were cut anew either."""
    nobody = Experiment(sticky=True, layer=LayerShare("tests", 0.0, 0.0))
    assert chosen([alter(SECOND, experiment=nobody)], shown=["a"]) is NOTHING


def test_a_holdout_keeps_campaigns_from_its_share_of_visitors() -> None:
    """They see the fallback, by chance and told so."""
    holdout = Holdout(id="nothing", share=0.1)
    choices = [chosen([FIRST], visitor, holdouts=[holdout]) for visitor in VISITORS]
    held_out = [choice for choice in choices if choice.campaign is None]

    assert abs(len(held_out) / len(VISITORS) - 0.1) < 0.02
    assert {(each.reason, each.holdout) for each in held_out} == {(Reason.SPLIT, "nothing")}


def test_a_holdout_of_one_slot_leaves_the_others() -> None:
    """It says which slots it is about."""
    holdouts = [Holdout(id="hero-only", share=1.0, slots=("hero",))]
    strip = alter(FIRST, slot="strip")

    assert chosen([FIRST], holdouts=holdouts).campaign is None
    assert chosen([strip], slot="strip", holdouts=holdouts).campaign is strip


def test_of_an_exclusive_group_one_campaign_is_shown_at_once() -> None:
    """The more important one, in whichever slot, asked for or not."""
    loud = alter(FIRST, exclusive_group="loud")
    louder = alter(SECOND, slot="strip", exclusive_group="loud", priority=10)

    assert chosen([loud, louder], slot="strip").campaign is louder
    assert chosen([loud, louder]) is NOTHING
    assert chosen([loud, louder, SECOND]).campaign is SECOND


def test_campaigns_without_a_group_do_not_exclude_each_other() -> None:
    """Where others are in one, too."""
    rivals = [
        alter(FIRST, id=slot, slot=slot, exclusive_group="loud" if slot == "hero" else "")
        for slot in ("hero", "strip", "side")
    ]
    choices = Contest(rivals).choose(["hero", "strip", "side"], rivals, Chance("v"))
    assert [choice.campaign for choice in choices.values()] == rivals


def test_a_group_is_taken_by_who_wins_a_slot_only() -> None:
    """A campaign that loses its slot does not keep its group from others."""
    beaten = alter(SECOND, id="beaten", slot="strip", exclusive_group="loud", priority=5)
    winner = alter(SECOND, id="winner", slot="strip", priority=8)
    free = alter(SECOND, id="free", exclusive_group="loud")

    assert chosen([beaten, winner, free]).campaign is free
