"""Contender: plain Litestar and plain redis-py, as their documentation would write it.

A typed handler with an injected client; one script that reads a JSON profile, adds
the page view and writes it back; segments found by edgeseg's own index, so that the
difference is that of the stacks. Its answer has segments and one rendered slot.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from jinja2 import Environment, FileSystemLoader
from litestar import Litestar, Request, post
from litestar.datastructures import State
from litestar.di import Provide
from redis.asyncio import Redis
from redis.commands.core import AsyncScript

from benchmarks.classify.visitors import PREFIX, SECRET
from edgeseg.clock import system_clock
from edgeseg.delivery.visitor_id import CookieSigner
from edgeseg.rule_reload import RuleFolder
from edgeseg.segments.facts import Facts

SCRIPT = """
local stored = redis.call('GET', KEYS[1])
local profile = cjson.decode(stored or '{"attributes":{},"latest":{},"pages":0}')
profile.pages = profile.pages + 1
profile.path = ARGV[1]
profile.seen_ms = tonumber(ARGV[2])
local encoded = cjson.encode(profile)
redis.call('SET', KEYS[1], encoded, 'EX', 34214400)
return encoded
"""


class Page(msgspec.Struct):
    """The page that is viewed."""

    url: str
    referrer: str = ""
    title: str = ""


class PageView(msgspec.Struct):
    """Body of the call."""

    page: Page
    slots: list[str] = []


class Answer(msgspec.Struct):
    """Body of the answer."""

    visitor: str
    segments: list[str]
    slots: dict[str, str]


def provide_script(state: State) -> AsyncScript:
    """Hand the script to a handler."""
    return state.script  # type: ignore[no-any-return]


@post("/v1/classify", dependencies={"script": Provide(provide_script, sync_to_thread=False)},
      status_code=200)  # fmt: skip
async def classify(
    request: Request,
    data: PageView,
    state: State,
    script: AsyncScript,  # type: ignore[type-arg]
) -> Answer:
    """Record a page view and answer segments and slots."""
    visitor = state.signer.read(request.cookies["edgeseg"])
    now_ms = system_clock()
    path = urlsplit(data.page.url).path
    stored = await script(keys=[f"{PREFIX}plain:{{{visitor.id}}}"], args=[path, now_ms])
    profile = msgspec.json.decode(stored)
    facts = {f"field.{name}": value for name, value in profile["attributes"].items()}
    facts |= profile["latest"]
    facts |= {"context.path": path, "consent": ["marketing"]}
    held = state.rules.evaluator.evaluate(Facts(facts, None, None), now_ms).held
    template = state.templates.get_template("hero.html")
    html = template.render(profile=profile["attributes"], context={"path": path}, offer="One")
    segments = [key for key in held if not key.startswith("campaign/")]
    return Answer(visitor.id, segments, dict.fromkeys(data.slots, html))


@asynccontextmanager
async def connected(app: Litestar) -> AsyncIterator[None]:
    """Open the client for as long as the application runs."""
    async with Redis.from_url(os.environ["EDGESEG_REDIS_URL"], max_connections=200) as client:
        app.state.script = client.register_script(SCRIPT)
        yield


def build() -> Litestar:
    """Answer the application."""
    rules, templates = Path(os.environ["EDGESEG_RULES"]), Path(os.environ["EDGESEG_TEMPLATES"])
    state = State({
        "rules": RuleFolder(rules, templates).build(),
        "signer": CookieSigner([SECRET]),
        "templates": Environment(loader=FileSystemLoader(templates), autoescape=True),
    })  # fmt: skip
    return Litestar([classify], lifespan=[connected], state=state)
