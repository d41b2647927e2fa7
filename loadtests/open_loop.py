"""Open loops: requests start when they are meant to, however long others take.

The latency of each is counted from its intended start. In a closed loop a service
that stands still for two seconds delays one request of each user; here it delays all
those that would have come meanwhile, as on a real site.
"""

import random
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gevent
from locust import task
from locust.exception import StopUser

from arrivals import poisson
from browsing import Client, body_of, check, population
from journeys import PageView, Visit, make_visit
from logged import paced_requests
from plan import Plan

MAX_UNDER_WAY = 2_000
"""More requests than this at once are refused by the generator, and counted as failures."""


class Scheduled(Client):
    """One generator for all requests of the run."""

    abstract = True
    fixed_count = 1
    concurrency = MAX_UNDER_WAY

    def send_all(self, requests: Iterable[tuple[float, Visit, PageView]]) -> None:
        """Start each request at its instant, seconds from now, and wait for all."""
        started_s = time.perf_counter()
        under_way = gevent.pool.Pool(MAX_UNDER_WAY)
        for at_s, visit, page_view in requests:
            intended_s = started_s + at_s
            gevent.sleep(max(0.0, intended_s - time.perf_counter()))
            if under_way.full():
                self._report_overflow(intended_s)
            else:
                under_way.spawn(self._classify, intended_s, visit, page_view)
        under_way.join(timeout=self.network_timeout)
        raise StopUser

    def _classify(self, intended_s: float, visit: Visit, page_view: PageView) -> None:
        rank = population.draw()
        cookie = population.cookie_of(rank)
        with self.client.post(
            "/v1/classify",
            json=body_of(visit, page_view, ""),
            headers={"Cookie": cookie} if cookie else {},
            catch_response=True,
        ) as response:
            if problem := check(response, page_view.slots):
                response.failure(problem)
            population.remember(rank, (response.headers or {}).get("set-cookie"))
            took_s = time.perf_counter() - intended_s
            response.request_meta["response_time"] = took_s * 1_000

    def _report_overflow(self, intended_s: float) -> None:
        meta: dict[str, Any] = {
            "request_type": "POST", "name": "/v1/classify", "response_length": 0, "context": {},
            "response_time": (time.perf_counter() - intended_s) * 1_000,
            "exception": OverflowError(f"{MAX_UNDER_WAY} requests are under way"),
        }  # fmt: skip
        self.environment.events.request.fire(**meta)


class OpenLoop(Scheduled):
    """Page views at a rate that the run's shape gives, with gaps as independent visitors make."""

    @task
    def arrive(self) -> None:
        """Send the page views of the whole run."""
        plan, chance = Plan.from_environment(), random.Random()
        instants = poisson(chance, plan.load_at, plan.duration_s)
        self.send_all((at_s, *_page_view(chance)) for at_s in instants)


class LogReplay(Scheduled):
    """The page views of an access log, with the gaps they had."""

    @task
    def replay(self) -> None:
        """Send the page views of the log."""
        plan = Plan.from_environment()
        self.send_all(paced_requests(Path(plan.log), plan.speed, plan.duration_s))


def _page_view(chance: random.Random) -> tuple[Visit, PageView]:
    visit = make_visit(chance)
    return visit, chance.choice(visit.page_views)
