"""Rules with every kind of flag, and a service over them whose files a test may edit."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tests.e2e.service import Service

RULES = """
segments:
  - {id: shoppers, name: Shoppers, when: {event: page_viewed, where: {path: /shop}, within: 30d}}
  - {id: gold, name: Gold, when: {context: custom.plan, eq: gold}}
slots:
  - {id: hero, kind: html, fallback: fallback.html}
  - {id: pricing, kind: json, with: {rate: 0.5, label: Low, count: 1, open: false}}
campaigns:
  - {id: gold-hero, slot: hero, audience: {segment: gold}, variants: [{id: only, template: a.html}]}
  - id: gold-pricing
    slot: pricing
    audience: {segment: gold}
    variants: [{id: only, with: {rate: 1.0, label: High, count: 3, open: true}}]
"""
TEMPLATES = {"fallback.html": "<p>for everyone</p>", "a.html": "<p>for gold</p>"}


@contextmanager
def flag_service(folder: Path, **settings: object) -> Iterator[Service]:
    """Run a service of two workers; its rules are in ``folder / "rules"``."""
    for name, files in (("rules", {"rules.yaml": RULES}), ("templates", TEMPLATES)):
        (folder / name).mkdir()
        for file, text in files.items():
            (folder / name / file).write_text(text, "utf-8")
    chosen = {"workers": 2, "budget_ms": 5_000, "reload_s": 0.2, **settings}
    service = Service(
        folder / "data", rules=folder / "rules", templates=folder / "templates", **chosen
    )
    with closing(service) as running:
        yield running.start()


def edit_hero(service_folder: Path, text: str) -> None:
    """Change what everyone sees."""
    (service_folder / "templates/fallback.html").write_text(text, "utf-8")
