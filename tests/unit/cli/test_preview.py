"""`edgeseg preview` renders what a slot shows; `edgeseg preview-link` makes a link to a variant."""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from edgeseg.clock import DAY_MS, system_clock
from edgeseg.delivery.preview_link import MEMBER, NotAPreview, PreviewSigner
from tests.unit.cli.conftest import Run

SECRET = "a secret of the tests"


def test_a_slot_for_segments(run: Run) -> None:
    """The content goes to the output, what won and why beside it."""
    result = run("preview", "exit-popup", "--segments", "cart-abandoners", "--language", "cs-CZ")

    assert result.exit_code == 0, result.output
    assert "podržíme" in result.stdout
    assert "exit-popup: cart-reminder / keep: TARGETING_MATCH" in result.stderr
    assert "Váš košík" in result.stderr


def test_a_slot_that_nobody_fills(run: Run) -> None:
    """The fallback, as a new visitor sees it."""
    result = run("preview", "home-hero", "--page", "https://shop.example/")

    assert "home-hero: fallback: DEFAULT" in result.stderr
    assert "<section" in result.stdout


def test_one_variant_to_a_file(run: Run, tmp_path: Path) -> None:
    """Whoever would win."""
    file = tmp_path / "hero.html"
    result = run("preview", "home-hero", "--variant", "open-an-account/bold", "--out", str(file))

    assert result.exit_code == 0, result.output
    assert result.stdout == ""
    assert "100 €" in file.read_text("utf-8")


def test_a_file_that_cannot_be_written_is_told(run: Run, tmp_path: Path) -> None:
    """In a line that names it."""
    file = tmp_path / "no" / "such.html"
    result = run("preview", "home-hero", "--out", str(file))
    assert result.exit_code == 1
    assert f"cannot write {file}: " in result.stderr


def test_values_of_a_json_slot(run: Run, tmp_path: Path) -> None:
    """They are printed as JSON."""
    (tmp_path / "r.yaml").write_text("slots: [{id: app, kind: json, with: {percent: 5}}]", "utf-8")

    result = run("preview", "app", rules=str(tmp_path))

    assert result.stdout == '{\n  "percent": 5\n}\n'


def test_a_template_that_fails_is_named(run: Run, tmp_path: Path) -> None:
    """Its fallback is shown, and the exit code is 1."""
    (tmp_path / "a.html").write_text("{{ 1 // context.get('n', 0) }}", "utf-8")
    (tmp_path / "r.yaml").write_text(
        "slots: [{id: hero, kind: html}]\n"
        "campaigns: [{id: c, slot: hero, variants: [{id: v, template: a.html}]}]",
        "utf-8",
    )

    result = run("preview", "hero", rules=str(tmp_path), templates=str(tmp_path))

    assert result.exit_code == 1
    assert "hero: fallback: ERROR" in result.stderr
    assert "template a.html: ZeroDivisionError" in result.stderr


def test_a_template_that_fails_by_its_products_is_named(run: Run, tmp_path: Path) -> None:
    """It is given the products that it failed with."""
    (tmp_path / "catalogue.csv").write_text("id,name,url\nm,Mug,/m\n", "utf-8")
    (tmp_path / "a.html").write_text("{{ 1 // (products | length - 1) }}", "utf-8")
    (tmp_path / "r.yaml").write_text(
        "slots: [{id: hero, kind: html}]\n"
        "campaigns:\n"
        "- id: c\n"
        "  slot: hero\n"
        "  variants: [{id: v, template: a.html, recommend: {strategy: catalogue}}]\n",
        "utf-8",
    )

    result = run("preview", "hero", rules=str(tmp_path), templates=str(tmp_path))

    assert result.exit_code == 1
    assert "template a.html: ZeroDivisionError" in result.stderr


@pytest.mark.parametrize(
    ("words", "message", "code"),
    [
        (("preview", "hero"), "unknown slot `hero`", 1),
        (("preview", "home-hero", "--segments", "vips"), "unknown segment `vips`", 1),
        (("preview", "home-hero", "--variant", "open-an-account/x"), "unknown variant `x`", 1),
        (("preview", "home-hero", "--variant", "nothing"), "unknown campaign `nothing`", 1),
        (("preview", "exit-popup", "--variant", "open-an-account/bold"), "`home-hero`", 1),
        (("preview", "home-hero", "--page", "no address"), "an http or https address", 1),
        (("preview", "home-hero", "--segments", "a", "--visitor", "b"), "not both", 2),
        (("preview-link", "open-an-account", "x", "https://a.example/"), "unknown variant `x`", 1),
        (("preview-link", "open-an-account", "bold", "/here"), "an http or https address", 1),
        (
            ("preview-link", "open-an-account", "bold", "https://a.example/", "--days", "0"),
            "1<=",
            2,
        ),
    ],
)
def test_what_is_wrong_is_said(run: Run, words: tuple[str, ...], message: str, code: int) -> None:
    """With what would be right, where that is known."""
    result = run(*words)

    assert (result.exit_code, message in result.output) == (code, True), result.output


def test_a_link_shows_its_variant_for_some_days(run: Run) -> None:
    """It holds for the secret of the service, and ends."""
    result = run(
        "preview-link",
        "open-an-account",
        "bold",
        "https://shop.example/?a=1",
        "--days",
        "2",
        secret=SECRET,
    )
    token = parse_qs(urlsplit(result.stdout.strip()).query)[MEMBER][0]
    now_ms = system_clock()

    assert PreviewSigner([SECRET]).read(token, now_ms).variant == "bold"
    with pytest.raises(NotAPreview):
        PreviewSigner([SECRET]).read(token, now_ms + 2 * DAY_MS)
