"""Locust: visitors browse the demo site, a CMS asks for fragments.

Each simulated browser keeps its own cookies, as the snippet's browser would. The
run's exit code says whether the thresholds held.
"""

import random
from typing import Any

from locust import FastHttpUser, between, events, task
from locust.env import Environment

from journeys import PageView, Visit, make_visit
from thresholds import Outcome, Thresholds


class Tally:
    """How many classifications came back, and how many of them degraded."""

    def __init__(self) -> None:
        self.classified = 0
        self.degraded = 0

    @property
    def degraded_ratio(self) -> float:
        """Share of degraded answers, 0 when there were none at all."""
        return self.degraded / self.classified if self.classified else 0.0


tally = Tally()


class Browser(FastHttpUser):
    """A browser with the snippet: one classify call for each page it shows."""

    weight = 4
    wait_time = between(0.1, 0.5)
    network_timeout = 5.0
    connection_timeout = 5.0

    def on_start(self) -> None:
        """Give each browser its own chances."""
        self.chance = random.Random()

    @task
    def visit_site(self) -> None:
        """Make one visit, as a new visitor or as the one of the last visit."""
        visit = make_visit(self.chance)
        if not visit.is_return:
            self.client.cookiejar.clear()
        referrer = ""
        for page_view in visit.page_views:
            self.classify(visit, page_view, referrer)
            referrer = page_view.url
            self.wait()

    def classify(self, visit: Visit, page_view: PageView, referrer: str) -> None:
        """Report one page view and check the answer's shape."""
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
        with self.client.post("/v1/classify", json=body, catch_response=True) as response:
            if response.status_code != 200:
                response.failure(f"status {response.status_code}: {response.text}")
                return
            answer = response.json()
            missing = set(page_view.slots) - answer["slots"].keys()
            if missing:
                response.failure(f"slots not answered: {sorted(missing)}")
            tally.classified += 1
            tally.degraded += bool(answer["degraded"])


class ContentServer(FastHttpUser):
    """A CMS that puts one slot into the page it renders."""

    weight = 1
    wait_time = between(0.1, 0.5)
    network_timeout = 5.0
    connection_timeout = 5.0

    @task
    def fill_slot(self) -> None:
        """Ask for a fragment, which must come whatever happens."""
        path = random.choice(("/", "/accounts", "/accounts/premium-account"))
        self.client.get(
            "/v1/fragment/home-hero",
            params={"url": f"http://127.0.0.1:8800{path}"},
            name="/v1/fragment/{slot}",
        )


@events.quitting.add_listener
def judge(environment: Environment, **_: object) -> None:
    """Compare what was measured with the thresholds and set the exit code."""
    total = environment.stats.total
    outcome = Outcome(
        requests=total.num_requests,
        failure_ratio=total.fail_ratio,
        degraded_ratio=tally.degraded_ratio,
        p95_ms=float(total.get_response_time_percentile(0.95) or 0),
        p99_ms=float(total.get_response_time_percentile(0.99) or 0),
    )
    crossed = Thresholds.from_environment().crossed_by(outcome)
    print(
        f"{outcome.requests} requests, {total.total_rps:.0f} a second, "
        f"{outcome.failure_ratio:.2%} failed, {outcome.degraded_ratio:.2%} degraded, "
        f"p95 {outcome.p95_ms:g} ms, p99 {outcome.p99_ms:g} ms"
    )
    for line in crossed:
        print(f"FAILED: {line}")
    environment.process_exit_code = 1 if crossed else 0
