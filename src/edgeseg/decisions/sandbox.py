"""The sandbox that templates run in: Jinja2's own, with bounds on time, loops and text.

Jinja2 keeps templates from reaching what they should not; it lets them run, and grow,
for as long as they like. Here every turn of a loop, call and inclusion is a step; a
rendering has so many of them and so much time. Text and numbers are checked before
they are multiplied. Templates are written by the site's own people and reviewed like
code: this stops mistakes, it is no prison for somebody who means to do harm.
"""

# Jinja2's hooks, and whatever templates hand around, have any type.
# ruff: noqa: ANN401
import json
import math
import re
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from time import monotonic
from typing import Any, Final

from jinja2 import BaseLoader, StrictUndefined, Template, nodes, pass_context
from jinja2.runtime import Context
from jinja2.sandbox import MAX_RANGE, ImmutableSandboxedEnvironment
from markupsafe import Markup

from edgeseg.decisions.output_guard import guard_output
from edgeseg.decisions.style_text import style_address, style_value
from edgeseg.decisions.template_code import PuttingGenerator, put

MAX_OUTPUT_CHARS: Final = 262_144
MAX_STEPS: Final = 20_000
"""Turns of loops, calls and inclusions in one rendering."""
MAX_RENDER_S: Final = 0.25
"""Time of one rendering, looked at in every step."""
MAX_WORK: Final = 4_194_304
"""Product of the sizes of all that one filter or method works on."""
MAX_INDENT: Final = 16
"""Spaces of one level of JSON."""
MAX_BITS: Final = 4_096
"""Size of a number."""
_WIDE: Final = frozenset(
    {
        "batch", "center", "expandtabs", "indent", "ljust", "rjust", "round", "slice", "wordwrap",
        "zfill",
    }
)  # fmt: skip
"""Filters and methods of text that take a width, or digits."""
_LEFT_OUT: Final = frozenset({"pprint", "random", "safe", "xmlattr"})
"""Filters that show too much, differ each time, or make markup of what is none."""
_HARMLESS: Final = frozenset(
    {
        "abs", "capitalize", "count", "d", "default", "e", "escape", "first", "float", "int",
        "last", "length", "lower", "title", "trim", "upper", "urlencode",
    }
)  # fmt: skip
"""Filters whose result is hardly larger than what they are given."""
_OF_MAPPINGS: Final = frozenset(dir(dict))
_WIDTH: Final = re.compile(r"[0-9]{5}|[%:{][^}\s]*[*{]")
_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*|):", re.IGNORECASE)
"""A scheme, or what ends one that another value has begun."""
_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel", "sms"})
_IGNORED: Final = re.compile(r"[\x00-\x20\x7f-\xa0\u2028\u2029\ufeff]")
_QUOTES: Final = {ord('"'): "&#34;", ord("'"): "&#39;", ord("<"): "&lt;", ord(">"): "&gt;"}


class RunawayError(Exception):
    """A template does, or grows, more than it may."""


class Sandbox(ImmutableSandboxedEnvironment):
    """An environment for the templates of one version of the rules."""

    intercepted_binops = frozenset({"+", "*", "**", "%"})
    code_generator_class = PuttingGenerator
    put = staticmethod(put)

    def __init__(self, loader: BaseLoader) -> None:
        """Take templates from ``loader``."""
        super().__init__(
            loader=loader,
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        self.globals.pop("lipsum")
        self.filters = {
            name: work if name in _HARMLESS else _bounded(name, work)
            for name, work in self.filters.items()
            if name not in _LEFT_OUT
        }
        self.filters |= {"_each": pass_context(_each), "_sized": _sized}
        self.filters |= {"_attribute": _attribute, "_url": _url}
        self.filters |= {"_style": style_value, "_style_address": style_address}
        self.policies["json.dumps_function"] = _json
        self._budget = threading.local()

    def begin(self) -> None:
        """Give the rendering that begins now its steps and its time."""
        self._budget.steps = MAX_STEPS
        self._budget.until_s = monotonic() + MAX_RENDER_S

    def step(self) -> None:
        """Take one step.

        Raises:
            RunawayError: it was one too many, or too late.
        """
        steps = getattr(self._budget, "steps", MAX_STEPS)  # none begins while compiling
        self._budget.steps = steps - 1
        if steps <= 0:
            raise RunawayError(f"more than {MAX_STEPS:,} turns of loops, calls and inclusions")
        if monotonic() > getattr(self._budget, "until_s", math.inf):
            raise RunawayError(f"more than {MAX_RENDER_S * 1_000:.0f} ms")

    def compile(self, source: str | nodes.Template, *args: Any, **parts: Any) -> Any:
        """Compile with bounds around loops and text, and guards around values in markup."""
        if isinstance(source, str):
            source = self.parse(source, *args[:1])
        guard_output(source, self, lambda *_problem: None)
        self._bound(source)
        return super().compile(source, *args, **parts)

    def call(self, context: Context, obj: Any, *args: Any, **parts: Any) -> Any:
        """Call something, as a step."""
        self.step()
        owner = getattr(obj, "__self__", None)
        if isinstance(owner, str):
            _check_work(str(getattr(obj, "__name__", "")), (owner, *args, *parts.values()))
        return _sized(super().call(context, obj, *args, **parts))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Answer a member; that of a mapping without first failing to find an attribute."""
        if type(obj) is dict and attribute in obj and attribute not in _OF_MAPPINGS:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate, unless the result would be too large."""
        if operator == "%" and isinstance(left, str):
            _check_format(left)
        elif operator in {"*", "**"}:
            _check_growth(operator, left, right)
        return _sized(super().call_binop(context, operator, left, right))

    def wrap_str_format(self, value: Any) -> Callable[..., str] | None:
        """Answer what formats text, without widths that fill the memory."""
        found = super().wrap_str_format(value)
        if found is not None:
            _check_format(value.__self__)
        return found

    def get_template(self, name: Any, *args: Any, **parts: Any) -> Template:
        """Answer a template; while rendering, that is a step."""
        self.step()
        return super().get_template(name, *args, **parts)

    def select_template(self, names: Any, *args: Any, **parts: Any) -> Template:
        """Answer the first template there is; while rendering, that is a step."""
        self.step()
        return super().select_template(names, *args, **parts)

    @staticmethod
    def concat(pieces: Iterable[str]) -> str:
        """Join what a block, macro or template wrote, up to `MAX_OUTPUT_CHARS`."""
        kept = list(pieces)  # no more of them than there are steps
        if sum(map(len, kept)) > MAX_OUTPUT_CHARS:
            raise RunawayError(f"output over {MAX_OUTPUT_CHARS:,} characters")
        return "".join(kept)

    def _bound(self, tree: nodes.Template) -> None:
        for loop in tree.find_all(nodes.For):
            if isinstance(loop.iter, nodes.Expr):
                loop.iter = _filtered(loop.iter, "_each", self)
        # Found before the tree is changed, so that nothing is wrapped twice.
        for joint in list(tree.find_all(nodes.Concat)):
            inner = nodes.Concat(joint.nodes, lineno=joint.lineno)
            joint.nodes = [_filtered(inner, "_sized", self)]


def _each(context: Context, parts: Iterable[object]) -> Iterator[object]:
    """Go through what a loop is over, in steps."""
    sandbox = context.environment
    for part in parts:
        sandbox.step()  # type: ignore[attr-defined]
        yield part


def _filtered(node: nodes.Expr, name: str, environment: Sandbox) -> nodes.Filter:
    found = nodes.Filter(node, name, [], [], None, None, lineno=node.lineno)
    return found.set_environment(environment)  # type: ignore[return-value]


def _bounded(name: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """Answer a filter that refuses too much work."""

    @wraps(work)
    def run(*args: Any, **parts: Any) -> Any:
        if name == "format":
            _check_format(str(args[0]))
        _check_work(name, (*args, *parts.values()))
        return _sized(work(*args, **parts))

    return run


def _check_work(name: str, args: Sequence[object]) -> None:
    """Refuse a filter or method too much to do; the first of ``args`` is what it works on."""
    sizes = [_size(each) for each in args]
    widths = [each for each in args[1:] if isinstance(each, int)] if name in _WIDE else []
    if math.prod(filter(None, sizes)) > MAX_WORK or any(each > MAX_OUTPUT_CHARS for each in widths):
        raise RunawayError(f"`{name}` of too much")


def _size(value: object) -> int:
    """Answer how much a filter has to go through; of what is made on the way, the most."""
    if isinstance(value, Iterator):
        return MAX_RANGE
    return len(value) if isinstance(value, str | list | tuple | dict | range) else 1


def _check_format(text: str) -> None:
    if _WIDTH.search(text):
        raise RunawayError("a width of more than four digits, or one that is not a number")


def _check_growth(operator: str, left: object, right: object) -> None:
    match left, right:
        case int(), int():
            bits = left.bit_length() * (right if operator == "**" else 1) + right.bit_length()
            if bits > MAX_BITS:
                raise RunawayError("a number too large")
        case (str() | list() | tuple() as text, int() as times) | (
            int() as times,
            str() | list() | tuple() as text,
        ):
            if len(text) * times > MAX_OUTPUT_CHARS:
                raise RunawayError(f"a text or list of more than {MAX_OUTPUT_CHARS:,}")


def _sized(value: Any) -> Any:
    """Answer a value that is not too large.

    Raises:
        RunawayError: it is.
    """
    if isinstance(value, str | list | tuple | dict) and len(value) > MAX_OUTPUT_CHARS:
        raise RunawayError(f"a text or list of more than {MAX_OUTPUT_CHARS:,}")
    return value


def _json(value: object, *, indent: int | None = None, **parts: Any) -> str:
    """Answer JSON for a script; where it stands between backticks, none of it runs either."""
    if indent and indent > MAX_INDENT:
        raise RunawayError(f"`tojson` with an indent of more than {MAX_INDENT}")
    text = json.dumps(value, indent=indent, **parts)
    return text.replace("`", r"\u0060").replace("${", r"\u0024{")


def _attribute(value: object) -> Markup:
    """Answer a value for a quoted attribute; markup, too, stays within the quotes."""
    if hasattr(value, "__html__"):
        return Markup(str(value).translate(_QUOTES))  # noqa: S704 - quotes are what matters here
    return Markup.escape(value)


def _url(value: object) -> Markup:
    """Answer an address for an attribute that is one: a scheme that runs code gives ``#``."""
    text = value.unescape() if isinstance(value, Markup) else str(value)
    if ":" in text:
        scheme = _SCHEME.match(_IGNORED.sub("", text))
        if scheme and scheme[1].lower() not in _SCHEMES:
            return Markup("#")
    return _attribute(value)
