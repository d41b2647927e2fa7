"""Findings in the form that code hosts take."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory with a folder of rules."""
    (tmp_path / "my rules").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_problems_have_rule_level_and_place(run: Run, here: Path) -> None:
    """A result names its rule, its level, and the file as the repository knows it."""
    text = "segments:\n  - {id: a, when: {contxt: path}}\n"
    (here / "my rules" / "a.yaml").write_text(text, "utf-8")
    result = run("check", "my rules", "--format", "sarif")
    assert result.exit_code == 1
    log = json.loads(result.stdout)
    assert log["version"] == "2.1.0"
    (only,) = log["runs"]
    assert only["tool"]["driver"]["name"] == "edgeseg"
    (found,) = only["results"]
    assert found == {
        "ruleId": "invalid-rule",
        "ruleIndex": 0,
        "level": "error",
        "message": {"text": "[a] unknown condition `contxt` (did you mean `context`?)"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": "my%20rules/a.yaml"},
                    "region": {"startLine": 2, "startColumn": 19},
                }
            }
        ],
    }


def test_a_warning_points_at_the_rule_it_is_an_instance_of(
    run: Run, here: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The index of a result leads to its rule; files from elsewhere have absolute addresses."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "a.yaml").write_text("segments:\n  - {id: a, when: {any: []}}\n", "utf-8")
    result = run("check", str(elsewhere), "--format", "sarif")
    assert result.exit_code == 0
    (only,) = json.loads(result.stdout)["runs"]
    (found,) = only["results"]
    assert (found["ruleId"], found["level"]) == ("never-true", "warning")
    rule = only["tool"]["driver"]["rules"][found["ruleIndex"]]
    assert rule["id"] == "never-true"
    assert rule["shortDescription"]["text"]
    place = found["locations"][0]["physicalLocation"]["artifactLocation"]
    assert place == {"uri": (elsewhere / "a.yaml").as_uri()}


def test_nothing_found_is_a_log_without_results(run: Run, here: Path) -> None:
    """Code hosts close what an earlier run had found."""
    (here / "my rules" / "a.yaml").write_text("segments: []\n", "utf-8")
    (only,) = json.loads(run("check", "my rules", "--format", "sarif").stdout)["runs"]
    assert only["results"] == []
