"""What campaigns bring, over real HTTP with two workers: exposures, conversions, reports."""

import json
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from itertools import pairwise
from typing import Any

import httpx
import pytest

from tests.e2e.service import SERVER_KEY, WRITE_KEY, Service, wait_for

SHOP = "https://shop.example/"
SERVER = {"authorization": f"Bearer {SERVER_KEY}"}
BROWSER = {"user-agent": "Mozilla/5.0 (X11; Linux x86_64) Chrome/120.0 Safari/537.36"}
ROBOT = {"user-agent": "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"}
RULES = """
segments:
  - {id: everyone, name: Everyone, when: {all: []}}
  - {id: prospects, name: Prospects, when: {not: {event: form_submitted}}}
  - {id: fans, name: Fans, when: {campaign: spring, outcome: converted}}
slots:
  - {id: hero, kind: html, fallback: base.html}
  - {id: side, kind: html, fallback: base.html}
  - {id: shared, kind: html, vary_on: [everyone]}
holdouts: [{id: silence, percent: 100, slots: [side]}]
goals:
  - {id: asked, event: form_submitted, where: {form: quote}, window: 7d}
  - {id: bought, event: order_completed, revenue: revenue, window: 3d}
campaigns:
  - {id: spring, slot: hero, goal: asked, variants: [{id: calm, template: only.html}]}
  - {id: sale, slot: hero, priority: -1, goal: bought, variants: [{id: loud, template: only.html}]}
  - {id: quiet, slot: side, goal: asked, variants: [{id: calm, template: only.html}]}
  - {id: copied, slot: shared, variants: [{id: calm, template: only.html}]}
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service of two workers with campaigns of its own."""
    folder = tmp_path_factory.mktemp("outcomes")
    rules, templates = folder / "rules", folder / "templates"
    for path in (rules, templates):
        path.mkdir()
    (rules / "r.yaml").write_text(RULES, "utf-8")
    (templates / "base.html").write_text("<p>Fallback</p>", "utf-8")
    (templates / "only.html").write_text("<p>{{ campaign }}</p>", "utf-8")
    running = Service(folder / "data", rules=rules, templates=templates, budget_ms=5_000, workers=2)
    with closing(running):
        yield running.start()


@contextmanager
def browser(service: Service) -> Iterator[httpx.Client]:
    """The browser of a new visitor, who has agreed."""
    with httpx.Client(base_url=service.url, timeout=20, headers=BROWSER) as client:
        client.post("/v1/consent", json={"consent": {"marketing": True}})
        yield client


def view(client: httpx.Client, *slots: str, **parts: object) -> dict[str, Any]:
    """View a page with slots; answer all of it."""
    body = {"page": {"url": SHOP}, "slots": slots or ["hero"], **parts}
    answer = client.post("/v1/classify", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def event(name: str, message_id: str = "", **properties: object) -> dict[str, object]:
    """An event as the snippet sends it."""
    message_id = message_id or uuid.uuid4().hex
    return {"event": name, "properties": properties, "messageId": message_id}


def shown(campaign: str = "spring", variant: str = "calm", slot: str = "hero") -> dict[str, object]:
    """The beacon of an exposure."""
    return event("campaign_shown", campaign=campaign, variant=variant, slot=slot)


def tell(client: httpx.Client, *events: dict[str, object]) -> dict[str, Any]:
    """Send events as the snippet does after a page view."""
    return view(client, view=False, events=events)


def outcomes(service: Service, campaign: str = "spring", query: str = "") -> dict[str, Any]:
    """What the report says by now."""
    address = f"{service.url}/v1/campaigns/{campaign}/outcomes{query}"
    answer = httpx.get(address, headers=SERVER, timeout=20)
    assert answer.status_code == 200, answer.text
    return answer.json()  # type: ignore[no-any-return]


def growth(service: Service, campaign: str = "spring") -> Callable[[], dict[str, float]]:
    """Answer what tells by how much the counts of the first variant have grown since now."""
    before = outcomes(service, campaign)["variants"][0]

    def grown() -> dict[str, float]:
        after = outcomes(service, campaign)["variants"][0]
        return {
            name: round(after[name] - before[name], 6)
            for name in before
            if isinstance(before[name], int | float) and name != "rate"
            if after[name] != before[name]
        }

    return grown


def settle(grown: Callable[[], dict[str, float]], wanted: dict[str, float]) -> None:
    """Wait until the counts are as wanted; both workers have counted within a second or two."""
    wait_for(lambda: grown() == wanted, 10, f"{wanted}, instead of {grown()}")


def test_exposures_and_outcomes_add_up_exactly_over_two_workers(service: Service) -> None:
    """Many visitors at once, each with repeated beacons: every exposure counts once."""
    grown = growth(service)

    def visit(_number: int) -> None:
        with browser(service) as visitor:
            beacon, click = (
                shown(),
                event("campaign_clicked", campaign="spring", variant="calm", slot="hero"),
            )
            view(visitor)
            for events in ([beacon], [beacon, click], [beacon], [shown()], [click]):
                tell(visitor, *events)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(visit, range(40)))
    settle(grown, {"shown": 80, "clicked": 40, "visitors": 40})


def test_the_same_beacon_sent_to_both_workers_at_once_counts_once(service: Service) -> None:
    """Whichever worker is first, the exposure and the conversion are counted by one of them."""
    grown = growth(service)
    with browser(service) as visitor:
        cookies = dict(visitor.cookies)
        beacon = shown()
        goal = event("form_submitted", form="quote")

        def send(events: list[dict[str, object]]) -> None:
            with httpx.Client(
                base_url=service.url, cookies=cookies, headers=BROWSER, timeout=20
            ) as another:
                tell(another, *events)

        with ThreadPoolExecutor(8) as pool:
            list(pool.map(send, [[beacon]] * 16))
            list(pool.map(send, [[goal]] * 16))
    settle(grown, {"shown": 1, "visitors": 1, "conversions": 1, "responders": 1})


def test_a_conversion_makes_the_visitor_a_member_of_those_who_converted(service: Service) -> None:
    """The next page view knows, and the other form converts nobody."""
    grown = growth(service)
    with browser(service) as visitor:
        tell(visitor, shown())
        assert "fans" not in tell(visitor, event("form_submitted", form="other"))["segments"]
        tell(visitor, event("form_submitted", form="quote"))
        assert "fans" in view(visitor)["segments"]
    settle(grown, {"shown": 1, "visitors": 1, "conversions": 1, "responders": 1})


def test_an_order_is_credited_once_with_what_it_earned(service: Service) -> None:
    """A shop's server tells of an order by the tracking protocol, twice, with different ids."""
    grown = growth(service, "sale")
    with browser(service) as visitor:
        told = tell(visitor, shown("sale", "loud"))
        for _ in range(2):
            order = {
                "visitor": told["visitor"],
                "page": {"url": SHOP},
                "view": False,
                "events": [event("order_completed", order_id="o-1", revenue=49.9)],
            }
            answer = httpx.post(
                f"{service.url}/v1/classify", json=order, headers=SERVER, timeout=20
            )
            assert answer.status_code == 200, answer.text
    settle(grown, {"shown": 1, "visitors": 1, "conversions": 1, "responders": 1, "revenue": 49.9})


def test_what_is_refunded_is_taken_off_again(service: Service) -> None:
    """By the shop's server or its SDK, whichever worker hears of it, however often."""
    grown = growth(service, "sale")
    with browser(service) as visitor, httpx.Client(base_url=service.url, headers=SERVER) as shop:
        name = tell(visitor, shown("sale", "loud"))["visitor"]

        def say(what: str, message: str, **properties: object) -> None:
            told = event(what, message, order_id="o-1", **properties)
            body = {"visitor": name, "page": {"url": SHOP}, "view": False, "events": [told]}
            for _ in range(3):
                assert shop.post("/v1/classify", json=body, timeout=20).status_code == 200

        say("order_completed", "m1", revenue=49.9)
        say("order_refunded", "m2", revenue=20)
        once = {"shown": 1, "visitors": 1, "conversions": 1, "responders": 1}
        settle(grown, {**once, "revenue": 29.9})
        say("order_cancelled", "m3")
        settle(grown, once)


def test_who_is_held_out_is_counted_and_compared(service: Service) -> None:
    """Nobody sees the campaign; whoever would have is counted once, conversions included."""
    with browser(service) as one, browser(service) as other:
        for visitor in (one, other, one):
            assert view(visitor, "side")["slots"]["side"]["holdout"] == "silence"
        tell(one, event("form_submitted", form="quote"))
    found = wait_for(
        lambda: (
            (told := outcomes(service, "quiet")["holdout"])
            and told["held_out"]["visitors"] == 2
            and told["held_out"]["responders"]
            and told
        ),
        10,
        "two visitors and a responder",
    )
    assert found["held_out"]["rate"] == 0.5
    assert found["held_out"]["variant"] is None


def test_robots_strangers_and_nonsense_are_not_counted(service: Service) -> None:
    """Only what was shown to a person who is remembered counts, of campaigns there are."""
    grown = growth(service)
    with browser(service) as visitor, httpx.Client(base_url=service.url, headers=BROWSER) as other:
        tell(visitor, shown(variant="bold"), shown(slot="side"), shown("winter"))
        tell(other, shown())
        visitor.headers.update(ROBOT)
        tell(visitor, shown())
        visitor.headers.update(BROWSER)
        tell(visitor, shown())
    settle(grown, {"shown": 1, "visitors": 1})


def test_robots_count_for_nothing_in_what_sdks_tell_either(service: Service) -> None:
    """An exposure counts of people, on whatever way it comes."""
    grown = growth(service, "sale")
    consent = {"consent": {"categoryPreferences": {"marketing": True}}}
    for agent in (ROBOT["user-agent"], BROWSER["user-agent"]):
        say = {
            "writeKey": WRITE_KEY,
            "anonymousId": uuid.uuid4().hex,
            "context": {**consent, "userAgent": agent},
        }
        body = {**say, **shown("sale", "loud"), "type": "track"}
        assert httpx.post(f"{service.url}/v1/track", json=body).status_code == 200
    settle(grown, {"shown": 1, "visitors": 1})


def test_fragments_count_apart_and_shared_ones_not_at_all(service: Service) -> None:
    """A fragment is served, which is less than shown; nobody knows who sees a shared copy."""
    grown, copied = growth(service), growth(service, "copied")
    with browser(service) as visitor:
        view(visitor)
        for _ in range(3):
            assert "spring" in visitor.get("/v1/fragment/hero", params={"url": SHOP}).text
        key = visitor.get("/v1/segment-key").headers.get("edgeseg-segment-key", "")
        visitor.get("/v1/fragment/shared", headers={"edgeseg-segment-key": key})
    settle(grown, {"served": 3})
    assert copied() in ({}, {"served": 1})


def test_an_erased_visitor_leaves_numbers_only(service: Service) -> None:
    """Counts stay, and name nobody; the visitor's exposures are gone."""
    grown = growth(service)
    with browser(service) as visitor:
        told = tell(visitor, shown())
        settle(grown, {"shown": 1, "visitors": 1})
        assert visitor.delete("/v1/me").status_code in {200, 204}
        gone = httpx.get(f"{service.url}/v1/visitors/{told['visitor']}", headers=SERVER)
        assert gone.status_code == 404
    assert grown() == {"shown": 1, "visitors": 1}


def test_reports_tell_of_segments_days_and_intervals(service: Service) -> None:
    """The report has what it needs to be trusted, by segment too where asked."""
    grown = growth(service)
    with browser(service) as visitor:
        tell(visitor, shown())
    settle(grown, {"shown": 1, "visitors": 1})
    report = outcomes(service, query="?by=segment")
    assert report["goal"] == "asked"
    assert report["window_days"] == 7
    assert len(report["variants"]) == 1
    low, high = report["variants"][0]["interval"]
    assert 0 <= low <= high <= 1
    assert report["segments"]["everyone"][0]["visitors"] == report["variants"][0]["visitors"]
    one_day = outcomes(service, query=f"?from={report['until']}&until={report['until']}")
    assert one_day["variants"] == report["variants"]


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("sprong/outcomes", 404, "spring"),
        ("spring/outcomes?from=tomorrow", 400, "2026-11-22"),
        ("spring/outcomes?from=2026-02-01&until=2026-01-01", 400, "400"),
        ("spring/outcomes?by=variant", 400, "segment"),
    ],
)
def test_what_cannot_be_answered_says_why(
    service: Service, path: str, status: int, told: str
) -> None:
    """A wrong question is refused, with what would be right."""
    answer = httpx.get(f"{service.url}/v1/campaigns/{path}", headers=SERVER)
    assert answer.status_code == status
    assert told in answer.text


def test_only_servers_may_ask(service: Service) -> None:
    """What campaigns earn is nobody's business but the site's."""
    for path in ("", "/spring/outcomes"):
        assert httpx.get(f"{service.url}/v1/campaigns{path}").status_code == 401
    campaigns = httpx.get(f"{service.url}/v1/campaigns", headers=SERVER).json()["campaigns"]
    ids = [each["id"] for each in campaigns]
    assert all(one < other for one, other in pairwise(ids))
    assert "spring" in ids


def test_the_command_tells_the_same(service: Service) -> None:
    """On a terminal and as JSON, from the same counts."""
    with browser(service) as visitor:
        grown = growth(service)
        tell(visitor, shown())
    settle(grown, {"shown": 1, "visitors": 1})
    said = json.loads(service.run("outcomes", "spring", "--json"))
    assert said["variants"] == outcomes(service)["variants"]
    table = service.run("outcomes", "spring", "--by", "segment")
    assert "calm" in table
    assert "everyone" in table


def test_segments_that_count_are_those_before_the_goal(service: Service) -> None:
    """A page tells of what it showed together with the form that the visitor sent."""

    def prospects() -> list[dict[str, Any]]:
        return list(outcomes(service, query="?by=segment")["segments"].get("prospects", []))

    before = sum(each["responders"] for each in prospects())
    with browser(service) as visitor:
        view(visitor)
        found = tell(visitor, event("form_submitted", form="quote"), shown())
        assert "prospects" not in found["segments"]
    wait_for(
        lambda: sum(each["responders"] for each in prospects()) == before + 1, 10, "a responder"
    )
