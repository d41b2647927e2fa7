"""`edgeseg explain` says why a visitor is, or is not, in a segment."""

import json
from pathlib import Path

import pytest

from edgeseg.assembly import identities_from, store_from
from edgeseg.cli.condition_tree import line_of
from edgeseg.clock import system_clock
from edgeseg.events.event import CONSENT_CHANGED, PAGE_VIEWED, Event
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.segments.explain import ConditionReport
from edgeseg.settings import Settings
from tests.unit.cli.conftest import Run

VISITOR = "Xb2kq4Jm6o7ZyL0cKQpVtA"
PROSPECTS = "prospective-account-clients"


@pytest.fixture
async def stored(
    embedded_server: EmbeddedServer, key_prefix: str, tmp_path: Path
) -> dict[str, str]:
    """A store that knows a visitor, and person 42, who have read about an account; as settings."""
    url, prefix, data_dir = embedded_server.url, key_prefix[:50], str(tmp_path)
    settings = Settings(redis_url=url, key_prefix=prefix, data_dir=data_dir)
    store = store_from(settings)
    await store.open()
    now_ms = system_clock()
    events = [
        Event(CONSENT_CHANGED, now_ms, {"marketing": True}),
        Event(PAGE_VIEWED, now_ms, {"path": "/accounts/current-account"}),
    ]
    for visitor_id in (VISITOR, identities_from(settings).known("42")):
        await store.record(visitor_id, events, plan=EMPTY_PLAN, now_ms=now_ms)
    await store.close()
    return {"redis_url": url, "key_prefix": prefix, "data_dir": data_dir}


def test_a_member_is_explained(run: Run, stored: dict[str, str]) -> None:
    """The verdict comes first, then every condition with its sign."""
    result = run("explain", VISITOR, PROSPECTS, **stored)
    assert result.exit_code == 0, result.output
    assert "The visitor is in Prospective Account Clients" in result.output
    assert "✔" in result.output
    assert "/accounts/current-account" in result.output


def test_an_outsider_is_explained(run: Run, stored: dict[str, str]) -> None:
    """What does not hold is marked, so that one sees what is missing."""
    result = run("explain", VISITOR, "high-value-customers", **stored)
    assert result.exit_code == 0
    assert "The visitor is not in" in result.output
    assert "✘" in result.output
    assert "It would match if their total spend is at least" in " ".join(result.output.split())


def test_what_only_a_page_tells_is_unknown_without_one(run: Run, stored: dict[str, str]) -> None:
    """A device is known on a page view only; the command does not guess."""
    result = run("explain", VISITOR, "mobile-visitors", **stored)
    assert result.exit_code == 0
    assert "The visitor is not in" in result.output


def test_an_explanation_as_json(run: Run, stored: dict[str, str]) -> None:
    """A machine reads the same tree."""
    result = run("explain", VISITOR, PROSPECTS, "--json", **stored)
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["holds"] is True
    assert found["conditions"]["children"]


def test_an_unknown_segment_gets_a_suggestion(run: Run, stored: dict[str, str]) -> None:
    """A misspelt segment is named with the one that was meant."""
    result = run("explain", VISITOR, "high-value-customer", **stored)
    assert result.exit_code == 1
    assert "did you mean `high-value-customers`?" in result.stderr


def test_an_unknown_visitor_is_said(run: Run, stored: dict[str, str]) -> None:
    """Nothing stored is an answer of its own, not an empty explanation."""
    result = run("explain", "nobody", PROSPECTS, **stored)
    assert result.exit_code == 1
    assert "nothing is stored of visitor `nobody`" in result.stderr


def test_what_strangers_wrote_commands_no_terminal(run: Run, stored: dict[str, str]) -> None:
    """Neither as a value that was found nor in an error."""
    report = ConditionReport(
        text="city is Brno", holds=False, found="\x1b]52;c;eA==\x07\u202eoo\x9b"
    )
    assert line_of(report).plain == "✘ city is Brno (found: �]52;c;eA==��oo�)"
    result = run("explain", "\x1b]0;x\x07", PROSPECTS, **stored)
    assert "visitor `�]0;x�`" in result.stderr


def test_a_person_may_be_named(run: Run, stored: dict[str, str]) -> None:
    """As in calls of servers: by the site's own id, which the secret makes ours of."""
    result = run("explain", "user:42", PROSPECTS, **stored)
    assert result.exit_code == 0, result.output
    result = run("explain", "user:43", PROSPECTS, **stored)
    assert "nothing is stored of visitor `user:43`" in result.stderr


def test_wrong_rules_are_listed(run: Run, stored: dict[str, str]) -> None:
    """Without rules that load there is nothing to explain: code 2."""
    result = run("explain", VISITOR, PROSPECTS, "--rules", "/no/such/folder", **stored)
    assert result.exit_code == 2
    assert "no folder of rule files" in result.stderr


def test_a_slot_is_explained(run: Run, stored: dict[str, str]) -> None:
    """What won, and what became of the others, by which condition."""
    result = run(
        "explain", VISITOR, "--slot", "home-hero", "--page", "https://shop.example/", **stored
    )

    assert result.exit_code == 0, result.output
    assert "(home-hero) shows open-an-account / " in result.output
    assert "✔ open-an-account won: no other campaign applies here" in result.output
    assert "✘ thank-high-value does not apply" in result.output
    assert "✘ who are in High-value customers" in result.output


def test_a_campaign_is_explained(run: Run, stored: dict[str, str]) -> None:
    """With all its conditions, caps among them."""
    result = run("explain", VISITOR, "--campaign", "cart-reminder", **stored)

    assert result.exit_code == 0, result.output
    assert "✘ cart-reminder does not apply" in result.output
    assert "fewer than 3 times today (found: the cap is not reached)" in result.output


def test_a_slot_as_json(run: Run, stored: dict[str, str]) -> None:
    """For machines, in the form of the answer."""
    result = run("explain", VISITOR, "--slot", "home-hero", "--json", **stored)
    found = json.loads(result.stdout)

    assert (found["slot"], found["campaign"], found["reason"]) == (
        "home-hero",
        "open-an-account",
        "SPLIT",
    )
    won, *others = (each["outcome"] for each in found["campaigns"])
    assert won == "won"
    assert {*others} == {"does not apply"}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "name a SEGMENT, or give --slot or --campaign"),
        ((PROSPECTS, "--slot", "home-hero"), "name a SEGMENT, or give --slot or --campaign"),
        (("--slot", "hero"), "unknown slot `hero`"),
        (("--campaign", "card-reminder"), "did you mean `cart-reminder`?"),
    ],
)
def test_one_thing_that_exists_is_explained(
    run: Run, stored: dict[str, str], words: tuple[str, ...], message: str
) -> None:
    """Anything else is an error that names what would be right."""
    result = run("explain", VISITOR, *words, **stored)

    assert result.exit_code != 0
    assert message in result.output
