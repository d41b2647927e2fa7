"""Guard what templates put out, by the place in the page where they put it."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import unescape
from typing import Final, TypeAlias

from jinja2 import Environment, TemplateNotFound, TemplateSyntaxError, nodes

from edgeseg.decisions.markup import ADDRESSES, TEXT, Place, advance
from edgeseg.decisions.style_text import ADDRESS, NAME

Report: TypeAlias = Callable[[int, str, str], None]
"""Takes a line, what is wrong there, and what to do."""
_MAX_PLACES: Final = 16
_RUNS: Final = re.compile(r"\s*(javascript|vbscript|data)\s*:", re.IGNORECASE)
_AFTER_SCHEME: Final = re.compile(r"[:/?#]")
_ENDS_SCHEME: Final = re.compile(r"[a-zA-Z0-9+.\s-]*:")
_HANDLES: Final = re.compile(r"on|(data-)?hx-(on|vars|trigger)|[@:]|[xv]-")
"""How the names of attributes that run begin: the browser's, and those of htmx, Alpine and Vue.

That of ``hx-trigger`` runs in brackets, which a value may bring along."""
_MAY_RUN: Final = re.compile(r"(data-)?hx-(vals|headers|request)")
"""Attributes that htmx takes for JSON, unless they begin with ``js:`` or ``javascript:``."""
_JSON: Final = re.compile(r'\s*[{"]')
_UNESCAPING: Final = "striptags"
"""The filter that makes text of markup; a block takes the result for markup again."""


def guard_output(tree: nodes.Template, environment: Environment, report: Report) -> None:
    """Wrap values within attributes in filters that fit; report those that no filter makes safe."""
    _Guard(environment, report, _blocks_above(tree, environment, ())).walk(tree.body, {TEXT})


class _Guard:
    """Follows a template in the order of its text, in all places that it may be in at once.

    Attributes:
        blocks: name → where the block stands, in this template or in one that it extends.
    """

    def __init__(
        self, environment: Environment, report: Report, above: Mapping[str, set[Place]]
    ) -> None:
        self._environment = environment
        self._report = report
        self.blocks = dict(above)

    def walk(self, parts: Iterable[nodes.Node], places: set[Place]) -> set[Place]:
        for part in parts:
            places = self._after(part, places)
        return places

    def _after(self, node: nodes.Node, places: set[Place]) -> set[Place]:  # noqa: PLR0911 - one a kind
        match node:
            case nodes.Output():
                return self._output(node, places)
            case nodes.If():
                bodies = [node.body, *(each.body for each in node.elif_), node.else_]
                return self._any_of(bodies, places)
            case nodes.For():
                once = self._any_of([node.body, node.else_], places)
                return self._any_of([node.body], places | once) | once
            case nodes.ScopedEvalContextModifier() | nodes.EvalContextModifier():
                message = "escaping cannot be switched off"
                self._report(node.lineno, message, "take out `autoescape`")
                return places
            case nodes.Block():
                stands = self.blocks.setdefault(node.name, places)
                after = self.walk(node.body, stands)
                # A template that extends this one may leave the block empty.
                return after | places if stands is places else places
            case nodes.With() | nodes.Scope():
                return self.walk(node.body, places)
            case nodes.FilterBlock():
                self._check_filters(node.filter)
                return self.walk(node.body, places)
            case _:
                self._pass(node, places)
                return places

    def _pass(self, node: nodes.Node, places: Iterable[Place]) -> None:
        """Look at what puts out nothing here, or what is escaped as text elsewhere."""
        match node:
            case nodes.Macro() | nodes.CallBlock():
                self.walk(node.body, {TEXT})
            case nodes.AssignBlock():
                self._check_filters(node.filter)
                self.walk(node.body, {TEXT})
        is_made = isinstance(node, nodes.CallBlock) or (
            isinstance(node, nodes.Include) and not _is_plain(node.template, self._environment)
        )
        if is_made and any(_needs_more(place) for place in places):
            message = "the values in this are escaped as text, which is not enough here"
            self._report(node.lineno, message, "write their `{{ }}` here")

    def _check_filters(self, used: nodes.Node | None) -> None:
        while isinstance(used, nodes.Filter):
            if used.name == _UNESCAPING:
                message = f"`{used.name}` of a block undoes the escaping of the values in it"
                self._report(used.lineno, message, "use it on the values")
            used = used.node

    def _any_of(self, bodies: Iterable[Sequence[nodes.Node]], places: set[Place]) -> set[Place]:
        found = {place for body in bodies for place in self.walk(body, places)}
        return set(sorted(found)[:_MAX_PLACES])

    def _output(self, output: nodes.Output, places: set[Place]) -> set[Place]:
        for index, part in enumerate(output.nodes):
            if isinstance(part, nodes.TemplateData):
                places = advance(places, part.data)
                continue
            follows = output.nodes[index + 1 : index + 2]
            for place in places:
                message, hint = _danger(place, part, follows)
                if message:
                    self._report(part.lineno, message, hint)
                    break
            name = _filter_for(places)
            if name:
                wrapped = nodes.Filter(part, name, [], [], None, None, lineno=part.lineno)
                output.nodes[index] = wrapped.set_environment(self._environment)  # type: ignore[call-overload]
        return places  # a value may be empty, so that what follows it may begin an address, too


def _blocks_above(
    tree: nodes.Template, environment: Environment, met: Sequence[str]
) -> Mapping[str, set[Place]]:
    """Answer where the blocks of the templates stand that a template extends."""
    extended = next(tree.find_all(nodes.Extends), None)
    name = _constant(extended.template) if extended else ""
    above = None if name in met else _parsed(name, environment)
    if above is None:
        return {}
    guard = _Guard(environment, _no_report, _blocks_above(above, environment, (*met, name)))
    guard.walk(above.body, {TEXT})
    return guard.blocks


def _is_plain(named: nodes.Expr, environment: Environment) -> bool:
    """Tell whether what is included has nothing but text of its own."""
    tree = _parsed(_constant(named), environment)
    if tree is None:
        return False
    made = (nodes.Include, nodes.CallBlock, nodes.Extends)
    shown = (part for output in tree.find_all(nodes.Output) for part in output.nodes)
    return all(isinstance(part, nodes.TemplateData) for part in shown) and not any(
        tree.find_all(made)
    )


def _constant(named: nodes.Expr) -> str:
    """Answer the one name of a template that is written out, "" where it is not."""
    return str(named.value) if isinstance(named, nodes.Const) else ""


def _parsed(name: str, environment: Environment) -> nodes.Template | None:
    """Answer another template, None where there is none that can be read."""
    if not name or environment.loader is None:
        return None
    try:
        source, _path, _current = environment.loader.get_source(environment, name)
        return environment.parse(source, name)
    except (TemplateNotFound, TemplateSyntaxError):
        return None  # which is reported where it stands


def _no_report(_line: int, _message: str, _hint: str) -> None:
    """Report nothing: what is wrong with another template is told with it."""


def _needs_more(place: Place) -> bool:
    """Tell whether values that are escaped as text may do harm in a place."""
    match place.kind:
        case "value":
            is_special = place.attribute in ADDRESSES or place.is_style
            return is_special or _attribute_danger(place) != ("", "")
        case "raw":
            return place.element == "script" or place.is_style
        case kind:
            return kind == "tag"


def _filter_for(places: Iterable[Place]) -> str:
    """Answer the filter that fits all places, "" for none: of several, the strictest."""
    values = [place for place in places if place.kind == "value" or place.is_style]
    if any(place.is_style for place in values):
        return "_style_address" if all(each.begun == ADDRESS for each in values) else "_style"
    if any(_may_be_scheme(place) for place in values):
        return "_url"
    return "_attribute" if values else ""


def _may_be_scheme(place: Place) -> bool:
    """Tell whether a value may be the scheme of an address, or a part of it."""
    return place.attribute in ADDRESSES and not _AFTER_SCHEME.search(place.begun)


def _danger(place: Place, part: nodes.Node, follows: Sequence[nodes.Node]) -> tuple[str, str]:
    """Tell what is dangerous about a value in this place, and what to do; "" for nothing.

    ``follows`` is what the template puts out next, if anything.
    """
    match place.kind:
        case "tag":
            return "a value cannot name a tag or an attribute", "write the name, and choose by `if`"
        case "raw":
            if place.element == "script" and not _is_script(part):
                return "a value within <script> runs as a part of it", "append `| tojson`"
        case "value":
            ends = [each.data for each in follows if isinstance(each, nodes.TemplateData)]
            if _may_be_scheme(place) and any(map(_ENDS_SCHEME.match, ends)):
                return "a value in the scheme of an address can make it run", "write the scheme"
            return _attribute_danger(place)
    return "", ""


def _is_script(part: nodes.Node) -> bool:
    """Tell whether a value is made for a script: as JSON, or as the block of another template."""
    match part:
        case nodes.Filter(name="tojson"):
            return True
        case nodes.Call(node=nodes.Name(name="super")):
            return True
        case _:
            return False


def _attribute_danger(place: Place) -> tuple[str, str]:
    name = place.attribute
    if not place.quote:
        return f"a value in `{name}` without quotes can begin other attributes", "quote it"
    if _HANDLES.match(name) or name in {"srcdoc", "values"}:  # the last is an animation's
        other = "`from` and `to`" if name == "values" else "a `data-` attribute"
        return f"a value in `{name}` runs as a part of it", f"use {other} instead"
    if _MAY_RUN.fullmatch(name) and not _JSON.match(unescape(place.begun)):
        message = f"a value in `{name}` that does not begin as JSON can make it run"
        return message, "begin it with `{`, and append `| tojson`"
    if name == "style" and place.begun == NAME:
        message = "a value in `style` where the name of a property stands"
        return message, "write `name: {{ value }}`, and choose by `if`"
    if name in ADDRESSES and _RUNS.match(place.begun):
        return "a value in an address that runs", "use a `data-` attribute instead"
    return "", ""
