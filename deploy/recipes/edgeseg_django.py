"""A template tag for Django. Copy this file and `edgeseg_fragment.py`.

1. Put both into an app's ``templatetags`` package, or name this module in the ``libraries``
   option of the template engine.
2. In the settings: ``EDGESEG = {"url": "http://127.0.0.1:8080"}``; ``timeout_s`` and
   ``pause_s`` may follow.
3. The context processor ``django.template.context_processors.request`` must be on.

In a template::

    {% load edgeseg_django %}
    {% edgeseg "home-hero" %}<h1>The page's own hero</h1>{% endedgeseg %}

A page with such a tag is its visitor's: do not let a shared cache keep it.
"""

from functools import cache

from django import template
from django.conf import settings
from django.template.base import FilterExpression, NodeList, Parser, Token
from django.template.context import Context
from django.utils.safestring import SafeString, mark_safe

try:
    from .edgeseg_fragment import Fragments
except ImportError:  # named in `libraries`, outside of a package
    from edgeseg_fragment import Fragments

register = template.Library()


@cache
def _fragments() -> Fragments:
    options = dict(settings.EDGESEG)
    return Fragments(options.pop("url"), **options)


class FragmentNode(template.Node):
    """One slot, with what is between the tags as the page's own content."""

    def __init__(self, slot: FilterExpression, fallback: NodeList) -> None:
        """Keep the parts of the tag."""
        self._slot = slot
        self._fallback = fallback

    def render(self, context: Context) -> SafeString:
        """Answer the slot's HTML for the request in ``context``."""
        request = context["request"]
        hops = (request.headers.get("X-Forwarded-For"), request.META.get("REMOTE_ADDR"))
        html = _fragments().fetch(
            str(self._slot.resolve(context)),
            self._fallback.render(context),
            page=request.build_absolute_uri(),
            cookie=request.headers.get("Cookie", ""),
            agent=request.headers.get("User-Agent", ""),
            language=request.headers.get("Accept-Language", ""),
            gpc=request.headers.get("Sec-GPC", ""),
            address=", ".join(filter(None, hops)),
        )
        return mark_safe(html)  # noqa: S308 - edgeseg escapes the values in its templates


@register.tag
def edgeseg(parser: Parser, token: Token) -> FragmentNode:
    """Read ``{% edgeseg SLOT %}...{% endedgeseg %}``."""
    try:
        _name, slot = token.split_contents()
    except ValueError as error:
        message = "edgeseg takes the id of one slot"
        raise template.TemplateSyntaxError(message) from error
    fallback = parser.parse(("endedgeseg",))
    parser.delete_first_token()
    return FragmentNode(parser.compile_filter(slot), fallback)
