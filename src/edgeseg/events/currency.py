"""Amounts in one currency, so that what a visitor spent can be added up. Pure.

An event may name its currency, as the e-commerce events of Segment's spec do
(https://segment.com/docs/connections/spec/ecommerce/v2/). Its amounts are converted on the
way in, by the rate of that moment: what is stored is in the reporting currency.
"""

from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Final, NamedTuple

import msgspec

from edgeseg.errors import InputError
from edgeseg.events.event import Event, Scalar, Value
from edgeseg.events.keyed import AMOUNTS
from edgeseg.spelling import suggest

MONEY: Final = (*AMOUNTS, "subtotal", "price", "discount", "shipping", "tax", "products.price")
"""Properties that are amounts; lists of amounts, too."""
CURRENCY: Final = "currency"
ORIGINAL: Final = "original_currency"
_DECIMALS: Final = 4


class Currencies(NamedTuple):
    """The reporting currency, and what one unit of each other one is worth in it.

    Attributes:
        reporting: code of three letters (ISO 4217), "" to leave all amounts as they are.
        rates: code → rate, over 0.
    """

    reporting: str = ""
    rates: Mapping[str, float] = {}

    def convert(self, event: Event, path: str) -> Event:
        """Answer the event with its amounts in the reporting currency.

        An event that names no currency is taken to be in it.

        Args:
            event: as it came.
            path: of the event in the request, for errors.

        Raises:
            InputError: there is no rate for its currency, or an amount is too large.
        """
        named = event.properties.get(CURRENCY)
        if not self.reporting or not isinstance(named, str):
            return event
        code = named.strip().upper()
        amounts = {name: event.properties[name] for name in MONEY if name in event.properties}
        if code == self.reporting or not amounts:
            return event
        rate = self.rates.get(code)
        if rate is None:
            message = (
                f"no rate for the currency `{named[:10]}`; set it in EDGESEG_CURRENCY_RATES, "
                f"{suggest(code, (self.reporting, *self.rates))}"
            )
            raise InputError(message, field=f"{path}.properties.{CURRENCY}")
        converted = {
            name: _times(value, rate, f"{path}.properties.{name}")
            for name, value in amounts.items()
        }
        own = {CURRENCY: self.reporting, ORIGINAL: code}
        return msgspec.structs.replace(event, properties={**event.properties, **converted, **own})


def read_rates(texts: Iterable[str]) -> dict[str, float]:
    """Read rates written as ``USD=0.92``.

    Raises:
        ValueError: one is not of this form.
    """
    rates = {}
    for text in texts:
        code, _equals, number = text.replace(" ", "").partition("=")
        try:
            rate = float(number)
        except ValueError:
            rate = 0.0
        if not (is_code(code) and 0 < rate < float("inf")):
            message = f"`{text}` is no rate; write the code of a currency, =, and what one is worth"
            raise ValueError(f"{message}, such as USD=0.92")
        rates[code] = rate
    return rates


def is_code(text: str) -> bool:
    """Tell whether the text has the form of a currency's code, such as ``EUR``."""
    return len(text) == 3 and text.isascii() and text.isalpha() and text.isupper()  # noqa: PLR2004 - ISO 4217


def _times(value: Value, rate: float, field: str) -> Value:
    if isinstance(value, list):
        return [_convert(each, rate, field) for each in value]
    return _convert(value, rate, field)


def _convert(value: Scalar, rate: float, field: str) -> Scalar:
    if isinstance(value, bool | str):
        return value
    amount = round(value * rate, _DECIMALS)
    if not isfinite(amount):
        raise InputError("the amount is too large to be converted", field=field)
    return amount
