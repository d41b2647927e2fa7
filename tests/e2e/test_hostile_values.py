"""Hostile values from the API, through fragments, into a real browser: they stay text."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing

import httpx
import pytest
import pytest_asyncio
from playwright.async_api import Page, async_playwright

from tests.e2e.service import ROOT, SERVER_KEY, Service
from tests.plugins.needs import path_of

pytestmark = [
    pytest.mark.needs("chromium"),
    pytest.mark.asyncio(loop_scope="module"),
]

VALUES = (ROOT / "tests/cases/hostile/values.txt").read_text("utf-8").split("\n")[:-1]
SHOP = "https://shop.example/"
RULES = """
fields: [{id: name, type: text}]
slots: [{id: hero, kind: html}]
campaigns:
  - id: greet
    slot: hero
    variants: [{id: only, template: greet.html}]
"""
TEMPLATE = """
{% set name = profile.get("name", "") %}
<section id="greet" title="{{ name }}" class='{{ name }}' data-told="{{ name | tojson }}">
<h1>{{ name }}</h1>{# no comment #}
<a href="{{ name }}">one</a> <a href='{% if name %}{{ name }}{% endif %}'>two</a>
<a href="/find?q={{ name | urlencode }}">three</a> <a href="/find?q={{ name }}">four</a>
<img alt="{{ name }}" src="{{ name }}">
<form action="{{ name }}"><button formaction="{{ name }}">Go</button></form>
<svg><a xlink:href="{{ name }}"><text>five</text></a></svg>
<p id="styled" style="height: 9px; width: {{ name }}%; background: url('{{ name }}')"></p>
<style>#styled { top: {{ name }}; left: 9px; background: url({{ name }}) }</style>
<script type="application/json" id="json">{{ {"name": name} | tojson }}</script>
<script>window.told = {{ name | tojson }};</script>
</section>
"""
_INLINE, _RULE = {"height", "width"}, {"top", "left"}
WATCH = """
window.ran = [];
for (const name of ["alert", "msgbox", "print", "open"]) window[name] = () => ran.push(name);
"""
# What the page consists of, and where its addresses lead; then every address is followed.
LOOK = """() => {
  const parts = [...document.querySelectorAll("*")].map((each) =>
    each.localName + [...each.attributes].map((one) => `[${one.name}]`).sort().join(""));
  const addresses = [...document.querySelectorAll("[href], [src], [action], [formaction]")]
    .flatMap((each) => ["href", "src", "action", "formaction"].map((one) => each[one]))
    .filter((one) => typeof one === "string" && one);
  document.addEventListener("click", (event) => event.preventDefault());
  document.addEventListener("submit", (event) => event.preventDefault());
  for (const each of document.querySelectorAll("a, button")) {
    each.dispatchEvent(new MouseEvent("mouseover", {bubbles: true}));
    each.click?.();
  }
  const rules = [...document.styleSheets].flatMap((each) => [...each.cssRules]);
  return {
    parts, addresses, ran,
    rules: rules.map((each) => each.selectorText),
    styles: [document.getElementById("styled"), ...rules].map((each) => [...each.style]),
    title: document.getElementById("greet").title,
    heading: document.querySelector("h1").textContent,
    json: JSON.parse(document.getElementById("json").textContent).name,
    told: window.told,
    data: JSON.parse(document.getElementById("greet").dataset.told),
  };
}"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service whose one template puts a visitor's name wherever a value may stand."""
    folder = tmp_path_factory.mktemp("hostile")
    rules, templates = folder / "rules", folder / "templates"
    for path, name, text in ((rules, "r.yaml", RULES), (templates, "greet.html", TEMPLATE)):
        path.mkdir()
        (path / name).write_text(text, "utf-8")
    running = Service(folder / "data", rules=rules, templates=templates, budget_ms=5_000)
    with closing(running):
        yield running.start()


@pytest.fixture(scope="module")
def visitor(service: Service) -> Iterator[httpx.Client]:
    """The browser of one visitor who is known."""
    with httpx.Client(base_url=service.url, timeout=20) as client:
        body = {"page": {"url": SHOP}, "consent": {"marketing": True}}
        answer = client.post("/v1/classify", json=body).json()
        client.params = {"visitor": answer["visitor"]}
        yield client


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def page() -> AsyncIterator[Page]:
    """A tab in a running Chromium, that loads nothing from elsewhere."""
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=path_of("chromium"))
        tab = await running.new_page()
        await tab.route("**/*", lambda route: route.abort())
        yield tab
        await running.close()


def _fragment(visitor: httpx.Client, name: str) -> str:
    """Name the visitor, as a server does; answer what the page then shows."""
    path = f"/v1/visitors/{visitor.params['visitor']}/attributes"
    key = {"Authorization": f"Bearer {SERVER_KEY}"}
    told = visitor.put(path, json={"attributes": {"name": name}}, headers=key)
    assert told.status_code == 200, told.text
    answer = visitor.get("/v1/fragment/hero", params={"url": SHOP})
    assert "variant; greet/only" in answer.headers["edgeseg-status"]
    return answer.text


@pytest.fixture(scope="module")
def harmless(visitor: httpx.Client) -> str:
    """What the page is with a name that means nothing."""
    return _fragment(visitor, "Ann")


async def _look(page: Page, html: str) -> dict[str, object]:
    base = "<base href=http://page.example/>"
    shown = f"<!doctype html>{base}<script>{WATCH}</script><body>{html}"
    await page.set_content(shown, wait_until="domcontentloaded")
    found: dict[str, object] = await page.evaluate(LOOK)
    return found


@pytest.mark.parametrize("value", VALUES)
async def test_a_hostile_value_stays_text(
    page: Page, visitor: httpx.Client, harmless: str, value: str
) -> None:
    """Nothing runs, the page has the same elements and attributes, and the text is the value."""
    plain = await _look(page, harmless)

    found = await _look(page, _fragment(visitor, value))

    assert found["ran"] == []
    assert found["parts"] == plain["parts"]
    texts = [found[name] for name in ("title", "heading", "json", "told", "data")]
    assert texts == [value] * 5
    assert found["rules"] == ["#styled"]
    for set_, asked in zip(found["styles"], (_INLINE, _RULE), strict=True):  # type: ignore[call-overload]
        assert {name.partition("-")[0] for name in set_} | asked == {*asked, "background"}
    schemes = {address.partition(":")[0].lower() for address in found["addresses"]}  # type: ignore[attr-defined]
    assert schemes <= {"http", "https"}


async def test_the_corpus_does_harm_where_nothing_is_escaped(page: Page) -> None:
    """The test is one: put into a page as they are, many of the values run, or change it."""
    harmful = []
    for value in VALUES:
        careless = f'<section title="{value}"><h1>{value}</h1><a href="{value}">one</a></section>'
        await page.set_content(f"<!doctype html><script>{WATCH}</script><body>{careless}")
        ran, parts = await page.evaluate("[ran, document.querySelectorAll('body *').length]")
        if ran or parts != 3:
            harmful.append(value)

    assert len(harmful) > len(VALUES) // 3
    assert len(set(VALUES)) == len(VALUES)
    assert any("\t" in value for value in VALUES)
