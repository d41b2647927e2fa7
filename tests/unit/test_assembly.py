"""What is built from the settings."""

import pytest

from edgeseg.assembly import identities_from, keys_from
from edgeseg.delivery.visitor_id import CookieSigner
from edgeseg.settings import Settings

OLD, NEW = "the-old-secret-of-the-tests", "the-new-secret-of-the-tests"
BEFORE = Settings(secret=(OLD,))
STEPS = (
    Settings(secret=(OLD,), id_key=OLD),
    Settings(secret=(OLD, NEW), id_key=OLD),
    Settings(secret=(NEW, OLD), id_key=OLD),
    Settings(secret=(NEW,), id_key=OLD),
)
"""How the cookie secret is rotated, as docs/how-to/run-in-production.md tells."""


@pytest.mark.parametrize("settings", STEPS)
def test_known_people_are_known_in_every_step_of_a_rotation(settings: Settings) -> None:
    """Their profiles are found by ids that are made with a key."""
    known = identities_from(BEFORE).known("42")
    assert identities_from(settings).known("42") == known


def test_dropping_the_last_secret_makes_strangers_without_a_key_for_ids() -> None:
    """It is what the page warns of."""
    known = identities_from(BEFORE).known("42")
    assert identities_from(Settings(secret=(NEW, OLD))).known("42") == known
    assert identities_from(Settings(secret=(NEW,))).known("42") != known
    assert identities_from(Settings(secret=(OLD, NEW))).known("42") != known


@pytest.mark.parametrize(("one", "next_"), list(zip((BEFORE, *STEPS), STEPS, strict=False)))
def test_machines_of_two_steps_read_each_others_cookies(one: Settings, next_: Settings) -> None:
    """They run side by side while one after the other is restarted."""
    signers = [CookieSigner(keys_from(each)) for each in (one, next_)]
    for writer, reader in (signers, signers[::-1]):
        assert reader.read(writer.write("v", {"m": True}, 0)).id == "v"
