"""How commands reach the store."""

import pytest

from edgeseg.cli import stores
from edgeseg.profiles.store import ProfileStore
from edgeseg.settings import Settings
from tests.unit.cli.conftest import Run


@pytest.mark.parametrize(
    "command",
    [
        ("export", "exposures"),
        ("outcomes", "popular-now"),
        ("explain", "nobody", "everyone"),
        ("preview", "home-hero", "--visitor", "nobody"),
        ("lists", "show"),
    ],
)
def test_commands_wait_for_a_store_far_away(
    run: Run,
    redis_url: str,
    key_prefix: str,
    monkeypatch: pytest.MonkeyPatch,
    command: tuple[str, ...],
) -> None:
    """A page view would not: half its budget is less than the way to another continent."""
    budgets = []
    store_from = stores.store_from

    def note(settings: Settings) -> ProfileStore:
        budgets.append(settings.budget_ms)
        return store_from(settings)

    monkeypatch.setattr(stores, "store_from", note)
    run(*command, redis_url=redis_url, key_prefix=key_prefix, budget_ms="10")
    assert budgets == [stores.PATIENT_MS]
