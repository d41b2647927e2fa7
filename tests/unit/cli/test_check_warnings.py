"""`edgeseg check` warns of rules that load but cannot be meant as they stand."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from edgeseg.cli.problem_report import INVALID
from edgeseg.segments.review import CODES
from tests.unit.cli.conftest import ROOT, Run

CASES = sorted((ROOT / "tests" / "cases" / "warnings").glob("*.yaml"))


@pytest.fixture
def templates(tmp_path: Path) -> str:
    """A folder with the one template that the cases use."""
    folder = tmp_path / "templates"
    folder.mkdir()
    (folder / "a.html").write_text("x", "utf-8")
    return str(folder)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    """A folder of rules with one warning."""
    folder = tmp_path / "rules of mine"
    folder.mkdir()
    (folder / "a.yaml").write_text("segments:\n  - {id: nobody, when: {any: []}}\n", "utf-8")
    return folder


def checked(run: Run, folder: Path, templates: str, *words: str) -> Any:
    """Answer what check says as JSON."""
    result = run("check", str(folder), "--json", "--templates", templates, *words)
    return json.loads(result.stdout)


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_a_case_is_warned_of(run: Run, templates: str, tmp_path: Path, path: Path) -> None:
    """Each ``#!`` line of the file is one warning: line:column, code, id and words."""
    text = path.read_text("utf-8")
    (tmp_path / path.name).write_text(text, "utf-8")
    found = checked(run, tmp_path, templates)
    assert [
        f"{each['line']}:{each['column']} {each['code']} [{each['at']}]"
        f" {each['message']} ({each['suggestion']})"
        for each in found["warnings"]
    ] == re.findall(r"^#! (.*)$", text, re.MULTILINE)
    assert found["ok"] is True


def test_every_code_has_a_case() -> None:
    """Nothing is warned of that no case shows."""
    texts = "".join(path.read_text("utf-8") for path in CASES)
    assert set(re.findall(r"^#! \S+ (\S+)", texts, re.MULTILINE)) == set(CODES)


@pytest.mark.parametrize("code", [*CODES, INVALID])
def test_every_code_stands_in_the_reference(code: str) -> None:
    """Whoever meets a code can look it up."""
    assert f"| `{code}` |" in (ROOT / "docs" / "reference" / "cli.md").read_text("utf-8")


def test_a_warning_is_shown_and_not_fatal(run: Run, templates: str, rules: Path) -> None:
    """Warnings go to standard error with their code; the rules are fine all the same."""
    result = run("check", str(rules), "--templates", templates)
    assert result.exit_code == 0
    assert result.stdout.startswith("OK 1 segment, 0 campaigns")
    lines = result.stderr.splitlines()
    assert lines[0].startswith(f"{rules}/a.yaml:2:5: warning: [nobody] this segment can never")
    assert lines[0].endswith("[never-true]")
    assert lines[1:] == [
        "   2 |   - {id: nobody, when: {any: []}}",
        "     |     ^",
        "1 warning in the rules",
    ]


@pytest.mark.parametrize("form", ["text", "json", "sarif"])
def test_strict_makes_warnings_fatal(run: Run, templates: str, rules: Path, form: str) -> None:
    """With --strict a warning ends with code 1, however it is printed."""
    words = ("check", str(rules), "--templates", templates, "--strict", "--format", form)
    result = run(*words)
    assert result.exit_code == 1
    assert "OK" not in result.stdout
    (rules / "a.yaml").write_text("segments:\n  - {id: everyone, when: {all: []}}\n", "utf-8")
    assert run(*words).exit_code == 0


def test_the_sample_rules_have_nothing_that_cannot_matter(run: Run, templates: str) -> None:
    """What we ship is at most waiting to be used."""
    found = checked(run, ROOT / "rules", str(ROOT / "templates"))
    assert {each["code"] for each in found["warnings"]} <= {"unused-metric"}
