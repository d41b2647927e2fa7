"""How commands reach the store, and what they say where they do not."""

from pathlib import Path

import pytest

from edgeseg.cli import stores
from edgeseg.profiles.store import ProfileStore
from edgeseg.settings import Settings
from tests.unit.cli.conftest import Run

ASKING = (
    ("export", "exposures"),
    ("outcomes", "popular-now"),
    ("explain", "nobody", "everyone"),
    ("preview", "home-hero", "--visitor", "nobody"),
    ("lists", "show"),
)
"""Commands that only ask the store."""


@pytest.mark.parametrize("command", ASKING)
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


@pytest.mark.parametrize(
    "command",
    [
        *ASKING,
        ("recalculate",),
        ("bench", "--seconds", "0.01"),
        ("lists", "put", "vip", "FILE"),
        ("import", "profiles", "FILE", "--consent", "marketing"),
        ("replay", "FILE", "--consent", "marketing"),
    ],
)
def test_a_store_that_does_not_answer_is_told_in_one_line(
    run: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture, command: tuple[str, ...]
) -> None:
    """With its address and what to look at; a store has two connections, and each would tell."""
    socket, file = tmp_path / "nobody.sock", tmp_path / "people.csv"
    file.write_text("visitor\nann\n", "utf-8")
    words = (str(file) if word == "FILE" else word for word in command)
    done = run(*words, redis_url=f"unix://:secret@{socket}")
    assert done.exit_code == 1
    told = done.stderr.removeprefix("measuring").splitlines()
    assert [line for line in told if line.strip()] == told[-1:]
    assert told[-1].startswith(f"edgeseg: the store at {socket} does not answer: ")
    assert told[-1].endswith("is it running, and is EDGESEG_REDIS_URL right?")
    assert "secret" not in done.output
    assert caplog.messages == []
