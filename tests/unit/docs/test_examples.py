"""The examples in the documentation work as printed."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from litestar.testing import AsyncTestClient

from edgeseg.app import create_app
from edgeseg.assembly import store_from
from edgeseg.cli.rule_warnings import review_files
from edgeseg.delivery.list_sources import read_source
from edgeseg.events.schema import SERVER_EVENTS
from edgeseg.rule_folder import RuleFolder
from edgeseg.settings import Settings
from edgeseg.settings_reader import read_settings
from tests.unit.docs.pages import BLOCKS, ROOT, RULE_BLOCKS, Block

README = (ROOT / "README.md").read_text("utf-8")
NOW_MS = 1_795_000_000_000
SOURCES = [each.text for each in BLOCKS if re.match("http:|redis_set:", each.text)]
INCOMPLETE = {"empty-slot", "unused-goal", "unused-metric"}
"""Codes of warnings that an example may earn, since it shows a part of the rules of a site."""


@pytest.mark.parametrize("block", RULE_BLOCKS, ids=lambda block: f"{block.page}:{block.line}")
def test_every_rule_example_passes_the_check(block: Block, tmp_path: Path) -> None:
    """What a reader copies must be right; `# part:` marks what leans on rules around it."""
    (tmp_path / "block.yaml").write_text(block.text, "utf-8")
    if block.text.startswith("# part:"):
        (tmp_path / "around.yaml").write_text(_around(block.text), "utf-8")
    for name in re.findall(r"\b[\w-]+\.html\b", block.text):
        (tmp_path / name).write_text(_template(name), "utf-8")
    folder = RuleFolder(tmp_path, tmp_path)

    folder.build()
    found = review_files(folder, Settings(), now_ms=NOW_MS)

    told = [str(each.problem) for each in found if each.code not in INCOMPLETE]
    assert told == []


def _template(name: str) -> str:
    """Answer the sample of that name, which tells whether a variant gives what it asks for."""
    sample = ROOT / "templates" / name
    return sample.read_text("utf-8") if sample.exists() else "x"


def _around(text: str) -> str:
    """Define the slots and segments that a part leans on."""
    campaigns = yaml.safe_load(text)["campaigns"]
    slots = [
        {"id": each["slot"], "kind": "popup" if "popup" in each["variants"][0] else "html"}
        for each in campaigns
    ]
    segments = [
        {"id": each["audience"]["segment"], "when": {"all": []}}
        for each in campaigns
        if "segment" in each.get("audience", {})
    ]
    return yaml.safe_dump({"slots": slots, "segments": segments})


@pytest.mark.parametrize("text", SOURCES)
def test_every_source_of_a_list_is_read(text: str, tmp_path: Path) -> None:
    """The files that say where a list is read."""
    path = tmp_path / "crm.source.yaml"
    path.write_text(text, "utf-8")

    assert read_source(path).every_ms


def test_pages_send_only_what_browsers_may_send() -> None:
    """A call with any other event is refused as a whole, page view included."""
    sent = re.compile(r"""\["track", "(\w+)"|data-edgeseg-track="(\w+)""")
    pages = [block for block in BLOCKS if block.language in {"html", "js", "jsx"}]
    named = {name for each in pages for found in sent.findall(each.text) for name in found if name}

    assert named >= {"product_viewed", "form_submitted"}
    assert not named & SERVER_EVENTS


def test_the_tutorials_segment_is_that_of_the_samples() -> None:
    """The tutorial shows the rule that the reader has in front of them."""
    sample = yaml.safe_load((ROOT / "rules/segments/accounts.yaml").read_text("utf-8"))
    page = "docs/tutorial/first-segment.md"

    assert sample in [yaml.safe_load(block.text) for block in RULE_BLOCKS if block.page == page]


def test_the_settings_example_is_read(tmp_path: Path) -> None:
    """The example file in the reference is one that the service takes."""
    example = next(block.text for block in BLOCKS if block.language == "toml")
    path = tmp_path / "edgeseg.toml"
    path.write_text(example, "utf-8")

    settings = read_settings({"EDGESEG_CONFIG": str(path)})

    assert settings.time_zone in example


def _example(number: int) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Answer path, body and shown answer of a curl example of the README."""
    calls = re.findall(r"curl -s http://127\.0\.0\.1:8800(\S+) -d '(.*?)'", README, re.DOTALL)
    path, body = calls[number]
    shown = [each for each in BLOCKS if each.page == "README.md" and each.language == "json"]
    return path, json.loads(body), json.loads(shown[number].text)


async def _ask(settings: Settings, path: str, body: dict[str, Any]) -> dict[str, Any]:
    app = create_app(settings, store=store_from(settings))
    async with AsyncTestClient(app) as client:
        answer: dict[str, Any] = (await client.post(path, content=json.dumps(body))).json()
    return answer


async def test_the_first_call_of_the_readme_answers_what_it_shows(settings: Settings) -> None:
    """The first thing that a newcomer tries works as printed."""
    path, body, shown = _example(0)

    answer = await _ask(settings, path, body)

    assert list(answer) == list(shown)
    assert answer["segments"] == shown["segments"]
    assert answer["degraded"] is shown["degraded"]
    slot, slot_shown = answer["slots"]["home-hero"], shown["slots"]["home-hero"]
    assert list(slot) == list(slot_shown)
    same = ("campaign", "kind", "reason")
    assert [slot[name] for name in same] == [slot_shown[name] for name in same]
    template = (ROOT / f"templates/hero-account-{slot_shown['variant']}.html").read_text("utf-8")
    assert template.startswith(slot_shown["html"].removesuffix("…"))


async def test_the_first_segment_of_the_readme_shows_in_the_answer(
    settings: Settings, tmp_path: Path
) -> None:
    """The first segment that a newcomer writes works as printed."""
    written = next(block.text for block in RULE_BLOCKS if block.page == "README.md")
    rules = tmp_path / "rules"
    for sample in (ROOT / "rules").rglob("*.yaml"):
        copied = rules / sample.relative_to(ROOT / "rules")
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_bytes(sample.read_bytes())
    (rules / "segments/newsletter.yaml").write_text(written, "utf-8")
    path, body, shown = _example(1)

    answer = await _ask(msgspec.structs.replace(settings, rules=str(rules)), path, body)

    assert list(answer) == list(shown)
    assert answer["visitor"] is None
    assert answer["segments"] == shown["segments"]
