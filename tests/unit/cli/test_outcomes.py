"""`edgeseg outcomes`: what is wrong with a day is told by its option."""

import pytest

from tests.unit.cli.conftest import Run


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", "monday"), "--from: a day such as 2026-11-22"),
        (("--until", "22.11.2026"), "--until: a day such as 2026-11-22"),
        (("--from", "2026-11-22", "--until", "2026-11-21"), "--from: `from` is on or before"),
    ],
)
def test_a_day_that_is_none_is_refused_by_its_option(
    run: Run, words: tuple[str, ...], told: str
) -> None:
    """Two options take a day; no store is needed to tell which of them is meant."""
    result = run("outcomes", "popular-now", *words)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"edgeseg: {told}")
