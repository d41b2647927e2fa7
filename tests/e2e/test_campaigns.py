"""Campaigns over real HTTP: caps, previews, layers of answers, and what is told of them."""

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from edgeseg.clock import DAY_MS, system_clock
from edgeseg.delivery.preview_link import Preview, PreviewSigner
from tests.e2e.service import SERVER_KEY, Service

SECRET = "a secret of these tests"
SHOP = "https://shop.example/"
RULES = """
slots:
  - {id: hero, kind: html, fallback: base.html}
  - {id: app, kind: json, with: {percent: 0}}
  - {id: leave, kind: popup}
holdouts: [{id: silence, percent: 100, slots: [leave]}]
layers: [{id: home}]
campaigns:
  - id: twice
    slot: hero
    priority: 9
    caps: [{per: visit, at_most: 2}]
    variants: [{id: only, template: only.html}]
  - id: closed
    slot: hero
    priority: 5
    caps: [{cool_down: 3d, after: dismissed}]
    variants: [{id: only, template: only.html}]
  - id: split
    slot: app
    experiment: {sticky: true, layer: {id: home, from: 0, to: 100}}
    variants: [{id: a, with: {percent: 1}}, {id: b, with: {percent: 2}}]
  - id: bye
    slot: leave
    variants:
      - id: only
        template: only.html
        popup: {title: Bye, trigger: {inactivity_s: 9, event: cart_left}}
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service with campaigns of its own."""
    folder = tmp_path_factory.mktemp("campaigns")
    rules, templates = folder / "rules", folder / "templates"
    for path in (rules, templates):
        path.mkdir()
    (rules / "r.yaml").write_text(RULES, "utf-8")
    (templates / "base.html").write_text("<p>Fallback</p>", "utf-8")
    (templates / "only.html").write_text("<p>{{ campaign }}</p>", "utf-8")
    running = Service(
        folder / "data", rules=rules, templates=templates, budget_ms=5_000, secret=SECRET,
        public_explain="true",
    )  # fmt: skip
    with closing(running):
        yield running.start()


@pytest.fixture
def visitor(service: Service) -> Iterator[httpx.Client]:
    """The browser of a new visitor, who has agreed."""
    with httpx.Client(base_url=service.url, timeout=20) as client:
        client.post("/v1/consent", json={"consent": {"marketing": True}})
        yield client


def ask(client: httpx.Client, slot: str = "hero", *, url: str = SHOP, **parts: object) -> dict:  # type: ignore[type-arg]
    """View a page with one slot; answer the slot."""
    body = {"page": {"url": url}, "slots": [slot], **parts}
    answer = client.post("/v1/classify", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["slots"][slot]  # type: ignore[no-any-return]


def tell(client: httpx.Client, what: str, *, url: str = SHOP, **properties: str) -> None:
    """Tell of something about a campaign, as the snippet does."""
    event = {"event": f"campaign_{what}", "properties": {"slot": "hero", **properties}}
    body = {"page": {"url": url}, "view": False, "events": [event]}
    assert client.post("/v1/classify", json=body).status_code == 200


def told(service: Service, visitor: str) -> dict[str, int]:
    """Answer how often each event about a campaign was recorded."""
    key = {"Authorization": f"Bearer {SERVER_KEY}"}
    answer = httpx.get(f"{service.url}/v1/visitors/{visitor}", headers=key, timeout=20).json()
    return {name: n for name, n in answer["events"].items() if name.startswith("campaign_")}


def link(campaign: str, variant: str) -> str:
    """Answer the page with a signed preview of a variant."""
    until_s = (system_clock() + DAY_MS) // 1_000
    return PreviewSigner([SECRET]).link(SHOP, Preview(campaign, variant, until_s))


def test_a_cap_lets_the_next_campaign_have_its_turn(visitor: httpx.Client) -> None:
    """What counts is what the page tells of, not what it was answered."""
    for _ in range(3):
        assert ask(visitor)["campaign"] == "twice"
    tell(visitor, "shown", campaign="twice")
    assert ask(visitor)["campaign"] == "twice"
    tell(visitor, "shown", campaign="twice")

    assert ask(visitor)["campaign"] == "closed"
    tell(visitor, "dismissed", campaign="closed")
    found = ask(visitor)
    assert (found["campaign"], found["html"]) == (None, "<p>Fallback</p>")


def test_a_cap_is_part_of_how_long_an_answer_is_valid(visitor: httpx.Client) -> None:
    """The end of the visit frees it, and the answer says when that is."""
    for _ in range(2):
        tell(visitor, "shown", campaign="twice")
    body = {"page": {"url": SHOP}, "slots": ["hero"], "explain": True}
    answer = visitor.post("/v1/classify", json=body).json()
    first, second = answer["explain_slots"]["hero"]["campaigns"]

    assert (first["campaign"], first["outcome"]) == ("twice", "does not apply")
    assert first["audience"]["conditions"]["found"] == "the cap is reached"
    assert (second["campaign"], second["outcome"]) == ("closed", "won")


def test_who_is_not_remembered_sees_no_capped_campaign(service: Service) -> None:
    """What was shown cannot be known, so that nobody is nagged; the control is no experiment."""
    with httpx.Client(base_url=service.url, timeout=20) as client:
        assert ask(client)["html"] == "<p>Fallback</p>"
        found = ask(client, "app")
    assert (found["variant"], found["reason"], found["values"]) == ("a", "DEFAULT", {"percent": 1})


def test_a_json_slot_answers_values(visitor: httpx.Client) -> None:
    """Typed as the slot's own, with what an exposure is to name."""
    found = ask(visitor, "app")

    assert found["kind"] == "json"
    assert found["values"] == {"percent": {"a": 1, "b": 2}[found["variant"]]}
    assert (found["experiment"], found["layer"], found["reason"]) == ("split", "home", "SPLIT")


def test_a_sticky_campaign_keeps_what_was_shown_first(visitor: httpx.Client) -> None:
    """Whichever variant the page says it showed."""
    dealt = ask(visitor, "app")["variant"]
    other = {"a": "b", "b": "a"}[dealt]
    tell(visitor, "shown", campaign="split", variant=other, slot="app")

    assert ask(visitor, "app")["variant"] == other
    tell(visitor, "shown", campaign="split", variant=dealt, slot="app")
    assert ask(visitor, "app")["variant"] == other


def test_a_preview_shows_its_variant_and_counts_nothing(
    service: Service, visitor: httpx.Client
) -> None:
    """In both faces; the rest of the page, and other campaigns, are as ever."""
    id_ = visitor.post("/v1/classify", json={"page": {"url": SHOP}}).json()["visitor"]
    for variant in ("a", "b"):
        url = link("split", variant)
        found = ask(visitor, "app", url=url)
        assert (found["variant"], found["preview"]) == (variant, True)
        tell(visitor, "shown", url=url, campaign="split", variant=variant)
        tell(visitor, "clicked", url=url, campaign="split", variant=variant)
    assert told(service, id_) == {}

    url = link("closed", "only")
    assert ask(visitor, url=url)["campaign"] == "closed"
    fragment = visitor.get("/v1/fragment/hero", params={"url": url})
    assert fragment.text == "<p>closed</p>"
    assert "no-store" in fragment.headers["cache-control"]
    assert ask(visitor)["campaign"] == "twice"
    tell(visitor, "shown", url=url, campaign="twice")
    assert told(service, id_) == {"campaign_shown": 1}


def test_an_answer_is_valid_until_the_preview_ends(service: Service) -> None:
    """Then the page shows to whoever follows the link what it shows to anybody."""
    with httpx.Client(base_url=service.url) as stranger:
        body = {"page": {"url": link("split", "b")}, "slots": ["app"]}
        answer = stranger.post("/v1/classify", json=body).json()
    left = datetime.fromisoformat(answer["valid_until"]) - datetime.now(UTC)
    assert timedelta(hours=23) < left <= timedelta(days=1)


@pytest.mark.parametrize("variant", ["a", "b"])
@pytest.mark.parametrize(
    "headers",
    [{"Sec-Fetch-Site": "same-origin"}, {"Authorization": f"Bearer {SERVER_KEY}"}, {}],
    ids=["cookie", "server", "anybody"],
)
def test_flags_follow_a_preview(
    visitor: httpx.Client, headers: dict[str, str], variant: str
) -> None:
    """A page that asks for flags is looked at by the same link."""
    context = {"targetingKey": "k", "url": link("split", variant)}
    told = {}
    for flag in ("campaign/split", "slot/app"):
        address = f"/ofrep/v1/evaluate/flags/{flag}"
        answer = visitor.post(address, json={"context": context}, headers=headers)
        told[flag] = answer.json()["value"]
    assert told == {"campaign/split": variant, "slot/app": {"percent": {"a": 1, "b": 2}[variant]}}


def test_a_forged_preview_is_passed_over(visitor: httpx.Client) -> None:
    """The page shows what it would anyway."""
    found = ask(visitor, url=link("closed", "only") + "x")

    assert found["campaign"] == "twice"
    assert "preview" not in found


def test_a_holdout_is_named(visitor: httpx.Client) -> None:
    """With a preview even who is in it sees the popup, with all its triggers."""
    found = ask(visitor, "leave")
    assert (found["campaign"], found["reason"], found["holdout"]) == (None, "SPLIT", "silence")

    popup = ask(visitor, "leave", url=link("bye", "only"))["popup"]
    assert popup["trigger"] == {"inactivity_s": 9, "event": "cart_left"}
    assert popup["modal"] is False
