"""Compare what page views cost in two checkouts, in turns: CPU time of one process each.

    python scripts/compare_page_views.py REDIS_URL BEFORE NOW [ROUNDS]

Both run in this environment, over rules and visitors of the benchmark in BEFORE, without the
HTTP server: decoding the body, the caller, the store, the rules, one slot, encoding the
answer. NOW runs a second time without copies of profiles in the worker.
"""

import asyncio
import gc
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any, Final

import msgspec

VISITORS: Final = 1_000
LANES: Final = 16
PAGE_VIEWS: Final = 1_600
_AGENT: Final = b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36"
_BODY: Final = (
    b'{"page":{"url":"http://shop.example/section-%d/page-%d?utm_source=news",'
    b'"referrer":"","title":"A page"},"slots":["home-hero"]}'
)


async def contend() -> None:
    """Answer µs a page view for each line of the standard input."""
    import edgeseg.app as app_module  # noqa: PLC0415 - the checkout that PYTHONPATH names
    from edgeseg.delivery.classify import Classify  # noqa: PLC0415

    made: list[Any] = []
    build: Any = app_module.Edge

    def keep(**parts: Any) -> Any:  # noqa: ANN401 - of either checkout
        made.append(build(**parts))
        return made[-1]

    setattr(app_module, "Edge", keep)  # noqa: B010 - a type to the checkers
    settings = app_module.read_settings(os.environ)
    app_module.create_app(settings, store=app_module.store_from(settings))
    edge, face = made[0], Classify(made[0])
    await edge.store.open()
    cookies = await _visitors(edge)
    turn, encoder = iter(range(sys.maxsize)), msgspec.json.Encoder()

    async def lane(count: int) -> None:
        for _ in range(count):
            at = next(turn)
            scope, body = _scope(cookies[at % VISITORS]), _BODY % (at % 12, at % 20)
            answer = await face._answer(scope, body, [])  # noqa: SLF001 - both have it
            assert answer.visitor, answer
            assert not answer.degraded, answer
            encoder.encode(answer)

    await asyncio.gather(*(lane(4 * PAGE_VIEWS // LANES) for _ in range(LANES)))
    gc.collect()
    gc.freeze()
    print("ready", flush=True)
    while await asyncio.to_thread(sys.stdin.readline):
        started_s = time.process_time()
        await asyncio.gather(*(lane(PAGE_VIEWS // LANES) for _ in range(LANES)))
        print((time.process_time() - started_s) * 1e6 / PAGE_VIEWS, flush=True)
    await edge.store.close()


async def _visitors(edge: Any) -> list[bytes]:  # noqa: ANN401 - of either checkout
    """Store visitors with attributes; answer their cookies."""
    from edgeseg.events.event import ATTRIBUTES_SET, CONSENT_CHANGED, Event  # noqa: PLC0415

    random, now_ms, rules = Random(3), edge.clock(), edge.rules.current
    names = [*rules.definitions.fields][:16]
    cookies = []
    for _ in range(VISITORS):
        visitor_id = f"{random.getrandbits(128):032x}"[:22]
        fields: dict[str, Any] = {
            name: random.randrange(1_000) if "number" in name else f"v{random.randrange(20)}"
            for name in names
        }
        told = [
            Event(CONSENT_CHANGED, now_ms - 9_000, {"marketing": True}),
            Event(ATTRIBUTES_SET, now_ms - 8_000, fields),
        ]
        await edge.store.record(visitor_id, told, plan=rules.plan, now_ms=now_ms)
        cookies.append(edge.cookies.write(visitor_id, {"marketing": True}, now_ms).encode())
    return cookies


def _scope(cookie: bytes) -> Any:  # noqa: ANN401 - an ASGI scope
    headers = [
        (b"host", b"127.0.0.1"),
        (b"cookie", b"edgeseg=" + cookie),
        (b"user-agent", _AGENT),
        (b"accept-language", b"en-GB,en;q=0.9"),
    ]
    return {
        "type": "http", "method": "POST", "path": "/v1/classify", "query_string": b"",
        "scheme": "http", "client": ("127.0.0.1", 5), "headers": headers,
    }  # fmt: skip


def compare(url: str, before: Path, now: Path, rounds: int) -> None:
    """Run the contenders in turns and print what each page view costs."""
    with tempfile.TemporaryDirectory() as folder:
        rules = _write_rules(before, Path(folder))
        contenders = {
            "before": _start(url, before, rules, "b:"),
            "now": _start(url, now, rules, "n:"),
            "now, without copies": _start(url, now, rules, "c:", EDGESEG_CACHE_MB="0"),
        }
        costs: dict[str, list[float]] = {name: [] for name in contenders}
        for turn in range(rounds):
            for name in list(contenders)[:: 1 if turn % 2 else -1]:
                costs[name].append(_ask(contenders[name]))
        for each in contenders.values():
            each.communicate()
    for name, each_us in costs.items():
        ratio = median(a / b for a, b in zip(each_us, costs["before"], strict=True))
        low, middle, high = quantiles(each_us, n=4)
        print(f"{name:20} {middle:6.1f} µs ({low:.1f} to {high:.1f}), ratio {ratio:.3f}")


def _write_rules(checkout: Path, folder: Path) -> Path:
    """Write the benchmark's rules with a fallback of its own, as both checkouts load them."""
    code = (
        "from pathlib import Path; from benchmarks.classify.rules import write_rules; "
        f"write_rules(Path({str(folder)!r}))"
    )
    environment = {**os.environ, "PYTHONPATH": f"{checkout}/src"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment, cwd=checkout)
    slots = folder / "rules" / "slots.yaml"
    slots.write_text(slots.read_text("utf-8").replace("hero.html", "none.html"), "utf-8")
    (folder / "templates" / "none.html").write_text("<p>Welcome</p>", "utf-8")
    return folder


def _start(
    url: str, checkout: Path, rules: Path, prefix: str, **more: str
) -> "subprocess.Popen[str]":
    environment = {
        **{name: text for name, text in os.environ.items() if not name.startswith("EDGESEG_")},
        "PYTHONPATH": f"{checkout}/src", "EDGESEG_REDIS_URL": url, "EDGESEG_KEY_PREFIX": prefix,
        "EDGESEG_RULES": f"{rules}/rules", "EDGESEG_TEMPLATES": f"{rules}/templates",
        "EDGESEG_SECRET": "a secret of the comparison", "EDGESEG_BUDGET_MS": "10000", **more,
    }  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, __file__],
        env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise SystemExit(f"{checkout} did not start")
    return process


def _ask(contender: "subprocess.Popen[str]") -> float:
    assert contender.stdin is not None
    assert contender.stdout is not None
    contender.stdin.write("\n")
    contender.stdin.flush()
    return float(contender.stdout.readline())


if __name__ == "__main__":
    if len(sys.argv) == 1:
        import uvloop

        uvloop.run(contend())
    else:
        where = [Path(each).resolve() for each in sys.argv[2:4]]
        compare(sys.argv[1], where[0], where[1], int(sys.argv[4]) if len(sys.argv) > 4 else 40)
