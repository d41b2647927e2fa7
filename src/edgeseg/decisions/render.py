"""Render variants: templates checked and compiled at load, bounded and counted at run time."""

from collections.abc import Iterable, Iterator, Mapping
from traceback import walk_tb
from typing import Final

from jinja2 import DictLoader, Template, TemplateSyntaxError, meta, nodes

from edgeseg.decisions.campaign import OF_VISITOR
from edgeseg.decisions.output_guard import guard_output
from edgeseg.decisions.sandbox import Sandbox
from edgeseg.decisions.template_code import Names, NamesContext
from edgeseg.errors import EdgesegError, Problem

_GUARDS: Final = frozenset({"default", "d", "defined", "undefined"})


class RenderError(EdgesegError):
    """A template failed; the slot shows its fallback.

    Attributes:
        place: ``template:line`` that failed, the innermost where one includes another.
        kind: of what was raised. Its text, which the error's own has, may quote visitors.
    """

    def __init__(self, template: str, error: Exception) -> None:
        """Tell where ``template`` raised ``error``."""
        self.place = _place_of(error) or template
        self.kind = type(error).__name__
        super().__init__(f"template {template}: {self.kind}: {error}")


class Renderer:
    """All templates of one version of the rules. Values are escaped, never compiled."""

    def __init__(self, templates: Mapping[str, str], problems: list[Problem]) -> None:
        """Compile ``templates``, name → source; what is wrong with them goes to ``problems``."""
        self._environment = Sandbox(DictLoader(templates))
        self._eval_ctx = nodes.EvalContext(self._environment)
        self._templates: dict[str, tuple[Template, dict[str, object]]] = {}
        self._sources: dict[str, _Source] = {}
        for name, text in templates.items():
            try:
                self._sources[name] = _Source(name, self._environment.parse(text, name))
                self._check(name, text, problems)
                template = self._environment.get_template(name)
                self._templates[name] = (template, dict(template.globals))
            except TemplateSyntaxError as error:
                file, message = error.name or name, error.message or "syntax error"
                problem = Problem(file=file, line=error.lineno, column=1, message=message)
                problems.append(problem)
            except RecursionError:
                problems.append(Problem(file=name, line=1, column=1, message="nested too deep"))

    def needs(self, name: str) -> frozenset[str]:
        """Answer the names that a template, with all that it includes, may ask for.

        Where it includes others by a name that is only known later, that is the whole visitor.
        """
        asked: set[str] = set()
        for source in self._with_included(name):
            asked |= source.asked | (OF_VISITOR if source.is_open else frozenset())
        return frozenset(asked)

    def undefined(self, name: str, given: Iterable[str]) -> Iterator[tuple[str, int, str]]:
        """Iterate over names that a template uses and is not given: file, line, name.

        A name that is tested by ``is defined`` or has a ``default`` may be missing.
        """
        sources = list(self._with_included(name))
        known = {*given, *self._environment.globals}.union(*(each.set for each in sources))
        for source in sources:
            for missing, line in source.used.items():
                if missing in source.asked and missing not in known | source.guarded:
                    yield source.name, line, missing

    def names(self, name: str, values: Mapping[str, object]) -> Mapping[str, object]:
        """Answer all names that a template is rendered with, to be given to `render`."""
        known = self._templates.get(name)
        return {**(known[1] if known else {}), **values}

    def render(self, name: str, names: Mapping[str, object], **others: object) -> str:
        """Answer the HTML of one template.

        Args:
            name: of the template.
            names: as `names` answers them.
            others: names that are different each time.

        Raises:
            RenderError: the template failed, or was about to run or grow without end.
        """
        try:
            template, _globals = self._templates[name]
            environment = self._environment
            environment.begin()
            # As `Template.generate` does it, in fewer steps.
            context = NamesContext(environment, self._eval_ctx, Names(names, **others), template)
            html = environment.concat(template.root_render_func(context))
            if not html.isascii():
                html.encode()  # half of a surrogate pair would fail the whole answer
        except Exception as error:  # filters raise anything; the page must not break by it
            raise RenderError(name, error) from error
        return html

    def _check(self, name: str, text: str, problems: list[Problem]) -> None:
        def report(line: int, message: str, hint: str) -> None:
            found = Problem(file=name, line=line, column=1, message=message, suggestion=hint)
            if found not in problems:
                problems.append(found)

        guard_output(self._environment.parse(text, name), self._environment, report)

    def _with_included(self, name: str) -> "Iterator[_Source]":
        pending, met = [name], {name}
        while pending:
            source = self._sources.get(pending.pop())
            if source:
                yield source
                pending += source.included - met
                met |= source.included


def _place_of(error: Exception) -> str:
    """Answer the innermost line of a template that an error came by, "" for none."""
    place = ""
    for frame, line in walk_tb(error.__traceback__):
        template = frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template):
            place = f"{template.name}:{template.get_corresponding_lineno(line)}"
    return place


class _Source:
    """What the text of one template tells about it.

    Attributes:
        asked: names that it must be given.
        used: every name that it reads, with the first line that does.
        set: names that it gives to what it includes.
        guarded: names that may be missing.
        included: names of the templates that it includes, extends or imports.
        is_open: whether it includes others by a name that is only known later.
    """

    def __init__(self, name: str, tree: nodes.Template) -> None:
        self.name = name
        self.asked = frozenset(meta.find_undeclared_variables(tree))
        self.used: dict[str, int] = {}
        self.set: set[str] = set()
        for each in tree.find_all(nodes.Name):
            if each.ctx == "load":
                self.used[each.name] = min(each.lineno, self.used.get(each.name, each.lineno))
            else:
                self.set.add(each.name)
        self.guarded = {
            each.node.name
            for each in tree.find_all((nodes.Test, nodes.Filter))
            if each.name in _GUARDS and isinstance(each.node, nodes.Name)
        }
        named = list(meta.find_referenced_templates(tree))
        self.included = {each for each in named if each is not None}
        self.is_open = None in named
