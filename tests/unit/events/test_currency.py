"""Amounts are added up in one currency."""

import pytest

from edgeseg.errors import InputError
from edgeseg.events.currency import Currencies, read_rates
from edgeseg.events.event import Event, Value

EUROS = Currencies("EUR", {"USD": 0.92, "CZK": 0.04})


def converted(currencies: Currencies = EUROS, **properties: Value) -> dict[str, Value]:
    """Answer the properties as they are stored."""
    return dict(currencies.convert(Event("order_completed", 0, properties), "events[0]").properties)


def test_amounts_are_converted_and_the_currency_is_kept() -> None:
    """Every amount of the event, in lists as well; what is no amount stays."""
    properties: dict[str, Value] = {
        "currency": "czk", "revenue": 1_000, "tax": 210.5, "quantity": 3,
        "products.price": [500, 250],
    }  # fmt: skip
    assert converted(**properties) == {
        "currency": "EUR", "original_currency": "CZK", "revenue": 40.0, "tax": 8.42, "quantity": 3,
        "products.price": [20.0, 10.0],
    }  # fmt: skip


@pytest.mark.parametrize(
    "properties",
    [
        {"revenue": 90},
        {"revenue": 90, "currency": "EUR"},
        {"revenue": 90, "currency": 978},
        {"form": "request-account", "currency": "XXX"},
    ],
)
def test_what_is_in_the_reporting_currency_stays(properties: dict[str, Value]) -> None:
    """So does what names none, and what has no amount."""
    assert converted(**properties) == properties


def test_without_a_reporting_currency_nothing_is_converted() -> None:
    """As long as the setting is not set."""
    assert converted(Currencies(), revenue=9, currency="USD") == {"revenue": 9, "currency": "USD"}


def test_an_amount_without_a_rate_is_refused() -> None:
    """It would be added to others of another worth; the refusal says what to set."""
    with pytest.raises(InputError, match=r"no rate for the currency `GBP`.*EDGESEG_CURRENCY_RATES"):
        converted(revenue=9, currency="GBP")


def test_an_amount_that_no_number_can_hold_is_refused() -> None:
    """It could not be stored, nor could what comes with it."""
    crowns = Currencies("CZK", {"EUR": 25.0})
    with pytest.raises(InputError, match="too large") as caught:
        converted(crowns, **{"products.price": [1, 1e308]}, currency="EUR")
    assert caught.value.field == "events[0].properties.products.price"


def test_what_is_no_number_is_left_alone() -> None:
    """The schema judges types, if it is told of them."""
    assert converted(revenue="much", currency="USD")["revenue"] == "much"


def test_rates_are_read_as_written() -> None:
    """Blanks do not matter."""
    assert read_rates(["USD=0.92", "CZK = 0.04"]) == EUROS.rates


@pytest.mark.parametrize(
    "text", ["USD", "usd=1", "USD=", "USD=0", "USD=-1", "USD=inf", "=1", "€=1"]
)
def test_a_rate_that_is_none_is_refused(text: str) -> None:
    """The message shows one that is right."""
    with pytest.raises(ValueError, match="such as USD"):
        read_rates([text])
