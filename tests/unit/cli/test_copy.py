"""Smart segments: each stands for itself, and copies into rules without breaking them."""

from pathlib import Path

import pytest
import yaml

from edgeseg.cli.copy_segment import read_smart, smart_files
from edgeseg.errors import Problem
from edgeseg.segments.definitions import read_definitions, read_sections
from edgeseg.segments.examples import run_examples
from tests.unit.cli.conftest import ROOT, Run

SMART = smart_files()
NOW_MS = 1_800_000_000_000


def segment_files(folder: Path) -> list[str]:
    """Answer the names of the rule files in a folder."""
    return sorted(path.name for path in folder.rglob("*.yaml"))


@pytest.mark.parametrize("smart_id", SMART)
def test_a_smart_segment_stands_for_itself(smart_id: str) -> None:
    """It is named as its file, says what it is, and its examples hold."""
    text = SMART[smart_id]
    problems: list[Problem] = []
    sections = read_sections({smart_id: text}, problems)
    definitions, _readers = read_definitions(sections)
    segment = definitions.segments[smart_id]

    problems += run_examples(sections["segments"], definitions, now_ms=NOW_MS)

    assert problems == []
    assert list(definitions.segments) == [smart_id]
    assert segment.name
    assert segment.description
    assert segment.tags == ("smart",)


@pytest.mark.parametrize("smart_id", sorted({*SMART} - {"everyone"}))
def test_a_smart_segment_shows_who_is_in_and_out_and_on_the_boundary(smart_id: str) -> None:
    """Who copies it must see where it ends."""
    examples = yaml.safe_load(SMART[smart_id])["segments"][0]["examples"]

    assert examples["in"]
    assert examples["out"]
    assert "# boundary" in SMART[smart_id]


@pytest.mark.parametrize("smart_id", SMART)
def test_a_copy_into_an_empty_folder_checks_without_a_warning(
    run: Run, tmp_path: Path, smart_id: str
) -> None:
    """The first rule of a site may be a copied one."""
    rules = tmp_path / "rules"

    copied = run("copy", smart_id, rules=str(rules))
    checked = run("check", str(rules), "--strict", templates=str(tmp_path))

    assert copied.exit_code == 0, copied.output
    assert (rules / "segments" / f"{smart_id}.yaml").read_text("utf-8") == SMART[smart_id]
    assert checked.exit_code == 0, checked.output


def test_all_smart_segments_live_together(run: Run, tmp_path: Path) -> None:
    """What two of them need is defined once."""
    rules = tmp_path / "rules"
    for smart_id in SMART:
        assert run("copy", smart_id, rules=str(rules)).exit_code == 0

    checked = run("check", str(rules), "--strict", templates=str(tmp_path))

    assert checked.exit_code == 0, checked.output
    assert checked.output.startswith(f"OK {len(SMART)} segments")


def test_a_metric_that_is_there_is_used_and_named(run: Run, tmp_path: Path) -> None:
    """The second copy leaves the metric out, and its section with it."""
    rules = tmp_path / "rules"
    run("copy", "repeat-buyers", rules=str(rules))

    copied = run("copy", "loyal", rules=str(rules))

    assert "Your rules define metric orders already" in copied.output
    written = (rules / "segments/loyal.yaml").read_text("utf-8")
    assert "metrics:" not in written
    assert written.startswith("segments:\n")


def test_smart_segments_join_the_sample_rules(run: Run, tmp_path: Path) -> None:
    """A field with more to it, here a list of allowed values, serves as well."""
    rules = tmp_path / "rules"
    for sample in (ROOT / "rules").glob("*.yaml"):
        rules.mkdir(exist_ok=True)
        (rules / sample.name).write_bytes(sample.read_bytes())

    copied = run("copy", "email-engaged", rules=str(rules))
    checked = run("check", str(rules), "--templates", str(ROOT / "templates"))

    assert "Your rules define field country already" in copied.output
    assert checked.exit_code == 0, checked.output


def test_the_rules_there_are_read_by_the_clock_of_the_site(run: Run, tmp_path: Path) -> None:
    """Midnight in New York is later than two o'clock in London: they load."""
    (tmp_path / "a.yaml").write_text(
        'segments: [{id: a, from: {list: x}, active: {from: "2026-11-21T02:00:00Z",'
        ' until: "2026-11-21T00:00:00"}}]',
        "utf-8",
    )
    copied = run("copy", "loyal", rules=str(tmp_path), time_zone="America/New_York")
    assert copied.exit_code == 0, copied.output


def test_a_segment_that_exists_is_not_defined_again(run: Run) -> None:
    """The sample rules have their own cart abandoners."""
    copied = run("copy", "cart-abandoners")

    assert copied.exit_code == 1
    assert "segment `cart-abandoners` is defined already, in" in copied.output
    assert not (ROOT / "rules/segments/cart-abandoners.yaml").exists()


def test_a_file_that_exists_is_left_as_it_is(run: Run, tmp_path: Path) -> None:
    """Whatever stands in it is somebody's work."""
    kept = tmp_path / "loyal.yaml"
    kept.write_text("segments: []\n", "utf-8")

    copied = run("copy", "loyal", "--to", str(tmp_path))

    assert copied.exit_code == 1
    assert "exists already and is left as it is" in copied.output
    assert kept.read_text("utf-8") == "segments: []\n"


@pytest.mark.parametrize(
    ("there", "said"),
    [
        ("metrics: [{id: orders, event: bought, count: true}]", "`orders` is defined"),
        ("fields: [{id: country, type: list}]", "field `country` is defined already, and"),
        ("fields: [{id: country, type: text, values: [CZ]}]", "`GB` is not an allowed value"),
    ],
)  # fmt: skip
def test_a_copy_that_would_mean_something_else_is_refused(
    run: Run, tmp_path: Path, there: str, said: str
) -> None:
    """A name that stands for another thing must not change what the segment means."""
    (tmp_path / "there.yaml").write_text(there, "utf-8")

    copied = run("copy", "loyal" if "orders" in there else "email-engaged", rules=str(tmp_path))

    assert copied.exit_code == 1
    assert said in copied.output
    assert segment_files(tmp_path) == ["there.yaml"]


def test_rules_that_do_not_load_are_mended_first(run: Run, tmp_path: Path) -> None:
    """What is there cannot be compared with until it is readable."""
    (tmp_path / "there.yaml").write_text("segments: [{id: a}]", "utf-8")

    copied = run("copy", "loyal", rules=str(tmp_path))

    assert copied.exit_code == 2
    assert "missing `when`" in copied.output
    assert segment_files(tmp_path) == ["there.yaml"]


def test_a_copy_goes_to_the_folder_that_is_named(run: Run, tmp_path: Path) -> None:
    """A folder outside of the rules is judged by itself."""
    copied = run("copy", "cart-abandoners", "--to", str(tmp_path / "elsewhere"))

    assert copied.exit_code == 0, copied.output
    assert segment_files(tmp_path / "elsewhere") == ["cart-abandoners.yaml"]


def test_without_an_id_all_are_listed(run: Run) -> None:
    """The list is how one learns what there is."""
    listed = run("copy")

    assert listed.exit_code == 0
    for smart_id, text in SMART.items():
        assert f"{smart_id} " in listed.output
        assert read_smart(text).description[:40] in listed.output


def test_a_misspelt_id_gets_a_suggestion(run: Run) -> None:
    """The right name is close."""
    copied = run("copy", "loial")

    assert copied.exit_code == 1
    assert "did you mean `loyal`?" in copied.output


def test_every_smart_segment_stands_in_the_reference() -> None:
    """The table is whole, and says what the segments say."""
    page = (ROOT / "docs/reference/smart-segments.md").read_text("utf-8")

    for smart_id, text in SMART.items():
        segment = read_smart(text)
        assert f"| `{smart_id}` | {segment.name} | {segment.description} |" in page
