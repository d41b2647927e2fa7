"""`edgeseg check` lists every problem with its place, and ends as scripts expect."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import ROOT, Run

BROKEN = {
    "fields.yaml": "fields:\n  - {id: country, type: text}\n",
    "segments.yaml": (
        "segments:\n"
        "  - id: a\n"
        "    when: {field: contry, eq: CZ}\n"
        "  - id: b\n"
        "    when: {contxt: path, eq: /}\n"
    ),
}


@pytest.fixture
def broken(tmp_path: Path) -> str:
    """A folder of rules with problems in two segments."""
    folder = tmp_path / "rules"
    folder.mkdir()
    for name, text in BROKEN.items():
        (folder / name).write_text(text, "utf-8")
    return str(folder)


def test_good_rules_are_counted(run: Run) -> None:
    """The sample rules load; their numbers and version are shown."""
    result = run("check")
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("OK ")
    for word in ("segments", "campaigns", "slots", "metrics", "version"):
        assert word in result.stdout


@pytest.mark.parametrize("form", [("--json",), ("--format", "json")])
def test_good_rules_as_json(run: Run, form: tuple[str, ...]) -> None:
    """A machine reads the same from --json, which is short for --format json."""
    result = run("check", str(ROOT / "rules"), *form)
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert found["ok"] is True
    assert found["segments"] >= 6
    assert len(found["version"]) == 12


def test_problems_are_listed_with_their_places(run: Run, broken: str) -> None:
    """Every problem has a line of its own, then the line of the file with a caret."""
    result = run("check", broken)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.splitlines() == [
        f"{broken}/segments.yaml:3:19: [a] unknown field `contry` (did you mean `country`?)",
        "   3 |     when: {field: contry, eq: CZ}",
        "     |                   ^",
        f"{broken}/segments.yaml:5:11: [b] unknown condition `contxt` (did you mean `context`?)",
        "   5 |     when: {contxt: path, eq: /}",
        "     |           ^",
        "2 problems in the rules",
    ]


def test_problems_as_json(run: Run, broken: str) -> None:
    """The JSON form holds the same problems, member by member."""
    result = run("check", broken, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert found["ok"] is False
    first = found["problems"][0]
    assert (first["file"], first["line"], first["column"], first["at"]) == (
        f"{broken}/segments.yaml", 3, 19, "a",
    )  # fmt: skip
    assert "contry" in first["message"]
    assert "country" in first["suggestion"]


def test_markup_in_rules_is_printed_as_it_is(run: Run, tmp_path: Path) -> None:
    """Square brackets in a problem are text, not colours, and break nothing."""
    folder = tmp_path / "rules"
    folder.mkdir()
    (folder / "[red]a.yaml").write_text("segments: ['[/bold]']\n", "utf-8")
    result = run("check", str(folder))
    assert result.exit_code == 1
    assert "[red]a.yaml:1:" in result.stderr


def test_a_folder_that_is_not_there_is_a_problem(run: Run, tmp_path: Path) -> None:
    """Nothing to check is not the same as nothing wrong."""
    result = run("check", str(tmp_path / "none"))
    assert result.exit_code == 1
    assert "no folder of rule files" in result.stderr


def test_a_failing_example_is_a_problem(run: Run, tmp_path: Path) -> None:
    """Rules that load but do not mean what their writer says fail the check."""
    text = (
        "segments:\n  - id: vips\n    when: {tag: vip}\n"
        "    examples: {in: [{tags: [vpi]}], out: []}\n"
    )
    (tmp_path / "rules.yaml").write_text(text, "utf-8")

    result = run("check", str(tmp_path))

    assert result.exit_code == 1
    assert result.stdout == ""
    place = f"{tmp_path}/rules.yaml:4:21: [vips]"
    assert result.stderr.startswith(f"{place} the visitor of this example is not in the segment")
    found = json.loads(run("check", str(tmp_path), "--json").stdout)
    assert found["ok"] is False
    assert [each["code"] for each in found["problems"]] == ["failed-example"]


def test_schedules_are_reviewed_by_the_clock_of_the_site(run: Run, tmp_path: Path) -> None:
    """As they are loaded: midnight in New York is later than two o'clock in London."""
    (tmp_path / "a.yaml").write_text(
        """
        slots: [{id: s, kind: json, with: {a: 1}}]
        campaigns:
          - id: c
            slot: s
            active: {from: "2026-11-21T02:00:00Z", until: "2026-11-21T00:00:00"}
            variants: [{id: v}]
        """,
        "utf-8",
    )
    result = run("check", str(tmp_path), time_zone="America/New_York")
    assert result.exit_code == 0, result.output


def test_wrong_settings_are_wrong_use(run: Run) -> None:
    """A setting that is not one ends with code 2 and a hint."""
    result = run("check", prot="1")
    assert result.exit_code == 2
    assert "did you mean EDGESEG_PORT?" in result.stderr


@pytest.mark.parametrize("command", ["check", "serve", "demo", "explain", "doctor", "healthcheck"])
def test_help_teaches(run: Run, command: str) -> None:
    """Every command says what it does in words, and ends with code 0."""
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "Usage" in result.output
    assert command in run("--help").output


def test_a_list_that_two_files_claim_is_a_problem(run: Run, tmp_path: Path) -> None:
    """So is a declaration that declares nothing; both are named, other files are not looked at."""
    lists = tmp_path / "lists"
    lists.mkdir()
    for name, text in {
        "gold.csv": "ann\n",
        "gold.source.yaml": "redis_set: crm:gold\n",
        "silver.source.yaml": "every: 10m\n",
        "README.md": "",
    }.items():
        (lists / name).write_text(text, "utf-8")
    result = run("check", lists=str(lists))
    assert result.exit_code == 1
    told = [line for line in result.stderr.splitlines() if line.startswith(str(lists))]
    assert told == [
        (
            f"{lists}/gold.source.yaml:1:1: gold.csv and gold.source.yaml both say who is on the "
            "list `gold`: keep one of them"
        ),
        f"{lists}/silver.source.yaml:1:1: write one of `http` and `redis_set`",
    ]
    (lists / "gold.csv").unlink()
    (lists / "silver.source.yaml").unlink()
    assert run("check", lists=str(lists)).exit_code == 0

    missing = run("check", lists=str(lists / "none"))
    assert missing.exit_code == 1
    assert "EDGESEG_LISTS" in missing.stderr
