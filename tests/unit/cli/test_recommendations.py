"""What the commands say of products and recommendations."""

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Run

RULES = """
segments: [{id: vip, name: Best customers, when: {tag: vip}}]
slots: [{id: shelf, kind: json}]
campaigns:
  - id: picks
    slot: shelf
    audience: {segment: vip}
    variants:
      - id: a
        recommend:
          strategy: popular_in_segment
          count: 2
          fallback: [newest]
          where: {in_stock: true, price: {lte: 500}}
          diversity: {category: 1}
        for_segments:
          - {segment: vip, recommend: {strategy: recently_viewed, exclude: []}}
"""
CSV = "id,name,url,prize\na,Ale,ale.html,1\nb,Bun,/b,2\n"


@pytest.fixture
def rules(tmp_path: Path) -> str:
    """A folder of rules with a catalogue that has a bad row."""
    (tmp_path / "rules.yaml").write_text(RULES, "utf-8")
    (tmp_path / "catalogue.csv").write_text(CSV, "utf-8")
    return str(tmp_path)


def test_check_names_rows_that_are_no_products(run: Run, rules: str) -> None:
    """With their line, beside the problems of the rules; they fail the check."""
    result = run("check", rules)
    assert result.exit_code == 1
    assert f"{rules}/catalogue.csv:1:1: no product has a `prize` (did you mean" in result.stderr
    assert f"{rules}/catalogue.csv:2:1: `url` is neither an http address" in result.stderr


def test_check_says_why_nothing_of_a_catalogue_can_be_read(run: Run, rules: str) -> None:
    """A header that lacks what every product has."""
    Path(rules, "catalogue.csv").write_text("id\na\n", "utf-8")
    result = run("check", rules)
    assert result.exit_code == 1
    assert "catalogue.csv:1:1: the header lacks name, url" in result.stderr


def test_preview_chooses_from_the_catalogue(run: Run, rules: str) -> None:
    """Without counts it is the fallback that fills the shelf; what has no price passes no test."""
    more = CSV.replace("prize", "price") + "c,Cup,/c,3\nd,Dish,/d,\n"
    Path(rules, "catalogue.csv").write_text(more, "utf-8")
    result = run("preview", "shelf", "--rules", rules, "--variant", "picks/a")
    assert result.exit_code == 0, result.output
    assert [row["id"] for row in json.loads(result.stdout)["products"]] == ["c", "b"]


def test_describe_says_what_is_recommended(run: Run, rules: str) -> None:
    """The segment is that of the audience, and the override says what is other."""
    said = run("describe", "picks", "--rules", rules).stdout.replace("\n", " ")
    assert (
        "a recommends up to 2 products: what is popular now in the segment Best customers, "
        "else what is new, only those in stock and whose price is at most 500, "
        "nothing that the visitor has bought or has in the cart, at most 1 of one category."
    ) in said
    assert (
        "To Best customers a recommends up to 2 products: what the visitor looked at last, "
        "only those in stock"
    ) in said
