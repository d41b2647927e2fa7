"""Words that people read: hints and counts."""

import pytest

from edgeseg.spelling import counted


@pytest.mark.parametrize(
    ("number", "told"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1_000, "1,000 rows")]
)
def test_one_of_something_is_not_several(number: int, told: str) -> None:
    """Wherever a command counts, it says so as people do."""
    assert counted(number, "row") == told
