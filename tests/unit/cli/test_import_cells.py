"""What texts of cells mean."""

from datetime import UTC, datetime

import pytest

from edgeseg.cli.import_cells import read_instant, read_text


@pytest.mark.parametrize("given", ["20261224", 20261224, "2026-12-24"], ids=repr)
def test_a_day_written_in_digits_is_that_day(given: object) -> None:
    """As seconds it would be one of August 1970."""
    assert read_instant(given) == datetime(2026, 12, 24)  # noqa: DTZ001 - the importer's zone
    with pytest.raises(ValueError, match="day"):
        read_instant("20261232")


@pytest.mark.parametrize("given", ["1798070400", 1798070400, 1798070400000], ids=repr)
def test_other_numbers_are_seconds_or_milliseconds(given: object) -> None:
    """By their size."""
    assert read_instant(given) == datetime(2026, 12, 24, tzinfo=UTC)


@pytest.mark.parametrize(("text", "number"), [(" 15", 15), ("1.5", 1.5), ("1_5", "1_5")])
def test_a_number_is_what_people_write(text: str, number: object) -> None:
    """Not what Python alone takes for one: it stays as it is, to be refused."""
    assert read_text(text, "number") == number
