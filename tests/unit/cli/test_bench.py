"""`edgeseg bench` measures this installation: its rules, its store, nobody's profile."""

import json
from pathlib import Path

import pytest
import redis

from edgeseg.cli.bench_visitors import MAX_FIELDS, make_up_visitors
from edgeseg.clock import DAY_MS
from edgeseg.profiles.embedded import EmbeddedServer
from edgeseg.rule_folder import RuleFolder
from tests.unit.cli.conftest import ROOT, Run

NOW_MS = 400 * DAY_MS


def test_every_stage_is_measured_and_nothing_stays(
    run: Run, embedded_server: EmbeddedServer, key_prefix: str
) -> None:
    """With and without copies in memory; the made-up visitors are gone from the store."""
    chosen = {"redis_url": embedded_server.url, "key_prefix": key_prefix}
    result = run("bench", "--seconds", "0.001", "--json", **chosen)

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    stages = [each["stage"] for each in found["timings"]]
    assert stages[:2] == ["encode a profile", "decode a profile"]
    assert "a page view, visitor not seen lately" in stages
    assert stages[-1] == "a page view, visitor seen lately"
    assert all(0 < each["p50_us"] <= each["p99_us"] for each in found["timings"])
    assert found["segments"] == len(
        RuleFolder(ROOT / "rules", ROOT / "templates").build().definitions.segments
    )
    with redis.Redis.from_url(embedded_server.url) as client:
        ours = key_prefix[:30].encode()
        assert [key for key in client.scan_iter() if key.startswith(ours) and b":p:" in key] == []


def test_a_table_for_people(run: Run, embedded_server: EmbeddedServer, key_prefix: str) -> None:
    """It names the rules' size, and says what is not in the figures."""
    chosen = {"redis_url": embedded_server.url, "key_prefix": key_prefix, "cache_mb": "0"}
    result = run("bench", "--seconds", "0.001", **chosen)

    assert result.exit_code == 0, result.output
    assert "evaluate the rules" in result.stdout
    assert "seen lately" in result.stdout
    assert "the HTTP server and the network are not in it" in result.stdout


def test_a_store_that_is_away_is_said(run: Run, tmp_path: Path) -> None:
    """In one line, with exit code 1."""
    result = run("bench", "--seconds", "0.001", redis_url=f"unix://{tmp_path}/nowhere.sock")

    assert result.exit_code == 1
    assert result.stderr.startswith("edgeseg: ")
    assert "Traceback" not in result.output


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "60.1", "1e999", "soon"])
def test_a_time_that_measures_nothing_is_wrong_use(run: Run, seconds: str) -> None:
    """The error names the option, its bounds, and one that would do."""
    result = run("bench", f"--seconds={seconds}")

    assert result.exit_code == 2
    for word in ("--seconds", "above 0 and up to 60", "0.5"):
        assert word in result.stderr


@pytest.mark.parametrize("kind", ["text", "number", "boolean", "date", "list"])
def test_made_up_visitors_have_what_the_rules_declare(tmp_path: Path, kind: str) -> None:
    """Fields of every type, at most so many, and the same each time but for the ids."""
    fields = [{"id": f"f{n}", "label": "F", "type": kind} for n in range(MAX_FIELDS + 10)]
    (tmp_path / "fields.yaml").write_text(json.dumps({"fields": fields}), "utf-8")
    rules = RuleFolder(tmp_path, tmp_path / "templates").build()
    one = list(make_up_visitors(rules, 5, NOW_MS))
    other = list(make_up_visitors(rules, 5, NOW_MS))

    assert [each.history for each in one] == [each.history for each in other]
    assert len({each.id for each in one + other}) == 10
    for each in one:
        assert 0 < len(each.history[0].properties) <= MAX_FIELDS
        assert [event.at_ms for event in each.history] == sorted(
            event.at_ms for event in each.history
        )
