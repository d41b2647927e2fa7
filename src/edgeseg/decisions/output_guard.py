"""Guard what templates put out, by the place in the page where they put it."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from jinja2 import Environment, nodes

from edgeseg.decisions.markup import ADDRESSES, TEXT, Place, advance

Report: TypeAlias = Callable[[int, str, str], None]
"""Takes a line, what is wrong there, and what to do."""
_MAX_PLACES: Final = 16
_RUNS: Final = re.compile(r"\s*(javascript|vbscript|data)\s*:", re.IGNORECASE)
_VALUE: Final = "x"
"""Stands for a value, whatever it may be."""


def guard_output(tree: nodes.Template, environment: Environment, report: Report) -> None:
    """Wrap values within attributes in filters that fit; report those that no filter makes safe."""
    _Guard(environment, report).walk(tree.body, {TEXT})


class _Guard:
    """Follows a template in the order of its text, in all places that it may be in at once."""

    def __init__(self, environment: Environment, report: Report) -> None:
        self._environment = environment
        self._report = report

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
            case nodes.Macro() | nodes.CallBlock() | nodes.AssignBlock() | nodes.FilterBlock():
                self.walk(node.body, {TEXT})
                return places
            case nodes.ScopedEvalContextModifier() | nodes.EvalContextModifier():
                message = "escaping cannot be switched off"
                self._report(node.lineno, message, "take out `autoescape`")
                return places
            case nodes.Block() | nodes.With() | nodes.Scope():
                return self.walk(node.body, places)
            case _:
                return places

    def _any_of(self, bodies: Iterable[Sequence[nodes.Node]], places: set[Place]) -> set[Place]:
        found = {place for body in bodies for place in self.walk(body, places)}
        return set(sorted(found)[:_MAX_PLACES])

    def _output(self, output: nodes.Output, places: set[Place]) -> set[Place]:
        for index, part in enumerate(output.nodes):
            if isinstance(part, nodes.TemplateData):
                places = {advance(place, part.data) for place in places}
                continue
            for place in places:
                message, hint = _danger(place, part)
                if message:
                    self._report(part.lineno, message, hint)
                    break
            name = _filter_for(places)
            if name:
                wrapped = nodes.Filter(part, name, [], [], None, None, lineno=part.lineno)
                output.nodes[index] = wrapped.set_environment(self._environment)  # type: ignore[call-overload]
            places = {
                advance(place, _VALUE) if place.kind == "value" else place for place in places
            }
        return places


def _filter_for(places: Iterable[Place]) -> str:
    values = [place for place in places if place.kind == "value"]
    if any(place.attribute in ADDRESSES and not place.begun.strip() for place in values):
        return "_url"
    return "_attribute" if values else ""


def _danger(place: Place, part: nodes.Node) -> tuple[str, str]:
    """Tell what is dangerous about a value in this place, and what to do; "" for nothing."""
    match place.kind:
        case "tag":
            return "a value cannot name a tag or an attribute", "write the name, and choose by `if`"
        case "raw":
            is_json = isinstance(part, nodes.Filter) and part.name == "tojson"
            if place.element == "script" and not is_json:
                return "a value within <script> runs as a part of it", "append `| tojson`"
        case "value":
            return _attribute_danger(place)
    return "", ""


def _attribute_danger(place: Place) -> tuple[str, str]:
    name = place.attribute
    if not place.quote:
        return f"a value in `{name}` without quotes can begin other attributes", "quote it"
    if name.startswith("on") or name == "srcdoc":
        return f"a value in `{name}` runs as a part of it", "use a `data-` attribute instead"
    if name in ADDRESSES and _RUNS.match(place.begun):
        return "a value in an address that runs", "use a `data-` attribute instead"
    return "", ""
