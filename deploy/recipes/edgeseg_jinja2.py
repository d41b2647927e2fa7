"""A Jinja2 extension, for Flask, Starlette, Litestar and others. Copy it and `edgeseg_fragment.py`.

    environment.add_extension(EdgesegExtension)
    environment.edgeseg = Fragments("http://127.0.0.1:8080")

In a template, where ``edgeseg_request`` is a mapping with ``page`` (the page's full address) and
what else `Fragments.fetch` takes of the visitor's request: ``cookie``, ``agent``, ``language``,
``gpc`` (the headers ``Cookie``, ``User-Agent``, ``Accept-Language``, ``Sec-GPC``), ``address``::

    {% edgeseg "home-hero" %}<h1>The page's own hero</h1>{% endedgeseg %}

It calls the service while it renders, for at most 150 ms: under asyncio render in a thread.
A page with such a tag is its visitor's: do not let a shared cache keep it.
"""

from collections.abc import Callable

from edgeseg_fragment import Fragments
from jinja2 import nodes
from jinja2.environment import Environment
from jinja2.ext import Extension
from jinja2.parser import Parser
from jinja2.runtime import Context
from markupsafe import Markup


class EdgesegExtension(Extension):
    """Adds ``{% edgeseg SLOT %}...{% endedgeseg %}``."""

    tags = {"edgeseg"}  # noqa: RUF012 - as Jinja2 declares it

    def __init__(self, environment: Environment) -> None:
        """Give the environment a place for the `Fragments`."""
        super().__init__(environment)
        environment.extend(edgeseg=None)

    def parse(self, parser: Parser) -> nodes.Node:
        """Read the tag; what is between is the page's own content."""
        line = next(parser.stream).lineno
        slot = parser.parse_expression()
        body = parser.parse_statements(("name:endedgeseg",), drop_needle=True)
        call = self.call_method("_fetch", [nodes.ContextReference(), slot])
        return nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _fetch(self, context: Context, slot: str, caller: Callable[[], str]) -> str:
        fragments: Fragments = self.environment.edgeseg  # type: ignore[attr-defined]
        request = context["edgeseg_request"]
        return Markup(fragments.fetch(slot, caller(), **request))  # noqa: S704 - escaped there
