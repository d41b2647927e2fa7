"""Browsers with the snippet, in a closed loop: each waits for its answer before it goes on."""

import random
from typing import Any

from locust import FastHttpUser, between, task

from figures import Figures
from journeys import PageView, Visit, make_visit
from plan import Plan
from population import Population

_PAUSE_S = Plan.from_environment().pause_s
figures = Figures()
"""Of this process: Locust's users have no other place to share."""
population = Population(random.Random())


class Client(FastHttpUser):
    """What all simulated clients have in common."""

    abstract = True
    wait_time = between(_PAUSE_S / 5, _PAUSE_S)
    network_timeout = 5.0
    connection_timeout = 5.0

    def on_start(self) -> None:
        """Keep no cookies of its own: who comes is drawn for each visit."""
        self.client.client.cookiejar = None
        self.chance = random.Random()


class Browser(Client):
    """A browser with the snippet: one classify call for each page it shows."""

    weight = 8

    @task
    def visit_site(self) -> None:
        """Make one visit, as a new visitor or as one of those who come often or rarely."""
        visit, rank = make_visit(self.chance), population.draw()
        referrer, cookie = "", population.cookie_of(rank)
        for page_view in visit.page_views:
            cookie = self.classify(visit, page_view, referrer, cookie) or cookie
            referrer = page_view.url
            self.wait()
        population.remember(rank, cookie)

    def classify(self, visit: Visit, page_view: PageView, referrer: str, cookie: str) -> str:
        """Report one page view, check the answer's shape; answer the cookie it sets, if any."""
        headers = {"Cookie": cookie} if cookie else {}
        body = body_of(visit, page_view, referrer)
        with self.client.post(
            "/v1/classify", json=body, headers=headers, catch_response=True
        ) as response:
            if problem := check(response, page_view.slots):
                response.failure(problem)
            return (response.headers or {}).get("set-cookie", "").partition(";")[0]


def body_of(visit: Visit, page_view: PageView, referrer: str) -> dict[str, Any]:
    """Answer the body that the snippet sends for a page view."""
    body: dict[str, Any] = {
        "page": {"url": page_view.url, "referrer": referrer, "title": page_view.path},
        "context": visit.context,
    }
    if visit.consent is not None:
        body["consent"] = visit.consent
    if page_view.events:
        body["events"] = page_view.events
    if page_view.slots:
        body["slots"] = page_view.slots
    return body


def check(response: Any, slots: tuple[str, ...]) -> str:  # noqa: ANN401 - Locust's own
    """Answer what is wrong with an answer of classify, "" for nothing; count it."""
    if response.status_code != 200:
        return f"status {response.status_code}: {response.text}"
    try:
        answer = response.json()
        degraded, answered = answer["degraded"], answer["slots"].keys()
    except (ValueError, LookupError, TypeError, AttributeError):
        return "the answer is not one of classify"
    figures.classified += 1
    figures.degraded += bool(degraded)
    missing = set(slots) - answered
    return f"slots not answered: {sorted(missing)}" if missing else ""
