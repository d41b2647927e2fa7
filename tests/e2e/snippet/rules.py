"""Rules of the test site: what is shown depends on the path alone, unless said otherwise."""

from pathlib import Path

RULES = """
slots:
  - {id: hero, kind: html}
  - {id: side, kind: html}
  - {id: pop, kind: popup}
segments:
  - {id: everyone, name: Everyone, when: {all: []}}
  - {id: buyers, name: Buyers, when: {event: bought, within: 7d}}
goals:
  - {id: quoted, event: form_submitted, where: {form: quote}}
campaigns:
  - id: greet
    slot: hero
    variants: [{id: only, template: hero.html, with: {words: Filled by the campaign}}]
  - id: thank
    slot: hero
    priority: 10
    audience: {segment: buyers}
    variants: [{id: only, template: hero.html, with: {words: Thank you}}]
  - id: second
    slot: hero
    priority: 20
    pages: {path: /second}
    variants: [{id: only, template: hero.html, with: {words: Second page}}]
  - id: czech
    slot: hero
    priority: 20
    pages: {path: /languages}
    audience: {context: language, eq: cs-CZ}
    variants: [{id: only, template: hero.html, with: {words: In Czech}}]
  - id: tall
    slot: hero
    priority: 20
    pages: {path: /tall}
    variants: [{id: only, template: tall.html}]
  - id: scripted
    slot: hero
    priority: 20
    pages: {path: /scripted}
    variants: [{id: only, template: scripted.html}]
  - id: aside
    slot: side
    variants: [{id: only, template: hero.html, with: {words: At the side}}]
"""
POPUP = """
  - id: pop-{name}
    slot: pop
    goal: quoted
    pages: {{path: /pop/{name}}}
    caps: [{{cool_down: 7d, after: dismissed}}]
    variants:
      - id: only
        template: popup.html
        popup: {{title: A word before you go, trigger: {trigger}}}
"""
TRIGGERS = {
    "exit": "{exit_intent: true}",
    "delay": "{delay_s: 1}",
    "scroll": "{scroll_percent: 50}",
    "idle": "{inactivity_s: 1}",
    "event": "{event: asked}",
}
TEMPLATES = {
    "hero.html": '<section><h2>{{ words }}</h2><p><a href="#more">More</a></p></section>',
    "tall.html": '<section class="tall"><h2>Tall</h2></section>',
    "scripted.html": "<section><h2>With a script</h2><script>window.ran = 1</script></section>",
    "popup.html": '<p>Ten per cent off.</p><p><a href="#offer">Take it</a> '
    '<button type="button" data-edgeseg-close>Later</button></p>',
}


def write_rules(folder: Path) -> tuple[Path, Path]:
    """Write the rules and the templates; answer their folders."""
    rules, templates = folder / "rules", folder / "templates"
    rules.mkdir()
    templates.mkdir()
    popups = "".join(POPUP.format(name=name, trigger=when) for name, when in TRIGGERS.items())
    (rules / "site.yaml").write_text(RULES + popups, "utf-8")
    for name, source in TEMPLATES.items():
        (templates / name).write_text(source, "utf-8")
    return rules, templates
