"""The rule files of the benchmark: 1,000 segments, 5 slots, 200 campaigns.

Every other campaign is an experiment; each has two caps and a translation.
"""

import json
from pathlib import Path
from typing import Final

from benchmarks.classify.rules import write_rules
from benchmarks.segments.population import make_definitions

SLOTS: Final = 5
CAMPAIGNS: Final = 200
_TEMPLATES: Final = {
    "offer.html": (
        "<section><h1>{{ head }}</h1><p>{{ percent }} % off, on everything that is green.</p>"
        '<p><a class="button" href="/shop">To the shop</a></p></section>'
    ),
    "greeting.html": (
        "<section><h1>Welcome back, {{ profile.text_0 | default('you') }}</h1>"
        '<p><a href="{{ context.path }}">Go on reading.</a> {{ head }}</p></section>'
    ),
}
"""One that is the same for everybody, and one that is about the visitor, in one slot of five."""


def write_campaigns(folder: Path) -> tuple[Path, Path]:
    """Write rule files and templates into ``folder``; answer where they are."""
    rules, templates = write_rules(folder)
    segments = list(make_definitions(1_000, 0.01).segments)
    sections = {
        "slots": [{"id": f"slot-{at}", "kind": "html"} for at in range(SLOTS)],
        "campaigns": [_campaign(number, segments) for number in range(CAMPAIGNS)],
    }
    for name, text in _TEMPLATES.items():
        (templates / name).write_text(text, "utf-8")
    for name, entries in sections.items():
        (rules / f"{name}.yaml").write_text(json.dumps({name: entries}, indent=1), "utf-8")
    return rules, templates


def _campaign(number: int, segments: list[str]) -> dict[str, object]:
    of_everybody = number < SLOTS  # so that each slot is filled
    audience: dict[str, object] = {"segment": segments[number * 5]}
    if of_everybody:
        audience = {"consent": "marketing"}
    template = list(_TEMPLATES)[number % 5 == 0]
    return {
        "id": f"campaign-{number}",
        "slot": f"slot-{number % SLOTS}",
        "audience": audience,
        "priority": 0 if of_everybody else number % 9 + 1,
        "caps": [{"per": "visit", "at_most": 3}, {"cool_down": "3d", "after": "dismissed"}],
        "variants": [
            {
                "id": name,
                "weight": 50,
                "template": template,
                "with": {"head": f"Offer {number}", "percent": percent},
                "translations": {"cs": {"head": f"Nabídka {number}"}},
            }
            for name, percent in (("a", 10), ("b", 20))[: number % 2 + 1]
        ],
    }
