"""`edgeseg diff` says which segments would change, and for how many visitors."""

import json
from pathlib import Path

import pytest
import redis

from edgeseg.assembly import store_from
from edgeseg.clock import system_clock
from edgeseg.events.event import PAGE_VIEWED, Event
from edgeseg.metric_plan import EMPTY_PLAN
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.settings import Settings
from tests.unit.cli.conftest import Run

OLD = """
segments:
  - {id: readers, name: Readers, when: {event: page_viewed, count: {gte: 2}}}
  - {id: gone, when: {tag: gone}}
"""
NEW = """
segments:
  - {id: readers, name: Keen readers, when: {event: page_viewed, where: {path: /x}}}
"""


@pytest.fixture
def folders(tmp_path: Path) -> tuple[str, str]:
    """Two folders of rules."""
    for name, text in {"old": OLD, "new": NEW}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "rules.yaml").write_text(text, "utf-8")
    return str(tmp_path / "old"), str(tmp_path / "new")


@pytest.fixture
async def stored(embedded_server: EmbeddedServer, key_prefix: str) -> dict[str, str]:
    """A store that knows three visitors, who viewed one page each; as settings."""
    prefix = key_prefix[:50]
    store = store_from(Settings(redis_url=embedded_server.url, key_prefix=prefix))
    await store.open()
    now_ms = system_clock()
    for visitor, path in {"u": "/x", "v": "/x", "w": "/y"}.items():
        events = [Event(PAGE_VIEWED, now_ms, {"path": path})]
        await store.record(visitor, events, plan=EMPTY_PLAN, now_ms=now_ms)
    await store.close()
    return {"redis_url": embedded_server.url, "key_prefix": prefix}


def test_differences_with_who_would_move(
    run: Run, folders: tuple[str, str], stored: dict[str, str]
) -> None:
    """Each segment that differs is told in words, with the visitors it would gain and lose."""
    result = run("diff", *folders, **stored)
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[:6] == [
        "- gone (gone)",
        "  was: Visitors who have the tag gone.",
        "  0 would enter, 0 would leave",
        "~ Keen readers (readers)",
        "  changed because of its condition",
        "  was: Visitors who have viewed a page at least 2 times.",
    ]
    assert "  2 would enter, 0 would leave" in lines
    assert "= segment readers is now called “Keen readers”, was “Readers”" in lines
    assert "Judged on 3 stored visitors" in result.output


def test_a_damaged_profile_leaves_the_others(
    run: Run, folders: tuple[str, str], stored: dict[str, str]
) -> None:
    """One of a newer version of edgeseg likewise, as there may be many while that is rolled out."""
    prefix = stored["key_prefix"]
    with redis.Redis.from_url(stored["redis_url"]) as client:
        client.set(f"{prefix}p:{{x}}", b"junk")
    result = run("diff", *folders, "--json", **stored)
    assert json.loads(result.stdout)["visitors"] == 3, result.output


def test_a_sample_is_no_larger_than_asked_for(
    run: Run, folders: tuple[str, str], stored: dict[str, str]
) -> None:
    """With many visitors a part of them is enough."""
    result = run("diff", *folders, "--sample", "2", "--json", **stored)
    assert json.loads(result.stdout)["visitors"] == 2


def test_without_a_sample_no_store_is_needed(run: Run, folders: tuple[str, str]) -> None:
    """In CI, where there is none, the rules alone are compared."""
    result = run("diff", *folders, "--sample", "0", "--json", redis_url="redis://127.0.0.1:1")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["visitors"] is None
    assert [each["entering"] for each in found["segments"]] == [None, None]


def test_equal_rules_have_no_differences(run: Run, folders: tuple[str, str]) -> None:
    """Then no visitor has to be looked at."""
    result = run("diff", folders[0], folders[0], redis_url="redis://127.0.0.1:1")
    assert result.exit_code == 0, result.output
    assert "Segments: no change" in result.output


def test_rules_that_do_not_load_are_listed(run: Run, folders: tuple[str, str]) -> None:
    """Broken rules on either side end the command: code 2."""
    Path(folders[0], "rules.yaml").write_text("segments: [{id: a, when: {tog: x}}]", "utf-8")
    result = run("diff", *folders)
    assert result.exit_code == 2
    assert "did you mean `tag`?" in result.stderr
