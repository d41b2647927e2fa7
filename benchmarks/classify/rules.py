"""The rule files that the service under test loads: 1,000 segments, one slot, one campaign.

The segments are those of the other benchmark, written as YAML.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from benchmarks.segments.population import make_definitions
from edgeseg.clock import SECOND_MS
from edgeseg.segments.condition import (
    All,
    Any,
    Condition,
    ContextTest,
    EventTest,
    FieldTest,
    Not,
    Test,
)

SEGMENTS: Final = 1_000
SHARE: Final = 0.01
"""Of the segments, about how many match a visitor."""
SLOT: Final = "home-hero"
CONTEXT: Final = {"path_0": "path", "path_1": "first.landing_path"}
"""Name in the population → name in a request."""
_PER_FILE: Final = 1_000
"""Definitions in one file, whose size the service bounds."""
_TEMPLATE: Final = (
    "<section><h1>Welcome back, {{ profile.text_0 | default('you') }}</h1>"
    "<p>You are reading {{ context.path }}. {{ offer }}</p></section>"
)


def write_rules(folder: Path, segments: int = SEGMENTS, share: float = SHARE) -> tuple[Path, Path]:
    """Write rule files and templates into ``folder``; answer where they are.

    About ``share`` of the segments match a visitor.
    """
    definitions = make_definitions(segments, share)
    sections: dict[str, list[dict[str, object]]] = {
        "fields": [{"id": each.id, "label": each.label, "type": each.type}
                   for each in definitions.fields.values()],
        "segments": [{"id": each.id, "name": each.name, "when": plain(each.when)}
                     for each in definitions.segments.values()],
        "slots": [{"id": SLOT, "name": "Hero", "kind": "html", "fallback": "hero.html",
                   "with": {"offer": "None"}}],
        "campaigns": [{
            "id": "welcome", "slot": SLOT, "audience": {"consent": "marketing"},
            "variants": [
                {"id": "a", "weight": 50, "template": "hero.html", "with": {"offer": "One"}},
                {"id": "b", "weight": 50, "template": "hero.html", "with": {"offer": "Two"}},
            ],
        }],
    }  # fmt: skip
    rules, templates = folder / "rules", folder / "templates"
    rules.mkdir()
    templates.mkdir()
    (templates / "hero.html").write_text(_TEMPLATE, "utf-8")
    for name, entries in sections.items():
        for at in range(0, len(entries), _PER_FILE):
            # JSON is YAML as well.
            text = json.dumps({name: entries[at : at + _PER_FILE]}, indent=1)
            (rules / f"{name}{at or ''}.yaml").write_text(text, "utf-8")
    return rules, templates


def plain(condition: Condition) -> dict[str, object]:
    """Answer a condition of the population as a rule file writes it."""
    match condition:
        case All(conditions):
            return {"all": [plain(each) for each in conditions]}
        case Any(conditions):
            return {"any": [plain(each) for each in conditions]}
        case Not(inner):
            return {"not": plain(inner)}
        case FieldTest(name, tests):
            return {"field": name, **_tests(tests)}
        case ContextTest(name, tests):
            return {"context": CONTEXT[name], **_tests(tests)}
        case EventTest(event, _where, within_ms):
            return {"event": event, "within": f"{max(1, (within_ms or 0) // SECOND_MS)}s"}
    raise NotImplementedError(condition)


def _tests(tests: Sequence[Test]) -> dict[str, object]:
    return {
        test.op: list(test.operand) if isinstance(test.operand, tuple) else test.operand
        for test in tests
    }
