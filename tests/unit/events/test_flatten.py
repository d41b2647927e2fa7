"""Free-form objects become plain values, within bounds."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.events.decode import MAX_LIST, MAX_NAME, MAX_PROPERTIES, MAX_STRING
from edgeseg.events.flatten import flatten

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)


def test_members_of_objects_get_dotted_names() -> None:
    """Rules ask about them by those."""
    flat = flatten({"total": 12, "coupon": None, "address": {"city": "Brno", "geo": {"lat": 1.5}}})

    assert flat.values == {"total": 12, "address.city": "Brno", "address.geo.lat": 1.5}
    assert flat.dropped == []


def test_a_list_of_objects_becomes_one_list_a_member() -> None:
    """An order's products can be asked for by id, by category, by variant."""
    products = [
        {"product_id": "a", "price": 700, "tags": ["new"]},
        {"product_id": "b", "price": None, "variant": {"size": "L"}},
        "stray",
    ]

    flat = flatten({"products": products})

    assert flat.values == {
        "products.product_id": ["a", "b"],
        "products.price": [700],
        "products.tags": ["new"],
        "products.variant.size": ["L"],
    }


@pytest.mark.parametrize(
    ("given_values", "kept", "reason"),
    [
        ({"long": "x" * (MAX_STRING + 1)}, {}, "at most 1,000 characters"),
        ({"big": 2**64}, {}, "64 bits"),
        ({"n" * (MAX_NAME + 1): 1}, {}, "1 to 100 characters"),
        ({"": 1}, {}, "1 to 100 characters"),
        ({"nested": [1, [2]]}, {"nested": [1]}, "a list within a list"),
        ({"list": [1] * (MAX_LIST + 1)}, {"list": [1] * MAX_LIST}, "first 100 elements"),
        ({"a": {"b": {"c": {"d": {"e": 1}}}}}, {}, "deeper than 4 objects"),
        ({"list": [{"a": 1}, "stray", None]}, {"list.a": [1]}, "beside objects"),
        ({"list": [{"a": 1}] * (MAX_LIST + 1)}, {"list.a": [1] * MAX_LIST}, "first 100 elements"),
    ],
)
def test_what_does_not_fit_is_left_out_and_told(
    given_values: dict[str, object], kept: dict[str, object], reason: str
) -> None:
    """The rest of the event is kept."""
    flat = flatten({"fits": True, **given_values})

    assert flat.values == {"fits": True, **kept}
    assert [why for _name, why in flat.dropped if reason in why]


def test_plain_members_win_over_nested_ones_when_there_are_too_many() -> None:
    """What stands at the top is most likely meant."""
    many = {"nested": {"deep": 1}} | {f"p{n}": n for n in range(MAX_PROPERTIES)}

    flat = flatten(many)

    assert len(flat.values) == MAX_PROPERTIES
    assert "nested.deep" not in flat.values
    assert flat.dropped == [("nested.deep", "at most 50 members are kept")]


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=8))
def test_whatever_comes_the_values_are_plain_and_bounded(given_values: dict[str, object]) -> None:
    """No object, however shaped, gets into an event."""
    flat = flatten(given_values)

    assert len(flat.values) <= MAX_PROPERTIES
    for name, value in flat.values.items():
        assert 0 < len(name) <= MAX_NAME
        for each in value if isinstance(value, list) else [value]:
            assert isinstance(each, str | int | float | bool)
    msgspec.json.encode(flat.values)
