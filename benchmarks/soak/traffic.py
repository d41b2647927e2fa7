"""Page views as a site has them, in an open loop: ``PORT RATE SECONDS COOKIES TURN``.

    python -m benchmarks.soak.traffic 8800 2000 8 cookies 3

Everything that a worker remembers within a bound gets more than that bound: most visitors have
a cookie, in no order, others come for the first time and agree, or do not; a few pages and
browsers are nearly everybody's, the rest are hardly ever seen again. Each turn draws its own.
"""

import gc
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from benchmarks.latency.open_loop import request_of, run_open_loop, visitor_of

NEW: Final = 0.1
"""Share of page views of visitors who have no cookie; every other one agrees to be remembered."""
RARE: Final = 0.1
"""Share of page views of a page, and by a browser, that hardly anybody else has."""
SPARE: Final = 1.2
"""Page views made for each that is to be sent: arrivals are a matter of chance."""
_COMMON: Final = 200
_TAIL: Final = 1_000_000


def draw_page_views(
    cookies: Sequence[str], count: int, random: Random
) -> Iterator[tuple[bytes, bytes]]:
    """Draw so many; answer visitor, "" for a new one, and request of each."""
    for _ in range(count):
        page = {"url": f"http://shop.example{_path(random)}?utm_source=news", "title": "A page"}
        asked = {"page": page, "slots": ["home-hero"]}
        if random.random() >= NEW:
            cookie = random.choice(cookies)
            yield visitor_of(cookie), request_of(asked, _agent(random), cookie)
        elif random.random() < 0.5:
            yield b"", request_of(asked | {"consent": {"marketing": True}}, _agent(random))
        else:
            yield b"", request_of(asked, _agent(random))


def _path(random: Random) -> str:
    return f"/section-{random.randrange(12)}/page-{_number(random)}"


def _agent(random: Random) -> str:
    version = _number(random)
    return (
        f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        f"Chrome/{100 + version % 40}.0.{version}.0 Safari/537.36"
    )


def _number(random: Random) -> int:
    return random.randrange(_TAIL if random.random() < RARE else _COMMON)


def main() -> None:
    """Run as the module says; print `Waits` as JSON."""
    port, rate, seconds, cookies, turn = sys.argv[1:]
    known = Path(cookies).read_text("utf-8").splitlines()
    count = round(float(rate) * float(seconds) * SPARE)
    requests = list(draw_page_views(known, count, Random(int(turn))))
    gc.disable()
    found = run_open_loop(int(port), float(rate), float(seconds), requests)
    sys.stdout.buffer.write(msgspec.json.encode(found))


if __name__ == "__main__":
    main()
