"""The visitors under test: profiles of about 1 KB in the store, and their signed cookies."""

from operator import attrgetter
from pathlib import Path
from random import Random
from typing import Final

import msgspec
import redis

from benchmarks.segments.population import LATEST, NOW_MS, make_visitors
from edgeseg.clock import DAY_MS
from edgeseg.decisions.snapshot import Snapshot as Rules
from edgeseg.delivery.visitor_id import CookieSigner, new_visitor_id
from edgeseg.events.event import ATTRIBUTES_SET, CONSENT_CHANGED, PAGE_VIEWED, Event, Value
from edgeseg.profiles import codec
from edgeseg.profiles.fold import fold
from edgeseg.profiles.past import Past
from edgeseg.profiles.profile import EMPTY_PROFILE

VISITORS: Final = 4_000
SECRET: Final = "a secret of the benchmark only"
PREFIX: Final = "bench:"
_EVENTS: Final = 6
STORED_VIEWS: Final = 2
"""Page views among each visitor's events."""
_JOURNAL: Final = 4


class Visitors:
    """Made-up visitors, the same in every run but for their ids."""

    def __init__(self, rules: Rules, now_ms: int) -> None:
        """Make `VISITORS` of them."""
        random = Random(2)
        signer = CookieSigner([SECRET])
        self.ids = [new_visitor_id(random.randbytes) for _ in range(VISITORS)]
        self.cookies = [signer.write(each, {"marketing": True}, now_ms) for each in self.ids]
        made = make_visitors(VISITORS)
        self.values = [_stored(facts, rules, random, now_ms) for facts in made]
        self.plain_values = [_plain(facts, now_ms) for facts in made]

    def store(self, url: str) -> None:
        """Put the profiles into the store, as the service and the plain stack write them."""
        with redis.Redis.from_url(url) as client, client.pipeline(transaction=False) as pipeline:
            for visitor, value, plain in zip(self.ids, self.values, self.plain_values, strict=True):
                pipeline.set(f"{PREFIX}p:{{{visitor}}}", value)
                pipeline.set(f"{PREFIX}plain:{{{visitor}}}", plain)
            pipeline.execute()

    def write_cookies(self, path: Path) -> None:
        """Write one cookie a line, for the load generator."""
        path.write_text("\n".join(self.cookies) + "\n", "utf-8")


def _plain(facts: dict[str, object], now_ms: int) -> bytes:
    """Answer the JSON profile of the same visitor, as the plain stack has it."""
    attributes = {
        fact.removeprefix("field."): value
        for fact, value in facts.items()
        if fact.startswith("field.")
    }
    latest = {
        fact: now_ms - NOW_MS + at_ms  # type: ignore[operator]
        for fact, at_ms in facts.items()
        if fact in LATEST.values()
    }
    return msgspec.json.encode({"attributes": attributes, "latest": latest, "pages": 0})


def _stored(facts: dict[str, object], rules: Rules, random: Random, now_ms: int) -> bytes:
    """Answer the stored value of a visitor with these facts and a short history."""
    attributes: dict[str, Value] = {
        fact.removeprefix("field."): value  # type: ignore[misc]
        for fact, value in facts.items()
        if fact.startswith("field.")
    }
    history = [
        Event(ATTRIBUTES_SET, now_ms - 61 * DAY_MS, attributes),
        Event(CONSENT_CHANGED, now_ms - 61 * DAY_MS, {"marketing": True}),
    ]
    for number in range(_EVENTS):
        name = PAGE_VIEWED if number % 3 == 0 else f"event_{random.randrange(4)}"
        at_ms = now_ms - random.randrange(60 * DAY_MS)
        path = f"/section-{random.randrange(12)}/page-{random.randrange(20)}"
        history.append(Event(name, at_ms, {"path": path, "host": "shop.example"}))
    profile = fold(EMPTY_PROFILE, history, rules.plan)
    journal = [each for each in history if not each.name.startswith("$")][-_JOURNAL:]
    past = Past(events=tuple(sorted(journal, key=attrgetter("at_ms"))))
    return codec.encode_value(
        profile,
        past,
        codec.next_generation(random.getrandbits(64)),
        refreshed_ms=now_ms,
        kept_since_ms=now_ms - 61 * DAY_MS,
    )
