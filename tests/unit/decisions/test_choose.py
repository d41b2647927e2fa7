"""Which campaign and variant fills a slot."""

import msgspec

from edgeseg.decisions.campaign import Campaign, Variant
from edgeseg.decisions.choose import NOTHING, Reason, choose
from edgeseg.segments.rule import EVERYONE

A, B = Variant(id="a", template="a.html"), Variant(id="b", template="b.html")
FIRST = Campaign(id="first", name="First", slot="hero", audience=EVERYONE, variants=(A,))
SECOND = msgspec.structs.replace(FIRST, id="second", variants=(A, B))


def test_the_most_important_eligible_campaign_wins() -> None:
    """Campaigns come in order of importance; the first whose audience holds is chosen."""
    assert choose([FIRST, SECOND], {"first", "second"}, "v").campaign is FIRST
    assert choose([FIRST, SECOND], {"second"}, "v").campaign is SECOND


def test_nothing_fits_gives_the_fallback() -> None:
    """Without an eligible campaign the reason is DEFAULT."""
    assert choose([FIRST], set(), "v") is NOTHING
    assert NOTHING.reason is Reason.DEFAULT


def test_a_single_variant_is_a_targeting_match() -> None:
    """There is nothing to split."""
    choice = choose([FIRST], {"first"}, "v")
    assert (choice.variant, choice.reason) == (A, Reason.TARGETING_MATCH)


def test_a_visitor_keeps_the_variant_and_visitors_are_split() -> None:
    """Assignment is deterministic per visitor, and both variants get visitors."""

    def chosen(visitor: str) -> str:
        variant = choose([SECOND], {"second"}, visitor).variant
        assert variant is not None
        return variant.id

    first = [chosen(f"v{number}") for number in range(100)]
    assert first == [chosen(f"v{number}") for number in range(100)]
    assert {*first} == {"a", "b"}


def test_a_visitor_without_id_gets_the_control() -> None:
    """The first variant, with the reason DEFAULT since nothing was assigned."""
    choice = choose([SECOND], {"second"}, "")
    assert (choice.variant, choice.reason) == (A, Reason.DEFAULT)
