"""`edgeseg try` answers line by line, and no line stops the next."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from edgeseg.cli import main
from tests.unit.cli.conftest import Run

VIP = '{"when": {"tag": "vip"}, "tags": ["vip"], "now": "2026-11-21T09:30:00Z"}'
NOT_VIP = '{"when": {"tag": "vip"}}'
BAD = (
    ("{", "bad-input", ""),
    ("7", "bad-input", ""),
    ('{"when": {"tga": "vip"}}', "bad-condition", "1:1"),
    ('{"when": {"tag": "vip"}, "now": 7}', "bad-input", "now"),
    ('{"when": ' + '{"not": ' * 60 + '{"tag": "a"}' + "}" * 60 + "}", "bad-condition", "1:313"),
    ("[" * 100_000, "bad-input", ""),
    ('{"when": ' + '{"not": ' * 100_000 + "}", "bad-input", ""),
    ('{"when": {"field": "a", "eq": 1, "eq": 2}}', "bad-condition", "1:25"),
    ('{"when": {"tag": "\\ud83d"}}', "bad-input", ""),
    ('{"when": {"tag": "a"}, "fields": {"n": 1e999}}', "bad-input", None),
)


def _try(run: Run, tmp_path: Path, lines: list[str | bytes], *options: str) -> list[Any]:
    """Run the command over a file of these lines; answer what it says of each."""
    path = tmp_path / "trials.jsonl"
    path.write_bytes(b"\n".join(x if isinstance(x, bytes) else x.encode() for x in lines))
    result = run("try", str(path), *options)
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_line_is_answered_in_order(run: Run, tmp_path: Path) -> None:
    """One object a line, with what holds and until when; at most a year."""
    assert _try(run, tmp_path, [VIP, VIP.replace('["vip"]', "[]")]) == [
        {"holds": True, "valid_until": "2027-11-21T09:30:00.000Z"},
        {"holds": False, "valid_until": "2027-11-21T09:30:00.000Z"},
    ]


@pytest.mark.parametrize(("line", "code", "at"), BAD, ids=range(len(BAD)))
def test_a_bad_line_does_not_stop_the_rest(
    run: Run, tmp_path: Path, line: str, code: str, at: str | None
) -> None:
    """Whatever is wrong is said in that line's place."""
    first, second = _try(run, tmp_path, [line, VIP])

    assert first["error"]["code"] == code
    assert first["error"]["message"]
    assert at is None or first["error"]["at"] == at
    assert second["holds"] is True


def test_bytes_that_are_no_text_are_an_error(run: Run, tmp_path: Path) -> None:
    """Even what is not UTF-8 gets a line of its own."""
    answers = _try(run, tmp_path, [b"\xff\xfe", b'{"when": {"tag": "\xff"}}', VIP])

    assert [list(answer) for answer in answers] == [["error"], ["error"], ["holds", "valid_until"]]
    assert {answer["error"]["code"] for answer in answers[:2]} == {"bad-input"}


def test_a_condition_with_several_problems_says_how_many(run: Run, tmp_path: Path) -> None:
    """The first one is shown in full, with its suggestion."""
    (answer,) = _try(run, tmp_path, ['{"when": {"all": [{"tga": "a"}, {"consnt": "b"}]}}'])

    assert answer["error"]["message"].endswith("and 1 more")
    assert "tag" in answer["error"]["message"]
    assert answer["error"]["at"] == "1:10"


def test_blank_lines_are_passed_over(run: Run, tmp_path: Path) -> None:
    """As JSON lines are commonly read."""
    assert len(_try(run, tmp_path, [VIP, "", "  ", VIP, ""])) == 2


@pytest.mark.parametrize("words", [["try"], ["try", "-"]])
def test_lines_come_from_the_standard_input(environment: dict[str, str], words: list[str]) -> None:
    """Without a file, or with a dash."""
    result = CliRunner().invoke(main, words, input=f"{VIP}\n{NOT_VIP}\n")

    assert result.exit_code == 0
    assert [json.loads(line)["holds"] for line in result.stdout.splitlines()] == [True, False]


def test_rules_are_used_when_asked_for(run: Run, tmp_path: Path) -> None:
    """Segments and metrics are known with --rules, and only then."""
    line = (
        '{"when": {"segment": "high-value-customers"}, "events": [{"event": "order_completed",'
        ' "properties": {"revenue": 1000, "order_id": "1"}}]}'
    )
    rules = str(tmp_path / "rules")
    Path(rules).mkdir()
    text = (
        "metrics: [{id: spend, event: order_completed, sum: revenue}]\n"
        "segments: [{id: high-value-customers, when: {metric: spend, gte: 1000}}]\n"
    )
    Path(rules, "rules.yaml").write_text(text, "utf-8")

    assert _try(run, tmp_path, [line], "--rules", rules)[0]["holds"] is True
    assert _try(run, tmp_path, [line])[0]["error"]["code"] == "bad-condition"


def test_a_file_that_cannot_be_read_fails(run: Run) -> None:
    """Exit code 1, and the name of the file."""
    result = run("try", "/no/such/file")

    assert result.exit_code == 1
    assert "/no/such/file cannot be read" in result.stderr


def test_rules_that_do_not_load_are_wrong_use(run: Run, tmp_path: Path) -> None:
    """Exit code 2, and nothing is tried."""
    result = run("try", "--rules", str(tmp_path / "none"))

    assert result.exit_code == 2
    assert "no folder of rule files" in result.stderr
