"""Rules with one slot that visitors share by segment key and one that is each visitor's own."""

from pathlib import Path

import httpx

from tests.e2e.service import SERVER_KEY

RULES = """
fields:
  - {id: first_name, label: First name, type: text}
segments:
  - {id: shoppers, name: Shoppers, when: {event: page_viewed, where: {path: /shop}, within: 30d}}
  - {id: named, name: Named, when: {field: first_name, exists: true}}
slots:
  - {id: hero, kind: html, fallback: fallback.html, vary_on: [shoppers]}
  - {id: greeting, kind: html, fallback: fallback.html}
  - {id: address, kind: html, fallback: address.html}
campaigns:
  - id: for-shoppers
    slot: hero
    audience: {segment: shoppers}
    variants: [{id: only, template: shoppers.html}]
  - id: greet
    slot: greeting
    audience: {segment: named}
    variants:
      - {id: only, template: greeting.html, with: {hi: Hello}, translations: {cs: {hi: Ahoj}}}
"""
TEMPLATES = {
    "fallback.html": "<p>for everyone</p>",
    "shoppers.html": "<p>for shoppers</p>",
    "address.html": "{{ context.url }}",
    "greeting.html": "<p>{{ hi }} {{ profile.first_name }}</p>",
}


def write_rules(folder: Path) -> dict[str, Path]:
    """Write the rules and templates; answer the settings that name them."""
    for name, files in (("rules", {"rules.yaml": RULES}), ("templates", TEMPLATES)):
        (folder / name).mkdir(parents=True)
        for file, text in files.items():
            (folder / name / file).write_text(text, "utf-8")
    return {"rules": folder / "rules", "templates": folder / "templates"}


def become_visitor(url: str, path: str = "/", first_name: str = "") -> str:
    """View a page as a new visitor, known by name where one is given; answer the cookie."""
    with httpx.Client(base_url=url, timeout=20) as client:
        page = {"page": {"url": f"{url}{path}"}, "consent": {"marketing": True}}
        answer = client.post("/v1/classify", json=page)
        assert answer.status_code == 200, answer.text
        if first_name:
            attributes = {"attributes": {"first_name": first_name}}
            address = f"/v1/visitors/{answer.json()['visitor']}/attributes"
            key = {"Authorization": f"Bearer {SERVER_KEY}"}
            assert client.put(address, json=attributes, headers=key).status_code == 200
        return f"edgeseg={client.cookies['edgeseg']}"
